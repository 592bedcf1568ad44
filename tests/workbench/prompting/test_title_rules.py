"""Titles made short by rules: brands that a catalogue teaches, sizes, part numbers, talk of sellers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import CatalogError
from workbench.prompting import (
    RuleSimplifier,
    TitleQuestion,
    learn_brands,
    read_simplified,
    simplify,
    title_key,
)
from workbench.prompting._words import words_of
from workbench.records import Item

CATALOG = [
    Item(id=f"s/{k}", category="mug", title=title, aspects={"Brand": (brand,)} if brand else {})
    for k, (title, brand) in enumerate([
        ("Tarn & Fell Blue Mug", "Tarn & Fell"), ("Norrland Grey Jug 2 l", "Norrland"),
        ("Red Mug by Norrland", "Norrland"), ("Orange Mug", "Orange"), ("Orange Bowl", "Norrland"),
        ("Orange Plate", "Norrland"), ("Orange Cup", "Tarn & Fell"), ("Orange Jug", "Norrland"),
        ("Kelvo Blue Vase", ""), ("Kelvo Oak Bowl", ""), ("Kelvo Cup", ""), ("Kelvo Tray", ""),
        ("Blue Cup", ""), ("Blue Tray", ""), ("Blue Vase", ""), ("White Cup", ""), ("Old Blue Tray", ""),
    ])
]  # fmt: skip
RULES = RuleSimplifier(lexicon=learn_brands(CATALOG))


def short(title, **more):
    (found,) = RULES.simplify([TitleQuestion(title=title, **more)])
    return found


def test_a_catalogue_teaches_its_brands():
    """From aspects, and from how titles begin; not words that other brands' items bear too."""
    assert set(learn_brands(CATALOG).brands) == {("tarn", "fell"), ("norrland",), ("kelvo",)}
    assert set(learn_brands(CATALOG, from_titles=False).brands) == {("tarn", "fell"), ("norrland",)}


@pytest.mark.parametrize(
    ("title", "left", "removed"),
    [
        ("TARN AND FELL Tarn & Fell Blue Mug 350 ml", "TARN AND FELL Blue Mug", [("Tarn & Fell", "brand"), ("350 ml", "size")]),
        ("Blue Mug JO6689-BL (Pack of 2)", "Blue Mug", [("JO6689-BL", "model"), ("Pack of 2", "size")]),
        ("must have Norrland Jug 50% OFF!! free shipping", "Jug", [("must have", "promotion"), ("Norrland", "brand"), ("50% OFF!!", "promotion"), ("free shipping", "promotion")]),
        ("Loafer,Burgundy,10 D US", "Loafer,Burgundy", [("10 D US", "size")]),
        ("Vitamin C 250mg, 60 Count", "Vitamin C 250mg", [("60 Count", "size")]),
        ("Plain blue mug", "Plain blue mug", []),
    ],
)  # fmt: skip
def test_what_goes_and_what_stays(title, left, removed):
    found = short(title)
    assert found.title == left
    assert [(r.text, r.kind) for r in found.removed] == removed


def test_the_items_own_brand_goes_wherever_it_stands():
    assert short("Mug by Acme, blue", brands=("ACME",)).title == "Mug by, blue"


def test_nothing_is_left_means_nothing_is_removed():
    found = short("Norrland 350 ml")
    assert found.title == "Norrland 350 ml" and not found.removed
    assert "nothing would be left" in found.note


words = st.sampled_from(["Norrland", "blue", "mug", "(", ")", ",", "-", "350", "ml", "XR-5000", "sale", "!!", "Ü", "'s", "10.5", "/", "&"])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(words, max_size=9).map(" ".join) | st.text(max_size=40))
def test_what_is_left_are_words_of_the_title_in_order(title):
    found = short(title)
    said, rest = [w.text for w in words_of(found.title)], iter(w.text for w in words_of(title))
    assert all(word in rest for word in said)
    assert all(title[r.start : r.start + len(r.text)] == r.text for r in found.removed)
    assert bool(found.title.strip()) == bool(title.strip())


def test_titles_are_kept_as_generations_and_asked_once():
    items = [
        Item(id="s/a", category="m", title="Norrland Mug 350 ml"),
        Item(id="s/b", category="m", title="Norrland Mug 350 ml"),
        Item(id="s/c", category="m", title=None),
    ]
    asked = []

    class Counting(RuleSimplifier):
        def simplify(self, questions):
            asked.extend(questions)
            return super().simplify(questions)

    simplifier = Counting(lexicon=RULES.lexicon)
    made = simplify(items, simplifier, categories={"m": "Mugs"}, run="r1")
    assert [g.text for g in made] == ["Mug", "Mug", ""] and len(asked) == 2
    assert asked[0].category == "Mugs"
    assert made[0].kind == "title" and made[0].item == "s/a" and made[0].key != made[1].key
    assert made[0].key == title_key(items[0], simplifier, category="Mugs")
    assert (
        read_simplified(made[0]) == RULES.simplify([TitleQuestion(title="Norrland Mug 350 ml")])[0]
    )


def test_a_shops_own_phrases(tmp_path):
    path = tmp_path / "talk.yaml"
    path.write_text("promotion: [only at our place]\n")
    own = RuleSimplifier(phrases=path)
    assert own.simplify([TitleQuestion(title="Mug only at our place")])[0].title == "Mug"
    assert own.revision != RuleSimplifier().revision
    path.with_name("bad.yaml").write_text("promotion: sale\n")
    with pytest.raises(CatalogError, match=r"bad.yaml:1: want a list of phrases"):
        RuleSimplifier(phrases=path.with_name("bad.yaml")).simplify([TitleQuestion(title="Mug")])
