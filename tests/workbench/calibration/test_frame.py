"""What `calibrate` reads from a frame that is not quite as it wants it, and what it says of one it cannot read."""

import ast
import io
import re

import pandas as pd
import pytest

from workbench.calibration import calibrate


@pytest.fixture
def frame():
    """Twelve rows of which all were answered, each certain to be."""
    return pd.DataFrame(
        {
            "approved": [True] * 6 + [False] * 6,
            "inclusion_probability": [1.0] * 12,
            "answer": [True, True, True, False, True, True, False, True] + [False] * 4,
            "category": list("aabbccaabbcc"),
        }
    )


def test_all_rows_answered_need_no_inclusion_probability(frame):
    assert calibrate(frame.drop(columns="inclusion_probability")) == calibrate(frame)
    people = frame.rename(columns={"answer": "answer:anna"})
    bare = people.drop(columns="inclusion_probability")
    assert calibrate(bare) == calibrate(people)


def test_unanswered_rows_do(frame):
    bare = frame.drop(columns="inclusion_probability")
    bare["answer"] = [*frame["answer"][:9], None, None, None]
    with pytest.raises(
        ValueError,
        match=r"since 3 of 12 rows have no answer.*It is 1\.0 for rows that were certain",
    ):
        calibrate(bare)


def test_scores_without_a_threshold_are_left_out_with_a_note(frame):
    scored = frame.assign(**{"score:a": [0.5] * 12, "score:b": ["good"] * 12})
    found = calibrate(scored, thresholds={"a": 0.4})
    assert (
        found.failures == calibrate(scored.drop(columns="score:b"), thresholds={"a": 0.4}).failures
    )
    (note,) = [n for n in found.notes if "threshold" in n]
    assert "want of a threshold: 'score:b'." in note
    assert "such as {'b': 0.5}" in note
    assert calibrate(scored.drop(columns=["score:a", "score:b"])).notes == ()


def test_a_collection_that_a_csv_file_made_text_of_is_told_with_the_remedy(frame):
    modes = [["wrong color", "blurry"]] + [None] * 5 + [["blurry"]] + [None] * 5
    named = frame.assign(failure_modes=modes)
    back = pd.read_csv(io.StringIO(named.to_csv(index=False)))
    came = re.escape("\"['wrong color', 'blurry']\" in row 0")
    with pytest.raises(ValueError, match=f"{came}.*ast.literal_eval"):
        calibrate(back)
    read = back["failure_modes"].map(ast.literal_eval, na_action="ignore")
    assert calibrate(back.assign(failure_modes=read)) == calibrate(named)


def test_one_slice_may_be_named_alone(frame):
    assert calibrate(frame, slices="category") == calibrate(frame, slices=["category"])


def test_an_empty_frame_and_an_odd_promise_are_refused(frame):
    with pytest.raises(ValueError, match="want at least one row"):
        calibrate(frame[:0])
    with pytest.raises(ValueError, match=r"between 0 and 1, such as 0\.9; got 90"):
        calibrate(frame, promise=90)
