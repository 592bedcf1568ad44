"""The training commands refuse bad settings in one sentence, before any work."""

from __future__ import annotations

import pytest
import torch

from workbench.errors import LearningError, ModelError, SettingsError
from workbench.models.starter import (
    shipped_folder,
    train_classifier,
    train_image,
    train_judge,
    train_listing,
    training,
)
from workbench.models.starter.scenes import sampled
from workbench.models.starter.training import Recipe

COMMANDS = {
    "classifier": train_classifier,
    "image": train_image,
    "judge": train_judge,
    "listing": train_listing,
}


@pytest.fixture(autouse=True)
def no_work(monkeypatch):
    """Whatever takes long fails the test."""

    def never(*_, **__):
        raise AssertionError

    for module in (train_classifier, train_image, train_judge):
        monkeypatch.setattr(module, "sampled", never)
    monkeypatch.setattr(train_listing, "DrawnCatalog", never)
    monkeypatch.setattr(train_judge, "load_image", lambda name: None)


def refused(capsys, name, *arguments):
    """Exit code and the one line that a command says."""
    with pytest.raises(SystemExit) as end:
        COMMANDS[name].main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1, err
    return end.value.code, err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--seed", "-1"), (3, "want a seed from 0 to 4294967295, got -1")),
        (("--seed", "99999999999999999999"), (3, "got 99999999999999999999")),
        (("--steps", "0"), (3, "want at least one step of one example, got 0")),
        (("--steps", "-5"), (3, "got -5 steps")),
        (("--device", "abacus"), (4, "this machine's devices")),
    ],
)
def test_settings_that_cannot_be(capsys, tmp_path, name, arguments, expected):
    code, words = refused(capsys, name, "--out", tmp_path / "run", *arguments)
    assert (code, expected[1] in words) == (expected[0], True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_is_a_file(capsys, tmp_path, name):
    (tmp_path / "file").touch()
    code, words = refused(capsys, name, "--out", tmp_path / "file")
    assert code == 3 and "want a folder that can be written to" in words


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("image", ("--seed", "50"), (3, "want a seed from 0 to 49")),
        ("image", ("--start", "nowhere"), (6, "no pipeline to go on from: 'nowhere'")),
        ("image", ("--start", shipped_folder("judge")), (6, "no pipeline to go on from")),
        ("image", ("--plan", "large", "--start", shipped_folder("image")), (6, "the same size")),
        ("listing", ("--start", "nowhere"), (6, "that of 'nowhere' cannot be opened")),
        ("listing", ("--start", shipped_folder("image")), (6, "cannot be opened")),
        ("listing", ("--eyes", shipped_folder("image")), (6, "cannot be opened")),
        ("listing", ("--plan", "large", "--eyes", shipped_folder("judge")), (6, "the same size")),
        ("listing", ("--further", "nowhere"), (4, "want a model's card in 'nowhere/model/card.json'")),
    ],
)  # fmt: skip
def test_models_that_do_not_fit(capsys, tmp_path, name, arguments, expected):
    code, words = refused(capsys, name, "--out", tmp_path / "run", *arguments)
    assert (code, expected[1] in words) == (expected[0], True)
    assert not (tmp_path / "run").exists()


def test_only_a_model_that_looks_again_sees_closer(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        train_listing.main(["--out", str(tmp_path / "run"), "--plan", "closer"])
    assert end.value.code == 2 and "want --look-again with --plan closer" in capsys.readouterr().err


def test_a_run_that_did_not_go_on_is_not_told_as_one_that_did(capsys, tmp_path):
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "model").symlink_to(shipped_folder("judge"))
    code, words = refused(
        capsys, "listing", "--out", tmp_path / "run", "--further", tmp_path / "judge"
    )
    assert code == 6 and "want a run that went on from this one after --further" in words


def test_a_stopped_command_says_how_to_go_on(capsys):
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        training.run_command("train", stopped)
    assert end.value.code == 130 and "run the same command again" in capsys.readouterr().err


def test_composing_pictures_is_shown(capsys):
    assert [scene.seed for scene in sampled(7, 3)] == [7, 8, 9]
    assert "composing pictures" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"seed": -1}, {"seed": 2**32}])
def test_a_recipe_that_cannot_be(wrong):
    with pytest.raises(SettingsError):
        Recipe(**{"steps": 1, "batch": 1, "rate": 1e-3, **wrong})


def damaged(file):
    state = torch.load(file, weights_only=True)
    return {
        "cut": lambda: file.write_bytes(file.read_bytes()[:-99]),
        "empty": lambda: file.write_bytes(b""),
        "text": lambda: file.write_text("steps"),
        "other keys": lambda: torch.save({"step": 3}, file),
        "no dictionary": lambda: torch.save([1, 2], file),
        "other weights": lambda: torch.save({**state, "model": {}}, file),
        "no optimizers": lambda: torch.save({**state, "optimizers": []}, file),
    }


@pytest.mark.parametrize(
    "how",
    ["cut", "empty", "text", "other keys", "no dictionary", "other weights", "no optimizers"],
)
def test_a_damaged_checkpoint_is_named(tmp_path, how):
    model = torch.nn.Linear(2, 1)
    recipe = Recipe(steps=2, batch=1, rate=1e-3)

    def train():
        training.train(
            model, lambda step: model(torch.ones(1, 2)).sum(), recipe, tmp_path,
            stage="looking", settings={},
        )  # fmt: skip

    train()
    damaged(tmp_path / "looking.pt")[how]()
    with pytest.raises(LearningError, match=r"looking\.pt' is damaged: remove it"):
        train()


def test_a_checkpoint_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full)
    model = torch.nn.Linear(2, 1)
    with pytest.raises(LearningError, match=r"looking\.pt' cannot be written: Pytorch"):
        training.train(
            model, lambda step: model(torch.ones(1, 2)).sum(),
            Recipe(steps=1, batch=1, rate=1e-3), tmp_path, stage="looking", settings={},
        )  # fmt: skip


def test_an_image_model_that_is_none_is_refused_before_the_judge_learns(
    capsys, tmp_path, monkeypatch
):
    def none(name):
        raise ModelError(f"no starter model is called {name!r}")

    monkeypatch.setattr(train_judge, "load_image", none)
    code, words = refused(capsys, "judge", "--out", tmp_path / "run", "--pictures", "starter:x")
    assert code == 4 and "starter:x" in words
