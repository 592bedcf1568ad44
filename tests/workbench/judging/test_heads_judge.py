"""The judge made of heads: what it believes follows from the probabilities of its heads."""

import numpy as np
import pytest

from workbench.judging.heads import HeadsAnswerer, _all_right, _points
from workbench.judging.protocols import Asked, Subject
from workbench.models.heads import Facts, Guess
from workbench.records import Generation, Listing
from workbench.rubric import load_rubric
from workbench.schema import Attribute, Category, Schema

TEES = Category(
    id="Tees",
    name="Tees",
    path=("Tees",),
    attributes=(
        Attribute(name="Color", values=("Red", "Blue"), visible="yes"),
        Attribute(name="Pattern", values=("Solid", "Striped"), visible="yes"),
        Attribute(name="Features", values=("Hood", "Zip"), multiple=True, visible="yes"),
    ),
)
MUGS = Category(id="Mugs", name="Mugs", path=("Mugs",))
SCHEMA = Schema(name="s", version="1", categories={"Tees": TEES, "Mugs": MUGS})
FACTS = Facts(
    category=(Guess(value="Tees", probability=0.9), Guess(value="Mugs", probability=0.1)),
    aspects={
        "Color": (Guess(value="Red", probability=0.8), Guess(value="Blue", probability=0.2)),
        "Pattern": (Guess(value="Solid", probability=0.7), Guess(value="Striped", probability=0.3)),
        "Features": (Guess(value="Hood", probability=0.6), Guess(value="Zip", probability=0.5)),
    },
    price=None,
)


class SeenHeads:
    """Heads that see `FACTS` in every photo."""

    revision = "seen"

    def predict(self, x):
        return [FACTS] * len(x)


class OnePixelEncoder:
    network, revision = "one-pixel", "1"

    def encode(self, addresses, photos, progress=None):
        return np.array([[np.asarray(p)[0, 0, 0]] for p in photos], dtype=np.float32).reshape(-1, 1)


JUDGE = HeadsAnswerer(OnePixelEncoder(), SeenHeads(), SCHEMA)
RUBRIC = load_rubric("listing")
CRITERIA = tuple(c for c in RUBRIC.criteria if c.by == "model")


def subject(listing, *, category=TEES, photos=True):
    from PIL import Image

    generation = Generation(
        key="k", kind="listing", category="Tees", model="m", revision="r", prompt="p",
        inputs=("sha256:x",), listing=listing,
    )  # fmt: skip
    shown = (Image.new("RGB", (4, 4)),) if photos else ()
    return Subject(generation=generation, photos=shown, category=category)


def findings(listing, **more):
    (answered,) = JUDGE.answer([subject(listing, **more)], Asked(rubric=RUBRIC, criteria=CRITERIA))
    return dict(zip((c.id for c in CRITERIA), answered.findings, strict=True))


def yes(finding):
    return finding.distribution[1]


def test_it_answers_every_model_criterion_of_the_shipped_rubric():
    assert {c.id for c in CRITERIA} == {"product", "color", "aspects"}
    assert all(JUDGE.answers(c) for c in CRITERIA)


def test_probabilities_come_from_the_heads():
    said = findings(Listing(title="Red tee", aspects={"Pattern": ("Solid",)}, category="Tees"))
    assert yes(said["product"]) == pytest.approx(0.9)
    assert yes(said["color"]) == pytest.approx(0.8)
    # One aspect: right with .7, which is all of them; wrong with .3, which is none.
    assert said["aspects"].distribution == pytest.approx((0.3, 0, 0, 0, 0.7))


def test_a_doubtful_claim_gets_a_reason_in_words():
    said = findings(Listing(title="Blue striped mug", category="Mugs"))
    assert yes(said["product"]) == pytest.approx(0.1)
    assert said["product"].reason == "the photo looks like Tees"
    assert said["color"].reason == "the photo looks Red"
    assert said["aspects"].reason == "Pattern looks Solid"


def test_a_title_that_contradicts_the_aspects_is_not_believed():
    said = findings(Listing(title="Blue tee", aspects={"Color": ("Red",)}, category="Tees"))
    assert yes(said["color"]) == pytest.approx(0.0)


def test_what_is_not_stated_cannot_be_wrong():
    said = findings(Listing(title="Tee", category="Tees"))
    assert yes(said["color"]) == 1.0
    assert said["aspects"].distribution == pytest.approx((0, 0, 0, 0, 1))


def test_without_a_photo_or_a_category_it_abstains():
    for more in ({"photos": False}, {"category": None}):
        said = findings(Listing(title="Red tee"), **more)
        assert all(f.distribution is None and f.reason for f in said.values())


def test_values_that_exclude_each_other_and_values_that_come_together():
    assert _all_right(["Red", "Blue"], FACTS.aspects["Color"], several=False) == 0
    both = _all_right(["Hood", "Zip"], FACTS.aspects["Features"], several=True)
    assert both == pytest.approx(0.3)
    assert _all_right(["Mauve"], FACTS.aspects["Color"], several=False) == 0


def test_the_points_follow_the_number_of_right_claims():
    """Against a simulation of independent claims."""
    chances = [0.9, 0.8, 0.5, 0.3]
    rng = np.random.default_rng(0)
    right = (rng.random((200_000, 4)) < chances).sum(1) / 4
    drawn = [np.mean(right < 0.3), np.mean((right >= 0.3) & (right < 0.5))]
    assert _points(chances)[0] == pytest.approx(drawn[0], abs=0.005)
    assert _points(chances)[1] == pytest.approx(drawn[1], abs=0.005)
    assert sum(_points(chances)) == pytest.approx(1)
    assert _points([]) == (0, 0, 0, 0, 1)
