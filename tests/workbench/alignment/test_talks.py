"""Dialogues: their rounds, what they cover, what must not be learnt from them."""

import json

import pytest

from workbench.alignment import (
    ROUNDS,
    ModelTalk,
    RuleAligner,
    TemplateTalk,
    dialogue_schema,
    examine,
    fingerprint,
    read_rounds,
)
from workbench.catalog.drawn import DrawnCatalog
from workbench.models import load_text
from workbench.models.json_answers import broken_rule
from workbench.records import Listing

CATALOG = DrawnCatalog(seed=8, items=80)
SCHEMA = CATALOG.schema
MUG = Listing(
    title="Red Striped Mug",
    aspects={"Color": ("Red",), "Handle": ("Round Handle",)},
    category="mug",
)


@pytest.fixture(scope="module")
def alignments():
    items = list(CATALOG.items())
    return RuleAligner(SCHEMA).align(items, [()] * len(items))


def rounds(*answers):
    said = [{"buyer": f"Question {i}?", "seller": a} for i, a in enumerate(answers)]
    return json.dumps({"rounds": said})


def looked_at(*answers):
    return examine(rounds(*answers), MUG, SCHEMA.categories["mug"], SCHEMA)


def test_templates_cover_every_aspect_and_contradict_none(alignments):
    talks = TemplateTalk(SCHEMA)
    made = talks.write(alignments)
    marks, openings = set(), set()
    for alignment, one in zip(alignments, made, strict=True):
        assert one.kind == "dialogue"
        assert one.key == talks.key(alignment)
        assert one.parent == alignment.key
        assert broken_rule(one.text, dialogue_schema()) is None
        found = examine(one.text, alignment.listing, SCHEMA.categories[one.category], SCHEMA)
        assert not found.removed
        assert len(found.dialogue.rounds) >= ROUNDS
        assert found.dialogue.covers == tuple(alignment.listing.aspects)
        marks.add(fingerprint(found.dialogue))
        openings.add(found.dialogue.rounds[1].buyer)
    assert len(marks) == len(made)
    assert len(openings) > 20


def test_a_seed_decides_the_words(alignments):
    one, same, other = (TemplateTalk(SCHEMA, seed).write(alignments[:5]) for seed in (0, 0, 1))
    assert [x.text for x in one] == [x.text for x in same]
    assert all(a.text != b.text and a.key != b.key for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("It is Blue.", "contradicts the item"),
        ("It is crimson, with a Square Handle.", "contradicts the item"),
        ("A fine hoodie.", "contradicts the item"),
        ("It is made of Enamel.", "claims what the listing does not say"),
        ("Size 11 oz.", "claims what the listing does not say"),
    ],
)
def test_rounds_that_state_something_else_go(answer, kind):
    found = looked_at("A mug.", "Red.", "Round Handle.", answer, "Yes.", "As you see.")
    assert [one.kind for one in found.removed] == [kind]
    assert len(found.dialogue.rounds) == 5
    assert answer not in {one.seller for one in found.dialogue.rounds}
    assert found.dialogue.covers == ("Color", "Handle")


@pytest.mark.parametrize(
    "answer",
    [
        "It is crimson red.",
        "It is a Red Striped Mug, no more.",
        "Round handle, red.",
        "Red, red and red.",
    ],
)
def test_what_the_listing_says_in_other_words_stays(answer):
    found = looked_at("A mug.", "Red.", "Round Handle.", answer, "Yes.", "As you see.")
    # A synonym that the schema knows is looked up like any other word: it is the same value, and stays.
    assert not found.removed


def test_too_short_or_repeated_or_unreadable_dialogues_are_not_learnt():
    found = looked_at("A mug.", "Blue.", "Red.", "Round Handle.", "Yes.")
    assert found.dialogue is None
    assert found.removed[-1].text == "4 of 5"
    again = json.dumps({"rounds": [{"buyer": "What is it?", "seller": "A mug."}] * 6})
    assert examine(again, MUG, SCHEMA.categories["mug"], SCHEMA).dialogue is None
    for text in ("", "{", "[]", '{"rounds": []}', '{"rounds": [{"buyer": "a", "seller": " "}]}'):
        assert read_rounds(text) is None
        assert (
            examine(text, MUG, SCHEMA.categories["mug"], SCHEMA).removed[0].kind
            == "the answer is no dialogue"
        )


def test_a_real_text_model_writes_by_the_schema(alignments):
    from dataclasses import replace

    empty = replace(alignments[2], listing=None)
    talks = ModelTalk(load_text("tiny:text"), SCHEMA)
    made = talks.write([*alignments[:2], empty])
    assert [one.kind for one in made] == ["dialogue"] * 3
    assert made[2].text is None
    assert all(
        one.key == talks.key(a) for one, a in zip(made, [*alignments[:2], empty], strict=True)
    )
    # Random weights may run out of tokens, and then there is no dialogue; what is whole follows the schema.
    whole = [one.text for one in made[:2] if read_rounds(one.text) is not None]
    assert all(broken_rule(text, dialogue_schema()) is None for text in whole)
