"""What is one question has one answer, whoever asks it and in whatever order."""

import numpy as np
import pytest

from workbench.calibration import calibrate_arrays, choose_threshold, compare, human_ceiling
from workbench.metrics.estimate import Estimate


def _panel(n=240, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.6

    def said(right):
        return np.where(rng.random(n) < right, truth, ~truth).tolist()

    return said(0.8), said(0.7), {"ann": said(0.9), "bob": said(0.85), "cyd": said(0.9)}


def _numbers(estimate: Estimate):
    return estimate.value, estimate.low, estimate.high


@pytest.mark.parametrize("size", [None, 1, 3])
def test_the_ceiling_is_the_same_in_calibrate_compare_and_human_ceiling(size):
    first, second, people = _panel()
    n = len(first)
    cluster = None if size is None else [f"p{(7 * i) % n // size}" for i in range(n)]
    alone = human_ceiling(first, people, cluster=cluster)
    majority = [sum(row) > 1 for row in zip(*people.values(), strict=True)]
    found = calibrate_arrays(
        approved=first, inclusion_probability=[1.0] * n, answer=majority, cluster=cluster, people=people
    )  # fmt: skip
    both = compare(first, second, people=people, cluster=cluster).ceiling
    assert both is not None
    for measure in ("precision", "recall", "accuracy", "kappa"):
        own = _numbers(getattr(alone.person, measure))
        assert own == pytest.approx(
            _numbers(getattr(found.people.ceiling.person, measure)), abs=1e-12
        )
        for beside in both:
            assert own == pytest.approx(_numbers(getattr(beside.person, measure)), abs=1e-12)
        judge = _numbers(getattr(alone.judge, measure))
        assert judge == pytest.approx(_numbers(getattr(both[0].judge, measure)), abs=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_the_ceiling_does_not_depend_on_the_order_of_items_or_people(size):
    first, _, people = _panel()
    n = len(first)
    cluster = [f"p{i // size}" for i in range(n)]
    order = np.random.default_rng(1).permutation(n).tolist()
    alone = human_ceiling(first, people, cluster=cluster)
    moved = human_ceiling(
        [first[i] for i in order],
        {name: [people[name][i] for i in order] for name in reversed(people)},
        cluster=[cluster[i] for i in order],
    )
    for who in ("person", "judge", "gap"):
        one, other = getattr(alone, who).precision, getattr(moved, who).precision
        assert _numbers(one) == pytest.approx(_numbers(other), abs=1e-12)


def test_clusters_of_one_item_each_are_independent_items():
    rng = np.random.default_rng(2)
    n = 400
    confidence = rng.random(n)
    suitable = (rng.random(n) < 0.3 + 0.6 * confidence).tolist()
    approved = (confidence > 0.4).tolist()
    inclusion = [0.5 if i % 2 else None for i in range(n)]
    arguments = {
        "approved": approved,
        "inclusion_probability": inclusion,
        "answer": [s if p else None for s, p in zip(suitable, inclusion, strict=True)],
        "confidence": confidence.tolist(),
    }
    plain = calibrate_arrays(**arguments)
    single = calibrate_arrays(**arguments, cluster=[f"p{i}" for i in range(n)])
    assert single.rates == plain.rates
    assert single.threshold == plain.threshold
    assert single.corrected == plain.corrected
    assert single.corrected.suitable_rate.rogan_gladen.value is not None
    assert "cluster" not in str(single)


def test_labels_that_share_no_cluster_are_counted_as_they_are():
    hits = [True] * 140 + [False] * 10
    found = choose_threshold([0.9] * 150, hits, grid=(0.5,), promise=0.95, groups=np.arange(150))
    assert "independent ones" not in found.reason
    assert found.p_value == choose_threshold([0.9] * 150, hits, grid=(0.5,), promise=0.95).p_value
