"""The arms of the ablation: what each is trained on, from where, for how many steps; and what it then answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.five_classes import FiveClasses, grade_by_truth, keep_pairs
from pipelines.learning import load_photo
from workbench.alignment import seen_truth
from workbench.errors import LearningError
from workbench.metrics import read_json
from workbench.models import load_text
from workbench.models.listings import photo_question
from workbench.models.protocols import Decoding, Prompt, TextModel
from workbench.records import Generation, Item, Listing, content_key
from workbench.training import (
    Example,
    Pair,
    TrainingPlan,
    listing_example,
    mix,
    train_dpo,
    train_sft,
    training_pair,
)

if TYPE_CHECKING:
    from pipelines.ablation_judge import AblationJudge
    from pipelines.recorder import Recorder, Stage
    from workbench.schema import Schema
    from workbench.store import Store
    from workbench.training import Trained
    from workbench.training.run import Advance, Stages

Data = Literal[
    "raw", "aligned", "aligned and dialogues", "chosen", "pairs", "pairs, with an SFT term"
]
_CHUNK = 32
_FREE = Decoding(max_tokens=220)
"""Without a schema: whether an answer is JSON at all is measured too."""
_DRAWN = tuple(Decoding(max_tokens=220, temperature=0.7, seed=seed) for seed in (1, 2))
"""Answers to training items are drawn so, too: the likeliest ones alone are seldom of the two worst classes."""
_SFT_TERM = 0.2
FEWEST_PAIRS = 8
"""With fewer, arms that learn from pairs are left out, and the page says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to train."""

    id: str
    name: str
    data: Data
    start: str | None = None
    """Arm whose model it goes on from; None: the model that the ablation was given."""
    length: Literal["once", "twice", "more"] = "once"
    """Steps: of one SFT, of two, or of the stage after SFT."""
    control: bool = False
    """True for arms that the paper lacks."""


ARMS = (
    Arm(id="raw", name="SFT on sellers' listings", data="raw"),
    Arm(id="raw-long", name="sellers' listings, twice the steps", data="raw", length="twice", control=True),
    Arm(id="mace", name="SFT after MACE", data="aligned"),
    Arm(id="mace-long", name="MACE, twice the steps", data="aligned", length="twice", control=True),
    Arm(id="lacu", name="MACE + LACU", data="aligned and dialogues", length="twice"),
    Arm(id="more", name="MACE + LACU, more of the same", data="aligned and dialogues", start="lacu",
        length="more", control=True),
    Arm(id="chosen", name="MACE + LACU, SFT on chosen answers", data="chosen", start="lacu",
        length="more", control=True),
    Arm(id="dpo", name="MACE + LACU + DPO", data="pairs", start="lacu", length="more"),
    Arm(id="dpo-sft", name="MACE + LACU + DPO with an SFT term", data="pairs, with an SFT term", start="lacu",
        length="more", control=True),
)  # fmt: skip
"""In the order in which they are trained and shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What all arms and seeds share."""

    schema: Schema
    model: str
    train: Sequence[Item]
    held_out: Sequence[Item]
    raw: Sequence[Example]
    aligned: Sequence[Example]
    dialogues: Sequence[Example]
    chosen: Mapping[str, Listing]
    """Training item to its aligned listing, the chosen side of pairs."""
    truth: Mapping[str, Listing]
    """Item to what is true of it, for training items where grades come from it, and for all held-out ones."""
    steps: int
    """Of one SFT."""
    more_steps: int
    """Of DPO and of the controls beside it."""
    batch: int
    out: Path
    judge: AblationJudge | None = None
    """Who grades the model's own outputs; None: the truth does."""


def run_arm(
    store: Store,
    material: Material,
    arm: Arm,
    recorder: Recorder,
    *,
    seed: int,
    pairs: Sequence[Pair],
    aside: Sequence[Pair] = (),
) -> Trained:
    """Train one arm, or find it trained.

    Args:
        store: Opens photos.
        material: What is trained on.
        arm: Which.
        recorder: Of the run.
        seed: Of order and mixture.
        pairs: Of this seed, for arms that learn from them.
        aside: Pairs about other items, on which DPO is told how often it prefers what is chosen; they choose nothing.
    """
    start = material.model if arm.start is None else _folder(material, arm.start, seed)
    out = material.out / f"seed-{seed}" / arm.id
    steps = {"once": material.steps, "twice": 2 * material.steps, "more": material.more_steps}
    plan = TrainingPlan(
        method="sft", learning_rate=5e-4, steps=steps[arm.length], batch=material.batch, attention="eager",
        save_every=max(50, steps[arm.length]), seed=seed,
    )  # fmt: skip
    with recorder.stage(f"seed {seed}: {arm.id}", steps[arm.length], unit="steps") as stage:
        shared = {
            "out": out, "photos": store.images.get, "cache": material.out / "photos", "stages": _steps_of(stage),
        }  # fmt: skip
        if arm.data.startswith("pairs"):
            weight = _SFT_TERM if arm.data != "pairs" else 0.0
            plan = replace(
                plan,
                method="dpo",
                learning_rate=5e-5,
                batch=max(1, material.batch // 2),
                sft_weight=weight,
            )
            trained = train_dpo(start, pairs, evaluation=aside, plan=plan, **shared)  # type: ignore[arg-type]
        else:
            rows = _rows(material, arm, seed, pairs)
            trained = train_sft(start, rows, plan=plan, **shared)  # type: ignore[arg-type]
        stage.advance(known=trained.steps - stage.done)  # of an arm that was trained before
    return trained


def _steps_of(stage: Stage) -> Stages:
    """A trainer's stages, of which its steps alone are told."""

    @contextmanager
    def told(name: str, _total: int, _unit: str) -> Iterator[Advance]:
        yield stage.advance if name == "train" else lambda _done: None

    return told


def _folder(material: Material, arm: str, seed: int) -> str:
    return f"dir:{material.out / f'seed-{seed}' / arm / 'model'}"


def _rows(material: Material, arm: Arm, seed: int, pairs: Sequence[Pair]) -> list[Example]:
    if arm.data == "raw":
        return list(material.raw)
    if arm.data == "chosen":
        return [pair.chosen_example() for pair in pairs]
    if arm.data == "aligned":
        return list(material.aligned)
    parts = {"aligned": material.aligned, "dialogues": material.dialogues}
    return mix(parts, seed=seed)


def write_freely(
    store: Store,
    model: TextModel,
    items: Sequence[Item],
    schema: Schema,
    recorder: Recorder,
    *,
    stage: Stage,
    decoding: Decoding = _FREE,
) -> list[Generation]:
    """What `model` answers to the question of listing runs, without a schema; known answers are not asked again."""
    keys = [_key(model, item, schema, decoding) for item in items]
    known = store.known(Generation, keys)
    missing = [item for item, key in zip(items, keys, strict=True) if key not in known]
    stage.advance(known=len(known))
    for begin in range(0, len(missing), _CHUNK):
        chunk = missing[begin : begin + _CHUNK]
        prompts = [
            Prompt(
                text=photo_question(schema.category(item.category)),
                images=tuple(load_photo(store, address) for address in item.photos),
            )
            for item in chunk
        ]
        answers = model.complete(prompts, decoding)
        made = []
        for item, prompt, answer in zip(chunk, prompts, answers, strict=True):
            said = read_json(answer.text)[1]
            made.append(
                Generation(
                    key=_key(model, item, schema, decoding),
                    kind="listing",
                    category=item.category,
                    model=model.name,
                    revision=model.revision,
                    prompt=prompt.text,
                    parameters=asdict(decoding),
                    seed=decoding.seed,
                    item=item.id,
                    inputs=item.photos,
                    listing=None if said is None else replace(said, category=item.category),
                    text=answer.text,
                    details={"error": answer.error} if answer.error else {},
                    cost=answer.cost,
                    run=recorder.id,
                    simulated=item.simulated,
                )
            )
        store.add(made)
        for one in made:
            stage.advance(1, cost=one.cost)
    return list(store.records(Generation, keys))


def _key(model: TextModel, item: Item, schema: Schema, decoding: Decoding) -> str:
    question = photo_question(schema.category(item.category))
    return content_key(
        "listing, freely", item.id, list(item.photos), model.revision, question, asdict(decoding)
    )


def own_pairs(
    store: Store, material: Material, model: str, recorder: Recorder, *, seed: int
) -> tuple[list[Pair], FiveClasses]:
    """Pairs from what `model` answers about training items, graded by the judge, or by the truth.

    Each item is answered by its likeliest listing and by two that are drawn; a listing that was said before is not
    graded again.

    Raises:
        LeakageError: An item is held out.
    """
    store.require_train(item.id for item in material.train)
    ways = (_FREE, *_DRAWN)
    outputs: dict[tuple[str | None, str | None], Generation] = {}
    total = len(ways) * len(material.train)
    with recorder.stage(f"seed {seed}: own outputs", total, unit="listings") as stage:
        writer = load_text(model)
        for way in ways:
            for one in write_freely(
                store, writer, material.train, material.schema, recorder, stage=stage, decoding=way
            ):
                outputs.setdefault((one.item, one.text), one)
    several = list(outputs.values())
    if material.judge is None:
        graded = grade_by_truth(several, material.truth, material.chosen)
    else:
        graded = material.judge.grade(several, material.chosen)
    catalog = material.train[0].id.partition("/")[0]
    classes = keep_pairs(store, graded, schemas={catalog: material.schema})
    return [training_pair(pair) for pair in classes.pairs], classes


def require_rows(material: Material) -> None:
    """Refuse a catalogue that there is too little of.

    Raises:
        LearningError: Fewer than eight training items, or two held-out ones.
    """
    if len(material.train) < 8 or len(material.held_out) < 2:
        raise LearningError(
            f"want 8 training items and 2 held-out ones at least, got {len(material.train)} and "
            f"{len(material.held_out)}: take more items, or another --eval-share"
        )


def example_of(
    item: Item, listing: Listing, schema: Schema, source: str, made: Generation | None = None
) -> Example:
    """A listing of an item as something to learn, with the alignment that it came from."""
    return listing_example(
        listing, schema.category(item.category), item.photos, item=item.id, source=source,
        lineage=() if made is None else (made.key,), simulated=item.simulated,
    )  # fmt: skip


def true_listing(item: Item, schema: Schema, aligned: Listing | None) -> Listing:
    """What the photos of a drawn item show; of another item, what its own listing says after alignment."""
    if not item.truth:
        assert aligned is not None
        return aligned
    seen = seen_truth(item, schema.category(item.category))
    return Listing(
        title=item.truth["title"],
        aspects={n: (v,) for n, v in seen.items()},
        category=item.category,
    )
