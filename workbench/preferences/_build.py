"""From the store to pairs: corrected listings, pairwise answers, attempts at the same category image.

What people said counts, and simulated answers only where no person answered anything. Ties, disputes and
outputs of held-out items give no pairs; each is counted with its reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.preferences._answers import Said, by_people, settle
from workbench.preferences._pair import Origin, Pair
from workbench.preferences._tally import LeftOut, Tally
from workbench.preferences._texts import correct_text
from workbench.records import Annotation, Correction, Generation
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Pairs, and what gave none."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]
    """Answers and outputs that gave no pair, reason by reason."""


def build_pairs(store: Store, *, audits: Collection[str] | None = None) -> Built:
    """Make every pair that the answers in `store` support.

    - A listing that most find wrong: chosen is the answer with a person's corrections in it, rejected the
      answer. Several people who correct it alike give one pair.
    - Two outputs to one question: the preferred one is chosen; ties and "neither" give none.
    - Attempts at one category image: each rejected picture against the first approved one.

    Each person counts with their last answer, and adjudications count instead of the answers they settle.
    Answers given after seeing the judge's count too: they say what is right, they do not measure the judge.

    Args:
        store: Holds the answers.
        audits: Ids of the audits whose answers count; None: all answers, also those that no audit asked for.

    Raises:
        StoreError: The store cannot be read.
    """
    tally = Tally()
    every = store.records(Annotation)
    answers, simulated = by_people(one for one in every if audits is None or one.audit in audits)
    if simulated:
        reason = "no person gave these answers, and people answered too: the two are never mixed"
        tally.add("simulated", reason, f"{simulated:,} answers")
    keys = {key for one in answers for key in (one.generation, one.against) if key is not None}
    work = _Work(
        made={one.key: one for one in store.records(Generation, sorted(keys))},
        corrections=_corrections(store, answers),
        schemas=_Schemas(store),
        held_out=_HeldOut(store),
        tally=tally,
    )
    alone = [one for one in answers if one.against is None]
    beside = [one for one in answers if one.against is not None]
    said = settle(alone, lambda one: one.generation, work.verdict)
    pairs = [
        *_from_corrections(work, said),
        *_from_preferences(work, settle(beside, _sides, _preferred)),
        *_from_attempts(store, work, said),
    ]
    return Built(pairs=tuple(pairs), left_out=tally.total())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the three ways have in common."""

    made: Mapping[str, Generation]
    corrections: Mapping[str, tuple[Correction, ...]]
    """Annotation to what it corrects."""
    schemas: _Schemas
    held_out: _HeldOut
    tally: Tally

    def verdict(self, one: Annotation) -> bool | None:
        """Whether an answer finds the output right; whoever corrects it does not."""
        if one.approved is None and self.corrections.get(one.id):
            return False
        return one.approved

    def may_train(self, generation: Generation) -> bool:
        """Whether its item may; counts it where not."""
        reason = self.held_out.reason(generation.item)
        if reason is not None:
            self.tally.add("held out", reason, f"{generation.item} ({generation.key[:12]})")
        return reason is None


class _Schemas:
    """Each catalogue's schema, read once; None where the store has none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Schema | None] = {}

    def of(self, item: str | None) -> Schema | None:
        from workbench.store import catalog_of, schemas_of

        if item is None:
            return None
        catalog = catalog_of(item)
        if catalog not in self._known:
            self._known[catalog] = schemas_of(self._store, [catalog]).get(catalog)
        return self._known[catalog]


class _HeldOut:
    """Which items may not train, and why; an item that was ever held out stays so."""

    def __init__(self, store: Store) -> None:
        self._eval = set(store.items(part="eval", history=True)["id"])
        self._train = set(store.items(part="train", history=True)["id"]) - self._eval

    def reason(self, item: str | None) -> str | None:
        if item is None or item in self._train:
            return None
        if item in self._eval:
            return "the item is held out for evaluation"
        return "the item belongs to no part yet, so nothing says that it may train"


def _corrections(store: Store, answers: Iterable[Annotation]) -> dict[str, tuple[Correction, ...]]:
    """Those that stand, by annotation."""
    known = {one.id for one in answers}
    found = sorted(
        (one for one in store.records(Correction) if not one.withdrawn and one.annotation in known),
        key=lambda one: (one.annotation, one.id),
    )
    return {key: tuple(own) for key, own in groupby(found, lambda one: one.annotation)}


def _from_corrections(work: _Work, said: Mapping[str, Said]) -> Iterator[Pair]:
    for key, what in said.items():
        generation = work.made.get(key)
        correctors = [one for one in what.every if work.corrections.get(one.id)]
        if generation is None or generation.kind != "listing" or not correctors:
            continue
        if not work.may_train(generation):
            continue
        if what.most is not False:
            _tally_overruled(work.tally, what, key)
            continue
        settled = [one for one in what.given if work.corrections.get(one.id)]
        yield from _corrected(work, generation, settled or correctors, what.margin)


def _corrected(
    work: _Work, generation: Generation, correctors: Iterable[Annotation], margin: float
) -> Iterator[Pair]:
    """One pair for each text that people would rather read."""
    same: dict[str, list[tuple[Annotation, tuple[Correction, ...]]]] = {}
    schema = work.schemas.of(generation.item)
    category = schema.categories.get(generation.category) if schema else None
    for one in correctors:
        found = correct_text(
            generation.text or "", work.corrections[one.id], schema=schema, category=category
        )
        work.tally.add_many(
            "stale",
            "the correction is of something that the output does not say",
            (f"{c.about}: {c.before!r} → {c.after!r} ({generation.key[:12]})" for c in found.stale),
        )
        if found.text is None:
            reason = "no correction changes the text, or the output is no JSON object"
            work.tally.add("nothing corrected", reason, f"{one.id[:24]} on {generation.key[:12]}")
        else:
            same.setdefault(found.text, []).append((one, found.applied))
    for text, by in same.items():
        people = [one for one, _ in by]
        yield Pair(
            prompt=generation.prompt,
            chosen=text,
            rejected=generation.text or "",
            source="correction",
            photos=generation.inputs,
            item=generation.item,
            category=generation.category,
            margin=margin,
            simulated=any(one.simulated for one in people),
            origin=_origin(people, generation, corrections=tuple(c.id for _, own in by for c in own)),
        )  # fmt: skip


def _tally_overruled(tally: Tally, what: Said, key: str) -> None:
    if what.most is True:
        reason = "most people, or who settled it, find the output right as it is"
        tally.add("overruled", reason, key[:12])
    else:
        tally.add("disputed", "as many people find the output right as wrong", key[:12])


_Sides = tuple[str, str]
"""The keys of two generations that were shown side by side, sorted."""


def _sides(one: Annotation) -> _Sides:
    first, second = sorted((one.generation, one.against or ""))
    return first, second


def _preferred(one: Annotation) -> str | None:
    """The key of the better one; `tie` and `neither` as they are."""
    return {"generation": one.generation, "against": one.against}.get(
        one.preferred or "", one.preferred
    )


def _from_preferences(work: _Work, said: Mapping[_Sides, Said]) -> Iterator[Pair]:
    for sides, what in said.items():
        named = " | ".join(key[:12] for key in sides)
        if what.most is None:
            work.tally.add("disputed", "as many people prefer the one as anything else", named)
            continue
        if what.most not in sides:
            words = {"tie": "both are as good", "neither": "both are bad"}[str(what.most)]
            work.tally.add(str(what.most), f"people say that {words}", named)
            continue
        chosen, rejected = (work.made.get(key) for key in _ordered(sides, str(what.most)))
        if chosen is None or rejected is None:
            work.tally.add("missing", "the store does not hold both outputs", named)
            continue
        if not (work.may_train(chosen) and work.may_train(rejected)):
            continue
        if (chosen.prompt, chosen.inputs, chosen.kind) != (
            rejected.prompt,
            rejected.inputs,
            rejected.kind,
        ):
            reason = "the two outputs answer different questions"
            work.tally.add("different questions", reason, named)
            continue
        yield _outputs(
            chosen,
            rejected,
            source="pairwise",
            prompt=rejected.prompt,
            margin=what.margin,
            answers=[one for one in what.given if _preferred(one) == what.most],
        )


def _ordered(sides: _Sides, best: str) -> _Sides:
    first, second = sides
    return (first, second) if best == first else (second, first)


def _from_attempts(store: Store, work: _Work, said: Mapping[str, Said]) -> Iterator[Pair]:
    """Each rejected picture of a chain of attempts against the first approved one."""
    pictures = {
        key: one for key in said if (one := work.made.get(key)) is not None and one.kind == "image"
    }
    chains: dict[str, list[Generation]] = {}
    roots = _Roots(store, work.made)
    for one in pictures.values():
        chains.setdefault(roots.of(one).key, []).append(one)
    for root, attempts in chains.items():
        ordered = sorted(attempts, key=lambda one: (one.attempt, one.key))
        approved = [one for one in ordered if said[one.key].most is True and one.image]
        rejected = [one for one in ordered if said[one.key].most is False and one.image]
        if not (approved and rejected):
            reason = "no attempt at this picture was approved, or none rejected"
            work.tally.add("attempts alike", reason, root[:12])
            continue
        best = approved[0]
        for bad in rejected:
            if not (work.may_train(best) and work.may_train(bad)):
                continue
            answers = [
                one
                for made, most in ((best, True), (bad, False))
                for one in said[made.key].given
                if work.verdict(one) is most
            ]
            yield _outputs(
                best,
                bad,
                source="attempts",
                prompt=roots.of(best).prompt,
                margin=min(said[best.key].margin, said[bad.key].margin),
                answers=answers,
            )


class _Roots:
    """The first attempt of a chain, whose prompt is what was asked for."""

    def __init__(self, store: Store, made: Mapping[str, Generation]) -> None:
        self._store, self._made = store, dict(made)

    def of(self, one: Generation) -> Generation:
        seen = {one.key}
        while one.parent is not None and one.parent not in seen:
            parent = self._made.get(one.parent) or self._store.find(Generation, one.parent)
            if parent is None:
                return one
            self._made[parent.key] = one = parent
            seen.add(one.key)
        return one


def _outputs(
    chosen: Generation,
    rejected: Generation,
    *,
    source: str,
    prompt: str,
    margin: float,
    answers: list[Annotation],
) -> Pair:
    """A pair of two outputs."""
    image = chosen.kind == "image"
    return Pair(
        kind="image" if image else "text",
        prompt=prompt,
        chosen=(chosen.image if image else chosen.text) or "",
        rejected=(rejected.image if image else rejected.text) or "",
        source="attempts" if source == "attempts" else "pairwise",
        photos=rejected.inputs,
        item=rejected.item,
        category=rejected.category,
        margin=margin,
        simulated=any(one.simulated for one in answers),
        origin=_origin(answers, rejected, chosen=chosen.key),
    )


def _origin(
    answers: Iterable[Annotation],
    rejected: Generation,
    *,
    chosen: str | None = None,
    corrections: tuple[str, ...] = (),
) -> Origin:
    given = sorted(answers, key=lambda one: one.id)
    return Origin(
        rejected=rejected.key,
        chosen=chosen,
        annotations=tuple(one.id for one in given),
        annotators=tuple(one.annotator for one in given),
        corrections=corrections,
        rubric=given[0].rubric if given else None,
        model=rejected.model,
        revision=rejected.revision,
    )
