"""The published ratio to the last word, and rates that count what is true."""

import json

import pytest

from workbench.errors import SchemaError
from workbench.metrics import grounding_scores, published_ratio
from workbench.metrics.grounding import claim_counts, ratio_counts
from workbench.records import Listing
from workbench.schema import Attribute, Category, Schema

ATTRIBUTES = (
    Attribute(name="Color", values=("Red", "Navy Blue", "Blue"), synonyms={"crimson": "Red"}),
    Attribute(name="Neck", values=("V-Neck", "Round Neck")),
    Attribute(name="Style", values=("Casual", "Sports")),
    Attribute(name="Occasion", values=("Casual", "Party")),
)
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        n: Category(id=n, name=n, path=(n,), attributes=ATTRIBUTES) for n in ("Tees", "Skirts")
    },
)
TRUE = Listing(title="", category="Tees", aspects={"Color": ("Red",), "Neck": ("V-Neck",)})


@pytest.mark.parametrize(
    ("route", "unmatched", "matched"),
    [("mtl_hierarchical", 240, 26), ("mtl_non_hierarchical", 231, 13), ("true_text", 301, 16)],
)
def test_the_ratio_on_the_ten_published_predictions(real_data, route, unmatched, matched):
    folder = real_data / "hierarchical_listing" / "experiments" / "hierarchical_evaluation"
    examples = json.loads((folder / "prediction_examples.json").read_text())
    found = published_ratio(
        [e[route] for e in examples], [e["predicted_attributes"] for e in examples]
    )
    assert len(examples) == 10
    assert (found.unmatched, found.matched) == (unmatched, matched)
    assert found.ratio.value == unmatched / matched
    assert found.ratio.low < found.ratio.value < found.ratio.high


def test_the_ratio_by_hand():
    found = published_ratio(
        ["Red red tee with a round neck", "Navy Blue V-neck shirt"],
        [{"Color": "Red", "Neck": "Round Neck"}, {"Color": "Navy Blue", "Neck": "V-Neck", "Fit": "Unknown"}],
    )  # fmt: skip
    # First: `red` matches, `round` and `neck` are parts, `tee`, `with`, `a` are none.
    # Second: `v-neck` matches, `navy` and `blue` are parts, `shirt` is none.
    assert (found.unmatched, found.matched) == (4, 2)
    assert found.ratio.value == 2.0


def test_the_ratio_has_no_upper_limit_and_no_value_without_a_match():
    talk = published_ratio(["lovely soft warm red"], [{"Color": "Red"}])
    assert talk.ratio.value == 3.0
    nothing = published_ratio(["lovely"], [{"Color": "Red"}])
    assert nothing.ratio.value is None
    assert "no word" in nothing.ratio.reason
    with pytest.raises(ValueError, match="predicted attributes each"):
        published_ratio(["red"], [])


def test_claims_are_held_against_the_truth_by_hand():
    found = grounding_scores(
        ["Crimson round neck tee", "Red V-neck tee, lovely", "Skirt", None], [TRUE] * 4, SCHEMA
    )
    # Claims: Red right, Round Neck wrong, Tee right; Red, V-Neck, Tee right; Skirt wrong.
    assert found.hallucination.value == pytest.approx(2 / 7)
    assert found.precision.value == pytest.approx(5 / 7)
    # True values: Red, V-Neck, Tees of four texts; said: Red, Tee; all three; none; none.
    assert found.recall.value == pytest.approx(5 / 12)
    assert found.texts_with_a_false_claim.value == 0.5
    assert found.claims_per_text.value == pytest.approx(7 / 4)
    by_name = {a.name: a for a in found.attributes}
    assert [a.name for a in found.attributes] == ["product", "Color", "Neck"]
    assert by_name["Neck"].precision.value == 0.5
    assert by_name["Neck"].recall.value == 0.25
    assert by_name["product"].precision.value == pytest.approx(2 / 3)
    assert 0 <= found.hallucination.low < found.hallucination.high <= 1


def test_counts_of_each_text_add_up_to_the_rates():
    texts = ["Crimson round neck tee", "Red V-neck tee, lovely", "Skirt", None]
    counts = claim_counts(texts, [TRUE] * 4, SCHEMA)
    # Claims, false ones, true values, those of them that are claimed.
    assert counts.tolist() == [[3, 1, 3, 2], [3, 0, 3, 3], [1, 1, 3, 0], [0, 0, 3, 0]]
    assert ratio_counts(["Red lovely", "tee"], [{"Color": "Red"}] * 2).tolist() == [[1, 1], [1, 0]]
    with pytest.raises(ValueError, match="want a truth each"):
        claim_counts(texts, [TRUE], SCHEMA)


def test_a_text_that_talks_much_and_says_only_what_is_true_has_no_false_claim():
    talk = "A lovely, soft, warm tee in crimson for everyone who likes good things"
    assert grounding_scores([talk], [TRUE], SCHEMA).hallucination.value == 0
    assert published_ratio([talk], [{"Color": "Red"}]).matched == 0


def test_what_the_truth_does_not_know_is_not_checked_and_a_phrase_is_one_claim():
    casual = grounding_scores(["casual"], [TRUE], SCHEMA)
    assert casual.unchecked == 1
    assert casual.hallucination.value is None
    both = Listing(
        title="", category="Tees", aspects={"Style": ("Sports",), "Occasion": ("Casual",)}
    )
    one = grounding_scores(["casual"], [both], SCHEMA)
    assert one.claims_per_text.value == 1
    assert one.precision.value == 1
    assert [a.name for a in one.attributes if a.precision.value is not None] == ["Occasion"]


ROOM = Schema(
    name="room",
    version="1",
    categories={
        name: Category(id=name, name=name, path=(name,), attributes=attributes)
        for name, attributes in {
            "Chairs": (
                Attribute(name="Material", values=("Wood", "Metal")),
                Attribute(name="Pattern", values=("Solid",)),
                Attribute(name="Style", values=("Plain",)),
            ),
            "Bottles": (
                Attribute(name="Material", values=("Glass",)),
                Attribute(name="Closure", values=("Cork", "Screw Cap")),
                Attribute(name="Pattern", values=("Dotted",)),
                Attribute(name="Style", values=("Rustic",)),
                Attribute(name="Use", values=("Slip",)),
            ),
        }.items()
    },
)
CHAIR = Listing(title="", category="Chairs", aspects={"Material": ("Wood",), "Pattern": ("Solid",)})


@pytest.mark.parametrize(
    ("text", "claims", "false"),
    [
        ("Dotted Glass Chair with Cork", 4, 3),
        ("Solid Wood Chair", 3, 0),
        ("Wood/Glass chair", 3, 1),
        ("Cork-Wood chair", 3, 1),
        ("Non-slip wood chair", 2, 0),
        ("Screw cap chair", 2, 1),
        (Listing(title="Chair", aspects={"Closure": ("cork",), "Feet": ("Round",)}), 2, 1),
    ],
)
def test_values_of_other_kinds_are_false_claims(text, claims, false):
    assert claim_counts([text], [CHAIR], ROOM)[0, :2].tolist() == [claims, false]


def test_a_value_of_other_kinds_is_true_where_the_item_has_it_and_open_where_nothing_is_known():
    corked = Listing(title="", category="Chairs", aspects={"Seat": ("Cork",)})
    assert claim_counts(["Cork chair"], [corked], ROOM)[0, :2].tolist() == [2, 0]
    assert grounding_scores(["Rustic chair"], [CHAIR], ROOM).unchecked == 1
    assert grounding_scores([None], [CHAIR], ROOM).unchecked == 0


def test_aspects_of_a_listing_are_claims_too():
    listing = Listing(title="Tee", category="Tees", aspects={"color": ("blue",), "Fit": ("Slim",)})
    found = grounding_scores([listing], [TRUE], SCHEMA)
    assert found.hallucination.value == 0.5
    assert found.unchecked == 0


def test_a_longer_value_is_not_also_the_shorter_one():
    true = Listing(title="", category="Tees", aspects={"Color": ("Navy Blue",)})
    assert grounding_scores(["navy blue"], [true], SCHEMA).precision.value == 1
    assert grounding_scores(["blue"], [true], SCHEMA).precision.value == 0


def test_wrong_input_is_told():
    with pytest.raises(ValueError, match="want a truth each"):
        grounding_scores(["red"], [], SCHEMA)
    with pytest.raises(ValueError, match="one group label"):
        grounding_scores(["red"], [TRUE], SCHEMA, groups=["a", "b"])
    with pytest.raises(SchemaError, match="no category 'Mugs'"):
        grounding_scores(["red"], [Listing(title="", category="Mugs")], SCHEMA)
