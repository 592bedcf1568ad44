"""A command that is killed at random moments and started again ends as an undisturbed one.

The processes are real and are killed with SIGKILL, in whatever step they are.
"""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from workbench.records import (
    Annotation,
    Audit,
    Generation,
    Item,
    Verdict,
)
from workbench.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
NOUNS = (Item, Generation, Verdict)
VOLATILE = {"cost", "run", "created_at"}


def start(folder: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The command, in a process of its own, with the store in `folder`."""
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"WORKBENCH_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command, "--store", str(folder / "store"), "--quiet"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(folder: Path, command: Sequence[str]) -> float:
    """Let it end; how many seconds it took."""
    started = time.monotonic()
    process = start(folder, command)
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors.decode()[-2000:]
    return time.monotonic() - started


def killed_after(folder: Path, command: Sequence[str], seconds: float) -> bool:
    """False where it was done before."""
    process = start(folder, command)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return process.returncode == -signal.SIGKILL


def contents(folder: Path) -> dict[str, list[str]]:
    """Everything stored, without how it was made and where the models lie."""
    with Store.open(folder / "store") as store:
        return {
            noun.__name__: sorted(
                repr(
                    {
                        name: value
                        for name, value in dataclasses.asdict(record).items()
                        if name not in VOLATILE
                    }
                ).replace(str(folder), "")
                for record in store.records(noun)
            )
            for noun in NOUNS
        }


def drawn(folder: Path) -> int:
    """Pictures that the one audit drew; which, depends on the runs that made them."""
    with Store.open(folder / "store") as store:
        (audit,) = store.records(Audit)
        assert len({a.generation for a in store.records(Annotation)}) == len(audit.drawn)
        return len(audit.drawn)


def test_category_images_are_made_once_however_often_they_are_stopped(
    tmp_path, measured, painting_server
):
    rng = random.Random(5)
    kills = 0
    with painting_server(seconds=0.05) as painter:
        command = (
            "run", "category-images", "--catalog", "drawn:seed=5,items=60,size=64", "--rubric", measured,
            "--image-model", painter.model, "--judge", "instruments", "--attempts", "3", "--audit", "20",
        )  # fmt: skip
        calm, killed = tmp_path / "calm", tmp_path / "killed"
        seconds = finish(calm, command)
        pictures = sum(painter.asked.values())
        assert pictures == len(painter.asked) > 17
        painter.asked.clear()
        for _ in range(8):
            kills += killed_after(killed, command, rng.uniform(0.3, 1) * seconds)
        finish(killed, command)
    twice = sum(painter.asked.values()) - len(painter.asked)
    assert kills >= 4
    assert len(painter.asked) == pictures
    assert twice <= 16 * kills  # those on their way when the process died: at most a batch
    assert contents(killed) == contents(calm)
    assert drawn(killed) == drawn(calm) == 20
