"""What approving from each confidence on would be worth, worked out once for every threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from annotation.notebook._rows import Rows
from workbench.calibration import rates

if TYPE_CHECKING:
    from workbench.metrics.estimate import Estimate

MOST = 120
"""Thresholds at most; where there are more confidences, these are at equal steps of items."""

_CELLS = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def curve_of(rows: Rows) -> dict[str, Any]:
    """Precision and recall of approving from each threshold on, by `workbench.calibration.rates`.

    A dict of JSON types: `points` (`threshold`, `approved` items, `precision`, `recall`; ascending), `judged`
    items with a confidence, `answered` among them, and `reason`, a sentence where there are no points.
    """
    import pandas as pd

    given = arguments_of(rows)
    if isinstance(given, str):
        return {"points": [], "judged": 0, "answered": 0, "reason": given}
    confidence = given.pop("confidence")
    scores = np.array([np.nan if x is None or pd.isna(x) else x for x in confidence], dtype=float)
    there = ~np.isnan(scores)
    if not there.any():
        reason = "The judge gave no confidence, so there is no threshold to move."
        return {"points": [], "judged": 0, "answered": 0, "reason": reason}
    kept: dict[str, Any] = {
        name: None
        if values is None
        else [one for one, keep in zip(values, there, strict=True) if keep]
        for name, values in given.items()
    }
    answered = sum(one is not None for one in kept["answer"])
    points = []
    for threshold in thresholds_of(scores[there]):
        above = scores[there] >= threshold
        found = rates(approved=[bool(one) for one in above], **kept)
        points.append(
            {
                "threshold": float(threshold),
                "approved": int(above.sum()),
                "precision": shown(found.precision),
                "recall": shown(found.recall),
            }
        )
    return {"points": points, "judged": int(there.sum()), "answered": answered, "reason": ""}


def thresholds_of(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The distinct confidences, ascending; of more than `MOST`, those at equal steps of items."""
    found: np.ndarray[Any, Any] = np.unique(scores)
    if found.size > MOST:
        found = np.unique(np.quantile(scores, np.linspace(0, 1, MOST), method="lower"))
    return found


def arguments_of(rows: Rows) -> dict[str, Any] | str:
    """Arguments of `workbench.calibration.rates` but `approved`, and `confidence`; or why there are none."""
    if rows.audited is not None:
        return _of_audit(rows)
    frame = rows.frame
    if "confidence" not in frame.columns:
        return "There is no column `confidence`, so there is no threshold to move."
    if "answer" not in frame.columns or not frame["answer"].notna().any():
        return "Nobody has answered yet, so nothing says what a threshold is worth."
    answer = [None if _missing(one) else bool(one) for one in frame["answer"]]
    chance = (
        [None if _missing(one) else float(one) for one in frame["inclusion_probability"]]
        if "inclusion_probability" in frame.columns
        else [None if one is None else 1.0 for one in answer]
    )
    if "inclusion_probability" not in frame.columns and None in answer:
        return (
            "Some rows have no answer and there is no column `inclusion_probability`: how the others were "
            "drawn has to be known before they say anything about all."
        )
    return {
        "confidence": list(frame["confidence"]),
        "inclusion_probability": chance,
        "answer": answer,
        "stratum": list(map(str, frame["stratum"])) if "stratum" in frame.columns else None,
        "cluster": list(map(str, frame["cluster"])) if "cluster" in frame.columns else None,
    }


def _of_audit(rows: Rows) -> dict[str, Any] | str:
    from workbench.calibration import gather
    from workbench.store import group_of

    assert rows.audited is not None
    population = rows.audited.population
    gathered = gather(
        [j.verdict for j in population],
        rows.audited.audit,
        [one for j in population for one in j.annotations],
        groups={j.generation.key: group_of(j.item) for j in population if j.item},
        categories={j.generation.key: j.generation.category for j in population},
    )
    if gathered.confidence is None:
        return "The judge gave no confidence, so there is no threshold to move."
    if all(one is None for one in gathered.answer):
        return "Nobody has answered the audit yet, so nothing says what a threshold is worth."
    names = ("confidence", "inclusion_probability", "answer", "stratum", "cluster")
    return {name: getattr(gathered, name) for name in names}


def _missing(value: object) -> bool:
    import pandas as pd

    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]


def shown(estimate: Estimate) -> dict[str, Any]:
    """What the front end shows of an estimate."""
    return {
        name: getattr(estimate, name) for name in ("value", "low", "high", "n", "reason", "level")
    }


def worth_of(rows: Rows) -> Mapping[str, Any] | None:
    """The page's own numbers: rates of the judge's decisions and its confusion; None without an audit."""
    if rows.audited is None:
        return None
    found = rows.audited.calibration
    confusion = {name: shown(getattr(found.confusion, name)) for name in _CELLS}
    return {
        "precision": shown(found.rates.precision),
        "recall": shown(found.rates.recall),
        "confusion": confusion,
        "simulated": found.simulated,
        "suggested": None if found.threshold is None else found.threshold.value,
        "promise": None if found.threshold is None else found.threshold.promise,
    }
