"""One calibration with everything in it, one with few answers, one of nothing."""

import math

import numpy as np
import pandas as pd
import pytest

from workbench.calibration import calibrate

THRESHOLDS = {"fidelity": 0.5, "title": 0.1}


def frame(n=1500, seed=0):
    """Category f is let through; three people err in one answer of ten."""
    rng = np.random.default_rng(seed)
    category = rng.choice(list("abcdef"), n)
    suitable = rng.random(n) < np.where(category == "f", 0.3, 0.7)
    seen = suitable | ((category == "f") & (rng.random(n) < 0.7))
    confidence = np.where(seen, rng.beta(9, 2, n), rng.beta(2, 5, n))
    approved = confidence >= 0.5
    inclusion = np.full(n, math.nan)
    for said, take in ((True, 400), (False, 150)):
        members = np.flatnonzero(approved == said)
        inclusion[rng.choice(members, take, replace=False)] = take / members.size
    drawn = ~np.isnan(inclusion)
    answer = np.where(drawn, suitable, None)
    people = {
        f"answer:{name}": np.where(drawn, np.where(rng.random(n) < 0.1, ~suitable, suitable), None)
        for name in ("anna", "bo", "cem")
    }
    return pd.DataFrame(
        {
            "generation": [f"g{i}" for i in range(n)],
            "approved": approved,
            "inclusion_probability": inclusion,
            "answer": answer,
            "confidence": confidence,
            "category": category,
            "failure_modes": [
                ("wrong_product" if c == "f" else "blurred") if a is False else None
                for a, c in zip(answer, category, strict=True)
            ],
            "score:fidelity": np.clip(confidence + rng.normal(0, 0.1, n), 0, 1),
            "score:title": rng.random(n),
            **people,
        }
    )


@pytest.fixture(scope="session")
def full():
    return calibrate(frame(), slices=["category"], thresholds=THRESHOLDS, promise=0.8)


@pytest.fixture(scope="session")
def few():
    """A dozen answers, all about approvals."""
    table = frame()
    answered = np.flatnonzero(table["answer"].notna() & table["approved"])[:12]
    table.loc[~table.index.isin(answered), ["answer", "answer:anna", "answer:bo", "answer:cem"]] = (
        None
    )
    return calibrate(table, slices=["category"], thresholds=THRESHOLDS, promise=0.95)


@pytest.fixture(scope="session")
def nothing():
    """The judge decided none of five, and nobody was asked."""
    table = frame().iloc[:5].copy()
    table[["approved", "answer", "answer:anna", "answer:bo", "answer:cem", "failure_modes"]] = None
    table["inclusion_probability"] = math.nan
    return calibrate(table, slices=["category"], thresholds=THRESHOLDS)
