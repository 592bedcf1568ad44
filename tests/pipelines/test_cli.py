"""The command: help, exit codes, and output that scripts can read."""

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from pipelines import cli
from workbench import errors
from workbench.store import Store

COMMANDS = ("init", "run", "judge", "calibrate", "report", "status", "doctor")


def run(*arguments, check=True):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def test_help_names_every_command_and_where_to_start():
    text = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert "Start here" in text


@pytest.mark.parametrize("command", [("run", "listings"), *((c,) for c in COMMANDS if c != "run")])
def test_every_command_shows_an_example(command):
    text = CliRunner().invoke(cli.app, [*command, "--help"]).stdout
    assert "Example" in text
    assert "--json" in text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.CatalogError, 3), (errors.RubricError, 3), (errors.SettingsError, 3),
        (errors.ModelError, 4), (errors.ServerError, 4),
        (errors.StoreError, 5), (errors.ConflictError, 5),
        (errors.CalibrationError, 6), (errors.JudgingError, 6), (errors.LeakageError, 6), (errors.LearningError, 6),
    ],
)  # fmt: skip
def test_every_kind_of_error_has_its_exit_code(error, code):
    assert errors.exit_code(error("why")) == code


def test_an_error_is_one_sentence_without_a_traceback(tmp_path):
    done = run("status", "--store", tmp_path / "nothing", check=False)
    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr.startswith("workbench: there is no store at")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--catalog", "magento:/no/such/folder"], 3, "/no/such/folder"),
        (["--catalog", "shopfront:x"], 3, "shopfront"),
        (["--catalog", "drawn:seed=1,items=8", "--rubric", "no-such-rubric"], 3, "no-such-rubric"),
        (["--catalog", "drawn:seed=1,items=8,size=64", "--model", "gpt"], 4, "gpt"),
        (["--catalog", "drawn:seed=1,items=8", "--eval-share", "2"], 2, "eval-share"),
        ([], 2, "--catalog"),
    ],
)
def test_wrong_input_says_what_was_wanted(tmp_path, arguments, code, says):
    done = run("run", "listings", "--store", tmp_path / "s", "--quiet", *arguments, check=False)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_one_sentence_and_its_own_exit_code(tmp_path):
    catalog = f"table:{tmp_path / 'items.csv'}"
    (tmp_path / "items.csv").write_text("id,photo\n1,http://127.0.0.1:9/none.jpg\n" * 200_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "listings", "--catalog", catalog,
         "--store", str(tmp_path / "s"), "--quiet"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "s" / "workbench.db").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=1.5)
    except subprocess.TimeoutExpired:
        # CPython drops an interrupt that meets a weak reference's callback, and says so: one presses again.
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    # -SIGINT is 130 to a shell: CPython ends so where the interrupt met code that a library `exec`s.
    assert process.returncode in {130, -signal.SIGINT}, err
    assert out == ""
    assert err.splitlines()[-1].startswith("workbench: stopped; run the same command again")
    assert "Traceback" not in err or "Exception ignored in" in err


def test_init_makes_a_store_and_rubrics_that_are_not_overwritten(tmp_path):
    first = json.loads(run("init", tmp_path / "shop", "--json").stdout)
    assert (tmp_path / "shop" / "rubrics" / "listing.yaml") in map(type(tmp_path), first["rubrics"])
    edited = tmp_path / "shop" / "rubrics" / "listing.yaml"
    edited.write_text("mine")
    assert json.loads(run("init", tmp_path / "shop", "--json").stdout)["rubrics"] == []
    assert edited.read_text() == "mine"
    with Store.open(tmp_path / "shop", create=False) as store:
        assert store.counts()["items"] == 0
    status = json.loads(run("status", "--store", tmp_path / "shop", "--json").stdout)
    assert status["runs"] == []
    assert "No runs yet" in run("status", "--store", tmp_path / "shop").stdout


def test_a_store_without_an_audit_says_what_draws_one(tmp_path):
    run("init", tmp_path / "shop")
    for command in ("calibrate", "report"):
        done = run(command, "--store", tmp_path / "shop", check=False)
        assert done.returncode == 5
        assert "workbench run listings" in done.stderr


def test_doctor_says_what_is_there_and_what_to_do():
    checks = json.loads(run("doctor", "--json").stdout)
    assert {"python", "machine", "accelerator", "torch", "gguf:smollm2"} <= set(checks)
    assert all(c["advice"] for c in checks.values() if c["state"] != "ok")
    assert "torch" in run("doctor").stdout


def test_calibrate_and_status_print_json_and_text(finished):
    store = finished.folder / "store"
    data = json.loads(run("calibrate", "--store", store, "--json").stdout)
    assert data["audit"] == finished.output["audit"]
    assert data["simulated"] is True
    assert data["counts"]["judged"] > 0
    text = run("calibrate", "--store", store).stdout
    assert "precision" in text
    assert "simulated" in text
    status = json.loads(run("status", "--store", store, "--json").stdout)
    assert status["counts"]["generations"] == 96
    assert status["runs"][0]["state"] == "finished"


def test_the_store_may_be_named_by_the_environment(finished, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", str(finished.folder / "store"))
    assert json.loads(run("status", "--json").stdout)["counts"]["items"] == 96
