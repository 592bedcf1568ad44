"""What the judge learns from, and that its training can be stopped; the shipped one is measured elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from workbench.catalog.drawn import DrawnCatalog, PhotoStyle
from workbench.judging import prompts
from workbench.judging.protocols import Asked, Subject
from workbench.models.protocols import asked
from workbench.models.registry import load_scorer
from workbench.models.starter import small_questions, training
from workbench.models.starter.captions import FLAW_WORDS, describe, sample_scene
from workbench.models.starter.questions import (
    IMAGE_RUBRIC,
    judge_picture,
    listing_questions,
    picture_examples,
)
from workbench.models.starter.scenes import MARKS, PARTS, marks, parts
from workbench.models.starter.train_judge import Plan, learn
from workbench.models.starter.training import Recipe
from workbench.models.starter.vlm import Size
from workbench.records import Generation
from workbench.rubric import load_rubric

PLAN = Plan(
    size=Size(
        pixels=48, patch=12, vision_width=32, vision_depth=1, width=48, depth=1, vocabulary=700
    ),
    scenes=30,
    items=12,
    seeing=Recipe(steps=4, batch=8, rate=1e-3, warmup=2, layers=2e-3),
    naming=Recipe(steps=3, batch=8, rate=1e-3, warmup=2),
    comparing=Recipe(steps=3, batch=8, rate=1e-3, warmup=2, layers=2e-3),
    answering=Recipe(steps=6, batch=8, rate=1e-3, warmup=2, layers=2e-3),
)
PLAIN = replace(sample_scene(3), flaws=(), style=PhotoStyle())


def told(scene, **changes):
    """What a prompt that names everything of `scene` says, but for `changes`."""
    said = describe(scene, np.random.default_rng(0))
    product, style = scene.product, scene.style
    named = {
        "kind": product.kind, "color": product.color, "pattern": product.pattern, "details": (),
        "background": style.background, "light": style.light, "composition": style.composition,
    }  # fmt: skip
    return replace(said, **named, **changes) if not changes else replace(said, **(named | changes))


@pytest.mark.parametrize(
    ("changes", "point"),
    [
        ({}, "5"),
        ({"background": "living room"}, "4"),
        ({"color": "no such color"}, "3"),
        ({"color": "no such color", "pattern": "no such pattern"}, "2"),
        ({"kind": "no such kind"}, "1"),
    ],
)
def test_fidelity_falls_with_what_differs(changes, point):
    assert judge_picture(told(PLAIN, **changes), PLAIN).points["fidelity"] == point


@pytest.mark.parametrize(
    ("flaw", "criterion", "point"),
    [
        ("distorted_object", "clarity", "2"),
        ("blurred_or_incomplete", "clarity", "3"),
        ("wrong_style", "style", "1"),
        ("unexpected_element", "style", "2"),
        ("unexpected_person", "fidelity", "3"),
        ("text_overlay", "text", "no"),
        ("dark_background", "background", "no"),
        ("blurred_or_incomplete", "sharpness", "no"),
    ],
)
def test_a_flaw_costs_points_and_is_named(flaw, criterion, point):
    without = judge_picture(told(PLAIN), PLAIN)
    found = judge_picture(told(PLAIN), replace(PLAIN, flaws=(flaw,)))
    assert found.points[criterion] == point
    assert without.points[criterion] in {"5", "yes"}
    assert [mode for mode, there in found.modes.items() if there] == [flaw]
    assert not any(without.modes.values())


def test_questions_are_worded_as_judges_word_them():
    rubric = load_rubric(IMAGE_RUBRIC)
    questions = {
        f"{example.shared}\n\n{example.question}"
        for example in picture_examples([PLAIN] * 40, 0, prompts_each=1, each=3)
    }
    generation = Generation(key="", kind="image", category="", model="", revision="", prompt="P")
    subject = Subject(generation=generation, image=object())
    parts_ = asked(
        prompts.context(subject, rubric),
        prompts.question(rubric.criteria[0], Asked(rubric=rubric, criteria=rubric.criteria)),
    ).text.split("P", 1)
    assert any(parts_[1].endswith(question[-300:]) for question in questions)


def test_every_answer_is_one_that_the_question_allows_and_none_is_rare():
    examples = picture_examples([sample_scene(n) for n in range(400)], 0, prompts_each=3, each=5)
    examples += listing_questions(DrawnCatalog(seed=5, items=150), 0, first=400, each=2)
    answers = Counter()
    for example in examples:
        allowed = example.question.rsplit("one of: ", 1)[1].rstrip(".").split(", ")
        assert example.answer in allowed
        about = example.question.split("Question: ")[1].split("\n")[0]
        answers[about, example.answer] += 1
    fidelity = [count for (about, _), count in answers.items() if "prompt asks for?" in about]
    assert len(fidelity) == 5
    assert min(fidelity) / sum(fidelity) > 0.02
    assert (
        max(example.photos[-1] for example in examples)
        == 400 + sum(len(entry.styles) for entry in DrawnCatalog(seed=5, items=150).entries) - 1
    )


def compared(said):
    return dict(small_questions._compared(said, PLAIN, np.random.default_rng(0)))


def test_a_check_says_no_of_the_part_that_differs_and_of_no_other(monkeypatch):
    monkeypatch.setattr(small_questions, "_COMPARED", 6)
    right = compared(told(PLAIN))
    assert right[small_questions.DIFFERS] == small_questions.NONE
    asked = [small_questions.ASKED.format(part=part) for part in small_questions._PARTS]
    assert [right[question] for question in asked] == ["yes"] * 6
    wrong = compared(told(PLAIN, color="Mint", light=None))
    assert wrong[small_questions.DIFFERS] == "color"
    assert [question for question, answer in wrong.items() if answer == "no"] == [
        small_questions.ASKED.format(part="color")
    ]
    assert small_questions.ASKED.format(part="light") not in wrong, "nothing is said of it"


def test_checks_of_aspects_know_what_no_photo_shows():
    catalog = DrawnCatalog(seed=5, items=60)
    examples = small_questions.small_listing_questions(catalog, 0, first=0, each=2)
    checks = [e for e in examples if e.question.startswith("Is this aspect right")]
    answers = Counter(check.answer for check in checks)
    assert set(answers) == {"yes", "no", small_questions.HIDDEN} and min(answers.values()) > 10
    hidden = {e.question for e in checks if e.answer == small_questions.HIDDEN}
    assert small_questions.STATED.format(name="Brand") in hidden
    assert small_questions.STATED.format(name="Color") not in hidden
    wrong = [e.answer for e in examples if e.question == small_questions.WRONG]
    assert len(wrong) == 2 * len(catalog.entries)
    assert 0.2 < np.mean([said == small_questions.NONE for said in wrong]) < 0.8
    assert examples[-1].photos[-1] == sum(len(entry.styles) for entry in catalog.entries) - 1


def test_words_are_true_of_a_picture_as_often_as_not():
    scenes = [sample_scene(number) for number in range(300)]
    examples = small_questions.small_picture_questions(scenes, 0, prompts_each=2)
    true = [e for e in examples if e.question.startswith(small_questions.TRUE)]
    assert 0.4 < np.mean([e.answer == "yes" for e in true]) < 0.6
    for example in true:
        scene, words = (
            scenes[example.photos[0]],
            example.question.removeprefix(small_questions.TRUE),
        )
        flaw = next((f for f, said in FLAW_WORDS.items() if words.strip() in said), None)
        if flaw:
            assert (example.answer == "yes") == (flaw in scene.flaws)
    color = [e for e in examples if e.question == small_questions.ASKED.format(part="color")]
    assert 0.3 < np.mean([e.answer == "yes" for e in color]) < 0.8


def test_labels_of_scenes_say_what_is_true():
    scene = replace(sample_scene(8), flaws=("text_overlay",))
    said = {
        name: values[place]
        for (name, values), place in zip(PARTS.items(), parts(scene), strict=True)
    }
    assert (said["kind"], said["color"]) == (scene.product.kind, scene.product.color)
    there = {mark for mark, is_there in zip(MARKS, marks(scene), strict=True) if is_there}
    assert there == {"text_overlay", *(value for _, value in scene.product.details)}


def test_a_run_that_was_stopped_ends_with_the_same_judge(tmp_path, monkeypatch):
    whole = learn(PLAN, tmp_path / "whole", device="cpu")
    monkeypatch.setattr(training, "_SAVE_EVERY", 0.0)
    pace, steps = training._pace, iter(range(100))

    def interrupted(step, recipe):
        if next(steps) == PLAN.seeing.steps + PLAN.naming.steps + PLAN.comparing.steps + 3:
            raise KeyboardInterrupt
        return pace(step, recipe)

    monkeypatch.setattr(training, "_pace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learn(PLAN, tmp_path / "stopped", device="cpu")
    monkeypatch.setattr(training, "_pace", pace)
    again = learn(PLAN, tmp_path / "stopped", device="cpu")
    for name in ("model.safetensors", "tokenizer.json"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()
    judge = load_scorer(f"dir:{whole}", device="cpu")
    assert judge.name == f"dir:{whole}"
    eyes = torch.load(tmp_path / "whole" / "seeing.pt", weights_only=True)["model"]
    kept = load_file(whole / "model.safetensors")
    seen = {
        name.removeprefix("vision."): w for name, w in eyes.items() if name.startswith("vision.")
    }
    assert seen, "what learned to see first"
    for name, weights in seen.items():
        found = kept[f"model.vision_model.{name}"]
        assert torch.equal(found, weights.to(found.dtype))
    on = learn(PLAN, tmp_path / "on", start=whole, device="cpu")
    assert [file.name for file in (tmp_path / "on").glob("*.pt")] == ["answering.pt"]
    assert (on / "tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()
    after = load_file(on / "model.safetensors")
    same = {name for name, weights in kept.items() if torch.equal(weights, after[name])}
    assert {name for name in kept if "vision_model" in name or "connector" in name} <= same
    assert len(same) < len(kept), "it learnt to judge again"
