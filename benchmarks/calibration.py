"""A million verdicts with ten thousand labels: everything that `calibrate` says, in one call on one core.

    python benchmarks/calibration.py
    python benchmarks/calibration.py --verdicts 100000 --labels 2000

Rates with their corrections, thresholds, maps of scores, 200 slices, failure modes, criteria behind the
errors, places where errors crowd. Beside it, on what they share, the packages truescore and evalstats with the same inputs in the
same process: seconds, and how far the numbers lie apart. Ends with status 1 where the call needs more
than 20 s of processor time or the process more than 2 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core, as the bar says

import numpy as np
import pandas as pd

from workbench.calibration import calibrate, krippendorff_alpha, ppi_mean, watch_precision

BAR_SECONDS = 20.0
BAR_BYTES = 2e9
SLICES = 200
WIDTH = 64
"""Numbers in the embedding of an answered item."""
MODES = ("wrong_color", "wrong_product", "text_overlay", "blurred", "cut_off", "invented_fact")
CRITERIA = {"fidelity": 0.5, "clarity": 0.5, "style": 0.4, "text": 0.3}


def frame_of(verdicts: int, labels: int, *, seed: int = 0) -> pd.DataFrame:
    """A judge whose approvals are right in about nine of ten, audited by verdict."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=verdicts)
    suitable = quality + rng.normal(scale=0.5, size=verdicts) > -0.2
    scores = {
        f"score:{name}": 1 / (1 + np.exp(-(1.5 * quality + rng.normal(size=verdicts))))
        for name in CRITERIA
    }
    approved = np.all([scores[f"score:{n}"] >= t for n, t in CRITERIA.items()], axis=0)
    confidence = np.mean(list(scores.values()), axis=0)
    inclusion = np.full(verdicts, np.nan)
    for verdict, share in ((True, 0.6), (False, 0.4)):
        rows = np.flatnonzero(approved == verdict)
        drawn = rng.choice(rows, min(rows.size, round(labels * share)), replace=False)
        inclusion[drawn] = drawn.size / rows.size
    answered = ~np.isnan(inclusion)
    answer = np.where(answered, suitable, None)
    named = np.where(answered & ~suitable, rng.choice(MODES, verdicts), None)
    vectors = np.full(verdicts, None, dtype=object)
    for row in np.flatnonzero(answered):
        vectors[row] = rng.normal(size=WIDTH).astype(np.float32)
    return pd.DataFrame(
        {
            "generation": np.char.add("g", np.arange(verdicts).astype(str)),
            "approved": approved,
            "confidence": confidence,
            "inclusion_probability": inclusion,
            "answer": answer,
            "failure_modes": named,
            "category": np.char.add("c", (rng.zipf(1.3, verdicts) % SLICES).astype(str)),
            "embedding": vectors,
            **scores,
        }
    )


def seconds(work: Callable[[], object], *, repeats: int = 3) -> tuple[float, object]:
    """Least processor time of `repeats` runs, and what the work returned."""
    best, found = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return float(best), found


def rates_by_slice(frame: pd.DataFrame) -> object:
    """Nothing but verdicts, answers and slices."""
    bare = frame[["generation", "approved", "inclusion_probability", "answer", "category"]]
    return calibrate(bare, slices=["category"])


def beside_peers(frame: pd.DataFrame) -> dict[str, object]:
    """The same estimates by us and by truescore and evalstats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peers' dependencies' own
        import evalstats
        import truescore

    inside = frame["approved"].to_numpy()
    labelled = inside & frame["answer"].notna().to_numpy()
    confidence = frame["confidence"].to_numpy()
    gold = frame["answer"].to_numpy()[labelled].astype(float)
    answered = frame["answer"].notna().to_numpy()
    rest = confidence[inside & ~labelled]
    among = confidence[inside]
    index = np.flatnonzero(labelled[inside])
    rng = np.random.default_rng(1)
    people = np.where(rng.random((3, 20_000)) < 0.7, rng.integers(0, 2, (3, 20_000)), np.nan)

    def pair(ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, float]:
        own, _ = seconds(ours)
        peer, _ = seconds(theirs, repeats=1)
        return {
            "workbench_s": round(own, 3), "peer_s": round(peer, 3), "ratio": round(peer / own, 2)
        }  # fmt: skip

    mine = ppi_mean(gold, confidence[labelled], rest).estimate
    theirs = truescore.ppi_estimate(among, gold, index)
    plain = ppi_mean(gold, confidence[labelled], rest, lam=1.0).estimate
    untuned = evalstats.ppi.correct(
        estimator_func=np.mean, Y_lab=gold, Y_hat_lab=confidence[labelled], Y_hat_unlab=rest,
        backend="analytic", power_tune=False,
    )  # fmt: skip
    alpha = krippendorff_alpha(people, scale="nominal").value
    return {
        "PPI++ of precision, truescore": {
            **pair(
                lambda: ppi_mean(gold, confidence[labelled], rest),
                lambda: truescore.ppi_estimate(among, gold, index),
            ),
            "difference": abs(mine.value - theirs.point),
        },
        "PPI of precision at λ = 1, evalstats": {
            **pair(
                lambda: ppi_mean(gold, confidence[labelled], rest, lam=1.0),
                lambda: evalstats.ppi.correct(
                    estimator_func=np.mean,
                    Y_lab=gold,
                    Y_hat_lab=confidence[labelled],
                    Y_hat_unlab=rest,
                    backend="analytic",
                    power_tune=False,
                ),
            ),
            "difference": abs(plain.value - untuned.estimate),
        },
        "200 slices: precision, missed and four rates each; truescore's pass rate of each": pair(
            lambda: rates_by_slice(frame),
            lambda: truescore.estimate_slices(
                inside.astype(float),
                frame["answer"][answered].to_numpy().astype(float),
                np.flatnonzero(answered),
                frame["category"].to_numpy(dtype=str),
            ),
        ),
        "Krippendorff's α of 20,000 items with an interval (truescore's has none)": {
            **pair(
                lambda: krippendorff_alpha(people, scale="nominal"),
                lambda: truescore.krippendorff_alpha(people),
            ),
            "difference": abs(alpha - truescore.krippendorff_alpha(people)),
        },
        "bounds at every look, 2,000 labels (another method: no common number)": pair(
            lambda: watch_precision(list(gold[:2000] > 0), promise=0.8),
            lambda: truescore.confidence_sequence(gold[:2000]),
        ),
    }


def main() -> int:
    """Print one JSON object; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=10_000)
    told = parser.parse_args()
    frame = frame_of(told.verdicts, told.labels)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    wall = time.perf_counter()
    needed, found = seconds(
        lambda: calibrate(
            frame, slices=["category"], thresholds=CRITERIA, jointly=("fidelity", "clarity")
        ),
        repeats=1,
    )
    wall = time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {
                "verdicts": told.verdicts,
                "labels": told.labels,
                "slices": int(frame["category"].nunique()),
                "calibrate_cpu_s": round(needed, 2),
                "calibrate_wall_s": round(wall, 2),
                "peak_gb": round(peak / 1e9, 2),
                "of_which_the_frame_gb": round(before / 1e9, 2),
                "json_bytes": len(found.to_json()),
                "peers": beside_peers(frame),
            },
            indent=1,
            ensure_ascii=False,
        )
    )
    return int(needed > BAR_SECONDS or peak > BAR_BYTES)


if __name__ == "__main__":
    sys.exit(main())
