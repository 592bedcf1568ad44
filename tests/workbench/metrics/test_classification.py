"""Classification scores worked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as peer

from workbench.metrics import classification_scores


def test_equal_to_scikit_learn():
    rng = np.random.default_rng(0)
    truth = list(rng.choice(["red", "blue", "green", "grey"], p=[0.5, 0.3, 0.15, 0.05], size=200))
    guess = [t if rng.random() < 0.6 else str(rng.choice(["red", "pink"])) for t in truth]
    scores = classification_scores(guess, truth, training=truth)
    assert scores.accuracy.value == pytest.approx(peer.accuracy_score(truth, guess))
    assert scores.macro_f1.value == pytest.approx(
        peer.f1_score(truth, guess, average="macro", zero_division=0)
    )
    assert scores.macro_f1.low < scores.macro_f1.value < scores.macro_f1.high
    np.testing.assert_array_equal(
        scores.confusion, peer.confusion_matrix(truth, guess, labels=list(scores.labels))
    )


def test_the_baseline_is_the_training_majority():
    scores = classification_scores(
        ["b", "b", "a", "b"], ["a", "b", "a", "b"], training=["a", "b", "a"]
    )
    assert (scores.majority, scores.majority_accuracy.value) == ("a", 0.5)
    assert (scores.accuracy.value, scores.gain.value) == (0.75, 0.25)
    assert classification_scores(["a"], ["a"], training=["b", "a"]).majority == "a"


def test_an_answer_that_is_missing_is_wrong_and_counted():
    scores = classification_scores([None, "a"], ["a", "a"], training=["a"])
    assert (scores.abstained, scores.accuracy.value, scores.labels) == (1, 0.5, ("a",))
    assert scores.macro_f1.value == pytest.approx(2 / 3)  # P 1, R 1/2
    assert scores.confusion == ((1,),)


def test_without_training_labels_there_is_no_baseline():
    scores = classification_scores(["a"], ["a"], training=[])
    assert scores.majority is None
    assert "no training labels" in scores.gain.reason


def test_groups_reach_every_interval():
    groups = np.repeat(range(20), 10)
    rng = np.random.default_rng(1)
    truth = ["a" if x else "b" for x in np.repeat(rng.random(20) < 0.5, 10)]
    guess = ["a"] * 200
    alone = classification_scores(guess, truth, training=["b"])
    grouped = classification_scores(guess, truth, training=["b"], groups=groups)
    for name in ("accuracy", "macro_f1", "majority_accuracy", "gain"):
        a, g = getattr(alone, name), getattr(grouped, name)
        assert g.value == pytest.approx(a.value)
        assert g.high - g.low > 2 * (a.high - a.low)


def test_no_rows_are_undefined_and_unequal_lists_refused():
    empty = classification_scores([], [], training=["a"])
    assert empty.accuracy.value is None
    assert empty.macro_f1.value is None
    with pytest.raises(ValueError, match="prediction each"):
        classification_scores(["a"], [], training=[])
