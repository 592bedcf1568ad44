"""ROUGE-L against the package that defines it."""

import numpy as np
import pytest
from rouge_score import rouge_scorer

from workbench.metrics import rouge_l, rouge_l_each, rouge_l_mean

WORDS = [
    "red", "Blue", "hoodie,", "cotton-blend", "XL", "100%", "größe", "İstanbul", "naïve", "été",
    "帽子", "ﬁt", "Ⅷ", "K", "½", "😀", "it's", "v-neck", "\u00a0", "\t", "", "{\"color\":", "[\"a\"]", "ẞ", "ǅ",
]  # fmt: skip


def test_equal_to_rouge_score_on_10000_pairs():
    rng = np.random.default_rng(7)

    def text():
        length = int(rng.choice([0, 1, 3, 12, 30], p=[0.05, 0.1, 0.3, 0.45, 0.1]))
        return str(rng.choice([" ", "\n", "-", "  "])).join(rng.choice(WORDS, size=length))

    pairs = [(text(), text()) for _ in range(10_000)]
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    theirs = [scorer.score(reference, ours)["rougeL"].fmeasure for ours, reference in pairs]
    ours = rouge_l_each([a for a, _ in pairs], [b for _, b in pairs])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert 0 < np.mean(ours) < 1
    assert (ours == 0).any()


def test_worked_by_hand():
    # words: a b c d against a c d e f; common a c d: P 3/4, R 3/5, F1 2/3
    assert rouge_l("A b, c d!", "a c d e f") == pytest.approx(2 / 3)
    assert rouge_l("", "a") == rouge_l("a", "") == rouge_l("", "") == rouge_l("帽子", "帽子") == 0


def test_the_mean_carries_an_interval():
    estimate = rouge_l_mean(["a b", "a", "c"] * 20, ["a b", "b", "c"] * 20, groups=[1, 2, 3] * 20)
    assert estimate.value == pytest.approx(2 / 3)
    assert 0 <= estimate.low < estimate.value < estimate.high <= 1
    assert estimate.effective_n == 3


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="reference each"):
        rouge_l_each(["a"], [])
    assert rouge_l_each([], []).shape == (0,)
