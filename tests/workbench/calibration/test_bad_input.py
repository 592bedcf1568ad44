"""Whatever comes, `calibrate` answers with a record that JSON can hold, or with one clear sentence."""

import doctest
import json
import math
import re
from importlib import import_module as module

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.calibration import Calibration, calibrate, calibrate_arrays

COLUMNS = ("approved", "inclusion_probability", "answer")


def frame(**columns):
    """Twelve rows of which eight were drawn and answered."""
    base = {
        "approved": [True] * 6 + [False] * 6,
        "inclusion_probability": [0.5] * 8 + [None] * 4,
        "answer": [True, True, True, False, True, True, False, True] + [None] * 4,
        "confidence": [0.9, 0.8, 0.7, 0.6, 0.8, 0.9, 0.2, 0.4, 0.1, 0.3, 0.2, 0.1],
        "generation": [f"g{i}" for i in range(12)],
        "category": list("aabbccaabbcc"),
    }
    return pd.DataFrame(base | columns)


def plain(found):
    """The record through JSON: equal, and nothing in it is NaN or infinite."""
    text = found.to_json()
    json.loads(text, parse_constant=pytest.fail)
    assert Calibration.from_json(text) == found
    assert str(found)
    assert "nan" not in re.findall(r"[\w.]+", found._repr_html_().lower())
    return found


def test_the_examples_run():
    failed, tried = doctest.testmod(module("workbench.calibration.frame"))
    assert (failed, tried > 3) == (0, True)


REFUSED = {
    "no frame": ({"approved": [True]}, "want a pandas DataFrame with one row per judged output, got dict"),
    "a column is missing": (frame().drop(columns="answer"), r"want column 'answer'; the frame has 'approved'"),
    "two are missing": (pd.DataFrame({"x": [1]}), "want columns 'approved', 'answer'; the frame has 'x'"),
    "no column at all": (pd.DataFrame(), "the frame has none"),
    "a column is there twice": (pd.concat([frame(), frame()[["answer"]]], axis=1), "column 'answer' is there twice"),
    "words for verdicts": (frame(approved=["yes"] * 12), "column 'approved' holds True, False or a missing value, got 'yes' in row 0"),
    "a number that is no verdict": (frame(answer=[2] * 8 + [None] * 4), "'answer' holds True, False or a missing value, got 2.0 in row 0"),
    "words for probabilities": (frame(inclusion_probability=["half"] * 12), "'inclusion_probability' holds numbers or missing values, got 'half' in row 0"),
    "a verdict for a number": (frame(confidence=[True] * 12), "'confidence' holds numbers or missing values, got True in row 0"),
    "a probability of 0": (frame(inclusion_probability=[0.0] * 12), "over 0 and up to 1"),
    "a probability over 1": (frame(inclusion_probability=[1.5] * 12), "over 0 and up to 1"),
    "an infinite probability": (frame(inclusion_probability=[math.inf] * 12), "over 0 and up to 1"),
    "a confidence over 1": (frame(confidence=[7.0] * 12), "a confidence lies between 0 and 1"),
    "answered but not drawn": (frame(inclusion_probability=[None] * 12), "row 0 has an answer but no inclusion probability"),
    "a label without a verdict's key": (frame(generation=[None] * 12), "column 'generation' says what each row is called, and has nothing in row 0"),
    "a key twice": (frame(generation=["g"] * 12), "column 'generation' holds 'g' twice, in rows 0 and 1"),
    "an index twice": (frame().drop(columns="generation").set_index(pd.Index([5] * 12)), "the frame's index holds '5' twice, in rows 0 and 1"),
    "modes that are no names": (frame(failure_modes=[{3}] * 12), "'failure_modes' holds names of failure modes"),
    "an embedding that is a word": (frame(embedding=["x"] * 12), "'embedding' holds vectors or missing values, got 'x' in row 0"),
    "embeddings of two lengths": (frame(embedding=[[1.0], [1.0, 2.0]] * 6), "want one vector of as many numbers for each answered item"),
    "no embedding where answered": (frame(embedding=[None] * 12), "every answered item wants an embedding, row 0 has none"),
    "text without embeddings": (frame(text=["x"] * 12), "want `embeddings`"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_input_gets_one_clear_sentence(given, said):
    with pytest.raises(ValueError, match=said) as raised:
        calibrate(given)
    assert "\n" not in str(raised.value)


def test_bad_arguments_get_one_clear_sentence():
    for change, said in (
        ({"slices": ["colour"]}, "want column 'colour'"),
        ({"jointly": ["a"]}, "`jointly` names criteria that have scores"),
        ({"held_out": 1.0}, "`held_out` is a share"),
        ({"level": 95}, "a confidence level lies between 0 and 1"),
        ({"promise": 1.2}, "promise"),
        ({"about": "all"}, "`about`"),
    ):
        with pytest.raises(ValueError, match=said):
            calibrate(frame(), **change)
    with pytest.raises(ValueError, match="`scores` want `keys`"):
        calibrate_arrays(
            approved=[True], inclusion_probability=[1.0], answer=[True], scores={"a": [1.0]},
            thresholds={"a": 0.5},
        )  # fmt: skip


def test_missing_values_are_missing_whatever_they_are_called():
    wanted = calibrate(frame(), slices=["category"])
    nullable = frame().astype(
        {"approved": "boolean", "answer": "boolean", "inclusion_probability": "Float64"}
    )
    assert calibrate(nullable, slices=["category"]) == wanted
    numbers = frame(answer=[1.0, 1, 1, 0, 1, 1, 0, 1] + [math.nan] * 4)
    assert calibrate(numbers, slices=["category"]) == wanted
    mixed = frame(
        answer=[True, True, True, False, 1, np.True_, 0.0, True, None, math.nan, pd.NA, pd.NaT]
    )
    assert calibrate(mixed, slices=["category"]) == wanted


def test_a_frame_gives_what_arrays_give():
    table = frame()
    by_hand = calibrate_arrays(
        approved=table["approved"].tolist(),
        inclusion_probability=[0.5] * 8 + [None] * 4,
        answer=[True, True, True, False, True, True, False, True] + [None] * 4,
        confidence=table["confidence"].tolist(),
        slices={"category": table["category"].tolist()},
        keys=table["generation"].tolist(),
    )
    assert calibrate(table, slices=["category"]) == by_hand


def test_answers_may_be_the_majority_of_people():
    table = frame()
    three = table.drop(columns="answer").assign(
        **{
            "answer:a": table["answer"],
            "answer:b": table["answer"],
            "answer:c": [False] * 8 + [None] * 4,
        }
    )
    found = plain(calibrate(three))
    assert found.rates == calibrate(table).rates
    assert found.people.items == 8


UNDEFINED = {
    "an abstaining judge": (frame(approved=[None] * 12), "the judge decided no item"),
    "nobody asked": (
        frame(answer=[None] * 12, inclusion_probability=[None] * 12),
        "not identifiable: no approval was audited",
    ),
}


@pytest.mark.parametrize(("table", "reason"), UNDEFINED.values(), ids=UNDEFINED)
def test_what_cannot_be_known_says_why(table, reason):
    found = plain(calibrate(table, slices=["category"]))
    assert found.rates.precision.value is None
    assert found.rates.precision.reason == reason
    assert found.rates.kappa.value is None


def test_one_class_only_and_a_constant_judge_are_no_error():
    for answer in (True, False):
        found = plain(calibrate(frame(answer=[answer] * 8 + [None] * 4)))
        assert found.rates.precision.value == float(answer)
        assert found.reliability.auroc.value is None
        assert "every answered item" in found.reliability.auroc.reason
    always = plain(calibrate(frame(approved=[True] * 12, confidence=[0.7] * 12)))
    assert always.rates.recall.value == 1
    never = plain(calibrate(frame(approved=[False] * 12, confidence=[0.3] * 12)))
    assert never.rates.precision.value is None
    assert never.counts.approved == 0


def test_one_row_is_enough_for_a_record():
    found = plain(calibrate(frame().iloc[:1], slices=["category"]))
    assert found.counts.judged == 1
    assert found.rates.precision.n == 1


ROW = st.fixed_dictionaries(
    {
        "approved": st.sampled_from([True, False, True, None]),
        "inclusion_probability": st.sampled_from([None, 0.2, 0.9, 1.0]),
        "answer": st.sampled_from([True, False, None]),
        "confidence": st.sampled_from([None, 0.0, 0.3, 0.5, 0.501, 1.0]) | st.floats(0, 1),
        "stratum": st.sampled_from(["x", "y"]),
        "cluster": st.sampled_from(["1", "2", "3", None]),
        "category": st.sampled_from(["a", "b", None]),
        "failure_modes": st.sampled_from([None, "blurred", ("blurred", "cropped"), []]),
        "score:a": st.sampled_from([None, 0.0, 0.4, 1.0]),
        "answer:p": st.sampled_from([True, False, None]),
        "answer:q": st.sampled_from([True, False, None]),
    }
)
OPTIONAL = ("confidence", "stratum", "cluster", "failure_modes", "score:a", "answer:p", "answer:q")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(ROW, min_size=1, max_size=24),
    without=st.sets(st.sampled_from(OPTIONAL)),
    held_out=st.sampled_from([0.0, 1 / 3, 0.9]),
    about=st.sampled_from(["items like these", "these items"]),
)
def test_whatever_rows_come_there_is_a_record(rows, without, held_out, about):
    names = [name for name in ROW.wrapped_strategy.mapping if name not in without]
    table = pd.DataFrame(rows, columns=names)
    people = [name for name in names if name.startswith("answer")]
    undrawn = table["inclusion_probability"].isna()
    table[people] = table[people].astype(object).mask(undrawn, None)
    found = calibrate(
        table,
        slices=["category"],
        thresholds=None if "score:a" in without else {"a": 0.4},
        jointly=() if "score:a" in without else ["a"],
        held_out=held_out,
        about=about,
        promise=0.6,
    )
    plain(found)
    assert found.counts.judged == len(rows)


ANYTHING = st.none() | st.booleans() | st.floats() | st.integers(-2, 3) | st.text(max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING), max_size=8),
    fine=st.sets(st.integers(0, 4)),
)
def test_whatever_values_come_there_is_a_record_or_one_sentence(rows, fine):
    good = (True, 0.5, True, 0.5, "k")
    mended = [tuple(good[i] if i in fine else v for i, v in enumerate(row)) for row in rows]
    table = pd.DataFrame(
        {
            name: pd.Series([row[i] for row in mended], dtype=object)
            for i, name in enumerate((*COLUMNS, "confidence", "item"))
        }
    )
    try:
        found = calibrate(table)
    except ValueError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
        assert len(str(error)) < 400
    else:
        plain(found)


def test_a_series_is_read_by_position():
    """Its index may be in any order, or no numbers at all."""
    rng = np.random.default_rng(0)
    n = 60
    approved, answer = rng.random(n) < 0.6, rng.random(n) < 0.7
    keys = [f"k{i}" for i in range(n)]
    modes = [() if yes else (f"m{i % 3}",) for i, yes in enumerate(answer)]
    rows = {
        "approved": approved,
        "inclusion_probability": [1.0] * n,
        "answer": answer,
        "scores": {"a": rng.random(n)},
        "thresholds": {"a": 0.5},
    }
    plain = calibrate_arrays(**rows, keys=keys, failure_modes=modes, slices={"by": keys})
    for index in (rng.permutation(n), [f"x{i}" for i in range(n)]):
        series = calibrate_arrays(
            **rows,
            keys=pd.Series(keys, index=index),
            failure_modes=pd.Series(modes, index=index),
            slices={"by": pd.Series(keys, index=index)},
        )
        assert series == plain


def test_a_long_label_costs_its_own_length():
    import tracemalloc

    from workbench.calibration._sample import codes_of

    labels = ["x" * 100_000, *(f"s{i % 7}" for i in range(20_000))]
    tracemalloc.start()
    codes = codes_of(labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    assert len(set(codes)) == 8


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("promise", math.nan, "`promise` between 0 and 1"),
        ("promise", 90, "`promise` between 0 and 1, such as 0.9; got 90"),
        ("promise", "0.9", "got '0.9'"),
        ("failure_probability", None, "`failure_probability` between"),
        ("held_out", "a third", "from 0 to below 1, got 'a third'"),
        ("level", "95%", "got '95%'"),
        ("seed", -1, "whole number of 0 or more, got -1"),
        ("seed", None, "whole number of 0 or more, got None"),
        ("decides", {"typo": True}, "`decides` names criteria that have scores"),
        ("thresholds", {"typo": 0.5}, "`thresholds` names criteria that have scores"),
    ],
)
def test_arguments_are_checked_whether_they_are_used_or_not(argument, value, says):
    rows = {"approved": [True] * 4, "inclusion_probability": [1.0] * 4, "answer": [True] * 4}
    with pytest.raises(ValueError, match=re.escape(says)):
        calibrate_arrays(**rows, **{argument: value})


def test_a_sentence_names_the_row_that_came():
    """Not its place among those that were answered."""
    rows = {
        "approved": [None, True, False, True, True, False],
        "inclusion_probability": [None, None, None, 1.0, 1.0, 1.0],
        "answer": [None, None, None, True, False, True],
    }
    vectors = [None, None, None, [0.0, 1.0], [math.nan, 1.0], [1.0, 1.0]]
    with pytest.raises(ValueError, match="embedding in row 4 holds NaN"):
        calibrate_arrays(**rows, embeddings=vectors)
    with pytest.raises(ValueError, match="'anna' answered row 2, which has no inclusion"):
        calibrate_arrays(**rows, people={"anna": [None, None, True, True, None, None]})
