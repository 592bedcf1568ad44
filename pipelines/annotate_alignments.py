"""A drawn sample of alignments goes to people: what do the photos of these listings show?

Nobody sees what was kept, so the same answers measure any aligner of the same listings as they stand.
`workbench run mace` tells what the answers say once they are pulled.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotation.label_studio import Question, push
from annotation.label_studio.interfaces import alignment_rubric, build_interface
from pipelines.annotate import Connected
from pipelines.annotate_summaries import PushSummary, count
from pipelines.judge import stored_schema
from workbench.errors import LabelStudioError
from workbench.records import Generation, content_key
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentJob:
    """What `push_alignments` is asked for."""

    sample: int = 100
    """How many alignments are drawn, each with the same chance; a larger sample holds the smaller one."""
    aligner: str | None = None
    """The name of who aligned, such as `rules`; None: whoever made the newest alignment."""
    annotators: tuple[str, ...] = ()
    """Logins; none: one project for everybody."""
    per_item: int = 1
    """How many people answer each."""
    seed: int = 0
    """Of the draw and of who answers what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentsAsked:
    """What asking people about alignments did."""

    aligner: str
    revision: str
    population: int
    """Alignments of which the sample was drawn."""
    sample: int
    pushed: PushSummary

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        left_out = {"audit", "gold", "late_gold", "without_output", "answered_before"}
        told = {k: v for k, v in self.pushed.as_dict().items() if k not in left_out}
        return {
            "aligner": self.aligner,
            "revision": self.revision,
            "population": self.population,
            "sample": self.sample,
            **told,
        }

    def __str__(self) -> str:
        first = (
            f"{count(self.sample, 'listing')}, drawn from {self.population:,} that {self.aligner} aligned; nobody sees "
            "what was kept"
        )
        return "\n".join(
            [first, *str(self.pushed).splitlines()[1:], "and then:  workbench run mace"]
        )


def push_alignments(store: Store, studio: Connected, job: AlignmentJob) -> AlignmentsAsked:
    """Draw alignments and ask people what their photos show; pushed again, nothing is asked twice.

    Alignments whose answer could not be read decided nothing, and are not drawn.

    Raises:
        LabelStudioError: The store has no alignment, or none by this aligner; too few people are named; or the server
            refuses.
    """
    newest = _newest(store, job.aligner)
    catalog = catalog_of(newest.item or "")
    population, drawn = _draw(store, newest, catalog, job)
    interface = build_interface(
        "alignment", alignment_rubric(), schema=stored_schema(store, catalog)
    )
    pushed = push(
        studio.client,
        store,
        [Question(generation=key) for key in drawn],
        name=f"alignments by {newest.model} {newest.revision[:12]} in {catalog}",
        interface=interface,
        annotators=job.annotators,
        per_item=job.per_item,
        seed=job.seed,
        media=studio.media,
    )
    return AlignmentsAsked(
        aligner=newest.model,
        revision=newest.revision,
        population=population,
        sample=len(drawn),
        pushed=PushSummary(
            audit="", what="", pushed=pushed, gold=0, without_output=0, store=studio.store,
            shared=job.per_item > 1 and not job.annotators,
        ),
    )  # fmt: skip


def _alignments(store: Store) -> Iterator[Generation]:
    return (one for one in store.records(Generation) if one.kind == "alignment" and one.item)


def _newest(store: Store, aligner: str | None) -> Generation:
    """Whose aligner, in the revision that it has now, and whose catalogue people are asked about."""
    found = max(
        (one for one in _alignments(store) if aligner in {None, one.model}),
        key=lambda one: (one.created_at, one.key),
        default=None,
    )
    if found is None:
        by = "" if aligner is None else f" by {aligner!r}"
        raise LabelStudioError(
            f"the store {store.url} has no alignment{by} to ask about: `workbench run mace` makes them"
        )
    return found


def _draw(store: Store, like: Generation, catalog: str, job: AlignmentJob) -> tuple[int, list[str]]:
    """How many there are, and the keys of a sample: those whose digests with the seed are smallest."""
    found = 0

    def keys() -> Iterator[str]:
        nonlocal found
        for one in _alignments(store):
            same = one.model == like.model and one.revision == like.revision
            if same and one.listing is not None and catalog_of(one.item or "") == catalog:
                found += 1
                yield one.key

    drawn = heapq.nsmallest(
        job.sample, keys(), key=lambda key: content_key("alignments for people", job.seed, key)
    )
    return found, drawn
