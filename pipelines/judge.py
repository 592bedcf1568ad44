"""Judges listings and pictures: with a rubric and a judge, what is in the store and has no such verdict yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.learning import learn_heads
from pipelines.places import HERE, Place
from pipelines.recorder import Recorder, record
from workbench.errors import ModelError, StoreError
from workbench.evolution import find_rubric
from workbench.judging import ModelAnswerer, RubricJudge, judge_all
from workbench.judging.heads import HeadsAnswerer
from workbench.models.encoder import PhotoEncoder
from workbench.records import Generation, Item, Part, Verdict
from workbench.rubric import Rubric, dump_rubric
from workbench.schema import Schema
from workbench.settings import read_settings
from workbench.store import catalog_of, group_of, schemas_of

if TYPE_CHECKING:
    from workbench.store import Store

_HEADS = "heads:"
INSTRUMENTS = "instruments"
"""The judge of a rubric that asks no model."""
_MADE_BY = {"listing": "listings", "image": "category-images"}
"""Kind of output to the run that makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSummary:
    """What judging came to."""

    judge: str
    rubric: str
    judged: int
    """Verdicts made now."""
    known: int
    """Verdicts that the store held already."""
    approved: int
    undecided: int
    """Neither approved nor refused: a criterion that decides was not answered."""
    judges: str
    """Kind of output: `listing` or `image`."""
    unanswered: Mapping[str, str]
    """Criteria that decide and that leave outputs undecided, each with one reason why."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        text = (
            f"{self.judge} by {self.rubric}: {self.judged} judged now, {self.known} found judged; "
            f"{self.approved} of {self.judged + self.known} approved"
        )
        if self.undecided:
            text += f", {self.undecided} undecided"
            text += "".join(f"\n  {name!r} decides: {why}" for name, why in self.unanswered.items())
        if self.judges == "image":
            draws = "`workbench audit` with the same store, rubric and judge draws one."
        else:
            draws = (
                "`workbench run listings` with the same catalogue, rubric and judge draws one, and finds the "
                "rest done."
            )
        return f"{text}\nNo audit was drawn of these: {draws}"


def judge_store(
    store: Store,
    *,
    rubric: str,
    judge: str,
    part: Part | None = None,
    on: Place = HERE,
    quiet: bool = False,
) -> JudgeSummary:
    """Judge every output of the rubric's kind that this judge has not judged yet.

    Args:
        store: Holds the outputs, and takes the verdicts.
        rubric: A file or a name; says what is judged, listings or pictures.
        judge: `heads:<network>`, any scoring model's string, or `instruments`.
        part: Only outputs about items of this part; None: all, also pictures that describe no item.
        on: Where it is judged; verdicts are stored here.
        quiet: No progress bars.

    Raises:
        RubricError: The rubric cannot be read.
        StoreError: The store holds nothing to judge.
        ModelError: The judge cannot be loaded.
    """
    loaded = find_rubric(store, rubric)
    arguments = {"rubric": loaded.label, "judge": judge, "part": part}
    items = {i.id: i for i in store.records(Item)}
    parts: Mapping[str, Part] = dict(store.splits()[["group", "part"]].itertuples(index=False))
    generations = [
        g
        for g in store.records(Generation)
        if g.kind == loaded.judges and _is_meant(g, items, parts, part)
    ]
    if not generations:
        raise StoreError(
            f"want {loaded.judges}s to judge, but {store.url} holds none"
            + (f" in part {part!r}" if part else "")
            + f": make some with `workbench run {_MADE_BY[loaded.judges]}`"
        )
    with record(store, "judge", arguments, quiet=quiet) as recorder:
        done = judge_generations(store, judge, loaded, generations, recorder, on=on)
    return JudgeSummary(
        judge=judge,
        rubric=loaded.label,
        judged=len(done.verdicts) - done.known,
        known=done.known,
        approved=sum(v.approved is True for v in done.verdicts),
        undecided=sum(v.approved is None for v in done.verdicts),
        judges=loaded.judges,
        unanswered=unanswered(loaded, done.verdicts),
    )


def unanswered(rubric: Rubric, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Criteria that decide and that leave one of `verdicts` undecided, each with the first reason why."""
    deciding = {c.id for c in rubric.criteria if c.decides}
    found: dict[str, str] = {}
    for verdict in verdicts:
        for score in verdict.scores if verdict.approved is None else ():
            if score.score is None and score.criterion in deciding:
                found.setdefault(score.criterion, score.reason or "it was not answered")
    return found


def _is_meant(
    generation: Generation,
    items: Mapping[str, Item],
    parts: Mapping[str, Part],
    part: Part | None,
) -> bool:
    """Whether an output is of that part; one that describes no item is of none."""
    if generation.item is None:
        return part is None
    item = items.get(generation.item)
    return item is not None and part in {None, parts.get(group_of(item))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """Verdicts on outputs of several catalogues."""

    verdicts: tuple[Verdict, ...]
    """Catalogue by catalogue."""
    known: int
    """Of them, those that the store held already."""
    parts: Mapping[str, str]
    """`<catalogue>/<who>` to the revision of who answered (`RubricJudge.parts`); pictures that describe no item
    are of the catalogue `""`."""


def judge_generations(
    store: Store,
    judge: str,
    rubric: Rubric,
    generations: Sequence[Generation],
    recorder: Recorder,
    *,
    on: Place = HERE,
) -> Judgements:
    """Judge outputs, catalogue by catalogue.

    Each catalogue has its own schema, and a judge made of heads has heads of its own for it. Pictures that
    describe no item are judged by the rubric alone.

    Raises:
        StoreError: A catalogue's schema is not in the store.
        ModelError: The judge cannot be loaded.
    """
    items = list(store.records(Item))
    parts: Mapping[str, Part] = dict(store.splits()[["group", "part"]].itertuples(index=False))
    verdicts: list[Verdict] = []
    known = 0
    who: dict[str, str] = {}
    if own := [g for g in generations if g.item is None]:
        alone = load_picture_judge(judge, rubric, store=store, on=on)
        verdicts += judge_listings(store, alone, own, None, recorder, on=on)
        known += recorder.stages[-1].known
        who |= {f"/{name}": revision for name, revision in alone.parts.items()}
    generations = [g for g in generations if g.item is not None]
    for catalog in sorted({catalog_of(str(g.item)) for g in generations}):
        schema = stored_schema(store, catalog)
        built = load_judge(
            judge,
            rubric,
            store=store,
            schema=schema,
            train=[
                i
                for i in items
                if i.photos and catalog_of(i.id) == catalog and parts.get(group_of(i)) == "train"
            ],
            recorder=recorder,
            on=on,
        )
        own = [g for g in generations if catalog_of(str(g.item)) == catalog]
        verdicts += judge_listings(store, built, own, schema, recorder, on=on)
        known += recorder.stages[-1].known
        who |= {f"{catalog}/{name}": revision for name, revision in built.parts.items()}
    return Judgements(verdicts=tuple(verdicts), known=known, parts=who)


def load_judge(
    name: str,
    rubric: Rubric,
    *,
    store: Store,
    schema: Schema,
    train: Sequence[Item],
    recorder: Recorder,
    on: Place = HERE,
    seed: int = 0,
) -> RubricJudge:
    """The judge called `name`: `heads:<network>`, fitted on `train`, or any scoring model's string.

    Raises:
        ModelError: It cannot be loaded, or sees no photos.
        JudgingError: It does not answer a criterion of the rubric.
    """
    if not name.startswith(_HEADS):
        return load_picture_judge(name, rubric, store=store, on=on)
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
    encoder = PhotoEncoder(name.removeprefix(_HEADS), cache=read_settings().cache)
    heads = learn_heads(store, encoder, train, schema, recorder, seed=seed)
    return RubricJudge(rubric, HeadsAnswerer(encoder, heads, schema))


def load_picture_judge(name: str, rubric: Rubric, *, store: Store, on: Place = HERE) -> RubricJudge:
    """The judge called `name` that needs no items to learn from: a scoring model's string, or `instruments`.

    Raises:
        ModelError: It cannot be loaded, sees no photos, or learns from items.
        JudgingError: It does not answer a criterion of the rubric.
    """
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
    if name == INSTRUMENTS:
        return RubricJudge(rubric)
    if name.startswith(_HEADS):
        raise ModelError(
            f"want a judge of pictures that describe no item, but {name!r} learns from items: choose a "
            "vision-language model, or `instruments` with a rubric that asks no model"
        )
    scorer = on.scorer(name)
    if not scorer.sees:
        raise ModelError(
            f"want a judge that sees photos, but {name!r} reads text only: choose a "
            "vision-language model, or heads:efficientnet-lite2"
        )
    return RubricJudge(rubric, ModelAnswerer(scorer))


def judge_listings(
    store: Store,
    judge: RubricJudge,
    generations: Sequence[Generation],
    schema: Schema | None,
    recorder: Recorder,
    *,
    on: Place = HERE,
) -> list[Verdict]:
    """Judge what has no verdict yet, and return the verdict on each generation, in order."""
    unit = f"{judge.rubric.judges}s"
    categories = schema.categories if schema else {}
    judging = judge_all(store, judge, generations, schema=schema, run=recorder.id, each=on.each)
    with recorder.stage("judge", len(generations), unit=unit) as stage, closing(judging) as reports:
        for report in reports:
            if not report.verdicts:
                stage.advance(known=report.known)
            for verdict in report.verdicts:
                stage.advance(1, cost=verdict.cost)
    keys = [judge.key(g, categories.get(g.category)) for g in generations]
    return list(store.records(Verdict, keys))


def stored_schema(store: Store, catalog: str) -> Schema:
    """The schema of the catalogue called `catalog`, as the store keeps it.

    Raises:
        StoreError: The store keeps none.
    """
    schema = schemas_of(store, [catalog]).get(catalog)
    if schema is None:
        raise StoreError(
            f"{store.url} holds items of {catalog!r} but not its schema: run "
            "`workbench run listings` with that catalogue once"
        )
    return schema
