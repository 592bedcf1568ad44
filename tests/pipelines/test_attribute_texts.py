"""What is counted of a route's listings, and what of a route is timed."""

import numpy as np
import pytest

import pipelines.attribute_texts
from pipelines.attribute_texts import DIRECT, HIERARCHICAL, _listing, _Routes, _sums
from workbench.models.attributes.decoder import Written
from workbench.models.listings import UNTOLD
from workbench.models.telling import Told
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(name="Color", values=("Red", "Blue"), visible="yes")
TEES = Category(id="Tees", name="Tees", path=("Tees",), attributes=(COLOR,))
SCHEMA = Schema(name="s", version="1", categories={"Tees": TEES})
ITEM = Item(id="1", category="Tees", photos=("p",), title="Red Tee", aspects={"Color": ("Red",)})


def told(category=TEES, **aspects):
    return Told(category=category, aspects=aspects, price=None, evidence={})


def test_aspects_and_kind_of_a_listing_are_claims_though_its_title_says_nothing():
    def counts(text):
        return _sums([text], [{}], [ITEM], SCHEMA, np.array(["g"])).claims.tolist()

    assert counts("Thing") == [[0, 0, 2, 0]]
    assert counts(_listing("Thing", told(Color=("Blue",)))) == [[2, 1, 2, 1]]
    assert counts(_listing("Thing", told(Color=("Red",)))) == [[2, 0, 2, 2]]
    assert counts(_listing("", told(category=None))) == [[0, 0, 2, 0]]
    assert _listing("", told(category=None)).title == UNTOLD


class Writes:
    """A decoder that notes what it is asked."""

    limit = 5

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def write(self, asked, *, least=0):
        assert len(asked) == 1
        assert least == self.limit
        self.calls.append(self.name)
        return [Written(text="Red Tee", tokens=5, truncated=True, seconds=0.1)]


class Sees:
    """An attribute network that knows every photo but the last."""

    mean = directions = None

    def see(self, x):
        return list(x)


def test_the_shipped_route_is_timed_on_one_photo_of_each_group(monkeypatch):
    calls, abstained, shown = [], [], []

    def tell(model, seen, schema, *, abstaining):
        abstained.append(abstaining)
        return told(category=TEES if seen[0] < 4 else None, Color=("Red",))

    def project(x, mean, directions):
        calls.append("projected")
        shown.extend(x[:, 0].tolist())
        return x

    monkeypatch.setattr(pipelines.attribute_texts, "tell_seen", tell)
    monkeypatch.setattr(pipelines.attribute_texts, "project", project)
    routes = _Routes(
        model=Sees(), schema=SCHEMA, words=Writes("words", calls), sees=Writes("sees", calls),
        x=np.arange(6, dtype=np.float32)[:, None],
    )  # fmt: skip
    rows = routes.timings(np.array(["a", "a", "b", "b", "c", "c"]))
    assert all(abstained)
    assert shown == [0, 2, 0, 2, 4]  # two to warm up, then the first photo of each group
    # Features are projected where the title is written; the routes take turns at being first.
    assert calls == [
        "projected", "sees", "words", "words", "projected", "sees",
        "projected", "sees", "words", "words", "projected", "sees", "projected", "sees",
    ]  # fmt: skip
    assert {way: table[:, 1].tolist() for way, table in rows.items()} == {
        HIERARCHICAL: pytest.approx([5, 5, 0]), DIRECT: pytest.approx([5, 5, 5])
    }  # fmt: skip
