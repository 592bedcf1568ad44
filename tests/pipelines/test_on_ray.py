"""On Ray, a job ends as in one process: with the same verdicts, whoever is interrupted or killed meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.judge import judge_store
from pipelines.places import HERE, RayAddress, open_place, read_address
from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import MissingExtraError, ModelError, SettingsError
from workbench.models import elsewhere, load_text
from workbench.models.elsewhere import ModelElsewhere, said_by
from workbench.models.protocols import Decoding, Prompt, Question
from workbench.records import Generation
from workbench.store import Store

PICTURES = 240
PLAIN = Path(__file__).parents[1] / "samples" / "plain.yaml"
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


def test_threads_that_ask_first_at_one_moment_load_one_model(monkeypatch):
    """A listing writer asks in threads; each of them used to load, which transformers does not survive."""
    said, loaded = said_by("text", "tiny:vlm"), []

    def slowly(asked):
        loaded.append(asked)
        time.sleep(0.2)
        return load_text(asked)

    monkeypatch.setattr(elsewhere, "load_text", slowly)
    elsewhere._loaded_once.cache_clear()
    prompts = [[Prompt(text=f"Say {number}.")] for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda one: ModelElsewhere(said).complete(one, Decoding(max_tokens=2)), prompts
            )
        )
    assert loaded == ["tiny:vlm"] and len(answers) == 4
    elsewhere._loaded_once.cache_clear()


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


def start(
    folder: Path,
    command: Sequence[str] = JUDGE,
    *,
    on: str = "ray:workers=2",
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command, "--store", str(folder), "--on", on, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip


def until_judged(folder: Path, more_than: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first verdicts of a run."""
    with Store.open(folder) as store:
        while store.counts()["verdicts"] <= more_than:
            assert process.poll() is None, process.stderr.read().decode()[-3000:]
            time.sleep(0.02)


def until(folder: Path, kind: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first outputs of a kind; the run makes its store."""
    while not (folder / "workbench.db").exists():
        time.sleep(0.1)
    with Store.open(folder) as store:
        while store.generations(kind=kind).empty:
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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stopped_and_robbed_of_a_worker_it_ends_as_in_one_process(tmp_path, same_store):
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

    judge_alone(here)
    assert same_store(here, there) == PICTURES


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_cluster_that_is_there_judges_as_one_process_and_stays(tmp_path, same_store):
    pytest.importorskip("ray", reason="extra `ray` is missing")
    here, there = tmp_path / "here", tmp_path / "there"
    draw(here)
    draw(there)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with cluster(token) as (address, head):
        refused = start(there, on=address, environment={"RAY_AUTH_MODE": "disabled"})
        said = refused.communicate(timeout=300)[1].decode()
        assert refused.returncode == 4
        assert "asks for a token: set RAY_AUTH_MODE=token" in said.splitlines()[-1]

        process = start(there, on=address, environment=token)
        out, said = process.communicate(timeout=600)
        assert process.returncode == 0, said.decode()[-3000:]
        assert json.loads(out)["judged"] == PICTURES
        assert head.poll() is None, "it is not ours to end"
    judge_alone(here)
    assert same_store(here, there) == PICTURES


@contextlib.contextmanager
def cluster(environment: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Ray of one worker that somebody else started, and its head; Ray gives up after 15 seconds of a busy machine."""
    script = Path(sys.executable).with_name("ray")
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # short: sockets lie in it
        for _ in range(5):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address = f"127.0.0.1:{free.getsockname()[1]}"
            head = subprocess.Popen(
                [script, "start", "--head", "--block", "--node-ip-address", "127.0.0.1",
                 "--port", address.partition(":")[2], "--num-cpus", "1", "--temp-dir", folder,
                 "--include-dashboard", "false", "--disable-usage-stats"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment},
            )  # fmt: skip
            said = list(
                itertools.takewhile(lambda line: b"Ray runtime started" not in line, head.stdout)
            )
            if head.poll() is None and said and head.stdout.readline():
                break
            head.communicate()
        else:
            pytest.fail("Ray did not start: " + b"".join(said).decode()[-2000:])
        started = psutil.Process(head.pid).children(recursive=True)
        try:
            yield f"ray://{address}", head
        finally:
            head.terminate()
            head.communicate(timeout=60)
            assert psutil.wait_procs(started, timeout=60)[1] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pictures_of_a_run_that_is_robbed_of_a_worker(tmp_path, fast_painter, same_store):
    """Pictures are the same to the byte, as each one's noise comes from its own seed."""
    pytest.importorskip("ray", reason="extra `ray` is missing")
    command = (
        "run", "category-images", "--catalog", "drawn:seed=5,items=60,size=64", "--image-model",
        fast_painter, "--judge", "tiny:vlm", "--rubric", str(PLAIN), "--attempts", "2",
        "--candidates", "16", "--items", "1",
    )  # fmt: skip
    folders = tmp_path / "there", tmp_path / "here"
    process = start(folders[0], command)
    until(folders[0], "image", process)
    os.kill(workers(process)[0].pid, signal.SIGKILL)
    with Store.open(folders[0]) as store:
        assert len(store.generations(kind="image")) < 17 * 16, "it was killed while there was work"
    out, said = process.communicate(timeout=900)
    assert process.returncode == 0, said.decode()[-3000:]
    alone = start(folders[1], command, on="local").communicate(timeout=900)[0]
    asked = ("topics", "approved", "gave_up", "failed", "pictures", "by_attempt")
    assert [json.loads(out)[name] for name in asked] == [json.loads(alone)[name] for name in asked]
    assert same_store(folders[1], folders[0], "title", "prompt", "image") > 2 * 17 * 16


def judge_alone(folder: Path) -> None:
    with Store.open(folder) as store:
        alone = judge_store(store, rubric="category-image", judge="starter:judge", quiet=True)
    assert alone.judged == PICTURES
