"""Prediction-powered rates: the published numbers, the peers, and what a useless confidence must not do."""

import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import ppi_mean, ppi_rates, rates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it sets filters and reads old numpy names at import
    import ppi_py


def judged(rng, n_items=1500, n_labels=300, *, approve=0.6, shares=(0.85, 0.25), strength=1.5):
    """A judge whose confidence knows more than its verdict; labels drawn uniformly."""
    approved = rng.random(n_items) < approve
    suitable = rng.random(n_items) < np.where(approved, *shares)
    confidence = 1 / (1 + np.exp(-(strength * (2 * suitable - 1) + rng.normal(size=n_items))))
    drawn = rng.choice(n_items, n_labels, replace=False)
    inclusion = np.full(n_items, math.nan)
    inclusion[drawn] = n_labels / n_items
    answer = [bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)]
    return {
        "approved": approved,
        "inclusion_probability": inclusion,
        "answer": answer,
        "confidence": confidence,
    }


def without_confidence(arguments):
    return {k: v for k, v in arguments.items() if k not in ("confidence", "lam")}


@pytest.mark.parametrize(("lam", "low", "high"), [(None, 0.1092, 0.2108), (1.0, 0.0727, 0.1917)])
def test_the_published_example_of_a_bad_model(lam, low, high):
    """ppi_py's forest data with an uninformative model: tuned λ is the labels alone, λ = 1 is wider."""
    root = os.environ.get("WORKBENCH_REAL_DATA")
    if not root:
        pytest.skip("WORKBENCH_REAL_DATA is not set: the published forest data is not here")
    data = np.load(Path(root) / "statistics" / "ppi_forest_badmodel" / "forest_badmodel.npz")
    order = np.random.default_rng(0).permutation(1596)
    y, f = data["Y"][order], data["Yhat"][order]
    found = ppi_mean(y[:200], f[:200], f[200:], lam=lam)
    assert round(found.estimate.low, 4) == low
    assert round(found.estimate.high, 4) == high
    peer = ppi_py.ppi_mean_ci(y[:200], f[:200], f[200:], alpha=0.05, lam=lam)
    assert [found.estimate.low, found.estimate.high] == pytest.approx(np.ravel(peer), abs=1e-9)
    if lam is None:
        alone = ppi_py.classical_mean_ci(y[:200], alpha=0.05)
        assert [found.estimate.low, found.estimate.high] == pytest.approx(np.ravel(alone), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lam", [None, 0.0, 0.4, 1.0])
def test_the_mean_is_ppi_pys(seed, lam):
    rng = np.random.default_rng(seed)
    y, noise = rng.normal(size=900), rng.normal(size=900)
    f = y + (0.3 + seed) * noise
    found = ppi_mean(y[:80], f[:80], f[80:], lam=lam, level=0.9)
    peer = ppi_py.ppi_mean_ci(y[:80], f[:80], f[80:], alpha=0.1, lam=lam)
    assert [found.estimate.low, found.estimate.high] == pytest.approx(np.ravel(peer), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lam", [None, 0.5, 1.0])
def test_a_uniform_audit_has_the_published_value_and_lambda(seed, lam):
    """Precision is the mean within approvals: value and λ are ppi_py's, to rounding."""
    arguments = judged(np.random.default_rng(seed))
    found = ppi_rates(**arguments, lam=lam)
    inside = arguments["approved"]
    labelled = inside & (arguments["inclusion_probability"] > 0)
    y = np.array([bool(a) for a in arguments["answer"]], dtype=float)
    f = arguments["confidence"]
    peer = ppi_mean(y[labelled], f[labelled], f[inside & ~labelled], lam=lam)
    assert found.rates.precision.value == pytest.approx(peer.estimate.value, abs=1e-12)
    assert found.approvals.lam == pytest.approx(peer.lam, abs=1e-12)
    direct = ppi_py.ppi_mean_pointestimate(
        y[labelled], f[labelled], f[inside & ~labelled], lam=peer.lam
    )
    assert found.rates.precision.value == pytest.approx(float(np.ravel(direct)[0]), abs=1e-9)
    width, published = (e.high - e.low for e in (found.rates.precision, peer.estimate))
    assert width == pytest.approx(published, rel=0.12)


def test_a_good_confidence_narrows_and_a_useless_one_changes_nothing():
    rng = np.random.default_rng(3)
    arguments = judged(rng, strength=2.0)
    alone = rates(**without_confidence(arguments))
    good = ppi_rates(**arguments)
    assert good.approvals.lam > 0.5
    assert good.approvals.explained > 0.3
    assert good.approvals.worth > 1.3
    for name in ("precision", "missed", "suitable_rate", "recall", "accuracy"):
        ours, plain = getattr(good.rates, name), getattr(alone, name)
        assert ours.high - ours.low < 0.9 * (plain.high - plain.low)
        assert ours.method.startswith("PPI++, λ = ")
    backwards = ppi_rates(**(arguments | {"confidence": 1 - arguments["confidence"]}))
    constant = ppi_rates(**(arguments | {"confidence": np.full(1500, 0.7)}))
    for same in (backwards, constant, ppi_rates(**arguments, lam=0.0)):
        assert same.approvals.lam == 0.0
        for name in ("precision", "missed", "suitable_rate", "recall"):
            ours, plain = getattr(same.rates, name), getattr(alone, name)
            assert (ours.value, ours.low, ours.high) == (plain.value, plain.low, plain.high)


def test_a_batch_audited_in_full_is_known():
    arguments = judged(np.random.default_rng(4), n_items=200, n_labels=200)
    found = ppi_rates(**arguments, about="these items").rates.precision
    assert found.low == found.value == found.high


def test_these_items_are_known_better_than_items_like_these():
    arguments = judged(np.random.default_rng(5), n_items=500)
    batch, more = (
        ppi_rates(**arguments, about=a).rates for a in ("these items", "items like these")
    )
    assert batch.precision.value == more.precision.value
    assert batch.precision.high - batch.precision.low < more.precision.high - more.precision.low


def test_weights_undo_a_draw_that_prefers_doubtful_items():
    """Near-threshold items are drawn five times as often; without strata their weights alone tell."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        arguments = judged(rng, n_items=3000, n_labels=1)
        confidence = arguments["confidence"]
        chance = np.where(np.abs(confidence - 0.5) < 0.3, 0.5, 0.1)
        suitable = rng.random(3000) < confidence
        drawn = rng.random(3000) < chance
        found = ppi_rates(
            approved=[True] * 3000,
            inclusion_probability=np.where(drawn, chance, math.nan),
            answer=[bool(y) if d else None for y, d in zip(suitable, drawn, strict=True)],
            confidence=confidence,
        ).rates.precision
        values.append(found.value - confidence.mean())
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(60)


def test_clusters_widen_and_singletons_do_not():
    rng = np.random.default_rng(6)
    arguments = judged(rng)
    alone = ppi_rates(**arguments).rates.precision
    single = ppi_rates(**arguments, cluster=[f"p{i}" for i in range(1500)]).rates.precision
    assert single.value == alone.value
    assert single.high - single.low == pytest.approx(alone.high - alone.low, rel=0.05)
    twice = {
        k: np.repeat(v, 2) if k != "answer" else [a for a in v for _ in (0, 1)]
        for k, v in arguments.items()
    }
    pairs = ppi_rates(**twice, cluster=[f"p{i // 2}" for i in range(3000)]).rates.precision
    assert pairs.value == pytest.approx(alone.value, abs=0.01)
    assert pairs.high - pairs.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_few_labels_and_missing_confidences_are_told():
    arguments = judged(np.random.default_rng(7), n_labels=60)
    found = ppi_rates(**arguments).rates
    assert any("labels are few: PPI++ wants about 50" in one for one in found.precision.assumptions)
    some = np.where(np.arange(1500) % 3 == 0, math.nan, arguments["confidence"])
    found = ppi_rates(**(arguments | {"confidence": some})).rates
    assert any("500 items without a confidence" in one for one in found.precision.assumptions)
    none = ppi_rates(**(arguments | {"confidence": [None] * 1500}))
    assert none.approvals.lam == 0.0


@pytest.mark.parametrize("cluster", [None, [f"p{i // 3}" for i in range(30)]])
@pytest.mark.parametrize("said", [True, False])
def test_a_fixed_lambda_where_the_labels_do_not_vary(cluster, said):
    """The labels tell no variance then; what λ = 1 adds must not become certainty or a division by 0."""
    found = ppi_rates(
        approved=[True] * 30,
        inclusion_probability=[0.4] * 12 + [None] * 18,
        answer=[said] * 12 + [None] * 18,
        confidence=[i % 7 / 7 for i in range(30)],
        cluster=cluster,
        lam=1.0,
    ).rates.precision
    assert found.high - found.low > 0.1


def test_a_stratum_nobody_answered_beside_one_that_everybody_did():
    found = ppi_rates(
        approved=[True] * 40,
        inclusion_probability=[1.0] * 20 + [None] * 20,
        answer=[i % 3 > 0 for i in range(20)] + [None] * 20,
        confidence=[i % 5 / 5 for i in range(40)],
        stratum=["a"] * 20 + ["b"] * 20,
        lam=0.5,
    ).rates.precision
    assert found.value == pytest.approx(13 / 20)


def test_what_the_audit_cannot_know_stays_unknown():
    arguments = judged(np.random.default_rng(8))
    blind = np.where(arguments["approved"], arguments["inclusion_probability"], math.nan)
    answer = [a if p > 0 else None for a, p in zip(arguments["answer"], blind, strict=True)]
    found = ppi_rates(**(arguments | {"inclusion_probability": blind, "answer": answer}))
    assert found.rates.recall.reason == "not identifiable: no rejection was audited"
    assert found.rejections is None
    assert found.rates.precision.value is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": [0.5]}, "one value for each of 1500 verdicts, got 1"),
        (
            {"confidence": [1.2] * 1500},
            r"between 0 and 1 \(None where there is none\), got 1.2 in row 0",
        ),
        ({"lam": 1.5}, "got 1.5"),
        ({"level": 1.0}, "confidence level"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        ppi_rates(**(judged(np.random.default_rng(9)) | change))


@pytest.mark.parametrize(
    ("answer", "prediction", "rest"),
    [([1.0], [1.0], [1.0, 0.0]), ([1, 0], [1, 0, 1], [1, 0]), ([1, math.nan], [0, 1], [1, 0])],
)
def test_a_mean_refuses_what_it_cannot_use(answer, prediction, rest):
    with pytest.raises(ValueError, match=r"want labels|finite numbers"):
        ppi_mean(answer, prediction, rest)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([True, False, None]),
        st.sampled_from([None, 0.01, 0.5, 1.0]),
        st.sampled_from([True, False, None]),
        st.sampled_from([None, 0.0, 0.3, 0.9, 1.0]),
        st.sampled_from("ab"),
        st.sampled_from("xyz"),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    ROWS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["items like these", "these items"]),
    st.sampled_from([None, 0.0, 0.5, 1.0]),
)
def test_whatever_comes_there_is_a_share_or_a_reason(rows, clustered, stratified, about, lam):
    found = ppi_rates(
        approved=[row[0] for row in rows],
        inclusion_probability=[row[1] for row in rows],
        answer=[row[2] if row[1] is not None else None for row in rows],
        confidence=[row[3] for row in rows],
        stratum=[row[4] for row in rows] if stratified else None,
        cluster=[row[5] for row in rows] if clustered else None,
        about=about,
        lam=lam,
    )
    for name in found.rates.__dataclass_fields__:
        estimate = getattr(found.rates, name)
        assert (estimate.value is None) == (estimate.reason is not None)
        if estimate.value is not None:
            assert -1 <= estimate.low <= estimate.value + 1e-9
            assert estimate.value - 1e-9 <= estimate.high <= 1 + 1e-9
    for tuning in (found.approvals, found.rejections):
        if tuning is not None:
            assert 0 <= tuning.lam <= 1
            assert 0 <= tuning.explained <= 1
            assert tuning.worth > 0
