"""Does refining make more category images truly suitable? On the drawn catalogue, where the truth can be told.

    python benchmarks/category_images.py
    python benchmarks/category_images.py --image-model dir:FOLDER --judge dir:FOLDER --topics 60
    python benchmarks/category_images.py --judge instruments      # no model: what instruments measure

Topics are the commonest kinds in their commonest colours. Each one's first picture is compared with the best
of all its attempts, as the judge sees it; whether a picture is suitable is told by a classifier that learned from drawn
pictures and saw neither models nor prompts (kind and colour that the first prompt asks for, and no flaw). Because the best of four
seeds is better than one without any refining, the same run is made with the first prompt again and again
(`--refiner none`). Ends with status 1 where the gain over the first attempt is not told from 0, or the run
takes more than 12 minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.category_images import CategoryImagesJob, run_category_images
from pipelines.category_images_truth import ImageTruth
from pipelines.judge import INSTRUMENTS
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.catalog.drawn import KINDS, DrawnCatalog
from workbench.errors import ModelError
from workbench.judging.attempts import best_try, ending
from workbench.judging.chains import chains_of, read_chains
from workbench.judging.instruments import SAFETY
from workbench.metrics import Estimate, bootstrap_mean, proportion
from workbench.models.starter import shipped_folder
from workbench.models.starter.classifier import load_classifier
from workbench.prompting import Theme
from workbench.records import Item, Run
from workbench.rubric import Rubric, load_rubric
from workbench.schema import Schema
from workbench.store import Store

BAR_SECONDS = 720
SEED, SIZE = 7, 64


@dataclass(frozen=True)
class Outcome:
    """Truth about each topic's first picture and the one that was kept, in order of topics."""

    first: np.ndarray
    kept: np.ndarray
    approved: np.ndarray
    attempts: np.ndarray
    precision: Estimate
    recall: Estimate
    seconds: float


def topics_of(catalog: DrawnCatalog, count: int) -> tuple[Theme, ...]:
    pairs: Counter[tuple[str, str]] = Counter()
    for item in catalog.items():
        assert isinstance(item, Item)
        for color in item.aspects.get("Color", ()):
            pairs[item.category, color] += 1
    commonest = sorted(pairs, key=lambda p: (-pairs[p], p))[:count]
    return tuple(
        Theme(name=f"{color} {KINDS[kind].plural}", categories=(kind,), aspects={"Color": (color,)})
        for kind, color in commonest
        if kind in KINDS
    )


def left_out(judge: str) -> tuple[str, ...]:
    """Criteria of the shipped rubric that nobody here can answer; said on the terminal."""
    shipped = load_rubric("category-image")
    none = {"safety"} if SAFETY.revision == "1/nobody" else set()
    if judge == INSTRUMENTS:
        none |= {c.id for c in shipped.criteria if c.by == "model"}
    if none:
        print(f"left out of {shipped.label}, as nobody here answers it: {', '.join(sorted(none))}")
    return tuple(sorted(none))


def measure(folder: Path, catalog: DrawnCatalog, job: CategoryImagesJob) -> Outcome:
    started = time.perf_counter()
    with Store.open(folder) as store:
        summary = run_category_images(store, catalog, job)
        seconds = time.perf_counter() - started
        print(f"{job.refiner}: {summary}\n{seconds:.0f} s")
        run = store.find(Run, summary.run)
        assert run is not None
        rubric = load_rubric(job.rubric).without(*job.without)
        return _outcome(store, run, rubric, schema=catalog.schema, job=job, seconds=seconds)


def _outcome(
    store: Store,
    run: Run,
    rubric: Rubric,
    *,
    schema: Schema,
    job: CategoryImagesJob,
    seconds: float,
) -> Outcome:
    first, kept, approved, attempts = [], [], [], []
    for chain in read_chains(store, chains_of(store, run), rubric):
        end = ending(chain.attempts, rubric, limit=job.attempts, patience=job.patience)
        start = best_try(chain.attempts[0], rubric)
        if start is None or end.best is None:
            continue
        first.append(start.image)
        kept.append(end.best.image)
        approved.append(end.state == "approved")
        attempts.append(len(chain.attempts))
    truth = ImageTruth(store, schema, rubric, load_classifier())
    rates = calibrate_audit(store, find_audit(store)).calibration.rates
    return Outcome(
        first=np.array([not f for f in truth.flaws(first)], dtype=float),
        kept=np.array([not f for f in truth.flaws(kept)], dtype=float),
        approved=np.array(approved),
        attempts=np.array(attempts),
        precision=rates.precision,
        recall=rates.recall,
        seconds=seconds,
    )


def shown(e: Estimate) -> str:
    if e.value is None or e.low is None or e.high is None:
        return f"— ({e.reason})"
    return f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f}), n = {e.n}"


def table(refined: Outcome, again: Outcome | None) -> None:
    gain = bootstrap_mean(refined.kept - refined.first)
    rows = [
        ("first attempt, truly suitable", proportion(refined.first > 0)),
        ("kept after refining, truly suitable", proportion(refined.kept > 0)),
        ("gain of refining over the first attempt", gain),
        ("topics approved", proportion(refined.approved)),
        ("attempts a topic", bootstrap_mean(refined.attempts.astype(float))),
        ("precision of approvals, from the audit", refined.precision),
        ("recall of suitable pictures, from the audit", refined.recall),
    ]
    if refined.approved.any():
        rows.insert(
            4, ("approved pictures, truly suitable", proportion(refined.kept[refined.approved] > 0))
        )
    if again is not None:
        rows += [
            ("kept with the same prompt again, truly suitable", proportion(again.kept > 0)),
            ("gain of seeds alone", bootstrap_mean(again.kept - again.first)),
        ]
        if len(again.kept) == len(refined.kept):
            rows.append(
                ("refined less the same prompt again", bootstrap_mean(refined.kept - again.kept))
            )
    for name, estimate in rows:
        print(f"{name:<50} {shown(estimate)}")
    print(f"{'seconds, audit among them':<50} {refined.seconds:.0f} (bar: {BAR_SECONDS})")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image-model", default="starter:image")
    parser.add_argument("--judge", default="starter:judge")
    parser.add_argument("--refiner", default="rules")
    parser.add_argument("--topics", type=int, default=60)
    parser.add_argument("--attempts", type=int, default=4)
    parser.add_argument("--patience", type=int, default=2)
    parser.add_argument("--items", type=int, default=1200)
    parser.add_argument("--audit", type=int, default=120)
    parser.add_argument("--no-control", action="store_true", help="leave out the same prompt again")
    parser.add_argument(
        "--store", type=Path, help="keep the stores here; default: a temporary folder"
    )
    told = parser.parse_args()
    for name in (told.image_model, told.judge):
        if name.startswith("starter:"):
            try:
                shipped_folder(name.removeprefix("starter:"))
            except ModelError as error:
                print(f"nothing measured: {error}; name others with --image-model and --judge")
                return 0
    catalog = DrawnCatalog(seed=SEED, items=told.items, size=SIZE)
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.store or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        without = left_out(told.judge)

        def job(refiner: str) -> CategoryImagesJob:
            return CategoryImagesJob(
                catalog=f"drawn:seed={SEED},items={told.items},size={SIZE}",
                image_model=told.image_model,
                judge=told.judge,
                rubric="category-image",
                without=without,
                refiner=refiner,
                attempts=told.attempts,
                patience=told.patience,
                themes=topics_of(catalog, told.topics),
                audit=told.audit,
            )

        refined = measure(folder / "refined", catalog, job(told.refiner))
        again = None
        if not told.no_control:
            again = measure(folder / "again", catalog, job("none"))
        table(refined, again)
    gain = bootstrap_mean(refined.kept - refined.first)
    return int(gain.low is None or gain.low <= 0 or refined.seconds > BAR_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
