"""Cards that ship say what the training commands would say, and what they say works."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest
from PIL import Image

from workbench.errors import LearningError, ModelError
from workbench.metrics import proportion
from workbench.models import load_image, load_scorer
from workbench.models.protocols import Prompt, Question
from workbench.models.revisions import folder_revision
from workbench.models.starter import (
    WEIGHTS,
    classifier,
    shipped,
    train_classifier,
    train_image,
    train_judge,
    train_listing,
)
from workbench.models.starter.card import (
    JSON,
    PAGE,
    RANDOM,
    WENT_ON,
    page,
    read_card,
    recipe_before,
    recipe_words,
    weight_digests,
    write_card,
)
from workbench.models.starter.classifier import load_classifier
from workbench.models.starter.listing_card import FURTHER
from workbench.models.starter.listing_card import card_of as listing_card_of
from workbench.models.starter.measuring import ASPECT_F1
from workbench.models.starter.seeing import eyes_words
from workbench.models.starter.vlm import open_model, size_of

MODELS = ("image", "listing", "judge", "classifier")


def image_card(card):
    plan = train_image.small(3)
    painting = replace(plan.painting, steps=1200, rate=9e-4)
    before = card.recipe[WENT_ON]
    return train_image.card_of(replace(plan, painting=painting), card.figures, before=before)


def listing_card(card):
    plan, further = train_listing.small(), card.recipe["further training"]
    stages = {"naming": plan.naming, "writing": plan.writing}
    return listing_card_of(
        stages,
        {name: one for name, one in card.figures.items() if name != FURTHER},
        items=plan.items,
        size=size_of(*open_model(WEIGHTS / "listing")),
        targets="raw",
        eyes=eyes_words(WEIGHTS / "judge"),
        further=replace(
            card,
            recipe=further,
            figures={ASPECT_F1: card.figures[FURTHER]},
        ),
    )


def judge_card(card):
    plan = train_judge.small()
    again = replace(plan, answering=replace(plan.answering, steps=500))
    before = card.recipe[WENT_ON]
    size = size_of(*open_model(WEIGHTS / "judge"))
    return train_judge.card_of(
        again, card.figures, image_model="starter:image", size=size, before=before
    )


CARDS = {
    "image": image_card,
    "listing": listing_card,
    "judge": judge_card,
    "classifier": lambda card: train_classifier.card_of(train_classifier.small(), card.figures),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_card_that_ships_is_the_one_that_training_would_write(name, tmp_path):
    """All but the versions, which are those of the day on which it learned."""
    folder, card = WEIGHTS / name, read_card(WEIGHTS / name)
    again = replace(CARDS[name](card), sha256=weight_digests(folder), versions=card.versions)
    assert (folder / PAGE).read_text() == page(again, folder)
    shutil.copytree(folder, tmp_path / name)
    write_card(tmp_path / name, again)
    assert (tmp_path / name / JSON).read_text() == (folder / JSON).read_text()


@pytest.mark.parametrize("name", MODELS)
def test_a_card_names_its_libraries_and_links_its_data(name):
    card, text = read_card(WEIGHTS / name), (WEIGHTS / name / PAGE).read_text()
    assert {"python", "torch", "transformers", "diffusers"} <= card.versions.keys()
    links = re.findall(r"\]\((.*?)\)", text)
    assert links and all((WEIGHTS / name / link).is_file() for link in links)
    assert f"library_name: {card.library}\n" in text and "## Use" in text


def test_the_image_model_tells_all_of_its_runs():
    """Each run's pictures and steps, back to random weights."""
    recipe, steps = read_card(WEIGHTS / "image").recipe, []
    while recipe != RANDOM:
        steps.append((recipe["pictures"], recipe["painting"]["steps"], "reading" in recipe))
        recipe = recipe[WENT_ON]
    assert steps == [(60_000, 1200, False), (60_000, 5000, False), (20_000, 4500, True)]


# diffusers' solver copies tensors in a way that numpy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "result"),
    [("image", "picture"), ("listing", "answer"), ("judge", "answer"), ("classifier", "shown")],
)
def test_the_lines_that_load_a_model_work(name, result, tmp_path, monkeypatch, capsys):
    """And show what came of it."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (80, 60), "teal").save("photo.jpg")
    told = re.search(r"```python\n(.*?)\n```", (WEIGHTS / name / PAGE).read_text(), re.DOTALL)
    found: dict[str, object] = {}
    exec(told[1].replace("FOLDER", str(WEIGHTS / name)), found)
    assert found[result]
    if name == "image":
        with Image.open("mug.png") as saved:
            assert saved.size == (64, 64)
    else:
        assert str(found[result]) in capsys.readouterr().out


def test_a_run_that_went_on_tells_the_recipe_before_it(tmp_path):
    assert recipe_before(None) == RANDOM
    before = recipe_before(WEIGHTS / "judge")
    assert before["revision"] == folder_revision(WEIGHTS / "judge")
    assert before["scenes"] == train_judge.small().scenes
    plan = train_listing.small()
    stages = train_listing._stages(plan, start=tmp_path, eyes=None, look_again=False)
    size = size_of(*open_model(WEIGHTS / "judge"))
    figures = {ASPECT_F1: proportion([True, False])}
    card = listing_card_of(stages, figures, items=3, size=size, targets="aligned", before=before)
    words = dict(recipe_words(card.recipe))
    assert "naming" not in words and "seeing" not in words
    assert words[f"{WENT_ON} › answering"].startswith("steps 500")
    assert words[f"{WENT_ON} › {WENT_ON} › naming"].startswith("steps 400")
    assert f"vocabulary {size.vocabulary}" in words["size"]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Where the shipped models lie, as far as this test is concerned."""
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS, weights)
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    monkeypatch.setattr(classifier, "FOLDER", weights / "classifier")
    return weights


@pytest.mark.parametrize("name", ["starter:judge", "starter:image"])
def test_altered_weights_are_named_and_not_loaded(copied, name):
    folder = copied / name.partition(":")[2]
    file = next(folder.rglob("*.safetensors"))
    held = bytearray(file.read_bytes())
    held[-3] ^= 1
    file.write_bytes(held)
    with pytest.raises(ModelError, match="is not the file that ships") as refused:
        (load_image if name == "starter:image" else load_scorer)(name)
    assert repr(str(file)) in str(refused.value)
    file.unlink()
    with pytest.raises(ModelError, match="ships with the workbench and is not there"):
        shipped.shipped_folder(folder.name)


def test_weights_that_ship_are_read_once(copied, monkeypatch):
    read = []
    monkeypatch.setattr(
        shipped, "file_sha256", lambda file: read.append(file) or weight_digests(file.parent)[file.name]
    )  # fmt: skip
    for _ in range(3):
        shipped.shipped_folder("judge")
    assert len(read) == 1


def test_a_classifier_that_is_none_is_named(copied, tmp_path):
    with pytest.raises(ModelError, match="want the weights of a classifier"):
        load_classifier(tmp_path / "nowhere")
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"no weights")
    with pytest.raises(ModelError, match=re.escape(str(file))):
        load_classifier(tmp_path)
    shutil.copy(WEIGHTS / "judge" / "model.safetensors", file)
    with pytest.raises(ModelError, match=re.escape(str(file))):
        load_classifier(tmp_path)
    with (copied / "classifier" / "model.safetensors").open("ab") as own:
        own.write(b"x")
    with pytest.raises(ModelError, match="is not the file that ships"):
        load_classifier(classifier.FOLDER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "it is no JSON"),
        ("[]", "it lacks about"),
        ('{"name": "x"}', "it lacks about"),
    ],
)
def test_a_card_that_is_none_is_named(tmp_path, text, said):
    if text is not None:
        (tmp_path / JSON).write_text(text)
    with pytest.raises(ModelError, match=re.escape(str(tmp_path / JSON))) as refused:
        read_card(tmp_path)
    assert said in str(refused.value)
    record = json.loads((WEIGHTS / "judge" / JSON).read_text())
    (tmp_path / JSON).write_text(json.dumps({**record, "figures": {"AUC": {"value": 1}}}))
    with pytest.raises(ModelError, match="figures of the card"):
        read_card(tmp_path)


def test_weights_that_changed_while_they_were_measured_get_no_card(tmp_path):
    card = read_card(WEIGHTS / "classifier")
    shutil.copy(WEIGHTS / "judge" / "model.safetensors", tmp_path)
    with pytest.raises(LearningError, match="changed while they were measured"):
        write_card(tmp_path, card)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_a_folder_is_loaded_without_a_word(capfd):
    load_scorer(f"dir:{WEIGHTS / 'judge'}", device="cpu")
    load_image(f"dir:{WEIGHTS / 'image'}", device="cpu")
    assert capfd.readouterr() == ("", "")


def test_the_judge_answers_or_refuses_in_any_script():
    judge = load_scorer("starter:judge", device="cpu")
    photo = Image.new("RGB", (64, 64), "teal")
    texts = ["😀👩‍👩‍👧", "кружка", "هل هذا كوب؟", "箱", "e\u0301\u200b", "", "<image><|im_start|>user", "red mug " * 2500]  # fmt: skip
    contexts = [Prompt(text=text, images=(photo,)) for text in texts]
    question = Question(text="Is there a mug? 😀 箱", answers=("yes", "no"))
    *told, long = (answers[0] for answers in judge.score(contexts, [[question]] * len(texts)))
    for answer in told:
        assert answer.error is None
        assert sum(answer.distribution) == pytest.approx(1, abs=1e-3)
    assert "2048" in long.error
