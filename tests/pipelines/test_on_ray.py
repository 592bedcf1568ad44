"""On Ray, a job ends as in one process: with the same verdicts, whoever is interrupted or killed meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.judge import judge_store
from pipelines.places import HERE, RayAddress, open_place, read_address
from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import MissingExtraError, ModelError, SettingsError
from workbench.models.elsewhere import ModelElsewhere, said_by
from workbench.models.protocols import Prompt, Question
from workbench.records import Generation, RunEvent, Verdict
from workbench.store import Store

PICTURES = 240
JUDGE = ("judge", "--rubric", "category-image", "--judge", "starter:judge")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", None),
        ("ray", RayAddress()),
        ("ray:workers=2", RayAddress(workers=2)),
        ("ray:workers=2,gpus=.5", RayAddress(workers=2, gpus=0.5)),
        ("ray://head:6379", RayAddress(cluster="ray://head:6379")),
        (
            "ray://head:6379?workers=8&gpus=1",
            RayAddress(cluster="ray://head:6379", workers=8, gpus=1),
        ),
    ],
)
def test_addresses(text, address):
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "here", "rays", "ray:workers=0", "ray:workers=two", "ray:cpus=2", "ray:gpus=-1", "ray://"]
)  # fmt: skip
def test_what_is_no_address_is_one_sentence(text):
    with pytest.raises(SettingsError, match="want"), open_place(text):
        pass


def test_this_process_is_the_default(tmp_path):
    with open_place("local") as place:
        assert place is HERE
        assert list(place.each(str, [1, 2])) == ["1", "2"]


def test_where_ray_is_missing_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with Store.open(tmp_path / "store"):
        pass
    done = CliRunner().invoke(app, [*JUDGE, "--store", str(tmp_path / "store"), "--on", "ray"])
    assert isinstance(done.exception, MissingExtraError)
    assert "catalog-workbench[ray]" in str(done.exception)


def test_a_model_elsewhere_answers_as_the_model_and_is_refused_with_other_weights():
    said = said_by("scorer", "tiny:vlm")
    there = ModelElsewhere(said)
    asked = [Prompt(text="Is it red?")], [[Question(text="Say", answers=("yes", "no"))]]
    from workbench.models import load_scorer

    model = load_scorer("tiny:vlm")
    assert (there.name, there.revision, there.sees) == (model.name, model.revision, model.sees)
    assert (
        there.score(*asked)[0][0].distribution
        == pytest.approx(model.score(*asked)[0][0].distribution)
    )  # fmt: skip
    other = ModelElsewhere(dataclasses.replace(said, revision="another"))
    with pytest.raises(ModelError, match="give every machine the same weights"):
        other.score(*asked)


# ---- the real thing ------------------------------------------------------------------------------


def draw(folder: Path) -> None:
    """A store with pictures of drawn products, as if an image model had made them."""
    catalog = DrawnCatalog(seed=17, items=PICTURES)
    made = []
    with Store.open(folder) as store:
        for number, entry in enumerate(catalog.entries):
            data = io.BytesIO()
            catalog.picture(entry).resize((64, 64)).save(data, "PNG")
            made.append(
                Generation(
                    key=f"picture {number}", kind="image", category=entry.product.kind, model="drawn",
                    revision="1", prompt=f"A photo of a {entry.product.kind}",
                    image=store.images.put(data.getvalue()), simulated=True,
                )
            )  # fmt: skip
        store.add(made)


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *JUDGE, "--store", str(folder), "--on",
         "ray:workers=2", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
    )  # fmt: skip


def until_judged(folder: Path, more_than: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first verdicts of a run."""
    with Store.open(folder) as store:
        while store.counts()["verdicts"] <= more_than:
            assert process.poll() is None, process.stderr.read().decode()[-3000:]
            time.sleep(0.02)


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def workers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Ray's processes that do the work."""
    found = []
    for one in family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.cmdline()[:1] and one.cmdline()[0].startswith("ray::MapWorker"):
                found.append(one)
    return found


def told(store: Store) -> dict[str, object]:
    """What verdicts say, by key; without what they took and when."""
    return {
        one.key: dataclasses.replace(one, cost=type(one.cost)(), run=None, created_at=None)
        for one in store.records(Verdict)
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stopped_and_robbed_of_a_worker_it_ends_as_in_one_process(tmp_path):
    pytest.importorskip("ray", reason="extra `ray` is missing")
    here, there = tmp_path / "here", tmp_path / "there"
    draw(here)
    draw(there)

    process = start(there)
    until_judged(there, 0, process)
    started = family(process)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C sends
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("workbench: stopped; run the same command again")
    assert "Traceback" not in said
    assert psutil.wait_procs(started, timeout=30)[1] == [], "Ray ends with the command"
    with Store.open(there) as store:
        kept = store.counts()["verdicts"]
    assert 0 < kept < PICTURES

    process = start(there)
    until_judged(there, kept, process)
    robbed = workers(process)
    os.kill(robbed[0].pid, signal.SIGKILL)
    with Store.open(there) as store:
        assert store.counts()["verdicts"] < PICTURES, "it was killed while there was work"
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()[-3000:]
    summary = json.loads(out)  # nothing that Ray has to say is among it
    assert (summary["judged"], summary["known"]) == (PICTURES - kept, kept)

    with Store.open(here) as one, Store.open(there) as other:
        alone = judge_store(one, rubric="category-image", judge="starter:judge", quiet=True)
        assert alone.judged == PICTURES
        want, got = told(one), told(other)
        assert want.keys() == got.keys()
        for key, verdict in want.items():
            close(verdict, got[key])
        done = [e.done for e in other.records(RunEvent) if e.stage == "judge"]
        assert sum(done) == PICTURES, "none was judged twice"


def close(one: Verdict, other: Verdict) -> None:
    for a, b in zip(one.scores, other.scores, strict=True):
        assert b.score == (None if a.score is None else pytest.approx(a.score, abs=1e-4))
    assert (one.approved, one.failure_modes) == (other.approved, other.failure_modes)
    bare = [dataclasses.replace(v, scores=(), confidence=None) for v in (one, other)]
    assert bare[0] == bare[1]
