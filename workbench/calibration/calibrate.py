"""From arrays of verdicts, audit and answers to everything that a calibration page shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from workbench.calibration._by_confidence import (
    held_out_of,
    joint_threshold_of,
    reliability_of,
    risk_coverage_of,
    score_calibration_of,
    threshold_of,
)
from workbench.calibration._calibration import (
    Calibration,
    Confusion,
    Counts,
    People,
    UnnamedModes,
)
from workbench.calibration._sample import Bools, Floats, Sample, as_floats, read_sample
from workbench.calibration.errors.clusters import FailureClusters, failure_clusters
from workbench.calibration.errors.failures import failures_of
from workbench.calibration.errors.slices import failure_modes_of, slices_of
from workbench.calibration.people.agreement import krippendorff_alpha
from workbench.calibration.people.ceiling import human_ceiling
from workbench.calibration.rates._shares import About
from workbench.calibration.rates.corrected import corrected_of
from workbench.calibration.rates.estimates import Rates, rates_of
from workbench.calibration.rates.ppi import read_confidence
from workbench.metrics.estimate import Estimate, check_level, is_share

_T = TypeVar("_T")


def calibrate_arrays(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    confidence: Sequence[float | None] | None = None,
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[str]] | None = None,
    failure_modes: Sequence[Collection[str]] | None = None,
    keys: Sequence[str] | None = None,
    scores: Mapping[str, Sequence[float | None]] | None = None,
    thresholds: Mapping[str, float] | None = None,
    decides: Mapping[str, bool] | None = None,
    jointly: Sequence[str] = (),
    people: Mapping[str, Sequence[bool | None]] | None = None,
    embeddings: Sequence[npt.ArrayLike | None] | None = None,
    texts: Sequence[str] | None = None,
    about: About = "items like these",
    level: float = 0.95,
    promise: float = 0.9,
    failure_probability: float = 0.05,
    held_out: float = 1 / 3,
    seed: int = 0,
    simulated: bool = False,
) -> Calibration:
    """Measure a judge against the answers on an audited sample; `calibrate` does it from a pandas frame.

    All sequences have one entry per item that the judge saw, N in all, audited or not, in one order.
    Thresholds are chosen, and confidences mapped, on a random part of the labels and reported on the
    rest; clusters stay together.

    Args:
        approved: The judge's verdict; None where it abstained.
        inclusion_probability: With which the audit drew the item, over 0 and up to 1; None where not drawn.
        answer: Whether people find it suitable; None where nobody was asked or nobody answered.
        confidence: The judge's, 0 to 1, that people approve; None where it gave none.
        stratum: The audit's stratum of every item, drawn or not; None: one stratum per verdict.
        cluster: Items that belong together, such as the parent product; None: independent.
        slices: Label name to one label per item, such as `{"category": [...]}`.
        failure_modes: What people named, one collection per item; None: they were not asked.
        keys: What each item is called where errors are named; None: they are not.
        scores: Criterion to the judge's score per item, None where it gave none; wants `keys` and `thresholds`.
        thresholds: Criterion to the score from which on it is passed, of the same criteria.
        decides: Criterion to whether failing it rejects; None: all do.
        jointly: Criteria, with scores from 0 to 1, for which thresholds are chosen that keep the promise together.
        people: Person to answers, None where they gave none, for agreement and the human ceiling; wants
            the items that they answered to be drawn.
        embeddings: One vector per item; only those of answered items are read, None elsewhere will do.
        texts: One per item, such as titles, whose words describe crowded errors; wants `embeddings`.
        about: `these items` for statements on this batch alone (finite-population variance).
        level: Of all intervals, between 0 and 1.
        promise: Precision that the threshold shall keep, between 0 and 1.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        held_out: Share of labels kept from choosing the threshold, 0 to below 1.
        seed: Of the split, the thinning and the bootstrap.
        simulated: True where the answers are not people's.

    Example:
        One hundred approvals that people answered, and fifty rejections that nobody looked at:

        >>> found = calibrate_arrays(
        ...     approved=[True] * 100 + [False] * 50,
        ...     inclusion_probability=[1.0] * 100 + [None] * 50,
        ...     answer=[True] * 88 + [False] * 12 + [None] * 50,
        ... )
        >>> precision = found.rates.precision
        >>> f"{precision.value:.2f}, from {precision.low:.3f} to {precision.high:.3f}"
        '0.88, from 0.802 to 0.930'
        >>> found.rates.recall.value, found.rates.recall.reason
        (None, 'not identifiable: no rejection was audited')

    Raises:
        ValueError: Lengths differ, a value is out of range, or an item was answered but not drawn.
    """
    check_level(level)
    n = len(approved)
    _check_numbers(promise, failure_probability, held_out, seed)
    for argument, told in (("thresholds", thresholds), ("decides", decides)):
        unknown = [name for name in told or {} if name not in (scores or {})]
        if unknown:
            raise ValueError(
                f"`{argument}` names criteria that have scores, {list(scores or {})}, got {unknown}"
            )
    given = {
        "confidence": confidence, "failure_modes": failure_modes, "keys": keys, "texts": texts,
        "embeddings": embeddings, **(slices or {}), **(scores or {}), **(people or {}),
    }  # fmt: skip
    for name, values in given.items():
        if values is not None and len(values) != n:
            raise ValueError(
                f"`{name}` wants one value for each of {n} verdicts, got {len(values)}"
            )
    # By position, whatever the index of a pandas series says.
    keys, texts = _listed(keys), _listed(texts)
    embeddings, failure_modes = _listed(embeddings), _listed(failure_modes)
    strangers = [name for name in jointly if name not in (scores or {})]
    if strangers:
        raise ValueError(
            f"`jointly` names criteria that have scores, {list(scores or {})}, got {strangers}"
        )
    if scores and keys is None:
        raise ValueError("`scores` want `keys`, which say what the judge's errors are called")
    if texts is not None and embeddings is None:
        raise ValueError("`texts` describe crowded errors and want `embeddings`, which find them")
    sample = read_sample(
        approved=approved,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
        cluster=cluster,
    )
    counts = _counts(sample, judged=n)
    found = rates_of(sample, about=about, level=level)
    kept = held_out_of(sample, held_out, seed)
    notes = _notes(counts, simulated=simulated)
    threshold, curve, mapped, risks, beside, joint = None, None, None, None, None, None
    if confidence is not None:
        sure = read_confidence(confidence, sample, n=n)
        threshold = threshold_of(
            sample, sure, kept=kept, promise=promise, failure_probability=failure_probability,
            level=level, seed=seed,
        )  # fmt: skip
        curve = reliability_of(sample, sure, level=level, seed=seed)
        risks = risk_coverage_of(sample, sure, level=level, seed=seed)
        beside = corrected_of(sample, sure, found, about=about, level=level)
        fitted = score_calibration_of(sample, sure, kept=kept, level=level, seed=seed)
        if isinstance(fitted, str):
            notes = (*notes, fitted) if fitted else notes
        else:
            mapped = fitted
    if jointly:
        columns = {name: as_floats((scores or {})[name])[sample.rows] for name in jointly}
        joint = joint_threshold_of(
            sample, columns, kept=kept, promise=promise, failure_probability=failure_probability,
            level=level, seed=seed,
        )  # fmt: skip
    return Calibration(
        about=about,
        level=level,
        simulated=simulated,
        counts=counts,
        rates=found,
        confusion=_confusion(found, counts),
        threshold=threshold,
        joint_threshold=joint,
        reliability=curve,
        score_calibration=mapped,
        risk_coverage=risks,
        corrected=beside,
        slices=tuple(
            one
            for by, labels in (slices or {}).items()
            for one in slices_of(sample, labels, by=by, about=about, level=level)
        ),
        failure_modes=()
        if failure_modes is None
        else failure_modes_of(sample, failure_modes, about=about, level=level),
        unnamed_modes=None
        if embeddings is None
        else _unnamed(sample, embeddings, keys, texts, level=level, seed=seed),
        failures=None
        if keys is None
        else failures_of(
            sample, keys=keys, scores=scores or {}, thresholds=thresholds or {}, decides=decides,
            level=level, seed=seed,
        ),
        people=_people(sample, people, level=level, seed=seed) if people else None,
        notes=notes,
    )  # fmt: skip


def _people(
    sample: Sample, people: Mapping[str, Sequence[bool | None]], *, level: float, seed: int
) -> People:
    """Agreement and the ceiling over the items that anybody answered."""
    said = {
        name: np.array(list(values), dtype=object)[sample.rows] for name, values in people.items()
    }
    for name, values in said.items():
        stray = np.flatnonzero((values != None) & np.isnan(sample.inclusion))  # noqa: E711 - elementwise
        if stray.size:
            raise ValueError(
                f"{name!r} answered row {int(sample.rows[stray[0]])}, which has no inclusion probability"
            )
    asked = np.any([values != None for values in said.values()], axis=0)  # noqa: E711 - elementwise
    places = np.flatnonzero(asked)
    answers = {name: values[places].tolist() for name, values in said.items()}
    ratings = np.stack([as_floats(values) for values in answers.values()])  # (people, items)
    groups = None if sample.clusters is None else sample.clusters[places]
    inclusion = sample.inclusion[places]
    return People(
        annotators=tuple(answers),
        items=int(((~np.isnan(ratings)).sum(axis=0) > 1).sum()),
        alpha=krippendorff_alpha(ratings, scale="nominal", groups=groups, level=level, seed=seed),
        ceiling=human_ceiling(
            sample.approved[places].tolist(),
            answers,
            inclusion_probability=inclusion.tolist(),
            cluster=None if groups is None else groups.astype(str).tolist(),
            level=level,
            seed=seed,
        ),
    )


def _check_numbers(
    promise: object, failure_probability: object, held_out: object, seed: object
) -> None:
    for name, value in {"promise": promise, "failure_probability": failure_probability}.items():
        if not is_share(value):
            raise ValueError(f"want `{name}` between 0 and 1, such as 0.9; got {value!r}")
    if not (is_share(held_out) or held_out == 0):
        raise ValueError(f"`held_out` is a share from 0 to below 1, got {held_out!r}")
    if not (isinstance(seed, Integral) and int(seed) >= 0):
        raise ValueError(f"want `seed` to be a whole number of 0 or more, got {seed!r}")


def _listed(values: Sequence[_T] | None) -> list[_T] | None:
    return None if values is None else list(values)


def _unnamed(
    sample: Sample,
    embeddings: Sequence[npt.ArrayLike | None],
    keys: Sequence[str] | None,
    texts: Sequence[str] | None,
    *,
    level: float,
    seed: int,
) -> UnnamedModes:
    weights = sample.weights

    def among(side: Bools, failed: Bools) -> FailureClusters:
        places = np.flatnonzero(side & sample.answered)
        rows = sample.rows[places].tolist()
        vectors = [embeddings[row] for row in rows]
        missing = next((row for row, v in zip(rows, vectors, strict=True) if v is None), None)
        if missing is not None:
            raise ValueError(f"every answered item wants an embedding, row {missing} has none")
        try:
            table: Floats = np.array(vectors, dtype=float)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                "embeddings want one vector of as many numbers for each answered item, got different lengths or no numbers"
            ) from error
        odd = np.flatnonzero(~np.isfinite(table.reshape(len(table), -1)).all(axis=1))
        if odd.size:
            raise ValueError(
                f"the embedding in row {rows[odd[0]]} holds NaN or infinity: leave the row's answer out"
            )
        return failure_clusters(
            table,
            failed[places].tolist(),
            [str(row) if keys is None else keys[row] for row in rows],
            texts=None if texts is None else [texts[row] for row in rows],
            weights=weights[places].tolist(),
            groups=None
            if sample.clusters is None
            else sample.clusters[places].astype(str).tolist(),
            level=level,
            seed=seed,
        )

    return UnnamedModes(
        false_positives=among(sample.approved, ~sample.suitable),
        false_negatives=among(~sample.approved, sample.suitable),
    )


def _counts(sample: Sample, *, judged: int) -> Counts:
    drawn = ~np.isnan(sample.inclusion)
    yes, no = sample.approved, ~sample.approved
    return Counts(
        judged=judged,
        approved=int(yes.sum()),
        rejected=int(no.sum()),
        abstained=judged - sample.approved.size,
        drawn_approvals=int((yes & drawn).sum()),
        drawn_rejections=int((no & drawn).sum()),
        answered_approvals=int((yes & sample.answered).sum()),
        answered_rejections=int((no & sample.answered).sum()),
        suitable_approvals=int((yes & sample.answered & sample.suitable).sum()),
        suitable_rejections=int((no & sample.answered & sample.suitable).sum()),
    )


def _confusion(rates: Rates, counts: Counts) -> Confusion:
    return Confusion(
        true_positives=_scaled(rates.precision, counts.approved),
        false_positives=_scaled(rates.precision, counts.approved, rest=True),
        false_negatives=_scaled(rates.missed, counts.rejected),
        true_negatives=_scaled(rates.missed, counts.rejected, rest=True),
    )


def _scaled(share: Estimate, items: int, *, rest: bool = False) -> Estimate:
    """`share` of `items` (or the rest of them), in items."""
    if items == 0:
        return replace(
            share, value=0.0, low=0.0, high=0.0, method="counted", effective_n=None, reason=None
        )
    if share.value is None or share.low is None or share.high is None:
        return share
    value, low, high = (
        (1 - share.value, 1 - share.high, 1 - share.low)
        if rest
        else (share.value, share.low, share.high)
    )
    return replace(share, value=value * items, low=low * items, high=high * items)


def _notes(counts: Counts, *, simulated: bool) -> tuple[str, ...]:
    notes = []
    if simulated:
        notes.append(
            "The answers are not people's: they were simulated or taken from the catalogue's truth."
        )
    if counts.abstained:
        notes.append(
            f"The judge did not decide {counts.abstained} of {counts.judged} items; no rate counts them."
        )
    if counts.rejected and not counts.answered_rejections:
        known = "precision is known, but " if counts.answered_approvals else ""
        notes.append(
            f"No rejection was audited: {known}recall, false positives among the unsuitable, "
            "false negatives, accuracy and κ are not identifiable. Audit some rejections."
        )
    if counts.approved and not counts.answered_approvals:
        notes.append(
            "No approval was audited: precision is not identifiable. Audit some approvals."
        )
    silent = (
        counts.drawn_approvals + counts.drawn_rejections
        - counts.answered_approvals - counts.answered_rejections
    )  # fmt: skip
    if silent:
        notes.append(
            f"{silent} drawn {'item has' if silent == 1 else 'items have'} no answer that counts yet; they are "
            "taken to be like their stratum."
        )
    return tuple(notes)
