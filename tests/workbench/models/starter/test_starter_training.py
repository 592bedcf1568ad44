"""A run that is killed goes on as if nothing had happened, and learns what it was shown."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import LearningError
from workbench.models.chat import Chat
from workbench.models.protocols import Prompt
from workbench.models.starter import training, vlm
from workbench.models.starter.answering import dealt_by_length, lessons
from workbench.models.starter.data import TRAIN_SEED, listing_examples, texts
from workbench.models.starter.seeing import look_closer
from workbench.models.starter.train_listing import Plan, large, learn
from workbench.models.starter.training import LOG, Recipe, shown

TINY = vlm.Size(
    pixels=32, patch=8, vision_width=32, vision_depth=1, width=48, depth=1, vocabulary=500
)
PLAN = Plan(
    size=TINY,
    items=24,
    seeing=Recipe(steps=20, batch=16, rate=3e-3, warmup=5),
    naming=Recipe(steps=20, batch=8, rate=3e-3, warmup=5),
    writing=Recipe(steps=40, batch=8, rate=3e-3, warmup=5),
)
KILLED = """
import sys
from pathlib import Path
from workbench.models.starter import training, vlm
from workbench.models.starter.answering import dealt_by_length, lessons
from workbench.models.starter.train_listing import Plan, learn

training._SAVE_EVERY = 0.0
size = vlm.Size(
    pixels=32, patch=8, vision_width=32, vision_depth=1, width=48, depth=1, vocabulary=500
)
plan = Plan(
    size=size,
    items=24,
    seeing=training.Recipe(steps=20, batch=16, rate=3e-3, warmup=5),
    naming=training.Recipe(steps=20, batch=8, rate=3e-3, warmup=5),
    writing=training.Recipe(steps=40, batch=8, rate=3e-3, warmup=5),
)
learn(plan, Path(sys.argv[1]), device="cpu")
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    learn(PLAN, folder, device="cpu")
    return folder


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("stage", "at"), [("seeing", 7), ("naming", 13), ("writing", 33)])
def test_an_interrupted_run_ends_with_the_same_weights(whole, tmp_path, monkeypatch, stage, at):
    """Stopped between two checkpoints of any stage, it repeats the steps since the last one."""
    for photos in whole.glob("photos-*.npy"):
        shutil.copy(photos, tmp_path)
    steps, pace, save = iter(range(1000)), training._pace, training._save
    before = {"seeing": 0, "naming": 20, "writing": 40}[stage]

    def interrupted(step, recipe):
        if next(steps) == before + at:
            raise KeyboardInterrupt
        return pace(step, recipe)

    def seldom(checkpoint, run, step, model, optimizer):
        if step % 5 == 0:
            save(checkpoint, run, step, model, optimizer)

    monkeypatch.setattr(training, "_SAVE_EVERY", 0.0)
    monkeypatch.setattr(training, "_save", seldom)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training, "_pace", interrupted)
        learn(PLAN, tmp_path, device="cpu")
    import torch

    assert torch.load(tmp_path / f"{stage}.pt", weights_only=True)["step"] == at // 5 * 5
    learn(PLAN, tmp_path, device="cpu")
    assert weights(tmp_path) == weights(whole)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(whole, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "writing.pt").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "model").exists()
    learn(PLAN, tmp_path, device="cpu")
    assert weights(tmp_path) == weights(whole)


def log(folder, stage):
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [line["loss"] for line in lines if line["stage"] == stage]


@pytest.mark.parametrize(("stage", "by"), [("seeing", 0.2), ("naming", 0.5), ("writing", 0.5)])
def test_the_loss_falls(whole, stage, by):
    steps = {"seeing": 20, "naming": 20, "writing": 40}[stage]
    losses = log(whole, stage)
    assert len(losses) == steps // training._LOG_EVERY
    # About what chance gives: the logarithm of the choices.
    start = {"seeing": 3.0, "naming": 6.2, "writing": 6.2}[stage]
    assert losses[-1] < start - by


def test_another_runs_checkpoint_is_refused(whole):
    with pytest.raises(LearningError, match="other settings"):
        learn(PLAN, whole, targets="aligned", device="cpu")


def test_a_run_goes_on_from_another_ones_model(whole, tmp_path):
    for photos in whole.glob("photos-*.npy"):
        shutil.copy(photos, tmp_path)
    further = learn(PLAN, tmp_path, targets="aligned", start=whole / "model", device="cpu")
    assert log(tmp_path, "seeing") == [], "it knows already how to see"
    assert log(tmp_path, "writing")[0] < log(whole, "writing")[0]
    names = {path.name for path in (whole / "model").iterdir()}
    assert {path.name for path in further.iterdir()} == names


def test_eyes_are_taken_over_as_they_are(whole, tmp_path):
    for photos in whole.glob("photos-*.npy"):
        shutil.copy(photos, tmp_path)
    with pytest.raises(LearningError, match="want a vision part of the same size"):
        learn(replace(PLAN, size=replace(PLAN.size, vision_width=64)), tmp_path / "other",
              eyes=whole / "model", device="cpu")  # fmt: skip
    folder = learn(PLAN, tmp_path, eyes=whole / "model", device="cpu")
    assert log(tmp_path, "seeing") == []
    theirs, own = (load_file(f / "model.safetensors") for f in (whole / "model", folder))
    seen = [name for name in own if "vision_model" in name or "connector" in name]
    assert seen and all(torch.equal(own[name], theirs[name]) for name in seen)
    assert any(not torch.equal(own[name], theirs[name]) for name in own if name not in seen)


def test_a_photo_that_is_only_scaled_up_looks_as_it_did():
    """Patch by patch, as scaling across their edges mixes what each of them sees."""
    tokenizer = vlm.build_tokenizer(["a listing"], vocabulary=300)
    model, processor = (
        vlm.build_model(tokenizer, TINY, seed=0),
        vlm.build_processor(tokenizer, TINY),
    )
    photos = torch.rand(2, 3, 32, 32)
    patches = photos.unfold(2, 8, 8).unfold(3, 8, 8)  # (2, 3, 4, 4, 8, 8)
    large = torch.nn.functional.interpolate(patches.reshape(-1, 1, 8, 8), (12, 12), mode="bilinear")
    large = large.reshape(2, 3, 4, 4, 12, 12).permute(0, 1, 2, 4, 3, 5).reshape(2, 3, 48, 48)
    with torch.no_grad():
        before = model.model.vision_model(pixel_values=photos).last_hidden_state
        look_closer(model, processor, 48)
        after = model.model.vision_model(pixel_values=large).last_hidden_state
    assert torch.allclose(before, after, atol=1e-4)
    assert vlm.size_of(model, processor) == replace(
        vlm.size_of(model, processor), pixels=48, patch=12
    )


@pytest.mark.parametrize("pixels", [24, 33])
def test_looking_closer_wants_whole_patches_and_no_fewer_pixels(pixels):
    tokenizer = vlm.build_tokenizer(["a listing"], vocabulary=300)
    model, processor = (
        vlm.build_model(tokenizer, TINY, seed=0),
        vlm.build_processor(tokenizer, TINY),
    )
    with pytest.raises(LearningError, match=f"a multiple of 4.*at least 32.*got {pixels}"):
        look_closer(model, processor, pixels)


def test_a_run_that_goes_on_sees_more_of_each_photo(whole, tmp_path):
    """Its folder is opened again as any other, and its processor scales photos as it learnt to see them."""
    folder = learn(
        replace(PLAN, closer=48), tmp_path, start=whole / "model", look_again=True, device="cpu"
    )
    model, processor = vlm.open_model(folder)
    assert (vlm.size_of(model, processor).pixels, vlm.size_of(model, processor).patch) == (48, 12)
    (photo,) = processor.image_processor([[Image.new("RGB", (200, 200))]], return_tensors="np")[
        "pixel_values"
    ]
    assert photo.shape == (1, 3, 48, 48)
    theirs = load_file(whole / "model" / "model.safetensors")
    own = load_file(folder / "model.safetensors")
    assert own.keys() == theirs.keys()
    (other,) = [name for name in own if own[name].shape != theirs[name].shape]
    assert other.endswith("patch_embedding.weight")


def test_lessons_are_the_tokens_that_engines_make_of_a_prompt():
    """The processor's expansion of photos, one or two, and our own agree token for token."""
    catalog = DrawnCatalog(seed=TRAIN_SEED, items=12, size=64)
    examples = listing_examples(catalog, "raw")
    processor = vlm.build_processor(vlm.build_tokenizer(texts(examples), vocabulary=500), TINY)
    chat = Chat(processor)
    counts = set()
    for lesson, example, entry in zip(
        lessons(processor, examples), examples, catalog.entries, strict=True
    ):
        photos = tuple(catalog.picture(entry, k) for k in range(len(entry.styles)))
        ids = chat.encode([Prompt(text=example.question, images=photos)])["input_ids"][0].tolist()
        assert lesson.tokens[: lesson.read] == tuple(ids)
        answer = processor.tokenizer.decode(lesson.tokens[lesson.read :])
        assert answer == example.answer + vlm.END
        counts.add(len(photos))
    assert counts == {1, 2}


def test_every_example_is_met_once_an_epoch_and_a_step_is_always_the_same():
    recipe = Recipe(steps=100, batch=4, rate=1e-3, seed=3)
    lengths = np.random.default_rng(0).integers(50, 150, 200)
    epochs = [[dealt_by_length(lengths, recipe, 50 * e + s) for s in range(50)] for e in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch)) == list(range(200))
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))
    assert np.array_equal(dealt_by_length(lengths, recipe, 70), epochs[1][20])
    spread = np.mean([np.ptp(lengths[places]) for places in epochs[0]])
    assert spread < 0.2 * np.ptp(lengths), "a batch holds examples of like length"


def test_photos_are_mirrored_and_moved_and_missing_ones_are_skipped():
    """Edges are repeated, so that a uniform photo stays itself whatever happens to it."""
    recipe = Recipe(steps=10, batch=4, rate=1e-3)
    photos = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    photos[1] = 200
    places = np.array([0, 1, -1, 0])
    seen = shown(photos, places, recipe, 4)
    assert seen.shape == (4, 3, 32, 32) and seen.min() >= -1 and seen.max() <= 1
    assert np.allclose(seen[1], 200 / 127.5 - 1) and not seen[2].any()
    assert not np.array_equal(seen[0], seen[3])
    assert np.array_equal(seen, shown(photos, places, recipe, 4))


def test_nothing_to_learn_from_is_said():
    processor = vlm.build_processor(vlm.build_tokenizer(["a"], vocabulary=300), TINY)
    with pytest.raises(LearningError, match="at least one example"):
        lessons(processor, [])


def test_the_larger_model_can_be_built():
    plan = large()
    tokenizer = vlm.build_tokenizer(["a listing"], vocabulary=300)
    model = vlm.build_model(tokenizer, plan.size, seed=0)
    assert sum(p.numel() for p in model.parameters()) > 5_000_000
    assert plan.size.photo_tokens == 64
