"""A text model's answer about a title is checked word by word; where it is no use, another one answers."""

from __future__ import annotations

import json

import pytest

from workbench.models import Completion, load_text
from workbench.models.protocols import Decoding
from workbench.prompting import ModelSimplifier, RuleSimplifier, TitleQuestion

TITLE = "Acme Red Mug, 12 oz (Pack of 2)"


class Says:
    """A text model that was told what to answer: for what is done with answers, not for what models say."""

    name, revision, sees = "says:this", "1", False

    def __init__(self, text):
        self.text, self.decoding = text, None

    def complete(self, prompts, decoding, *, progress=None):
        self.decoding = decoding
        return [Completion(text=self.text) for _ in prompts]


def simplified(removed, title):
    text = json.dumps({"removed": [{"text": t, "kind": k} for t, k in removed], "title": title})
    model = Says(text)
    (found,) = ModelSimplifier(model, fallback=RuleSimplifier()).simplify(
        [TitleQuestion(title=TITLE)]
    )
    assert model.decoding.schema is not None and found.answer == text
    return found


def test_a_right_answer_counts():
    found = simplified([("Acme", "brand"), ("12 oz", "size"), ("pack of 2", "size")], "Red Mug")
    assert found.title == "Red Mug" and found.by == "says:this" and not found.note
    assert [(r.text, r.kind) for r in found.removed] == [
        ("Acme", "brand"),
        ("12 oz", "size"),
        ("Pack of 2", "size"),
    ]


@pytest.mark.parametrize(
    ("removed", "title", "why"),
    [
        ([("Ace", "brand")], "Red Mug 12 oz Pack of 2", "it removed 'Ace', which the title does not hold"),
        ([("Acme", "brand"), ("Acme", "brand")], "Red Mug 12 oz Pack of 2", "it removed 'Acme', which"),
        ([("Acme", "brand")], "Blue Mug 12 oz Pack of 2", "not words of the title in their order"),
        ([("Acme", "brand")], "Mug Red 12 oz Pack of 2", "not words of the title in their order"),
        ([("Acme", "brand")], "Red Mug", "it dropped '12 oz pack of 2' without a word"),
        ([("Acme", "maker")], "Red Mug 12 oz Pack of 2", "it removed 'Acme' as 'maker'"),
        ([("Acme", "brand")], "Acme Red Mug 12 oz Pack of 2", "what it kept and what it removed overlap"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_told_and_the_fallbacks_taken(removed, title, why):
    found = simplified(removed, title)
    assert found.by == "rules" and found.title == "Acme Red Mug"
    assert found.note.startswith("says:this gave no usable answer: ") and why in found.note


def test_what_is_no_json_falls_back():
    (found,) = ModelSimplifier(Says("Red Mug"), fallback=RuleSimplifier()).simplify(
        [TitleQuestion(title=TITLE)]
    )
    assert "not the JSON asked for" in found.note and found.answer == "Red Mug"


def test_noise_through_a_real_engine_falls_back():
    model = ModelSimplifier(
        load_text("tiny:text"), fallback=RuleSimplifier(), decoding=Decoding(max_tokens=12)
    )
    (found,) = model.simplify([TitleQuestion(title=TITLE)])
    assert found.by == "rules" and "cut off" in found.note and found.cost.completion_tokens == 12
    assert (
        model.revision
        != ModelSimplifier(load_text("tiny:text"), fallback=RuleSimplifier()).revision
    )
