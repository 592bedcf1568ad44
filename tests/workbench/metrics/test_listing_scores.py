"""All measures of listings in one pass: worked by hand, and equal to the functions that measure one thing each."""

import json

import numpy as np
import pytest

from workbench.metrics import (
    MEASURES,
    SCHEMA_RECALL,
    aspect_scores,
    count_listings,
    grounding_scores,
    listing_json,
    read_json,
    rouge_l_mean,
    schema_compliance,
    score_counts,
    valid_json_rate,
)
from workbench.records import Listing
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(name="Color", values=("Red", "Blue"), visible="yes", synonyms={"crimson": "Red"})
SLEEVE = Attribute(name="Sleeve", values=("Long", "Short"), visible="yes")
SIZE = Attribute(name="Size", visible="no")
TEES = Category(id="tee", name="Tees", path=("Tees",), attributes=(COLOR, SLEEVE, SIZE))
MUGS = Category(id="mug", name="Mugs", path=("Mugs",), attributes=(COLOR,))
SCHEMA = Schema(name="shop", version="1", categories={"tee": TEES, "mug": MUGS})
TRUTH = [
    Listing(title="Red Tee", aspects={"Color": ("Red",), "Sleeve": ("Long",)}, category="tee"),
    Listing(title="Blue Tee", aspects={"Color": ("Blue",)}, category="tee"),
    Listing(title="Blue Mug", aspects={"Color": ("Blue",)}, category="mug"),
]
ANSWERS = [
    '{"title": "Crimson Tee", "aspects": {"Color": "Red", "Sleeve": "Short", "Brand": "Acme"}}',
    '{"title": "Red Tee", "aspects": {"Color": "Blue"',
    '{"title": "Mug", "aspects": {}}',
]


def test_measures_worked_by_hand():
    scores = score_counts(count_listings(ANSWERS, TRUTH, SCHEMA))
    assert scores.answers == 3
    assert scores.valid_json.value == pytest.approx(2 / 3)
    assert scores.aspect_precision.value == pytest.approx(1 / 3)
    assert scores.aspect_recall.value == pytest.approx(1 / 4)
    assert scores.aspect_f1.value == pytest.approx(2 / 7)
    assert scores.schema_compliance.value == pytest.approx(2 / 3)
    # Claims: tee, red (said twice), short; mug. Short is false.
    assert scores.hallucination.value == pytest.approx(1 / 4)
    color, sleeve = scores.aspects
    assert (color.name, color.precision.value, sleeve.precision.value) == ("Color", 1, 0)
    assert color.recall.value == pytest.approx(1 / 3)
    assert set(scores.measures) == set(MEASURES)
    assert SCHEMA_RECALL == "schema_compliance"
    json.dumps(scores.to_dict(), allow_nan=False)


def drawn(rng, n):
    """Listings that are partly right, in the vocabulary of the schema and outside it."""
    words = ["Red", "Blue", "crimson", "Tee", "Mug", "Long", "Short", "sale", "XL"]
    answers, truth = [], []
    for _ in range(n):
        name = ["tee", "mug"][rng.integers(2)]
        truth.append(
            Listing(
                title=" ".join(rng.choice(words, 3)),
                aspects={"Color": (str(rng.choice(["Red", "Blue"])),)},
                category=name,
            )
        )
        said = {
            str(n): str(rng.choice(words))
            for n in rng.choice(["Color", "Sleeve", "colour", "Size"], 2)
        }
        text = json.dumps({"title": " ".join(rng.choice(words, 4)), "aspects": said})
        answers.append(text[: -int(rng.integers(1, 9))] if rng.random() < 0.1 else text)
    return answers, truth


def test_one_pass_equals_the_functions_for_one_measure():
    answers, truth = drawn(np.random.default_rng(0), 400)
    scores = score_counts(count_listings(answers, truth, SCHEMA))
    said = [read_json(text)[1] for text in answers]
    apart = aspect_scores(said, truth)
    names = [[a.name for a in SCHEMA.categories[t.category].attributes] for t in truth]
    rouge = rouge_l_mean(answers, [listing_json(t) for t in truth])
    assert scores.rouge_l.value == pytest.approx(rouge.value, abs=1e-12)
    assert (scores.rouge_l.low, scores.rouge_l.high) == pytest.approx((rouge.low, rouge.high))
    assert scores.aspect_f1.value == pytest.approx(apart.f1.value, abs=1e-12)
    assert (scores.aspect_f1.low, scores.aspect_f1.high) == pytest.approx(
        (apart.f1.low, apart.f1.high)
    )
    assert scores.aspect_precision.value == pytest.approx(apart.precision.value, abs=1e-12)
    assert scores.aspect_recall.value == pytest.approx(apart.recall.value, abs=1e-12)
    assert scores.schema_compliance.value == schema_compliance(said, names).value
    assert scores.valid_json.value == valid_json_rate(answers).value
    assert scores.hallucination.value == grounding_scores(said, truth, SCHEMA).hallucination.value


def test_parts_are_scored_apart_and_groups_are_drawn_together():
    answers, truth = drawn(np.random.default_rng(1), 200)
    counts = count_listings(answers, truth, SCHEMA)
    niche = np.arange(200) % 4 == 0
    alone = score_counts(count_listings(answers[::4], truth[::4], SCHEMA, names=counts.names))
    assert score_counts(counts, rows=niche).to_dict() == alone.to_dict()
    groups = np.arange(200) // 20
    wide, narrow = score_counts(counts, groups=groups).rouge_l, score_counts(counts).rouge_l
    assert wide.value == pytest.approx(narrow.value)
    assert wide.effective_n == 10
    assert "cluster" in wide.method


def test_many_answers_are_drawn_in_blocks_with_the_same_spread(monkeypatch):
    answers, truth = drawn(np.random.default_rng(2), 3_000)
    counts = count_listings(answers, truth, SCHEMA)
    exact = score_counts(counts).measures
    monkeypatch.setattr("workbench.metrics.listings._MOST_GROUPS", 2_000)
    monkeypatch.setattr("workbench.metrics.listings._BLOCKS", 750)
    blocks = score_counts(counts).measures
    for name in MEASURES:
        assert blocks[name].value == pytest.approx(exact[name].value)
        spread = (blocks[name].high - blocks[name].low) / (exact[name].high - exact[name].low)
        assert 0.85 < spread < 1.15, name  # 1 ± 3/√(2 × 750), and the noise of 2,000 draws


def test_what_cannot_be_said_says_why():
    none = score_counts(count_listings(["nonsense"] * 3, TRUTH, SCHEMA))
    assert none.schema_compliance.value is None
    assert none.schema_compliance.reason == "no aspect was predicted"
    assert none.valid_json.value == none.aspect_f1.value == 0
    one = score_counts(count_listings(ANSWERS[:1], TRUTH[:1], SCHEMA))
    assert one.rouge_l.low is None
    assert one.rouge_l.reason == "only one item"
    empty = score_counts(count_listings([], [], SCHEMA))
    assert empty.rouge_l.value is None


def test_odd_answers_are_read_or_are_none():
    assert read_json('{"title": "a", "aspects": {"b": [1, "c"], "d": null}}') == (
        True, Listing(title="a", aspects={"b": ("1", "c"), "d": ("null",)}),
    )  # fmt: skip
    assert read_json('{"title": 3, "aspects": {}}') == (True, None)
    assert read_json('{"title": "a"}') == (True, None)
    assert read_json('["title"]') == read_json("[" * 100_000) == (False, None)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="truth each"):
        count_listings(["a"], [], SCHEMA)
    counts = count_listings(ANSWERS, TRUTH, SCHEMA)
    with pytest.raises(ValueError, match="each of 3 answers"):
        score_counts(counts, rows=np.array([True]))
    with pytest.raises(ValueError, match="each of 3 answers"):
        score_counts(counts, groups=["a"])
