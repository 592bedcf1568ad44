"""A shop with a judge that really answers, by the real protocol: seeded, and it reads the rubric.

Every listing has a quality from 1 to 5, which the judge sees with noise, and perhaps a watermark, which
the judge sees only when a criterion asks about it. Nothing here is a person: all answers are simulated.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import latest_selection
from workbench.evolution import JudgedBy, decide, next_version, propose
from workbench.judging import Answered, Finding, RubricJudge, judge_all
from workbench.records import (
    Annotation,
    Correction,
    Generation,
    Item,
    Listing,
    Verdict,
)
from workbench.rubric import Criterion, FailureMode, Rubric, dump_rubric
from workbench.store import Store

RUBRIC = Rubric(
    name="mugs",
    version=1,
    judges="listing",
    criteria=(
        Criterion(
            id="quality",
            question="Is the listing right?",
            scale=("1", "2", "3", "4", "5"),
            threshold=2.5,
        ),
    ),
    failure_modes=(
        FailureMode(id="wrong", description="Something is wrong.", criterion="quality"),
    ),
)


@dataclass(frozen=True)
class SeededAnswerer:
    """Reads what it says from the generation: the same generation and question, the same answer."""

    name: str = "simulated:judge"
    revision: str = "1"

    def answers(self, criterion):
        return criterion.by == "model"

    def answer(self, subjects, asked, *, progress=None):
        return [
            Answered(findings=tuple(self._finding(s.generation, c, asked) for c in asked.criteria))
            for s in subjects
        ]

    def _finding(self, generation, criterion, asked):
        seen = generation.details["seen"]
        if criterion.id == "watermark":
            chance = 0.95 if generation.details["mark_seen"] else 0.05
            return Finding(distribution=(chance, 1 - chance))
        low = min(max(int(seen), 1), 4)
        points = [0.0] * 5
        points[low - 1], points[low] = low + 1 - seen, seen - low
        return Finding(distribution=tuple(points))


@dataclass
class Shop:
    """A judged and audited store, and what its people say."""

    store: Store
    rubric: Rubric = RUBRIC

    def judge(self, rubric, generations):
        judge = RubricJudge(rubric, SeededAnswerer())
        for _ in judge_all(self.store, judge, generations, chunk=500):
            pass
        said = list(self.store.records(Verdict, [judge.key(g) for g in generations]))
        return JudgedBy(verdicts=said, parts=judge.parts)

    def fill(
        self,
        n,
        *,
        seed=0,
        informative=True,
        marks=0.0,
        labels=None,
        first=0,
        rubric=None,
        shout=False,
    ):
        """Add `n` judged listings, draw an audit of `labels` of them and answer it.

        Where it is not informative, answers, points and named failures have nothing to do with the listings. Titles
        have two words, which the instrument for titles refuses; with `shout` it refuses those that are marked.
        """
        rng = np.random.default_rng(seed)
        rubric = rubric or self.rubric
        quality = rng.uniform(1, 5, n)
        seen = np.clip(quality + rng.normal(0, 0.35, n), 1, 5)
        marked = rng.random(n) < marks
        good = (quality > 3.3) if informative else rng.random(n) < 0.6
        good &= ~marked
        points = quality if informative else rng.uniform(1, 5, n)
        generations, items = [], []
        for i in range(n):
            number = first + i
            items.append(Item(id=f"shop/{number}", category="mugs", simulated=True))
            generations.append(
                Generation(
                    key=f"g{number}", kind="listing", category="mugs", model="tiny:text",
                    revision="m1", prompt="Describe it.", item=f"shop/{number}",
                    listing=Listing(
                        title=self._title(number, bool(marked[i])) if shout else f"Mug {number}",
                        aspects={"Color": ("Blue",)},
                    ),
                    details={
                        "seen": float(seen[i]), "good": bool(good[i]), "marked": bool(marked[i]),
                        "mark_seen": bool(marked[i] != (rng.random() < 0.05)),
                        "quality": float(points[i]),
                    },
                    simulated=True,
                )
            )  # fmt: skip
        self.store.add([*items, *generations])
        self.store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        self.judge(rubric, generations)
        selection = latest_selection(self.store, part=None, rubric=rubric.label)
        audit = draw_from(self.store, selection, size=labels or n, seed=seed)
        self.store.add([audit])
        self.answer(audit)
        return audit

    def _title(self, number, marked):
        return f"BEST MUG {number} SALE!!!" if marked else f"Plain blue mug {number}"

    def answer(self, audit):
        """What the truth says, as a simulated annotator's answer."""
        found = {
            g.key: g for g in self.store.records(Generation, [d.generation for d in audit.drawn])
        }
        said = []
        for drawn in audit.drawn:
            details = found[drawn.generation].details
            name = f"{audit.id[:8]}-{drawn.generation}"
            said.append(
                Annotation(
                    id=name, generation=drawn.generation, annotator="simulated:truth",
                    rubric=audit.rubric, approved=details["good"], audit=audit.id, simulated=True,
                    scores={"quality": float(round(details["quality"]))},
                    failure_modes=() if details["good"] or details["marked"] else ("wrong",),
                )
            )  # fmt: skip
            if details["marked"]:
                said.append(
                    Correction(
                        id=f"{name}#failure_mode", annotation=name, generation=drawn.generation,
                        about="failure_mode", before=None, after="Watermark", simulated=True,
                    )
                )  # fmt: skip
        self.store.add(said)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request, tmp_path):
    """An empty shop on each database."""
    address = (
        str(tmp_path / "store")
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    with Store.open(address, images=tmp_path / "images") as store:
        yield Shop(store)


@pytest.fixture
def shop(tmp_path):
    """An empty shop."""
    with Store.open(tmp_path / "store") as store:
        yield Shop(store)


@pytest.fixture
def new_shop(tmp_path):
    """Opens an empty shop of a name of its own, to be closed by the caller."""

    @contextmanager
    def opened(name):
        with Store.open(tmp_path / name) as store:
            yield Shop(store)

    return opened


@pytest.fixture(scope="session")
def world():
    """The rubric and the judge alone, where no store is wanted."""
    return SimpleNamespace(
        rubric=RUBRIC, judge=lambda rubric: RubricJudge(rubric, SeededAnswerer())
    )


@pytest.fixture(scope="session")
def _tried_once(tmp_path_factory):
    """A shop's folder in which one change is accepted, with its audit, the proposal and the version."""
    folder = tmp_path_factory.mktemp("tried") / "store"
    with Store.open(folder) as store:
        shop = Shop(store)
        audit = shop.fill(300, labels=240)
        proposal = next(p for p in propose(store, audit) if p.kind == "changed threshold")
        decide(store, proposal.key, "accepted", by="ada", why="Stricter.")
        return folder, audit, proposal, next_version(store, "mugs@1", by="ada")


@pytest.fixture
def tried(_tried_once, tmp_path):
    """A copy of it for one test: the shop, the audit, the proposal and the version."""
    folder, *made = _tried_once
    shutil.copytree(folder, tmp_path / "tried")
    with Store.open(tmp_path / "tried") as store:
        yield Shop(store), *made
