"""A run of category images that is killed at random moments and started again makes nothing twice.

The processes are real and killed with SIGKILL: nothing can be tidied up. They run the loop with a painter that
needs no network.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from workbench.records import Generation, Item, Verdict
from workbench.store import Store

SAMPLES = Path(__file__).parents[1] / "samples"
RUBRIC = (SAMPLES / "measured.yaml").read_text()
LOOP = """
import sys, time
import numpy as np
from PIL import Image
from pipelines.category_images_loop import CategoryLoop
from pipelines.category_images_parts import LoopPlan, Topic
from pipelines.category_images_writing import CategoryPrompts
from pipelines.judge import load_picture_judge
from pipelines.recorder import record
from workbench.models.protocols import MadeImage
from workbench.prompting import RuleImprover, RulePromptWriter, RuleSimplifier
from workbench.records import Item
from workbench.rubric import load_rubric
from workbench.store import Store


class Painter:
    name = revision = "painter"

    def make(self, requests, *, progress=None):
        made = []
        for request in requests:
            time.sleep(0.01)
            light = 250 if request.seed % 3 == 0 else 20
            made.append(MadeImage(image=Image.new("RGB", (32, 32), (light, light, light))))
        return made


rubric = load_rubric(sys.argv[2])
with Store.open(sys.argv[1]) as store, record(store, "test", {}, quiet=True) as recorder:
    prompts = CategoryPrompts(
        store=store, rubric=rubric, simplifier=RuleSimplifier(), writer=RulePromptWriter(),
        improver=RuleImprover(), improver_sees=False, image_model="painter", names={}, run=recorder.id,
    )
    loop = CategoryLoop(
        store, writer=prompts, model=Painter(), judge=load_picture_judge("instruments", rubric, store=store),
        plan=LoopPlan(attempts=4, patience=0, candidates=1, seed=0, overlap=True), recorder=recorder,
    )
    topics = [
        Topic(id=f"kind-{k}", name=f"Kind {k}",
              items=(Item(id=f"shop/{k}", category=f"kind-{k}", title=f"Red Kind {k}"),))
        for k in range(60)
    ]
    print(sum(one.ending.state != "open" for one in loop.run(topics, total=60)))
"""
VOLATILE = {"cost", "run", "created_at"}


@dataclasses.dataclass
class Job:
    """One command on one store."""

    folder: Path
    command: list[str]

    def start(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "measured.yaml").write_text(RUBRIC)
        return subprocess.Popen(
            [sys.executable, *(word.format(folder=self.folder) for word in self.command)],
            env=os.environ | {"WORKBENCH_CACHE": str(self.folder / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> bytes:
        """Run to the end; what it said."""
        with self.start() as process:
            out, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors.decode()[-2000:]
        return out

    def killed_at(self, stored: int, pause: float) -> bool:
        """Start, kill `pause` seconds after so many records are stored; False where it was done before."""
        with self.start() as process:
            while process.poll() is None:
                if self.stored() >= stored:
                    time.sleep(pause)
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    return process.returncode == -signal.SIGKILL
                time.sleep(0.01)
            process.communicate()
        return False

    def stored(self) -> int:
        """Generations and verdicts that are committed; 0 before there is a store."""
        file = self.folder / "store" / "workbench.db"
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            try:
                counts = "SELECT (SELECT count(*) FROM generation) + (SELECT count(*) FROM verdict)"
                return int(database.execute(counts).fetchone()[0])
            except sqlite3.OperationalError:  # its tables are not made yet, or it is being written
                return 0

    def contents(self) -> dict[str, list[str]]:
        """Everything stored, without how it was made."""
        with Store.open(self.folder / "store") as store:
            return {
                noun.__name__: sorted(
                    repr({k: v for k, v in dataclasses.asdict(r).items() if k not in VOLATILE})
                    for r in store.records(noun)
                )
                for noun in (Item, Generation, Verdict)
            }

    def kept(self) -> dict[str, object]:
        """Key to the moment at which it was made, of what a model made or a judge said."""
        if not (self.folder / "store" / "workbench.db").exists():
            return {}
        with Store.open(self.folder / "store") as store:
            return {
                r.key: r.created_at for noun in (Generation, Verdict) for r in store.records(noun)
            }


def check(calm: Job, killed: Job, *, kills: int, seed: int) -> bytes:
    rng = random.Random(seed)
    said = calm.finish()
    wanted, whole = calm.contents(), calm.stored()
    before: dict[str, object] = {}
    for k in range(kills):
        target = int(whole * (k + rng.random()) / (kills + 1))
        assert killed.killed_at(max(1, target), rng.uniform(0, 0.05))
        after = killed.kept()
        assert {key: after[key] for key in before} == before
        before = after
    assert 0 < len(before) < whole
    killed.finish()
    after = killed.kept()
    assert killed.contents() == wanted
    assert {key: after[key] for key in before} == before
    return said


def test_kills_change_nothing_and_make_nothing_twice(tmp_path):
    command = [
        "-c",
        LOOP.replace("{", "{{").replace("}", "}}"),
        "{folder}/store",
        "{folder}/measured.yaml",
    ]
    jobs = [Job(tmp_path / name, command) for name in ("calm", "killed")]
    assert check(*jobs, kills=3, seed=4).strip() == b"60"
