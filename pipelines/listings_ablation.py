"""OPAL in miniature as one command: retrieval, raw SFT, MACE, LACU, DPO, and the controls that the paper lacks.

Every alignment, dialogue, answer and pair is in the store, every trained arm in its folder: a run that is stopped
goes on at the arm, and within it at the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import numpy.typing as npt

from pipelines.ablation_arms import (
    ARMS,
    FEWEST_PAIRS,
    Material,
    example_of,
    own_pairs,
    require_rows,
    run_arm,
    true_listing,
    write_freely,
)
from pipelines.ablation_judge import AblationJudge
from pipelines.ablation_result import (
    RETRIEVAL,
    START,
    AblationJob,
    AblationResult,
    PreferenceFigures,
)
from pipelines.baseline import Compare, compare_systems, retrieve
from pipelines.intake import take_in
from pipelines.lacu import TalkTally, fit_dialogues, load_writer
from pipelines.learning import photo_features
from pipelines.mace import align_all, load_aligner
from pipelines.recorder import Recorder, record
from pipelines.training_data import apart
from workbench.alignment import check_alignments
from workbench.metrics import (
    MEASURES,
    STATISTICS,
    Estimate,
    ListingCounts,
    count_listings,
    listing_json,
    over_seeds,
)
from workbench.metrics.resampling import Floats, sums_by_group
from workbench.models import load_text
from workbench.models.encoder import PhotoEncoder
from workbench.records import Item, Listing
from workbench.settings import read_settings
from workbench.store import group_of
from workbench.training import Example, Pair, Turn

if TYPE_CHECKING:
    from workbench.alignment import AlignmentCheck
    from workbench.catalog import Catalog
    from workbench.schema import Schema
    from workbench.store import Store

_NICHE = 1 / 3
"""Share of held-out items, those that are looked at least, that count as niche."""
_ASIDE = 0.2
"""Share of items whose pairs are not learnt, but tell whether what is chosen is preferred."""
_NETWORK = "efficientnet-lite0"
STEPS: tuple[tuple[str, str, str], ...] = (
    ("MACE", "mace", "raw"),
    ("twice the steps", "mace-long", "mace"),
    ("LACU and its steps", "lacu", "mace"),
    ("LACU at equal steps", "lacu", "mace-long"),
    ("DPO and its steps", "dpo", "lacu"),
    ("DPO over more SFT", "dpo", "more"),
    ("DPO over SFT on chosen", "dpo", "chosen"),
    ("DPO + SFT over chosen", "dpo-sft", "chosen"),
)
"""What a step adds: its name, the arm with it, the arm that it is held against."""


def run_ablation(
    store: Store, catalog: Catalog, job: AblationJob, out: Path, *, quiet: bool = False
) -> AblationResult:
    """Train every arm with every seed and measure all of them on the same held-out items.

    Args:
        store: Takes items, alignments, dialogues, answers and pairs.
        catalog: Opened.
        job: What to do.
        out: Folder of the trained arms and of the result.
        quiet: No progress bars.

    Raises:
        CatalogError: The catalogue has no item with a photo.
        LearningError: There are too few items.
        ModelError: A model cannot be loaded or trained.
    """
    with record(
        store, "listings ablate", {**asdict(job), "name": catalog.name}, quiet=quiet
    ) as recorder:
        items, _ = take_in(store, catalog, job.catalog, recorder, limit=job.limit)
        parts = store.assign_split(
            sorted({group_of(i) for i in items}), eval_share=job.eval_share, seed=job.seed
        )
        known = [i for i in items if i.category in catalog.schema.categories]
        train = [i for i in known if parts[group_of(i)] == "train"]
        held_out = [i for i in known if parts[group_of(i)] == "eval"]
        material, dialogues, checked = _material(
            store, catalog.schema, job, out, recorder, train=train, held_out=held_out
        )
        require_rows(material)
        answers = {RETRIEVAL: [_retrieved(store, material, recorder)] * job.seeds}
        answers[START] = [_answers(store, material, job.model, recorder, START)] * job.seeds
        classes: dict[str, int] = {}
        pairs: list[int] = []
        missing: list[str] = []
        preferred: list[PreferenceFigures] = []
        for seed in range(job.seeds):
            _run_seed(
                store,
                material,
                seed,
                recorder,
                answers=answers,
                classes=classes,
                pairs=pairs,
                missing=missing,
                preferred=preferred,
            )
    return measure(
        job, recorder.id, material, answers,
        dialogues=dialogues, checked=checked, classes=classes, pairs=pairs, missing=missing,
        preferred=preferred,
    )  # fmt: skip


def _run_seed(
    store: Store,
    material: Material,
    seed: int,
    recorder: Recorder,
    *,
    answers: dict[str, list[list[str]]],
    classes: dict[str, int],
    pairs: list[int],
    missing: list[str],
    preferred: list[PreferenceFigures],
) -> None:
    own, learnt, aside = None, list[Pair](), list[Pair]()
    for arm in ARMS:
        if arm.data in {"chosen", "pairs", "pairs, with an SFT term"}:
            if own is None:
                model = f"dir:{material.out / f'seed-{seed}' / 'lacu' / 'model'}"
                own, told = own_pairs(store, material, model, recorder, seed=seed)
                for name, count in told.as_dict()["graded"].items():  # type: ignore[attr-defined]
                    classes[name] = classes.get(name, 0) + count
                pairs.append(len(own))
                learnt, aside = apart(own, share=_ASIDE, seed=seed)
            if len(learnt) < FEWEST_PAIRS:
                missing.append(
                    f"seed {seed}, {arm.name}: the model's own outputs gave {len(learnt)} pairs to learn from, "
                    f"want {FEWEST_PAIRS}"
                )
                continue
        trained = run_arm(store, material, arm, recorder, seed=seed, pairs=learnt, aside=aside)
        if trained.method == "dpo" and trained.held_out:
            preferred.append(
                PreferenceFigures(
                    arm=arm.id, seed=seed, learnt=trained.rows, figures=trained.figures
                )
            )
        said = _answers(store, material, trained.model, recorder, f"seed {seed}: {arm.id}")
        answers.setdefault(arm.id, []).append(said)


def _material(
    store: Store,
    schema: Schema,
    job: AblationJob,
    out: Path,
    recorder: Recorder,
    *,
    train: Sequence[Item],
    held_out: Sequence[Item],
) -> tuple[Material, int, tuple[AlignmentCheck, ...]]:
    by = load_aligner(job.aligner, schema)
    both = [*train, *held_out]
    with recorder.stage("align", len(both), unit="listings") as stage:
        alignments = {i.id: made for i, made in align_all(store, both, by, recorder, stage)}
    good = {key: made.listing for key, made in alignments.items() if made.listing is not None}
    tally = TalkTally()
    dialogues: list[Example] = []
    with recorder.stage("talk", len(train), unit="dialogues") as stage:
        writer = load_writer(job.writer, schema, seed=job.seed)
        own = [alignments[i.id] for i in train]
        photos = {i.id: i.photos for i in both}
        for talk, dialogue in fit_dialogues(
            store, own, writer, schema, recorder, stage=stage, tally=tally
        ):
            turns = [
                Turn(role=role, text=text)  # type: ignore[arg-type]
                for one in dialogue.rounds
                for role, text in (("user", one.buyer), ("assistant", one.seller))
            ]
            dialogues.append(
                Example(
                    turns=tuple(turns), photos=photos[talk.item or ""], item=talk.item, source="dialogue",
                    lineage=(talk.key, talk.parent or ""), simulated=talk.simulated,
                )
            )  # fmt: skip
    checked = check_alignments(train, [alignments[i.id] for i in train], schema)
    material = Material(
        schema=schema,
        model=job.model,
        train=[i for i in train if i.id in good],
        held_out=[i for i in held_out if i.truth or i.id in good],
        raw=[
            example_of(i, Listing(title=i.title or "", aspects=i.aspects), schema, "raw")
            for i in train
        ],
        aligned=[
            example_of(i, good[i.id], schema, "alignment", alignments[i.id])
            for i in train
            if i.id in good
        ],
        dialogues=dialogues,
        chosen=good,
        truth={
            i.id: true_listing(i, schema, good.get(i.id)) for i in both if i.truth or i.id in good
        },
        steps=job.steps,
        more_steps=job.more_steps,
        batch=job.batch,
        out=out,
        judge=None if job.judge is None else AblationJudge.load(job.judge, store, schema),
    )
    return material, tally.fit, checked if any(i.truth for i in train) else ()


def _retrieved(store: Store, material: Material, recorder: Recorder) -> list[str]:
    encoder = PhotoEncoder(_NETWORK, cache=read_settings().cache)
    stage = "photos for retrieval"
    training = photo_features(store, encoder, material.train, recorder, stage=stage)
    asked = photo_features(store, encoder, material.held_out, recorder, stage=stage)
    found = retrieve(asked, material.held_out, training, material.train)
    return [listing_json(one) for one in found]


def _answers(
    store: Store, material: Material, model: str, recorder: Recorder, about: str
) -> list[str]:
    with recorder.stage(f"{about}: answers", len(material.held_out), unit="listings") as stage:
        made = write_freely(
            store, load_text(model), material.held_out, material.schema, recorder, stage=stage
        )
    return [one.text or "" for one in made]


def niche_items(items: Sequence[Item], training: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Which items count as niche, shape (n,): the third that is looked at least.

    By impressions where the catalogue counts them; else by how many training items share the item's category.
    """
    if all(one.impressions is not None for one in items):
        seen = np.array([float(one.impressions or 0) for one in items])
    else:
        sizes: dict[str, int] = {}
        for one in training:
            sizes[one.category] = sizes.get(one.category, 0) + 1
        seen = np.array([float(sizes.get(one.category, 0)) for one in items])
    niche = np.zeros(len(items), dtype=bool)
    niche[np.argsort(seen, kind="stable")[: max(1, round(_NICHE * len(items)))]] = True
    return niche


def measure(
    job: AblationJob,
    run: str,
    material: Material,
    answers: Mapping[str, list[list[str]]],
    *,
    dialogues: int,
    checked: tuple[AlignmentCheck, ...],
    classes: Mapping[str, int],
    pairs: Sequence[int],
    missing: Sequence[str],
    preferred: Sequence[PreferenceFigures] = (),
) -> AblationResult:
    """Every measure of every arm over seeds, what each step adds, and each arm against the retrieval system.

    Args:
        job: What was asked.
        run: The run's id.
        material: Held-out items and their truth.
        answers: Arm to its answers to the held-out items, one list a seed.
        dialogues: How many were fit to train on.
        checked: Alignments against the truth.
        classes: Class to outputs of training items.
        pairs: By seed.
        missing: What could not be trained.
        preferred: Of the arms that learn from pairs, how often they prefer what is chosen.
    """
    truth = [material.truth[i.id] for i in material.held_out]
    groups = [group_of(i) for i in material.held_out]
    niche = niche_items(material.held_out, material.train)
    counts: dict[str, list[ListingCounts]] = {
        arm: [count_listings(one, truth, material.schema, names=()) for one in several]
        for arm, several in answers.items()
    }
    whole = {arm: [_by_group(c, groups) for c in several] for arm, several in counts.items()}
    rare = {arm: [_by_group(c, groups, niche) for c in several] for arm, several in counts.items()}

    def told(sums: Mapping[str, list[Floats]], n: int) -> dict[str, dict[str, Estimate]]:
        return {
            arm: {
                name: over_seeds(several, STATISTICS[name], n=n, within=(0, 1)) for name in MEASURES
            }
            for arm, several in sums.items()
        }

    incumbent = answers[RETRIEVAL][0]
    return AblationResult(
        job=job,
        run=run,
        items=len(material.train) + len(material.held_out),
        trained_on=len(material.train),
        held_out=len(truth),
        niche=int(niche.sum()),
        truth=_words_of_truth(material, job),
        arms={"held out": told(whole, len(truth)), "niche": told(rare, int(niche.sum()))},
        added={
            step: {
                name: over_seeds(whole[arm], STATISTICS[name], less=whole[than], n=len(truth))
                for name in MEASURES
            }
            for step, arm, than in STEPS
            if arm in whole and than in whole and len(whole[arm]) == len(whole[than])
        },
        classes=classes,
        pairs=tuple(pairs),
        dialogues=dialogues,
        checked=checked,
        against={
            arm: compare_systems(
                [text for one in several for text in one],
                incumbent * len(several),
                truth * len(several),
                material.schema,
                groups=groups * len(several),
                **_judged(material, len(several)),
            )
            for arm, several in answers.items()
            if arm not in {RETRIEVAL, START}
        },
        missing=tuple(missing),
        preferred=tuple(preferred),
    )


class _Judged(TypedDict, total=False):
    compare: Compare
    conformity: Callable[[Sequence[str]], Sequence[float]]


def _judged(material: Material, seeds: int) -> _Judged:
    """Who compares and scores the answers of so many seeds, one after the other; nobody: the truth does."""
    if material.judge is None:
        return {}
    items = list(material.held_out) * seeds
    return {
        "compare": material.judge.compare(items),
        "conformity": material.judge.conformity(items),
    }


def _by_group(
    counts: ListingCounts,
    groups: Sequence[str],
    rows: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    kept = np.ones(len(groups), dtype=bool) if rows is None else rows
    return sums_by_group(counts.sums[kept], np.asarray(groups)[kept])


def _words_of_truth(material: Material, job: AblationJob) -> str:
    if all(i.truth for i in material.held_out):
        return "what the drawn photos show"
    return f"what the items' own listings say after alignment by {job.aligner}"
