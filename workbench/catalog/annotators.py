"""Simulated annotators: answers with stated error rates about generations whose truth is known.

They stand in for people where a demonstration or a test needs answers and nobody has given any. Every
record of theirs says `simulated` and carries the name `simulated:<name>`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from workbench.catalog.truth import Judged, annotate_from_truth, truth_of
from workbench.metrics.claims import title_claims
from workbench.records import Annotation, Correction, Generation, Item, content_key
from workbench.rubric import Criterion, Rubric
from workbench.schema import Schema, check_listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is true of one generation, in the words of a rubric."""

    approved: bool
    scores: Mapping[str, float]
    """Criterion to the right point; criteria on which the truth says nothing are absent."""
    failure_modes: tuple[str, ...]
    corrections: tuple[tuple[str, str | None, str | None], ...] = ()
    """What it is about, what was said, what is right; see `Correction`."""


def known_image(flaws: Collection[str], rubric: Rubric) -> Known:
    """What is true of a drawn image with `flaws`.

    Raises:
        ValueError: `flaws` holds something that is no failure mode of `rubric`.
    """
    modes = {mode.id: mode for mode in rubric.failure_modes}
    for flaw in flaws:
        if flaw not in modes:
            raise ValueError(
                f"want failure modes of {rubric.label} ({', '.join(modes)}), got {flaw!r}"
            )
    failed = {modes[flaw].criterion for flaw in flaws}
    return Known(
        approved=not flaws,
        scores={c.id: _point(c, passed=c.id not in failed) for c in rubric.criteria},
        failure_modes=tuple(mode for mode in modes if mode in flaws),
    )


def known_listing(
    generation: Generation,
    item: Item,
    *,
    schema: Schema,
    rubric: Rubric,
    measured: Mapping[str, bool | None] | None = None,
) -> Known:
    """What is true of a listing: which stated aspects are right, wrong, or no photo's to show.

    Args:
        generation: A listing of `item`.
        item: A drawn item, or one whose catalogue can be trusted.
        schema: The catalogue's.
        rubric: Whose criteria are answered.
        measured: Criterion to passed or not, for criteria that instruments measure on the text; what is
            not given is taken from the schema (`grounded`, `schema`) or left out.

    Raises:
        SchemaError: The item's category is not in the schema.
    """
    listing = generation.listing
    found = annotate_from_truth(generation, item, schema=schema, rubric=rubric, measured={})
    if listing is None:
        return Known(approved=False, scores={}, failure_modes=("no_output",))
    category = truth_of(item, schema).category
    hidden = {a.name for a in category.attributes if a.visible == "no"}
    named = title_claims(listing.title, category, schema).values
    unseen = {
        n: v
        for n, v in listing.aspects.items()
        if (a := category.attribute(n)) and a.name in hidden
    }
    passed: dict[str, bool | None] = {
        "grounded": not unseen and not hidden & set(named),
        "schema": not check_listing(listing, category),
    }
    passed |= measured or {}
    scores = dict(found.annotation.scores)
    for criterion in rubric.criteria:
        if (answer := passed.get(criterion.id)) is not None:
            scores[criterion.id] = _point(criterion, passed=answer)
    failed = {c.id for c in rubric.criteria if c.id in scores and scores[c.id] < c.threshold}
    deciding = {c.id for c in rubric.criteria if c.decides}
    corrections = [
        (c.about, c.before, c.after)
        for c in found.corrections
        if c.about.removeprefix("aspects.") not in hidden
    ]
    # What no photo shows is taken out, whether it is true or not.
    corrections += [(f"aspects.{name}", ", ".join(said), None) for name, said in unseen.items()]
    if failed and (title := item.truth.get("title")) and title != listing.title:
        corrections.append(("title", listing.title, title))
    return Known(
        approved=not failed & deciding,
        scores=scores,
        failure_modes=tuple(m.id for m in rubric.failure_modes if m.criterion in failed),
        corrections=tuple(corrections),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAnnotator:
    """Someone who errs at known rates. The same seed and generation give the same answer."""

    name: str
    seed: int = 0
    false_approve: float = 0.08
    """Probability that what is wrong is approved."""
    false_reject: float = 0.06
    """Probability that what is right is rejected."""
    criterion_noise: float = 0.10
    """Probability that a criterion's point is one off, where that does not contradict the approval."""
    mode_confusion: float = 0.10
    """Probability that a failure is given another failure's name."""
    corrects: float = 0.90
    """Probability that a mistake, once seen, is also put right."""
    median_seconds: float = 14.0
    seconds_spread: float = 0.5
    """Standard deviation of the natural logarithm of the time taken."""

    def __post_init__(self) -> None:
        for rate in (
            "false_approve",
            "false_reject",
            "criterion_noise",
            "mode_confusion",
            "corrects",
        ):
            if not 0 <= (value := getattr(self, rate)) <= 1:
                raise ValueError(f"{rate!r} must lie between 0 and 1, got {value!r}")

    def answer(
        self,
        generation: Generation,
        known: Known,
        rubric: Rubric,
        *,
        blind: bool = True,
        audit: str | None = None,
        run: str | None = None,
    ) -> Judged:
        """One annotation of `generation`, and the corrections that come with a rejection."""
        who = f"simulated:{self.name}"
        key = content_key(who, self.seed, generation.key, rubric.digest, audit)
        rng = np.random.default_rng([int(key[i : i + 8], 16) for i in range(0, 64, 8)])
        wrong = rng.random() < (self.false_reject if known.approved else self.false_approve)
        approved = known.approved != wrong
        scores = dict(known.scores)
        modes: list[str] = []
        if wrong and approved:
            self._overlook(scores, rubric)
        elif wrong:
            modes = self._imagine(scores, rubric, rng)
        elif not approved:
            modes = [self._named(mode, rubric, rng) for mode in known.failure_modes]
        self._waver(scores, rubric, rng, approved=approved)
        annotation = Annotation(
            id=key,
            generation=generation.key,
            annotator=who,
            rubric=rubric.label,
            approved=approved,
            scores=scores,
            failure_modes=tuple(dict.fromkeys(modes)),
            seconds=round(
                float(rng.lognormal(np.log(self.median_seconds), self.seconds_spread)), 1
            ),
            blind=blind,
            audit=audit,
            simulated=True,
            run=run,
        )
        given: list[tuple[str, str | None, str | None]] = []
        if not approved and not wrong:
            given = [each for each in known.corrections if rng.random() < self.corrects]
        if generation.kind == "image":
            given += [("failure_mode", None, mode) for mode in annotation.failure_modes]
        corrections = tuple(
            Correction(
                id=content_key("correction", key, about, after),
                annotation=key,
                generation=generation.key,
                about=about,
                before=before,
                after=after,
                simulated=True,
            )
            for about, before, after in given
        )
        return Judged(annotation=annotation, corrections=corrections)

    def _overlook(self, scores: dict[str, float], rubric: Rubric) -> None:
        """What fails is not seen."""
        for criterion in rubric.criteria:
            if criterion.decides and scores.get(criterion.id, 99.0) < criterion.threshold:
                scores[criterion.id] = float(np.ceil(criterion.threshold))

    def _imagine(
        self, scores: dict[str, float], rubric: Rubric, rng: np.random.Generator
    ) -> list[str]:
        """Something is found wrong that is right."""
        modes = [
            m
            for m in rubric.failure_modes
            if m.criterion in scores and rubric.criterion(m.criterion).decides
        ]
        if not modes:
            return []
        mode = modes[int(rng.integers(len(modes)))]
        if mode.criterion is not None:
            scores[mode.criterion] = _point(rubric.criterion(mode.criterion), passed=False)
        return [mode.id]

    def _named(self, mode: str, rubric: Rubric, rng: np.random.Generator) -> str:
        if rng.random() >= self.mode_confusion:
            return mode
        others = [m.id for m in rubric.failure_modes if m.id != mode and m.criterion is not None]
        return others[int(rng.integers(len(others)))] if others else mode

    def _waver(
        self, scores: dict[str, float], rubric: Rubric, rng: np.random.Generator, *, approved: bool
    ) -> None:
        """Points move by one; none that decides crosses its threshold."""
        for criterion in rubric.criteria:
            if criterion.id not in scores or rng.random() >= self.criterion_noise:
                continue
            point = scores[criterion.id]
            step = 1.0 if rng.random() < 0.5 else -1.0
            moved = point + step if 1 <= point + step <= len(criterion.scale) else point - step
            crosses = (moved >= criterion.threshold) != (point >= criterion.threshold)
            if not (crosses and criterion.decides):
                scores[criterion.id] = moved


def _point(criterion: Criterion, *, passed: bool) -> float:
    """The best point; or the highest that fails clearly: 2 of 5, 1 of 2."""
    return float(len(criterion.scale)) if passed else float(max(1, int(criterion.threshold) // 2))
