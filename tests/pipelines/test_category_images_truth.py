"""What is true of a generated picture: told by a classifier, about what the first prompt asked for."""

import io

import pytest
import torch
from PIL import Image

from pipelines.audit import draw_and_answer
from pipelines.category_images_truth import ImageTruth, can_tell
from pipelines.recorder import record
from workbench.calibration.audits.population import Selection
from workbench.catalog.drawn import drawn_schema
from workbench.models.starter.classifier import QUESTIONS, Classifier, flaws_shown
from workbench.prompting import (
    Attempt,
    Brief,
    RuleImprover,
    RulePromptWriter,
    improve,
    write_prompts,
)
from workbench.records import (
    Annotation,
    CriterionScore,
    Generation,
    Item,
    Verdict,
    content_key,
)
from workbench.rubric import load_rubric
from workbench.store import Store

MUG = Item(
    id="drawn-1/1",
    category="mug",
    title="Red Ceramic Mug",
    aspects={"Color": ("Red",)},
    simulated=True,
)


class Channels(torch.nn.Module):
    """Answers by mean red, green and blue, 0 to 1: bluish is a chair, reddish red, dark a dark background."""

    def forward(self, x):
        red, green, blue = (x.mean((2, 3)).T + 1) / 2
        scores = {
            "kind": {"mug": 0.5 - blue, "chair": blue - 0.5},
            "color": {"Red": red - green, "Green": green - red},
            "marks": {"dark_background": 0.3 - red - green - blue},
        }
        never = torch.full_like(red, -9.0)
        return torch.stack(
            [scores[q].get(word, never) for q, words in QUESTIONS.items() for word in words], dim=1
        )


CLASSIFIER = Classifier(Channels())
COLORS = {"red": (200, 10, 10), "green": (10, 200, 10), "blue": (10, 20, 200), "dark": (20, 10, 10)}


def picture(name):
    return Image.new("RGB", (8, 8), COLORS[name])


@pytest.mark.parametrize(
    ("name", "color", "flaws"),
    [
        ("red", "Red", ()),
        ("green", "Red", ("wrong_color",)),
        ("green", None, ()),
        ("blue", None, ("wrong_product",)),
        ("dark", "Red", ("dark_background",)),
    ],
)
def test_flaws_are_those_seen_and_what_was_asked_for_and_is_not_there(name, color, flaws):
    assert flaws_shown(CLASSIFIER.look([picture(name)]), [("mug", color)]) == [flaws]


def test_nothing_is_said_about_no_pictures():
    assert flaws_shown(CLASSIFIER.look([]), []) == []


def filled(store, names):
    """Pictures of a red mug, one after each attempt's prompt; refused and improved each time."""
    rubric = load_rubric("category-image")
    brief = Brief(category="mug", name="Mug", titles=("Red Ceramic Mug",), item=MUG.id)
    prompts = write_prompts(
        [brief], RulePromptWriter(schema=drawn_schema()), image_model="captions"
    )
    while len(prompts) < len(names):
        prompts += improve(
            [Attempt(prompt=prompts[-1], findings=(), picture_key=str(len(prompts)))],
            RuleImprover(),
            image_model="captions",
        )
    store.add([MUG, *prompts])
    images, verdicts = [], []
    for prompt, name in zip(prompts, names, strict=True):
        out = io.BytesIO()
        picture(name).save(out, "PNG")
        images.append(
            Generation(
                key=content_key("image", prompt.key), kind="image", category="mug", model="m",
                revision="m", prompt=prompt.text or "", image=store.images.put(out.getvalue()),
                attempt=prompt.attempt, details={"prompt": prompt.key},
            )
        )  # fmt: skip
        verdicts.append(
            Verdict(
                key=content_key("verdict", prompt.key), generation=images[-1].key, judge="j", revision="j",
                rubric=rubric.label, approved=name == "red", confidence=0.5,
                scores=(CriterionScore(criterion="fidelity", score=3.0, by="j", passed=name == "red"),),
            )
        )  # fmt: skip
    store.add([*images, *verdicts])
    return rubric, images, verdicts


def test_the_first_prompt_is_what_counts_however_often_it_was_improved(tmp_path):
    with Store.open(tmp_path) as store:
        rubric, images, _ = filled(store, ["green", "red", "blue"])
        truth = ImageTruth(store, drawn_schema(), rubric, CLASSIFIER)
        assert truth.flaws(images) == [("wrong_color",), (), ("wrong_product", "wrong_color")]


def test_an_audit_is_answered_as_simulated_with_the_flaws_by_name(tmp_path):
    with Store.open(tmp_path) as store, record(store, "test", {}, quiet=True) as recorder:
        rubric, _, verdicts = filled(store, ["green", "dark", "red"])
        truth = ImageTruth(store, drawn_schema(), rubric, CLASSIFIER)
        selection = Selection(
            judge="j", judge_revision="j", rubric=rubric.label, model_revision="m", part=None
        )
        for _ in range(2):  # the second finds the first
            audit = draw_and_answer(
                store, selection, size=9, seed=0, recorder=recorder, answers=truth.answers
            )
        answers = {a.generation: a for a in store.records(Annotation)}
    assert len(audit.drawn) == len(answers) == 3
    assert {a.annotator for a in answers.values()} == {"simulated:image-classifier"}
    assert all(a.simulated for a in answers.values())
    told = [answers[v.generation] for v in verdicts]
    assert [a.approved for a in told] == [False, False, True]
    assert [a.failure_modes for a in told] == [("wrong_color",), ("dark_background",), ()]


def test_truth_is_told_of_drawn_items_alone():
    assert can_tell([MUG])
    assert not can_tell([])
    assert not can_tell([MUG, Item(id="shop/1", category="mug", title="Mug")])
    assert not can_tell([Item(id="drawn-1/2", category="castle", simulated=True)])
