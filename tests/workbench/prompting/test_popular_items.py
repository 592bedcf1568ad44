"""Which items stand for a category: shrunken popularity, and a dial for diversity."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.prompting import popular_items, rate_items
from workbench.records import Item


def item(name, title, clicks=None, impressions=None, photos=(), *, catalog="shop"):
    return Item(
        id=f"{catalog}/{name}", category="mug", title=title, clicks=clicks, impressions=impressions,
        photos=photos,
    )  # fmt: skip


CROWD = [item(f"c{k}", f"grey jar number {k}", 20, 1000) for k in range(30)]


def names(chosen):
    return [c.item.id.partition("/")[2] for c in chosen]


def test_two_clicks_of_two_are_no_bestseller():
    items = [*CROWD, item("lucky", "tiny cup", 2, 2), item("best", "blue mug", 90, 1000)]
    assert names(popular_items(items, count=1, diversity=0)) == ["best"]
    rates = rate_items(items)
    assert rates["shop/lucky"].rate < rates["shop/best"].rate
    assert rates["shop/lucky"].low <= rates["shop/lucky"].rate <= rates["shop/lucky"].high


def test_the_dial_gives_a_niche_item_a_voice():
    items = [
        *CROWD,
        item("a", "blue ceramic mug", 90, 1000),
        item("b", "blue ceramic mug two", 88, 1000),
        item("niche", "hand carved wooden goblet", 50, 1000),
    ]
    assert names(popular_items(items, count=2, diversity=0)) == ["a", "b"]
    chosen = popular_items(items, count=2, diversity=0.5)
    assert names(chosen) == ["a", "niche"]
    assert chosen[1].likeness == 0 and "50" not in chosen[0].why and "rank 3 of 33" in chosen[1].why


def test_likeness_one_at_full_diversity_never_repeats_a_twin():
    items = [
        item("a", "red mug", 9, 100),
        item("twin", "red mug", 9, 100),
        item("b", "oak bowl", 1, 100),
    ]
    assert names(popular_items(items, count=2, diversity=1)) == ["a", "b"]


def test_items_that_nobody_saw_have_the_usual_rate_and_say_so():
    items = [
        item("good", "blue mug", 90, 1000),
        item("bad", "old jar", 2, 1000),
        item("new", "clay cup"),
        *CROWD,
    ]
    order = names(popular_items(items, count=33, diversity=0))
    assert order.index("good") < order.index("new") < order.index("bad")
    new = next(c for c in popular_items(items, count=33, diversity=0) if c.item.id == "shop/new")
    assert "shown to nobody yet" in new.why and new.rate.impressions == 0


def test_without_any_clicks_the_most_typical_comes_first():
    items = [item("odd", "steel thermos flask"), item("a", "blue mug"), item("b", "blue mug large"), item("c", "blue mug small")]  # fmt: skip
    chosen = popular_items(items, count=2, diversity=0.5)
    assert names(chosen) == ["a", "odd"]
    assert chosen[0].rate is None and "nobody was shown anything" in chosen[0].why


def test_catalogues_are_worlds_of_their_own():
    busy = [item(f"x{k}", "lamp", 300, 1000, catalog="busy") for k in range(5)]
    rates = rate_items([*CROWD, item("new", "cup"), *busy])
    assert rates["shop/new"].rate == pytest.approx(0.02, abs=0.005)


def test_contradicting_clicks_count_as_not_shown():
    rates = rate_items([*CROWD, item("wrong", "cup", 10, 5)])
    assert rates["shop/wrong"].impressions == 0


class Vectors:
    """An encoder of vectors that were worked out before."""

    name, revision = "given", "1"

    def __init__(self, vectors):
        self.vectors, self.asked = vectors, []

    def knows(self, address):
        return address in self.vectors and address in self.asked

    def encode(self, addresses, photos=(), *, progress=None):
        self.asked += addresses
        return self.recall(addresses)

    def recall(self, addresses):
        return np.array([self.vectors[a] for a in addresses], dtype=np.float32)


def test_photos_count_where_an_encoder_is_given():
    items = [item("a", "mug", 90, 1000, ("p1",)), item("b", "mug", 85, 1000, ("p2",)), item("c", "mug", 80, 1000, ("p3",))]  # fmt: skip
    photos = Vectors({"p1": [1, 0.0], "p2": [0.99, 0.0], "p3": [0.0, 1.0]})
    chosen = popular_items(
        items, count=2, diversity=0.5, photo_encoder=photos, load_photo=lambda a: a
    )
    assert names(chosen) == ["a", "c"]
    assert sorted(photos.asked) == ["p1", "p2", "p3"]
    again = popular_items(items, count=2, diversity=0.5, photo_encoder=photos)  # all known now
    assert names(again) == ["a", "c"]


def test_texts_count_by_meaning_where_an_encoder_is_given():
    items = [item("a", "crimson trainers", 90, 1000), item("b", "red sneakers", 88, 1000), item("c", "garden hose", 80, 1000)]  # fmt: skip
    meaning = {"crimson trainers": [1, 0.1], "red sneakers": [1, 0.12], "garden hose": [0, 1.0]}

    class Texts:
        def encode(self, texts):
            return np.array([meaning[t.partition(",")[0]] for t in texts])

    assert names(popular_items(items, count=2, diversity=0.5)) == ["a", "b"]  # no word in common
    assert names(popular_items(items, count=2, diversity=0.5, text_encoder=Texts())) == ["a", "c"]


def test_wrong_dials_are_refused():
    with pytest.raises(ValueError, match="diversity from 0 to 1"):
        popular_items(CROWD, count=3, diversity=1.2)
    with pytest.raises(ValueError, match="each item once"):
        popular_items([CROWD[0], CROWD[0]], count=3)
    assert popular_items([], count=3) == []
