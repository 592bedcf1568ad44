"""Exact intervals of every kind of share hold with 8 to 15 clusters."""

import numpy as np
import pytest

from workbench.calibration._sample import read_sample
from workbench.calibration.confidence._scored import Scored
from workbench.calibration.errors._weighted import weighted_share
from workbench.calibration.rates._shares import share_of
from workbench.metrics.intervals import proportion


@pytest.mark.parametrize(
    ("clusters", "items", "rate"), [(8, 10, 0.7), (12, 10, 0.7), (15, 20, 0.85)]
)
def test_exact_intervals_cover_with_few_clusters(clusters, items, rate):
    """Without Student's t, 8 clusters cover 90%."""
    rng = np.random.default_rng(clusters)
    codes, everything = np.repeat(np.arange(clusters), items), np.ones(clusters * items, dtype=bool)
    held, runs = np.zeros(4), 500
    for _ in range(runs):
        rates = rng.beta(7 * rate, 7 * (1 - rate), size=clusters)  # intraclass correlation 1/8
        hits = rng.random(codes.size) < rates[codes]
        sample = read_sample(
            approved=everything,
            inclusion_probability=np.ones(codes.size),
            answer=hits,
            cluster=codes,
        )
        share = share_of(sample, approved=True, about="items like these")
        scored = Scored(
            scores=np.ones(codes.size), hits=hits, mass=np.ones(codes.size), codes=codes
        )
        found = (
            proportion(hits, groups=codes, method="exact"),
            weighted_share(hits, np.ones(codes.size), codes, empty="", level=0.95),
            scored.share(everything, level=0.95, empty=""),
            share.interval(level=0.95, exact=True),
        )
        held += [one.low <= rate <= one.high for one in found]
    assert held.min() / runs >= 0.93
