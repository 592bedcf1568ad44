"""The circle: write, judge, ask people, calibrate, learn from their corrections, write again.

Round 0 is the writer as it came. Each round audits held-out items, which only measure, and asks people about
training items, whose corrections change writer and rubric for the next round. What a round begins with is a
record in the store under a key of its content, everything within a round is found there too: a circle that is
stopped anywhere goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from pipelines.intake import take_in
from pipelines.judge import judge_listings, load_judge
from pipelines.listings import write_listings
from pipelines.loop_measures import LoopRound, measure_round, share_learned
from pipelines.loop_people import LabelStudio, People, Simulated, Waiting
from pipelines.loop_training import Learned, Training, change_rubric, train_writer
from pipelines.recorder import Recorder, record
from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import selection_of
from workbench.errors import CalibrationError, JudgingError, ModelError
from workbench.evolution import find_rubric
from workbench.models import load_text
from workbench.models.listings import PhotoWriter
from workbench.records import Audit, Generation, Item, Part, Run, RunEvent, Verdict, content_key
from workbench.rubric import Rubric, dump_rubric
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.catalog import Catalog
    from workbench.store import Store

Labels = Literal["spread", "random"]
"""Which training items people are asked about: spread over verdicts and categories, or drawn at random."""
COMMAND = "loop"
_BEGUN = "loop round"
_OF_EACH = 2
"""Draws of each stratum at least, where labels are spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopJob:
    """What `run_loop` is asked to do. All of it but `rounds` says which circle it is."""

    catalog: str
    """Address, for the record."""
    model: str
    """A model that sees and can be trained: starter:listing, dir:FOLDER, hf:NAME."""
    judge: str
    rubric: str
    rounds: int
    """Times that the writer learns."""
    labels: int
    """Training items that people correct, a round."""
    audit: int
    """Held-out items that people answer about, a round."""
    people: Literal["simulated", "label-studio"]
    error: float = 0.1
    """Of simulated annotators, 0 to 1."""
    standard: str | None = None
    """Rubric that simulated annotators answer by in every round; None: `rubric`, as the first round found it."""
    spend: Labels = "spread"
    training: Training = "sft+dpo"
    plan: str | None = None
    limit: int | None = None
    eval_share: float = 0.4
    seed: int = 0

    @property
    def key(self) -> str:
        """Content key: the same circle, however many rounds are asked for."""
        told = asdict(self)
        del told["rounds"]
        if self.standard is None:
            del told["standard"]  # as circles were named before there was one
        return content_key("loop", told)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSummary:
    """What the rounds came to so far."""

    job: LoopJob
    items: int
    train: int
    held_out: int
    simulated_items: bool
    rounds: tuple[LoopRound, ...]
    waiting: Waiting | None = None
    """None where all rounds that were asked for are done."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "job": asdict(self.job),
            "items": self.items,
            "train": self.train,
            "held_out": self.held_out,
            "simulated_items": self.simulated_items,
            "rounds": [one.as_dict() for one in self.rounds],
            "waiting": None if self.waiting is None else asdict(self.waiting),
        }

    def __str__(self) -> str:
        lines = [line for one in self.rounds for line in str(one).splitlines()]
        if self.job.people == "simulated":
            lines.append(
                "Simulated: nobody was asked; answers come from the catalogue's truth with "
                f"{self.job.error:.0%} error{f', by {self.job.standard}' if self.job.standard else ''}."
            )
        return "\n".join([*lines, *([str(self.waiting)] if self.waiting else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What a round begins with."""

    number: int
    model: str
    rubric: str
    learned: Learned | None
    """What the round before taught; None for round 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Circle:
    """What all rounds share."""

    store: Store
    catalog: Catalog
    job: LoopJob
    people: People
    items: Sequence[Item]
    parts: Mapping[str, Part]
    out: Path
    quiet: bool

    def of(self, part: Part) -> list[int]:
        """Places of the items of a part."""
        return [k for k, i in enumerate(self.items) if self.parts[group_of(i)] == part]


def run_loop(
    store: Store,
    catalog: Catalog,
    job: LoopJob,
    out: Path,
    *,
    address: str = "",
    annotators: Sequence[str] = (),
    quiet: bool = False,
) -> LoopSummary:
    """Run as many rounds as `job` asks for; run again, only what is not there yet is done.

    Args:
        store: Takes everything but the trained models.
        catalog: Opened.
        job: What to do.
        out: Folder of the trained models.
        address: Of the store, as Label Studio's commands want it; not looked at with simulated annotators.
        annotators: Logins of those who are asked; none: everybody.
        quiet: No progress bars.

    Raises:
        CalibrationError: One of the two parts is empty, or an audit is too small.
        CatalogError: The catalogue has no item with a photo.
        JudgingError: The rubric is not about listings, or the judge does not answer it.
        LabelStudioError: The server is not there, or refuses.
        ModelError: The model cannot be loaded, sees no photos or cannot be trained.
    """
    people: People = (
        Simulated(
            schema=catalog.schema, error=job.error, seed=job.seed, standard=_standard(store, job)
        )
        if job.people == "simulated"
        else LabelStudio(address=address, annotators=tuple(annotators))
    )
    rounds: list[LoopRound] = []
    arguments = {**asdict(job), "name": catalog.name, "loop": job.key}
    with record(store, COMMAND, {**arguments, "round": "items"}, quiet=quiet) as recorder:
        taken, _ = take_in(store, catalog, job.catalog, recorder, limit=job.limit)
        items = [i for i in taken if i.category in catalog.schema.categories]
        parts = store.assign_split(
            sorted({group_of(i) for i in items}), eval_share=job.eval_share, seed=job.seed
        )
    folder = out / job.key[:12]
    circle = _Circle(
        store=store, catalog=catalog, job=job, people=people, items=items, parts=parts, out=folder,
        quiet=quiet,
    )  # fmt: skip
    if not circle.of("train") or not circle.of("eval"):
        raise CalibrationError(
            f"want items that train and items that are held out, got {len(circle.of('train'))} and "
            f"{len(circle.of('eval'))}: take more items, or start another store with another --eval-share"
        )
    waiting = None
    for number in range(job.rounds + 1):
        begun = _begin(circle, number, rounds)
        with record(store, COMMAND, {**arguments, "round": number}, quiet=quiet) as recorder:
            done = _round(circle, begun, recorder, before=rounds[-1] if rounds else None)
        if isinstance(done, Waiting):
            waiting = done
            break
        rounds.append(done)
    return LoopSummary(
        job=job,
        items=len(items),
        train=len(circle.of("train")),
        held_out=len(circle.of("eval")),
        simulated_items=any(i.simulated for i in items),
        rounds=tuple(share_learned(store, rounds, job.key)),
        waiting=waiting,
    )


def _standard(store: Store, job: LoopJob) -> Rubric:
    """What simulated annotators answer by: the same rubric in every round, and in a circle that goes on."""
    first = store.find(Run, content_key(_BEGUN, job.key, 0)[:12])
    return find_rubric(
        store, job.standard or (str(first.arguments["rubric"]) if first else job.rubric)
    )


def _begin(circle: _Circle, number: int, rounds: Sequence[LoopRound]) -> _Begun:
    """What the round begins with, as the store has it; else learnt from the round before, and stored."""
    store, job = circle.store, circle.job
    key = content_key(_BEGUN, job.key, number)[:12]
    if (stored := store.find(Run, key)) is not None:
        told = cast("Mapping[str, object]", stored.arguments.get("learned") or {})
        learned = None
        if told:
            changed = tuple(map(str, cast("Sequence[object]", told["changed"])))
            learned = Learned(**{**told, "changed": changed})  # type: ignore[arg-type]
        return _Begun(
            number=number,
            model=str(stored.arguments["model"]),
            rubric=str(stored.arguments["rubric"]),
            learned=learned,
        )
    if number == 0:
        rubric = find_rubric(store, job.rubric)
        if rubric.judges != "listing":
            raise JudgingError(
                f"want a rubric that judges listings, but {rubric.label} judges {rubric.judges}s"
            )
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        begun = _Begun(number=0, model=job.model, rubric=rubric.label, learned=None)
    else:
        learned = _learn(circle, rounds)
        begun = _Begun(number=number, model=learned.model, rubric=learned.rubric, learned=learned)
    arguments = {
        "loop": job.key,
        "round": number,
        "model": begun.model,
        "rubric": begun.rubric,
        "learned": begun.learned and begun.learned.as_dict(),
    }
    store.add(
        [
            Run(id=key, command=_BEGUN, arguments=arguments),
            RunEvent(id=content_key(_BEGUN, key), run=key, kind="finished"),
        ]
    )
    return begun


def _learn(circle: _Circle, rounds: Sequence[LoopRound]) -> Learned:
    """Train on the corrections of all rounds so far, and change the rubric by those of the last one."""
    store, job, last = circle.store, circle.job, rounds[-1]
    arguments = {**asdict(job), "name": circle.catalog.name, "loop": job.key, "round": last.number}
    with record(store, COMMAND, {**arguments, "learns": True}, quiet=circle.quiet) as recorder:
        model, pairs, left = train_writer(
            store, last.model, recorder, audits=[one.lesson for one in rounds], training=job.training,
            plan=job.plan, out=circle.out / f"round-{last.number + 1}", seed=job.seed,
        )  # fmt: skip
        (audit,) = store.records(Audit, [last.lesson])
        rubric, proposals, changed = change_rubric(
            store, audit, judge=job.judge, simulated=circle.people.simulated, quiet=circle.quiet
        )
    return Learned(
        pairs=pairs, left_out=left, model=model, rubric=rubric, proposals=proposals, changed=changed
    )


def _round(
    circle: _Circle, begun: _Begun, recorder: Recorder, *, before: LoopRound | None
) -> LoopRound | Waiting:
    """Write, judge, draw, ask, measure."""
    store, job, catalog = circle.store, circle.job, circle.catalog
    rubric = find_rubric(store, begun.rubric)
    model = load_text(begun.model)
    if not model.sees:
        raise ModelError(
            f"want a model that sees photos and can be trained, such as starter:listing, got {begun.model!r}"
        )
    teaches = begun.number < job.rounds
    writer = PhotoWriter(model, catalog.schema)
    train, held_out = circle.of("train"), circle.of("eval")
    judge = load_judge(
        job.judge, rubric, store=store, schema=catalog.schema,
        train=[circle.items[k] for k in train], recorder=recorder, seed=job.seed,
    )  # fmt: skip
    # The last round teaches nobody, so nothing is written about items that train.
    places = sorted([*held_out, *(train if teaches else ())])
    generations = write_listings(store, [circle.items[k] for k in places], writer, recorder)
    verdicts = judge_listings(store, judge, generations, catalog.schema, recorder)
    made = dict(zip(places, zip(generations, verdicts, strict=True), strict=True))
    measured = _draw(circle, [made[k] for k in held_out], "eval", job.audit, recorder)
    lesson = None
    if teaches:
        lesson = _draw(circle, [made[k] for k in train], "train", job.labels, recorder)
    audits = [one for one in (measured, lesson) if one is not None]
    if (waiting := circle.people.ask(store, audits, rubric, recorder)) is not None:
        return waiting
    return measure_round(
        store, circle.catalog.schema, [circle.items[k] for k in held_out],
        [made[k] for k in held_out], number=begun.number, model=begun.model, rubric=rubric.label,
        audit=measured, lesson=lesson, learned=begun.learned, before=before,
    )  # fmt: skip


def _draw(
    circle: _Circle,
    made: Sequence[tuple[Generation, Verdict]],
    part: Part,
    size: int,
    recorder: Recorder,
) -> Audit:
    """The audit of these verdicts, stored; drawn again it is the same."""
    selection = selection_of([v for _, v in made], [g for g, _ in made], part=part)
    spread = part == "train" and circle.job.spend == "spread"
    strata = {(g.category, v.approved) for g, v in made if v.approved is not None}
    audit = draw_from(
        circle.store,
        selection,
        size=size,
        seed=circle.job.seed,
        design="uniform" if part == "train" and not spread else "stratified",
        by_category=spread and _OF_EACH * len(strata) <= size,
        minimum=_OF_EACH,
        run=recorder.id,
    )
    found = circle.store.find(Audit, audit.id)
    if found is None:
        circle.store.add([audit])
    return found or audit
