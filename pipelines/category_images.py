"""Category images: popular items, short titles, a prompt, pictures, verdicts; refused, a better prompt, and again.

    items of a category or theme ──► popular ones ──► titles made short ──► prompt ──► pictures ──► verdicts
                                                                              ▲                        │
                                                              better prompt ──┴── refused: findings ◄──┤
                                                                                                       ▼
                                          approved, or given up with the reason: an audit, and the page

Every step asks the store what is done already, so a run that is stopped anywhere goes on where it was,
and next season's run works only on categories whose items, rubric or models changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.category_images_audit import draw_audit
from pipelines.category_images_loop import CategoryLoop
from pipelines.category_images_parts import Finished, LoopPlan
from pipelines.category_images_start import alone_in, require_instruments, telling
from pipelines.category_images_topics import Likeness, choose_topics, find_groups
from pipelines.category_images_writing import CategoryPrompts, SamePrompt
from pipelines.intake import take_in
from pipelines.judge import load_picture_judge
from pipelines.places import HERE, Place
from pipelines.recorder import Recorder, record
from pipelines.titles import brands_of_catalog
from reports.answer import answer_of
from workbench.calibration.audited import calibrate_audit
from workbench.catalog import Catalog
from workbench.errors import JudgingError
from workbench.evolution import find_rubric
from workbench.judging import ModelAnswerer, RubricJudge
from workbench.models.devices import choose_device
from workbench.models.protocols import ImageModel, TextModel
from workbench.prompting import (
    ModelImprover,
    ModelPromptWriter,
    ModelSimplifier,
    PromptImprover,
    PromptWriter,
    RuleImprover,
    RulePromptWriter,
    TaggerSimplifier,
    Theme,
    TitleSimplifier,
)
from workbench.records import Audit, Item
from workbench.rubric import Rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

_STARTER_PART = "workbench.models.starter"
RULES = "rules"
"""The writer and refiner that need no model."""
NONE = "none"
"""The refiner that changes nothing: the same prompt with another seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryImagesJob:
    """What `run_category_images` is asked to do."""

    catalog: str
    """Address, for the record."""
    image_model: str
    judge: str
    """A vision-language model's string, or `instruments` for a rubric that asks no model."""
    rubric: str
    """A file, the name of a rubric that ships, or one of the store's."""
    without: tuple[str, ...] = ()
    """Criteria of the rubric that nobody is asked about."""
    writer: str = RULES
    """Makes titles short and writes first prompts: `rules`, or a text model's string."""
    refiner: str = RULES
    """Writes better prompts: `rules`, a vision-language model's string, or `none`."""
    attempts: int = 4
    """At most, for each topic."""
    patience: int = 2
    """Attempts in a row that do not raise the score, after which it gives up; 0: never."""
    candidates: int = 1
    """Pictures per prompt."""
    items: int = 8
    """Popular items that a topic is told by."""
    diversity: float = 0.3
    """0: popularity alone; 1: items as unlike each other as can be."""
    likeness: Likeness = "words"
    categories: tuple[str, ...] = ()
    """Ids, or the beginning of their paths; empty: all, unless there are themes."""
    themes: tuple[Theme, ...] = ()
    limit: int | None = None
    """Items of the catalogue to take; None: all."""
    audit: int = 120
    """Judged pictures to draw; 0: none, else at least four."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryImagesSummary:
    """What a run came to."""

    run: str
    topics: int
    """Categories and themes."""
    unchanged: int
    """Of these, those for which nothing was made and nothing judged."""
    judged_only: int
    """Of these, those whose pictures were there, and were judged by this run alone."""
    approved: int
    gave_up: int
    failed: Mapping[str, int]
    """Reason to the topics that failed for it, the commonest first."""
    pictures: int
    """Made by this run."""
    by_attempt: Mapping[int, int]
    """Attempt to the topics approved at it."""
    empty: tuple[str, ...]
    """Topics without an item that could stand for them."""
    problems: tuple[str, ...]
    """Rows and photos that could not be used."""
    audit: str | None
    """Id of the audit; None where nothing could be drawn."""
    worth: str
    """What its answers say an approval is worth, in words; `""` where there is no audit."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        broken = sum(self.failed.values())
        lines = [
            f"{_topics(self.topics)}: {self.approved} approved, {self.gave_up} given up"
            + (f", {broken} failed" if broken else "")
            + f"; {self.pictures} picture{'s' * (self.pictures != 1)} made, "
            + (f"{_topics(self.judged_only)} only judged, " if self.judged_only else "")
            + f"{_topics(self.unchanged)} found done"
        ]
        if self.by_attempt:
            said = ", ".join(f"{n} at attempt {k}" for k, n in self.by_attempt.items())
            lines.append(f"approved: {said}")
        if self.worth:
            lines.append(self.worth)
        lines += [f"failed, {_topics(n)}: {why}" for why, n in list(self.failed.items())[:3]]
        if self.empty:
            more = f" and {len(self.empty) - 5} more" if len(self.empty) > 5 else ""
            named = ", ".join(repr(name) for name in self.empty[:5])
            lines.append(f"without an item, {_topics(len(self.empty))}: {named}{more}")
        if self.problems:
            one = len(self.problems) == 1
            said = "1 row or photo" if one else f"{len(self.problems):,} rows or photos"
            lines.append(f"{said} could not be used{'' if one else '; the first'}:")
            lines += [f"  {p}" for p in self.problems[:3]]
        return "\n".join(lines)


def _worth(store: Store, audit: Audit) -> str:
    found = calibrate_audit(store, audit).calibration
    return answer_of(found) + (" The answers are simulated." if found.simulated else "")


def _topics(count: int) -> str:
    return f"{count} topic" if count == 1 else f"{count} topics"


def run_category_images(
    store: Store,
    catalog: Catalog,
    job: CategoryImagesJob,
    *,
    on: Place = HERE,
    quiet: bool = False,
) -> CategoryImagesSummary:
    """Run the whole job; run again, it does only what is not in the store yet.

    Every topic ends in a stated state: approved, given up (the limit, or no progress), or failed, and why.

    Args:
        store: Takes everything.
        catalog: Opened.
        job: What is asked for.
        on: Where models write, make pictures and judge; records are stored here.
        quiet: No progress bars.

    Raises:
        CatalogError: The catalogue has no item with a photo, or no item of what was asked for.
        ModelError: A model cannot be loaded.
        JudgingError: The rubric is not about images, or somebody does not answer it here.
        RubricError: There is no such rubric, or it lacks a criterion that is to be left out.
        BusyError: Another run makes the same pictures in this store right now.
    """
    rubric = find_rubric(store, job.rubric).without(*job.without)
    if rubric.judges != "image":
        raise JudgingError(
            f"want a rubric that judges images, but {rubric.label} judges {rubric.judges}s"
        )
    require_instruments(rubric)
    with alone_in(store, catalog=catalog.name, image_model=job.image_model, seed=job.seed):
        return _run(store, catalog, job, rubric, on, quiet=quiet)


def _run(
    store: Store,
    catalog: Catalog,
    job: CategoryImagesJob,
    rubric: Rubric,
    on: Place,
    *,
    quiet: bool,
) -> CategoryImagesSummary:
    with telling(f"loading image model {job.image_model}", quiet=quiet):
        model = on.image(job.image_model)
    with telling(f"loading judge {job.judge}", quiet=quiet):
        judge = load_picture_judge(job.judge, rubric, store=store, on=on)
    arguments = {**asdict(job), "name": catalog.name, **_revisions(model, judge)}
    with record(store, "run category-images", arguments, quiet=quiet) as recorder:
        items, problems = take_in(store, catalog, job.catalog, recorder, limit=job.limit)
        groups = find_groups(items, catalog.schema, categories=job.categories, themes=job.themes)
        loop = CategoryLoop(
            store,
            writer=_prompts(
                store, items, schema=catalog.schema, job=job, judge=judge, recorder=recorder, on=on
            ),
            model=model,
            judge=judge,
            plan=LoopPlan(
                attempts=job.attempts,
                patience=job.patience,
                candidates=job.candidates,
                seed=job.seed,
                overlap=on is HERE and _apart(job),
            ),
            recorder=recorder,
            on=on,
        )
        topics = choose_topics(
            store,
            items,
            groups,
            catalog.schema,
            count=job.items,
            diversity=job.diversity,
            likeness=job.likeness,
        )
        finished = Tally()
        for one in loop.run(topics, total=sum(bool(g.items) for g in groups)):
            finished.count(one)
        audit = draw_audit(
            store,
            items,
            topics=finished.topics,
            runs=finished.runs,
            size=job.audit,
            seed=job.seed,
            schema=catalog.schema,
            model=model,
            judge=judge,
            recorder=recorder,
        )
    return CategoryImagesSummary(
        run=recorder.id,
        topics=sum(finished.states.values()),
        unchanged=finished.unchanged,
        judged_only=finished.judged_only,
        approved=finished.states["approved"],
        gave_up=finished.states["gave up"],
        failed=dict(finished.failures.most_common()),
        pictures=finished.pictures,
        by_attempt=dict(sorted(finished.by_attempt.items())),
        empty=tuple(g.name for g in groups if not g.items),
        problems=problems,
        audit=audit.id if audit else None,
        worth=_worth(store, audit) if audit else "",
    )


class Tally:
    """Counts of what has ended, and where its pictures come from; the topics themselves are forgotten."""

    def __init__(self) -> None:
        """Nothing has ended yet."""
        self.states: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.by_attempt: Counter[int] = Counter()
        self.topics: set[str] = set()
        self.runs: set[str] = set()
        """Those that made the pictures."""
        self.pictures = self.unchanged = self.judged_only = 0

    def count(self, one: Finished) -> None:
        """Add one topic."""
        self.states[one.ending.state] += 1
        self.topics.add(one.topic.id)
        self.runs |= {str(t.image.run) for a in one.attempts for t in a.tries}
        self.pictures += one.made
        if one.made == 0 and one.ending.state != "failed":
            self.unchanged += one.judged == 0
            self.judged_only += one.judged > 0
        if one.ending.state == "failed":
            self.failures[one.ending.reason] += 1
        if one.ending.state == "approved" and one.ending.best:
            self.by_attempt[one.ending.best.image.attempt] += 1


def _names(schema: Schema) -> dict[str, str]:
    return {c.id: c.name for c in schema.categories.values()}


# ---- who writes, and who works beside whom -------------------------------------------------------


def _prompts(
    store: Store,
    items: Sequence[Item],
    *,
    schema: Schema,
    job: CategoryImagesJob,
    judge: RubricJudge,
    recorder: Recorder,
    on: Place,
) -> CategoryPrompts:
    simplifier: TitleSimplifier = TaggerSimplifier(lexicon=brands_of_catalog(items, schema))
    writer: PromptWriter = RulePromptWriter(schema=schema)
    improver: PromptImprover = RuleImprover()
    sees = False
    models = {}
    for name in sorted({job.writer, job.refiner} - {RULES, NONE}):
        with telling(f"loading text model {name}", quiet=recorder.quiet):
            models[name] = _text_model(name, judge, on)
    if text := models.get(job.writer):
        simplifier = ModelSimplifier(model=text, fallback=simplifier)
        writer = ModelPromptWriter(model=text, fallback=writer)
    if job.refiner == NONE:
        improver = SamePrompt()
    elif model := models.get(job.refiner):
        improver, sees = ModelImprover(model=model, fallback=improver), model.sees
    return CategoryPrompts(
        store=store,
        rubric=judge.rubric,
        simplifier=simplifier,
        writer=writer,
        improver=improver,
        improver_sees=sees,
        image_model=_worded_for(job.image_model),
        names=_names(schema),
        run=recorder.id,
        on=on,
    )


def _text_model(name: str, judge: RubricJudge, on: Place) -> TextModel:
    """The model called `name`: the judge's own weights where they are the same, so memory holds them once."""
    own = judge.answerer
    if isinstance(own, ModelAnswerer) and own.name == name and isinstance(own.scorer, TextModel):
        return own.scorer
    return on.text(name)


def _worded_for(image_model: str) -> str:
    """Whose words prompts take: those of the starter model where a folder holds one of its kind."""
    index = Path(image_model.removeprefix("dir:")) / "model_index.json"
    if image_model.startswith("dir:") and index.is_file() and _STARTER_PART in index.read_text():
        return "captions"
    return image_model


def _apart(job: CategoryImagesJob) -> bool:
    """Whether judge and image model work on different processors; where they share one they take turns."""
    served = any(name.startswith("openai:") for name in (job.judge, job.image_model))
    return served or choose_device().type != "cpu"


def _revisions(model: ImageModel, judge: RubricJudge) -> dict[str, str]:
    """What the page needs to find these pictures and verdicts again."""
    return {
        "image_model_revision": model.revision,
        "judge_name": judge.name,
        "judge_revision": judge.revision,
        "rubric_label": judge.rubric.label,
    }
