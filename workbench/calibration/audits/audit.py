"""Whom to show to people: a draw from approvals and rejections with known probabilities.

Every design draws a simple random sample in each of its strata, so that an item's probability is the
stratum's share that is drawn: exact, and what the variances of `rates` are made for.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence

from workbench.calibration.audits._strata import (
    Decision,
    Design,
    allocate,
    bands_of,
    measures,
    stratum_in,
)
from workbench.errors import CalibrationError
from workbench.records import Audit, AuditedItem, content_key

_PLACES = 12  # of a probability in the record: float noise must not make a new audit
_DESIGNS = ("uniform", "stratified", "near-threshold", "neyman")


def draw_audit(
    verdicts: Sequence[Decision],
    *,
    size: int,
    seed: int,
    design: Design = "stratified",
    categories: Sequence[str] | None = None,
    minimum: int = 2,
    threshold: float | None = None,
    expected: Sequence[float | None] | None = None,
    run: str | None = None,
) -> Audit:
    """Draw `size` judged generations for people, approvals and rejections alike.

    `uniform` gives every generation the same chance. The others draw from strata, `minimum` of each
    first (all of a smaller one):

    - `stratified`: verdict × category, in proportion to size.
    - `near-threshold`: verdict × band of distance between confidence and `threshold`, four bands of
      about equally many generations. Each farther band is drawn half as often; none is left out, so
      that every rate stays identifiable.
    - `neyman`: verdict × category, or verdict × band of confidence without `categories`, in proportion
      to size × standard deviation of the answers that are `expected`. Of all allocations it leaves the
      suitable rate the least variance.

    Verdicts without a decision (`approved` is None) are not drawn. For a threshold with a promise draw
    `uniform` or `stratified`: `choose_threshold` thins labels until all above it were equally likely,
    and unequal draws lose most by that.

    The draw ranks generations by a hash of `seed` and their key (permanent random numbers) and takes
    the first ones of each stratum: it depends on neither the order of `verdicts` nor the machine, the
    same arguments give the same draw, and `grow_audit` keeps everybody who was drawn.

    Args:
        verdicts: One per generation, of one judge and one rubric.
        size: Generations to draw, at least 1; all where there are fewer.
        seed: Of the ranking.
        design: How.
        categories: One per verdict; None: strata know no categories.
        minimum: Least draws of a stratum; 2 lets its spread be seen.
        threshold: Confidence, 0 to 1, that `near-threshold` is about; for no other design.
        expected: One per verdict, the probability that people find it suitable as far as it is known
            beforehand (such as `ScoreMap.apply` gives it); None: the judge's confidence. For `neyman`.
        run: Id of the run that draws, for the record.

    Raises:
        ValueError: A list has the wrong length, an argument is out of range or of another design, a
            generation comes twice, or judges and rubrics are mixed.
        CalibrationError: There is nothing to draw from, or `size` cannot give each stratum its minimum.

    Source: Neyman 1934, J. R. Stat. Soc. 97:558; Ohlsson 1995 (permanent random numbers).
    """
    strata, parameters = lay_out(
        verdicts, size=size, design=design, categories=categories, minimum=minimum,
        threshold=threshold, expected=expected,
    )  # fmt: skip
    judge, rubric = _one_source(verdicts)
    parameters["population"] = {
        "verdicts": len(verdicts),
        "sha256": digest_of(v.key for v in verdicts),
    }
    return _drawn(
        verdicts, strata, parameters, size=size, judge=judge, rubric=rubric, design=design,
        seed=seed, run=run,
    )  # fmt: skip


def grow_audit(
    audit: Audit,
    verdicts: Sequence[Decision],
    *,
    size: int,
    categories: Sequence[str] | None = None,
    run: str | None = None,
) -> Audit:
    """Draw on until `size` generations are drawn: all of `audit`, and more by the same ranks and strata.

    Each stratum keeps what it has; its probability is that of the whole draw, as if `size` had been
    drawn at once. The allocation is the first one's, not that of answers that came since: those would
    make the probabilities depend on them.

    Args:
        audit: As `draw_audit` or `grow_audit` made it.
        verdicts: The same population, in any order.
        size: Generations in all, more than `audit` holds.
        categories: As for the first draw.
        run: Id of the run that draws, for the record.

    Raises:
        ValueError: `size` is not larger, or categories do not fit.
        CalibrationError: `verdicts` are not the population that `audit` was drawn from.
    """
    _check(verdicts, size=size, minimum=0, design=audit.design, categories=categories)
    if size <= len(audit.drawn):
        raise ValueError(
            f"want more than the {len(audit.drawn)} that are drawn already, got {size=}"
        )
    known = population_digest(audit)
    if digest_of(v.key for v in verdicts) != known:
        raise CalibrationError(
            f"audit {audit.id[:12]} was drawn from other verdicts than these {len(verdicts)}: "
            "pass the same ones, or draw another audit"
        )
    strata = _strata(verdicts, audit.design, audit.parameters, categories)
    if {name: len(rows) for name, rows in strata.items()} != dict(audit.strata):
        raise ValueError(
            f"audit {audit.id[:12]} has the strata {sorted(audit.strata)[:6]}, these verdicts give "
            f"{sorted(strata)[:6]}: pass the categories that it was drawn with"
        )
    earlier = audit.parameters.get("grown_from", [])
    parameters = {
        **audit.parameters,
        "grown_from": [*(earlier if isinstance(earlier, list | tuple) else ()), audit.id],
    }
    return _drawn(
        verdicts, strata, parameters, size=size, judge=audit.judge, rubric=audit.rubric,
        design=audit.design, seed=audit.seed, run=run, before=audit.drawn,
    )  # fmt: skip


def lay_out(
    verdicts: Sequence[Decision],
    *,
    size: int,
    design: Design,
    categories: Sequence[str] | None,
    minimum: int,
    threshold: float | None,
    expected: Sequence[float | None] | None,
) -> tuple[dict[str, list[int]], dict[str, object]]:
    """Strata of a draw (name to positions of decided verdicts) and the parameters that make them.

    Arguments and what is raised are those of `draw_audit`.
    """
    _check(verdicts, size=size, minimum=minimum, design=design, categories=categories)
    _check_design(verdicts, design=design, threshold=threshold, expected=expected)
    if categories is not None and design == "near-threshold":
        raise ValueError("`near-threshold` draws by distance: leave `categories` out")
    decided = [v for v in verdicts if v.approved is not None]
    if not decided:
        raise CalibrationError(
            f"the judge decided none of {len(verdicts)} generations: there is nothing to audit"
        )
    parameters: dict[str, object] = {"minimum": 0 if design == "uniform" else minimum}
    if design == "near-threshold" or (design == "neyman" and categories is None):
        parameters["edges"] = bands_of(decided, size=size, minimum=minimum, threshold=threshold)
    if threshold is not None:
        parameters["threshold"] = float(threshold)
    strata = _strata(verdicts, design, parameters, categories)
    likely = [v.confidence for v in verdicts] if expected is None else expected
    if design in ("near-threshold", "neyman"):
        shares = measures(strata, design=design, expected=likely)
        parameters["measure"] = {name: float(f"{x:.9g}") for name, x in sorted(shares.items())}
    return strata, parameters


def take_from(
    strata: Mapping[str, Sequence[int]],
    parameters: Mapping[str, object],
    *,
    size: int,
    drawn: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Stratum to how many of it are drawn; `drawn` are drawn already."""
    least, measure = parameters["minimum"], parameters.get("measure")
    return allocate(
        {name: len(rows) for name, rows in strata.items()},
        size=size,
        minimum=least if isinstance(least, int) else 0,
        measure=measure if isinstance(measure, Mapping) else None,
        drawn=drawn,
    )


def digest_of(keys: Iterable[str]) -> str:
    """Sha256 (64 hex digits) of keys, whatever their order."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def population_digest(audit: Audit) -> str:
    """Digest of the verdicts that `audit` was drawn from.

    Raises:
        CalibrationError: The audit does not say it.
    """
    population = audit.parameters.get("population")
    if not isinstance(population, Mapping) or "sha256" not in population:
        raise CalibrationError(
            f"audit {audit.id[:12]} does not say which verdicts it was drawn from in a way that this "
            "version reads: draw another one with `workbench audit`"
        )
    return str(population["sha256"])


def _strata(
    verdicts: Sequence[Decision],
    design: str,
    parameters: Mapping[str, object],
    categories: Sequence[str] | None,
) -> dict[str, list[int]]:
    """Stratum to the positions of its decided verdicts, names sorted."""
    strata: dict[str, list[int]] = {}
    for i, verdict in enumerate(verdicts):
        if verdict.approved is not None:
            category = "" if categories is None else categories[i]
            strata.setdefault(stratum_in(design, parameters, verdict, category), []).append(i)
    return dict(sorted(strata.items()))


def _drawn(
    verdicts: Sequence[Decision],
    strata: Mapping[str, Sequence[int]],
    parameters: Mapping[str, object],
    *,
    size: int,
    judge: str,
    rubric: str,
    design: str,
    seed: int,
    run: str | None,
    before: Sequence[AuditedItem] = (),
) -> Audit:
    sizes = {name: len(rows) for name, rows in strata.items()}
    has: dict[str, int] = {}
    for item in before:
        has[item.stratum] = has.get(item.stratum, 0) + 1
    take = take_from(strata, parameters, size=size, drawn=has)
    parameters = {"size": size, **{k: v for k, v in parameters.items() if k != "size"}}
    return Audit(
        id=content_key("audit", judge, rubric, design, seed, parameters, sizes),
        judge=judge,
        rubric=rubric,
        design=design,
        seed=seed,
        strata=sizes,
        drawn=tuple(
            AuditedItem(
                generation=verdicts[i].generation,
                verdict=verdicts[i].key,
                stratum=name,
                inclusion_probability=round(take[name] / sizes[name], _PLACES),
            )
            for name, rows in strata.items()
            for i in heapq.nsmallest(
                take[name], rows, key=lambda i: _rank(seed, verdicts[i].generation)
            )
        ),
        parameters=parameters,
        run=run,
    )


def _check(
    verdicts: Sequence[Decision],
    *,
    size: int,
    minimum: int,
    design: str,
    categories: Sequence[str] | None,
) -> None:
    if categories is not None and len(categories) != len(verdicts):
        raise ValueError(
            f"want one category for each of {len(verdicts)} verdicts, got {len(categories)}"
        )
    if size < 1 or minimum < 0:
        raise ValueError(
            f"want a size of 1 or more and a minimum per stratum of 0 or more, got size {size!r} and minimum "
            f"{minimum!r}"
        )
    if design not in _DESIGNS:
        raise ValueError(f"`design` is one of {', '.join(map(repr, _DESIGNS))}, got {design!r}")


def _check_design(
    verdicts: Sequence[Decision],
    *,
    design: str,
    threshold: float | None,
    expected: Sequence[float | None] | None,
) -> None:
    if (threshold is not None) != (design == "near-threshold"):
        raise ValueError(
            f"`threshold` goes with the design 'near-threshold' alone, got {threshold!r} and {design!r}"
        )
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` lies between 0 and 1, got {threshold!r}")
    if expected is not None:
        if design != "neyman" or len(expected) != len(verdicts):
            raise ValueError(
                "`expected` goes with the design 'neyman' and has one value for each of "
                f"{len(verdicts)} verdicts, got {len(expected)} and {design!r}"
            )
        _check_shares("expected", expected)
    if design in ("near-threshold", "neyman"):
        _check_shares("confidence", [v.confidence for v in verdicts])


def _check_shares(name: str, values: Sequence[float | None]) -> None:
    for i, value in enumerate(values):
        if value is not None and not 0 <= value <= 1:  # NaN fails this too
            raise ValueError(f"`{name}` lies between 0 and 1 or is None, got {value!r} in row {i}")


def _one_source(verdicts: Sequence[Decision]) -> tuple[str, str]:
    sources = sorted({(verdict.judge, verdict.rubric) for verdict in verdicts})
    if len(sources) > 1:
        raise ValueError(f"an audit is of one judge and one rubric, got {sources[:4]}")
    seen: set[str] = set()
    for verdict in verdicts:
        if verdict.generation in seen:
            raise ValueError(
                f"generation {verdict.generation!r} has two verdicts; pass one of each"
            )
        seen.add(verdict.generation)
    return sources[0] if sources else ("", "")


def _rank(seed: int, generation: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{generation}".encode()).digest()
