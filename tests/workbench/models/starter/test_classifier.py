"""The classifier that says what drawn pictures show: as it ships, and how it is trained."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.models.starter import training
from workbench.models.starter.captions import FLAW_WORDS, picture_of, sample_scene
from workbench.models.starter.card import JSON, read_card, weight_digests
from workbench.models.starter.classifier import FOLDER, SIDE, as_input, load_classifier
from workbench.models.starter.scenes import draw_scenes
from workbench.models.starter.train_classifier import (
    HEADLINE,
    HELD_OUT,
    HELD_OUT_SCENE,
    Plan,
    learn,
    measure,
    truth_of,
)
from workbench.models.starter.training import Recipe
from workbench.models.starter.wear import worn


def test_what_ships_is_what_its_card_names_and_its_headline_is_measured_again():
    card = read_card(FOLDER)
    assert card.sha256 == weight_digests(FOLDER) != {}
    scenes = [sample_scene(HELD_OUT_SCENE + HELD_OUT + number) for number in range(600)]
    pictures = np.stack([np.asarray(picture_of(scene, SIDE)) for scene in scenes])
    again = measure(load_classifier(), scenes, pictures)
    for name in (HEADLINE, "color", "unexpected_person: seen where it is not"):
        assert again[name].low <= card.figures[name].value <= again[name].high


def test_pictures_of_any_size_are_looked_at_and_none_are_none():
    classifier = load_classifier()
    photo = Image.new("RGBA", (90, 40), (200, 30, 30, 255))
    sight = classifier.look([photo, photo.resize((SIDE, SIDE))])
    assert len(sight.kinds) == len(sight.colors) == len(sight.studios) == 2
    assert set(sight.flaws) == set(FLAW_WORDS)
    assert classifier.look([]).kinds == ()


def test_a_stopped_training_ends_at_the_same_weights(tmp_path, monkeypatch):
    plan = Plan(scenes=48, looking=Recipe(steps=4, batch=16, rate=1e-3, warmup=1))
    whole = learn(plan, tmp_path / "whole")
    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(next((tmp_path / "whole").glob("pictures-*.npy")), half)
    pace = training._pace

    def stopped(step, recipe):
        if step == 2:
            raise KeyboardInterrupt
        return pace(step, recipe)

    monkeypatch.setattr(training, "_SAVE_EVERY", 0.0)
    monkeypatch.setattr(training, "_pace", stopped)
    with pytest.raises(KeyboardInterrupt):
        learn(plan, half)
    monkeypatch.setattr(training, "_pace", pace)
    assert weight_digests(learn(plan, half)) == weight_digests(whole)


def test_wear_follows_the_seed_and_leaves_its_input_alone():
    scenes = [sample_scene(number) for number in range(3)]
    x = as_input(np.stack([np.asarray(picture_of(s, SIDE)) for s in scenes]))
    before = x.clone()
    one, same, other = (worn(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(x, before) and torch.equal(one, same) and not torch.equal(one, other)
    assert one.shape == x.shape and truth_of(scenes).shape[0] == 3


def test_new_weights_never_lie_beside_the_card_of_others(tmp_path):
    plan = Plan(scenes=24, looking=Recipe(steps=1, batch=8, rate=1e-3, warmup=1))
    folder = learn(plan, tmp_path)
    (folder / JSON).write_text("{}")
    learn(plan, tmp_path)
    assert not (folder / JSON).exists()


def test_other_scenes_in_the_same_folder_are_drawn(tmp_path):
    first, other = ([sample_scene(start + n) for n in range(3)] for start in (0, 50))
    drawn = draw_scenes(first, 16, tmp_path)
    assert not np.array_equal(draw_scenes(other, 16, tmp_path), drawn)
    assert np.array_equal(draw_scenes(first, 16, tmp_path), drawn)
