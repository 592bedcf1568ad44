"""Aligners that look: a real tiny model through both, and answers whose consequences are known."""

import json

import pytest
from PIL import Image

from workbench.alignment import Decisions, ModelAligner, RuleAligner, ScoringAligner, answer_schema
from workbench.alignment.model import ASPECT_ANSWERS, WORD_ANSWERS
from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import ModelError
from workbench.models import load_scorer, load_text
from workbench.models.json_answers import broken_rule
from workbench.models.protocols import Answer, Completion
from workbench.records import Item

CATALOG = DrawnCatalog(seed=5, items=6, size=64)
RULES = RuleAligner(CATALOG.schema)
ITEM = Item(
    id="drawn-5/x", category="mug", title="NWT crimson Striped mug 11 oz", photos=("sha256:a",),
    aspects={"Color": ("blue",), "Handle": ("Round Handle",), "Size": ("11 oz",)},
)  # fmt: skip
PHOTO = (Image.new("RGB", (64, 64), "red"),)


class Oracle:
    """Answers by what is true of the mug: it is red and striped and has a square handle."""

    name, revision, sees = "oracle:", "1", True

    def __init__(self, error=None):
        self.asked = []
        self.error = error

    def score(self, contexts, questions, *, progress=None):
        return [
            [self._answer(json.loads(c.text.split("as JSON:\n")[1]), q) for q in several]
            for c, several in zip(contexts, questions, strict=True)
        ]

    def _answer(self, listing, question):
        name = question.text.split(": ")[1].rstrip("?")
        value = listing["aspects"][name]
        self.asked.append((name, value))
        if self.error:
            return Answer(distribution=(), error=self.error)
        right = {"Color": "Red", "Pattern": "Striped"}.get(name) == value
        hidden = name == "Material"
        return Answer(
            distribution=(0.05, 0.05, 0.9)
            if hidden
            else (0.1, 0.8, 0.1)
            if right
            else (0.8, 0.1, 0.1)
        )


def test_a_scorer_is_asked_each_claim_once_and_what_it_finds_wrong_goes():
    oracle = Oracle()
    aligner = ScoringAligner(oracle, CATALOG.schema, RULES)
    (made,) = aligner.align([ITEM], [PHOTO])
    assert sorted(oracle.asked) == [
        ("Color", "Blue"), ("Color", "Red"), ("Handle", "Round Handle"), ("Pattern", "Striped"),
    ]  # fmt: skip
    assert made.listing.title == "Red Striped Mug"
    assert not made.listing.aspects
    decided = Decisions.from_dict(made.details)
    color, handle, size = decided.aspects
    assert color.kind == handle.kind == "contradicted by the photos"
    assert color.probabilities == {"wrong": 0.8, "right": 0.1, "cannot be seen": 0.1}
    assert size.kind == "size"
    assert not size.probabilities
    assert decided.title[1].probabilities["right"] == 0.8
    assert made.inputs == ITEM.photos
    assert made.key == aligner.key(ITEM)


def test_where_a_scorer_does_not_answer_the_rules_do_and_say_so():
    (made,) = ScoringAligner(Oracle(error="too long"), CATALOG.schema, RULES).align([ITEM], [PHOTO])
    assert made.details["error"] == "too long"
    assert made.listing == RULES.align([ITEM], [()])[0].listing


def test_a_real_scorer_gives_probabilities():
    aligner = ScoringAligner(load_scorer("tiny:vlm"), CATALOG.schema, RULES)
    (made,) = aligner.align([ITEM], [PHOTO])
    asked = [one for one in Decisions.from_dict(made.details).aspects if one.probabilities]
    assert {one.name for one in asked} == {"Color", "Handle"}
    assert all(abs(sum(one.probabilities.values()) - 1) < 1e-3 for one in asked)


class Answers:
    """Says what it is told to say."""

    name, revision, sees = "answers:", "1", True

    def __init__(self, text):
        self.text = text
        self.schemas = []

    def complete(self, prompts, decoding, *, progress=None):
        self.schemas += [one.schema for one in decoding]
        return [Completion(text=self.text) for _ in prompts]


def test_a_models_answer_is_followed_but_for_what_no_photo_can_show():
    said = {
        "title": dict(zip("123456", ["condition", "kept", "contradicted by the photos", "kept", "kept", "kept"], strict=True)),
        "aspects": {"1": "seen", "2": "inferable", "3": "seen"},
    }  # fmt: skip
    model = Answers(json.dumps(said))
    (made,) = ModelAligner(model, CATALOG.schema, RULES).align([ITEM], [PHOTO])
    assert broken_rule(model.text, model.schemas[0]) is None
    assert made.listing.title == "Red Mug"
    assert dict(made.listing.aspects) == {"Color": ("Blue",), "Handle": ("Round Handle",)}
    decided = Decisions.from_dict(made.details)
    assert [one.verdict for one in decided.aspects] == ["seen", "inferable", "not"]
    assert decided.title[0].kind == "condition"
    assert "1. NWT" in made.prompt
    assert "3. Size: 11 oz" in made.prompt


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"title": {}, "aspects": {}}', '{"title": {"1": "x"}}']
)
def test_an_answer_of_another_form_is_none_and_says_so(text):
    (made,) = ModelAligner(Answers(text), CATALOG.schema, RULES).align([ITEM], [PHOTO])
    assert made.listing is None
    assert "no JSON object of the form" in made.details["error"]


def test_a_real_model_answers_by_the_schema_whatever_the_listing():
    items = [*list(CATALOG.items())[:2], Item(id="drawn-5/y", category="mug", photos=("sha256:a",))]
    model = load_text("tiny:vlm")
    made = ModelAligner(model, CATALOG.schema, RULES).align(items, [PHOTO] * 3)
    for item, one in zip(items, made, strict=True):
        words = len((item.title or "").split())
        assert broken_rule(one.text, answer_schema(words, len(item.aspects))) is None
        assert one.listing is not None
        decided = json.loads(one.text)
        assert set(decided["title"].values()) <= set(WORD_ANSWERS)
        assert set(decided["aspects"].values()) <= set(ASPECT_ANSWERS)


def test_a_model_that_reads_only_is_refused():
    with pytest.raises(ModelError, match="reads text only"):
        ModelAligner(load_text("tiny:text"), CATALOG.schema, RULES)
