"""A run's life: it learns, is killed and goes on to the same bits, keeps the best, leaves what it should."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import LearningError, SettingsError
from workbench.models import Decoding, Prompt, load_text
from workbench.training import load_plan, read_log, read_trained, train_dpo, train_sft, trainers
from workbench.training.run import alone, last_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

HERE = Path(__file__).parent
STOPPED = """
import importlib.util, os, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("rows", sys.argv[1])
rows = importlib.util.module_from_spec(spec); spec.loader.exec_module(rows)
from workbench.training import train_dpo, train_sft
import workbench.training.trainers as trainers
method, model, out, last = sys.argv[2:6]
if int(last):
    check = trainers.check_loss
    def killed(loss, *, step):
        if step + 1 == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
        check(loss, step=step)
    trainers.check_loss = killed
pairs = rows.make_pairs(24)
given = pairs if method == "dpo" else [one.chosen_example() for one in pairs]
plan = rows.small_plan(method, epochs=2, save_every=2)
train = train_dpo if method == "dpo" else train_sft
train(model, given[:20], plan=plan, out=Path(out), photos=rows.photo)
"""


def start(method, model, out, *, killed_at=0):
    """A training process of its own; it kills itself in the middle of step `killed_at`."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOPPED, HERE / "conftest.py", method, model, out,
         str(killed_at)],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    if killed_at:
        assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    else:
        assert done.returncode == 0, done.stderr[-3000:]


def weights_of(out):
    return (out / "model" / "model.safetensors").read_bytes()


class Stop(BaseException):
    """Raised in the middle of a step, as if somebody had stopped the run there."""


@pytest.fixture
def interrupted(backbone, kit, plan, tmp_path, monkeypatch):
    """`interrupted("sft", "qwen2-vl")`: stopped in step 4 of 10, two after a checkpoint, five being an epoch."""
    check = trainers.check_loss

    def stop(loss, *, step):
        if step == 3:
            raise Stop
        check(loss, step=step)

    def compare(method, family, **other):
        pairs = kit.pairs(24)
        rows = pairs if method == "dpo" else [one.chosen_example() for one in pairs]
        train = train_dpo if method == "dpo" else train_sft

        def go(out):
            return train(
                backbone(family), rows[:20], plan=plan(method, epochs=2, save_every=2, **other),
                out=tmp_path / out, photos=kit.photo,
            )  # fmt: skip

        go("whole")
        with monkeypatch.context() as patched, pytest.raises(Stop):
            patched.setattr(trainers, "check_loss", stop)
            go("stopped")
        assert read_trained(tmp_path / "stopped") is None
        assert (tmp_path / "stopped" / "checkpoints" / "checkpoint-2").is_dir()
        go("stopped")
        assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "stopped")
        whole, stopped = read_log(tmp_path / "whole"), read_log(tmp_path / "stopped")
        assert len(whole) >= 10
        assert [one.get("loss") for one in whole] == [one.get("loss") for one in stopped]

    return compare


def test_stopped_in_the_middle_of_an_epoch_it_ends_at_the_same_bits(interrupted):
    """In this family the names in checkpoints are the hub's: transformers would go on from the base weights."""
    interrupted("dpo", "qwen2-vl")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize(
    "family",
    ["idefics3", "smolvlm", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava-next", "internvl"],
)
def test_every_family_goes_on_to_the_same_bits(family, method, interrupted):
    interrupted(method, family)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_adapters_go_on_to_the_same_bits_and_are_merged(method, interrupted):
    interrupted(method, "qwen2-vl", weights="lora")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_without_a_word_it_ends_at_the_same_bits(backbone, tmp_path):
    """SIGKILL in the middle of an epoch, between two checkpoints; in processes of their own."""
    model = backbone("internvl")
    start("sft", model, tmp_path / "whole")
    start("sft", model, tmp_path / "killed", killed_at=4)
    assert read_trained(tmp_path / "killed") is None
    start("sft", model, tmp_path / "killed")
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "killed")


def test_a_checkpoint_that_was_half_written_is_passed_over(tmp_path):
    for step, text in ((2, '{"global_step": 2}'), (4, '{"glob')):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(text)
    (tmp_path / "checkpoints" / "checkpoint-6").mkdir()
    assert last_checkpoint(tmp_path).name == "checkpoint-2"


@pytest.fixture(scope="module")
def sft(backbone, kit, plan, tmp_path_factory):
    """A finished run with held-out rows."""
    pairs = kit.pairs(24)
    rows = [replace(one.chosen_example(), simulated=True) for one in pairs]
    out = tmp_path_factory.mktemp("runs") / "sft"
    return train_sft(
        backbone("tiny"), rows[:16], evaluation=rows[16:], plan=plan("sft", epochs=6),
        out=out, photos=kit.photo,
    )  # fmt: skip


def test_held_out_rows_get_better_and_the_best_is_kept(sft):
    gained = sft.figures["held-out loss, after less before"]
    assert gained.high < -0.5 and gained.n == 8
    looks = {one["step"]: one["eval_loss"] for one in read_log(sft.out) if "eval_loss" in one}
    assert len(looks) == 6
    assert sft.best_step == min(looks, key=looks.get)


def test_the_finished_folder_is_an_ordinary_model(sft, kit):
    model = load_text(sft.model, device="cpu")
    (answer,) = model.complete([Prompt(text="Write")], Decoding(max_tokens=4))
    assert answer.error is None
    told = json.loads((sft.folder / "training.json").read_text())
    assert told["rows"] == 16 and told["simulated"] == 16 and told["plan"]["epochs"] == 6
    card = (sft.folder / "README.md").read_text()
    assert "16 of 16 rows are simulated" in card and "held-out loss after" in card
    assert "held-out rows" in (sft.out / "curves.svg").read_text()
    assert list((sft.out / "tensorboard").glob("events.out.tfevents.*"))


def test_every_row_leads_back_to_what_it_was_made_from(sft):
    lines = [json.loads(line) for line in (sft.out / "lineage.jsonl").read_text().splitlines()]
    assert [one["part"] for one in lines] == ["learnt"] * 16 + ["held out"] * 8
    assert lines[3]["made_from"] == ["pair-3", "correction-3"]


def test_what_is_done_is_not_done_again(sft, backbone, kit, plan):
    rows = [replace(one.chosen_example(), simulated=True) for one in kit.pairs(24)]
    before = weights_of(sft.out)
    again = train_sft(
        backbone("tiny"), rows[:16], evaluation=rows[16:], plan=plan("sft", epochs=6),
        out=sft.out, photos=kit.photo,
    )  # fmt: skip
    assert again.as_dict() == sft.as_dict() and weights_of(sft.out) == before
    assert not (sft.out / "checkpoints").exists() and not (sft.out / "cache").exists()


def test_another_run_does_not_take_the_folder(sft, backbone, kit, plan):
    rows = [one.chosen_example() for one in kit.pairs(16)]
    with pytest.raises(LearningError, match=r"holds another run \(plan, held_out differ\)"):
        train_sft(backbone("tiny"), rows, plan=plan("sft"), out=sft.out, photos=kit.photo)


def test_a_folder_with_something_else_is_left_alone(backbone, kit, plan, tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    rows = [one.chosen_example() for one in kit.pairs(4)]
    with pytest.raises(SettingsError, match="want a new or empty folder"):
        train_sft(backbone("tiny"), rows, plan=plan("sft"), out=tmp_path, photos=kit.photo)


def test_what_is_held_out_is_not_learnt(backbone, kit, plan, tmp_path):
    rows = [one.chosen_example() for one in kit.pairs(8)]
    with pytest.raises(LearningError, match="items are both learnt and held out: shop/3"):
        train_sft(
            backbone("tiny"), rows, evaluation=rows[3:4], plan=plan("sft"),
            out=tmp_path / "run", photos=kit.photo,
        )  # fmt: skip


def test_a_plan_for_eight_devices_is_not_run_on_one(backbone, kit, tmp_path):
    rows = [one.chosen_example() for one in kit.pairs(4)]
    plan = replace(load_plan("opal-8gpu", "sft"), precision="float32")
    with pytest.raises(SettingsError, match=r"for 8 devices and 1 process\(es\) were started"):
        train_sft(backbone("tiny"), rows, plan=plan, out=tmp_path / "run", photos=kit.photo)


def test_preferences_are_learnt_and_told_with_intervals(backbone, kit, plan, tmp_path):
    """Held-out pairs: what is chosen becomes likelier than what is rejected."""
    pairs = kit.pairs(48)
    trained = train_dpo(
        backbone("tiny"), pairs[:32], evaluation=pairs[32:],
        plan=plan("dpo", epochs=4, sft_weight=0.2, kl_weight=0.1), out=tmp_path / "run",
        photos=kit.photo,
    )  # fmt: skip
    gained = trained.figures["chosen likelier than rejected, after less before"]
    assert gained.low > 0.2
    log = read_log(trained.out)
    kl = [one["kl"] for one in log if "kl" in one]
    assert kl[0] == pytest.approx(0, abs=1e-6) and kl[-1] > 1e-3
    assert log[0]["rewards/margins"] == pytest.approx(0, abs=1e-5)


def test_it_stops_where_held_out_rows_get_no_better(backbone, kit, plan, tmp_path):
    """What is held out says the opposite of what is learnt."""
    pairs = kit.pairs(20)
    other = [replace(one, chosen=one.rejected, rejected=one.chosen) for one in pairs[16:]]
    trained = train_dpo(
        backbone("tiny"), pairs[:16], evaluation=other, plan=plan("dpo", epochs=8, patience=1),
        out=tmp_path / "run", photos=kit.photo,
    )  # fmt: skip
    assert trained.stopped_early and trained.steps < 32
    assert "stopped early" in str(trained)


def test_killed_after_the_last_step_it_trains_no_further(
    backbone, kit, plan, tmp_path, monkeypatch
):
    """Five steps end within an epoch: transformers would take a sixth. The rate is far too high, so that the best step
    is an early one: it is found where the folder was moved, too."""
    rows = [one.chosen_example() for one in kit.pairs(20)]

    def go(out):
        return train_sft(
            backbone("tiny"), rows[:12], evaluation=rows[12:], photos=kit.photo, out=tmp_path / out,
            plan=plan("sft", steps=5, evaluate_every=1, learning_rate=1.0),
        )  # fmt: skip

    go("whole")
    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr("workbench.training.sft.save", lambda *_: (_ for _ in ()).throw(Stop()))
        go("stopped")
    (tmp_path / "stopped").rename(tmp_path / "moved")
    done = go("moved")
    assert done.steps == 5
    assert done.best_step == read_trained(tmp_path / "whole").best_step < 5
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "moved")


def test_two_do_not_train_in_one_folder(backbone, kit, plan, tmp_path):
    rows = [one.chosen_example() for one in kit.pairs(8)]
    with alone(tmp_path / "out"), pytest.raises(LearningError, match="another process is training"):
        train_sft(backbone("tiny"), rows, plan=plan("sft"), out=tmp_path / "out", photos=kit.photo)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:626] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_is_told_in_a_sentence(error, tmp_path):
    with (
        pytest.raises(SettingsError, match="want to write a training run to"),
        alone(tmp_path / "out"),
    ):
        raise error
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SettingsError, match="want to write a training run to"),
        alone(tmp_path / "file" / "out"),
    ):
        pass
