"""Who answers in the circle: people in Label Studio, or simulated annotators whose every record says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipelines.annotate import PushJob, connected, pull_answers, push_audit
from workbench.alignment import seen_truth
from workbench.calibration.audited import unanswered
from workbench.catalog.annotators import Known, SimulatedAnnotator, known_listing
from workbench.catalog.truth import truth_of
from workbench.judging import RubricJudge, Subject
from workbench.records import Audit, Generation, Item, Listing, content_key
from workbench.rubric import Rubric
from workbench.schema import Category, Schema

if TYPE_CHECKING:
    from pipelines.recorder import Recorder
    from workbench.store import Store

_CHUNK = 50
_INSTRUMENT = "instrument:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """People are asked, and have not answered all of it yet."""

    answers: int
    """That are missing."""
    url: str
    """Where they are given."""

    def __str__(self) -> str:
        are = "answer is" if self.answers == 1 else "answers are"
        return (
            f"{self.answers:,} {are} missing: give them at {self.url} and run the same command again, "
            "it goes on from there."
        )


class People(Protocol):
    """Answers what audits drew."""

    @property
    def simulated(self) -> bool:
        """True where no person answers."""
        ...

    def ask(
        self, store: Store, audits: Sequence[Audit], rubric: Rubric, recorder: Recorder
    ) -> Waiting | None:
        """Have the answers in the store; None when they are all there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStudio:
    """People on the Label Studio that the store at `address` knows."""

    address: str
    annotators: tuple[str, ...] = ()
    """Logins; none: one project for everybody."""

    @property
    def simulated(self) -> bool:
        """Never."""
        return False

    def ask(
        self, store: Store, audits: Sequence[Audit], rubric: Rubric, recorder: Recorder
    ) -> Waiting | None:
        """Fetch what was said, and put what nobody was asked yet where people answer.

        Raises:
            LabelStudioError: There is no server, or it refuses.
        """
        with connected(self.address) as studio:
            pull_answers(store, studio)
            left = {one.id: len(unanswered(store, one)) for one in audits}
            urls = [
                project.project.labelling_url
                for audit, missing in left.items()
                if missing
                for project in push_audit(
                    store, studio, PushJob(audit=audit, annotators=self.annotators)
                ).pushed.projects
            ]
            missing = sum(left.values())
            url = " and ".join(urls) or studio.client.url
        return Waiting(answers=missing, url=url) if missing else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One annotator who knows the catalogue's truth and errs at a stated rate. No person answers."""

    schema: Schema
    error: float
    """Probability, 0 to 1, that what is wrong is approved, that what is right is rejected, that a failure is
    named wrongly, and that a correction says another value of the attribute than the right one."""
    standard: Rubric
    """What they hold suitable, whichever version of which rubric judges: people know what they want before a rubric
    says all of it."""
    seed: int = 0

    @property
    def simulated(self) -> bool:
        """Always."""
        return True

    def ask(
        self, store: Store, audits: Sequence[Audit], rubric: Rubric, recorder: Recorder
    ) -> Waiting | None:
        """Answer what has no answer yet, in chunks that are stored whole."""
        who = SimulatedAnnotator(
            name="annotator", seed=self.seed, false_approve=self.error, false_reject=self.error,
            criterion_noise=self.error, mode_confusion=self.error, corrects=1.0,
        )  # fmt: skip
        for audit in audits:
            drawn = unanswered(store, audit)
            with recorder.stage("simulated answers", len(audit.drawn), unit="answers") as stage:
                stage.advance(known=len(audit.drawn) - len(drawn))
                for start in range(0, len(drawn), _CHUNK):
                    chunk = drawn[start : start + _CHUNK]
                    made = list(store.records(Generation, [one.generation for one in chunk]))
                    items = {
                        i.id: i for i in store.records(Item, sorted({str(g.item) for g in made}))
                    }
                    given = [
                        who.answer(
                            generation,
                            self._known(generation, items[str(generation.item)], rubric),
                            rubric,
                            audit=audit.id,
                            run=recorder.id,
                        )
                        for generation in made
                    ]
                    store.add(
                        [*(a.annotation for a in given), *(c for a in given for c in a.corrections)]
                    )
                    stage.advance(len(given))
        return None

    def _known(self, made: Generation, item: Item, rubric: Rubric) -> Known:
        known = known_by(self.standard, made, item, self.schema)
        known = in_words_of(rubric, known, self.standard)
        category = self.schema.category(item.category)
        shown = set(visible_truth(item, self.schema)) if item.truth else None
        given = {one[0]: one for one in _fitting(known.corrections, made.listing, shown)}
        given |= {one[0]: one for one in missing_aspects(made.listing, item, self.schema)}
        key = content_key("mistaken corrections", self.seed, made.key)
        rng = np.random.default_rng([int(key[i : i + 8], 16) for i in range(0, 64, 8)])
        return replace(
            known,
            corrections=tuple(self._perhaps_mistaken(one, category, rng) for one in given.values()),
        )

    def _perhaps_mistaken(
        self, one: _Given, category: Category, rng: np.random.Generator
    ) -> _Given:
        """The correction, or with probability `error` one that says another value."""
        about, before, after = one
        attribute = category.attribute(about.removeprefix("aspects."))
        if attribute is None or after is None or rng.random() >= self.error:
            return one
        others = [value for value in attribute.values if value not in {before, after}]
        return (about, before, others[int(rng.integers(len(others)))]) if others else one


def known_by(standard: Rubric, made: Generation, item: Item, schema: Schema) -> Known:
    """What is true of a listing in the words of `standard`, whose instruments read it."""
    measured: dict[str, bool | None] = {}
    if own := tuple(one for one in standard.criteria if one.by.startswith(_INSTRUMENT)):
        judge = RubricJudge(replace(standard, criteria=own, failure_modes=(), examples=()))
        subject = Subject(generation=made, category=schema.category(item.category))
        (verdict,) = judge.judge([subject])
        measured = {score.criterion: score.passed for score in verdict.scores}
    return known_listing(made, item, schema=schema, rubric=standard, measured=measured)


def in_words_of(rubric: Rubric, known: Known, standard: Rubric) -> Known:
    """What is known by people's own `standard`, as far as `rubric` has words for it.

    A criterion that only `rubric` has is answered by the failure that it asks about; a failure that `rubric` does not
    name is not named.
    """
    scores = {c.id: known.scores[c.id] for c in rubric.criteria if c.id in known.scores}
    asked, failures = ({c.id for c in standard.criteria}, {m.id for m in standard.failure_modes})
    for mode in rubric.failure_modes:
        if mode.criterion is not None and mode.criterion not in asked and mode.id in failures:
            criterion = rubric.criterion(mode.criterion)
            shows = mode.id in known.failure_modes
            scores[criterion.id] = 1.0 if shows else float(len(criterion.scale))
    named = {mode.id for mode in rubric.failure_modes}
    return replace(
        known,
        scores=scores,
        failure_modes=tuple(mode for mode in known.failure_modes if mode in named),
    )


_Given = tuple[str, str | None, str | None]
"""What a correction is about, what was said, what is right; see `Correction`."""


def _fitting(
    corrections: Sequence[_Given], listing: Listing | None, shown: Collection[str] | None
) -> Iterator[_Given]:
    """Corrections in the words of the answer: an aspect that only the title claims is one to be added.

    `shown` names the aspects that the photos tell, where that is known: what else is stated is taken out.
    """
    stated = {} if listing is None else listing.aspects
    for about, claimed, after in corrections:
        name = about.removeprefix("aspects.")
        said = ", ".join(stated[name]) if name in stated else None
        if about == name:
            before, right = claimed, after
        else:
            before, right = said, after if shown is None or name in shown else None
        if (
            about != "category" and before != right
        ):  # a listing is asked for in the seller's category
            yield about, before, right


def missing_aspects(listing: Listing | None, item: Item, schema: Schema) -> Iterator[_Given]:
    """What the photos show and the listing does not state, as corrections that add it."""
    if listing is None:
        return
    for name, values in visible_truth(item, schema).items():
        if name not in listing.aspects:
            yield f"aspects.{name}", None, ", ".join(values)


def visible_truth(item: Item, schema: Schema) -> Mapping[str, tuple[str, ...]]:
    """Aspects that photos of `item` can show, as far as they are known.

    Of a drawn item those that its photos tell; of another one what its catalogue says of attributes that
    photos can show.
    """
    category = schema.category(item.category)
    if item.truth:
        return {name: (value,) for name, value in seen_truth(item, category).items()}
    hidden = {one.name for one in category.attributes if one.visible == "no"}
    return {n: v for n, v in truth_of(item, schema).values.items() if n not in hidden}
