"""Clusters of failures: a planted mode is found and worded, noise is left alone, products stay together."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration.errors.clusters import failure_clusters
from workbench.calibration.errors.words import marking_words


def world(seed, *, planted, n=500, d=48):
    """Eight kinds of product; 8% of items, of any kind, share a look, and fail often if it is `planted`."""
    rng = np.random.default_rng(seed)
    look = rng.random(n) < 0.08
    shift = np.where(look[:, None], rng.normal(size=d) * 1.5, 0)
    vectors = rng.normal(size=(8, d))[rng.integers(0, 8, n)] + rng.normal(size=(n, d)) * 0.6 + shift
    failed = rng.random(n) < np.where(look & planted, 0.75, 0.1)
    texts = [
        f"{'dark background' if dark else 'plain white'} photo of item {i % 40}"
        for i, dark in enumerate(look)
    ]
    return vectors, failed, [str(i) for i in range(n)], texts, look


def test_a_planted_mode_is_found_worded_and_shown():
    vectors, failed, keys, texts, look = world(0, planted=True)
    found = failure_clusters(vectors, failed, keys, texts=texts)
    first = found.clusters[0]
    assert first.q_value < 0.01
    assert first.rate.low > first.rest.high
    assert {word.word for word in first.words[:2]} == {"dark", "background"}
    assert np.mean([look[int(key)] for key in first.typical]) >= 0.8
    assert set(first.typical) <= set(first.keys) <= set(np.array(keys)[failed])
    assert found.sentence.endswith(f"(q = {first.q_value:.2g}).")
    assert "'dark'" in found.sentence


def test_a_planted_mode_is_found_nearly_always():
    found = [
        bool(failure_clusters(*world(s, planted=True)[:3], seed=s).clusters) for s in range(20)
    ]
    assert np.mean(found) >= 0.9


def test_noise_has_no_clusters():
    """Failures that have nothing to do with the embeddings: at most .1 and two standard errors of 100."""
    answers = [failure_clusters(*world(s, planted=False, n=300)[:3], seed=s) for s in range(100)]
    assert np.mean([bool(one.clusters) for one in answers]) <= 0.16
    assert answers[0].sentence.startswith("No cluster stands out: ")
    assert "tested and the surest has q = " in answers[0].sentence


def test_photos_of_one_product_are_one_piece_of_evidence():
    """Ten photos of each product look and fail alike: as single items they prove clusters that are none."""
    alone, together = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        product = np.repeat(np.arange(30), 10)
        vectors = rng.normal(size=(30, 16))[product] + rng.normal(size=(300, 16)) * 0.1
        failed = (rng.random(30) < 0.3)[product]
        keys = [str(i) for i in range(300)]
        for found, groups in ((alone, None), (together, product.astype(str))):
            found.append(bool(failure_clusters(vectors, failed, keys, groups=groups).clusters))
    assert np.mean(alone) > 0.9
    assert np.mean(together) <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / 30)


def test_words_by_hand():
    """Log-odds with the prior of all texts (Monroe et al. 2008), worked out for one word."""
    texts = ["dark mug"] * 18 + ["white mug"] * 42
    (word,) = marking_words(texts, np.arange(60) < 18)
    assert (word.word, word.inside, word.outside) == ("dark", 18, 0)
    prior = 50 * 18 / 120
    inside = np.log((18 + prior) / (36 + 50 - 18 - prior))
    outside = np.log((0 + prior) / (84 + 50 - 0 - prior))
    error = np.sqrt(1 / (18 + prior) + 1 / prior)
    assert word.z == pytest.approx((inside - outside) / error)
    assert marking_words(texts, np.ones(60, dtype=bool)) == ()
    with pytest.raises(ValueError, match="one text for each of 60"):
        marking_words(texts[1:], np.ones(60, dtype=bool))


def test_bad_input_is_refused_in_a_sentence():
    vectors, failed, keys = np.eye(3), [True, False, True], ["a", "b", "c"]
    for message, arguments in {
        "row 1 holds NaN": (np.array([[1.0], [np.nan], [2.0]]), failed, keys),
        "shape \\(n, d\\)": (np.eye(2), failed, keys),
        "True and False, got": (vectors, [1, 0, 1], keys),
        "`keys` wants one for each of 3": (vectors, failed, keys[:2]),
    }.items():
        with pytest.raises(ValueError, match=message):
            failure_clusters(*arguments)
    with pytest.raises(ValueError, match="finite number over 0"):
        failure_clusters(vectors, failed, keys, weights=[1, 0, 1])
    with pytest.raises(ValueError, match="`false_share` lies"):
        failure_clusters(vectors, failed, keys, false_share=0)


number = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e300, 0.5])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(number, number, st.booleans(), st.sampled_from("abcdef")), max_size=40),
    st.booleans(),
)
def test_any_labels_have_an_answer(rows, grouped):
    """One item, none, one class, equal vectors, vectors of length 0, one group: a sentence, and no NaN."""
    x, y, failed, group = zip(*rows, strict=True) if rows else [()] * 4
    found = failure_clusters(
        np.array([x, y]).T, failed, group, texts=group, groups=group if grouped else None
    )
    assert found.sentence
    json.dumps(dataclasses.asdict(found), allow_nan=False)
