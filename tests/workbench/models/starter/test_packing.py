"""Questions read together are learnt as if each had been read alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.catalog.drawn import DrawnCatalog
from workbench.models.chat import Chat
from workbench.models.protocols import Prompt
from workbench.models.starter import vlm
from workbench.models.starter.answering import _loss, lessons
from workbench.models.starter.captions import sample_scene
from workbench.models.starter.data import texts
from workbench.models.starter.packing import Lesson, packed
from workbench.models.starter.questions import listing_questions, picture_examples, standing_lines
from workbench.models.starter.training import Recipe, shown

SIZE = vlm.Size(
    pixels=48, patch=12, vision_width=32, vision_depth=1, width=48, depth=2, vocabulary=600
)
RECIPE = Recipe(steps=1, batch=8, rate=1e-3)


@pytest.fixture(scope="module")
def examples():
    catalog = DrawnCatalog(seed=5, items=3, size=48)
    scenes = [sample_scene(n) for n in range(3)]
    return [
        *picture_examples(scenes, 0, prompts_each=2, each=4),
        *listing_questions(catalog, 0, first=3, each=2),
    ]


@pytest.fixture(scope="module")
def processor(examples):
    tokenizer = vlm.build_tokenizer(texts(examples), vocabulary=600, standing=standing_lines())
    return vlm.build_processor(tokenizer, SIZE)


def test_a_tree_reads_what_questions_share_once():
    one = Lesson(tokens=(1, 2, 3, 9), read=3, photos=(0,))
    two = Lesson(tokens=(1, 2, 4, 8, 7), read=3, photos=(0,))
    three = Lesson(tokens=(1, 5), read=1, photos=(1,))
    pack, other = packed([one, three, two])
    assert pack.tokens.tolist() == [1, 2, 3, 4, 8]
    assert pack.before.tolist() == [-1, 0, 1, 1, 3]
    assert pack.positions.tolist() == [0, 1, 2, 2, 3]
    assert list(zip(pack.asked_at.tolist(), pack.answers.tolist(), strict=True)) == [
        (2, 9), (3, 8), (4, 7),
    ]  # fmt: skip
    assert pack.sees()[4].tolist() == [True, True, False, True, True]
    assert (other.tokens.tolist(), other.answers.tolist()) == ([1], [5])


def test_the_loss_is_that_of_the_questions_asked_alone(examples, processor):
    import torch

    model = vlm.build_model(processor.tokenizer, SIZE, seed=1)
    model.set_attn_implementation("eager")
    learnt = lessons(processor, examples)
    packs = packed(learnt)
    assert sum(len(pack.tokens) for pack in packs) < 0.5 * sum(len(one.tokens) for one in learnt)
    photos = np.random.default_rng(0).integers(
        0, 255, (1 + max(one.photos[-1] for one in learnt), 48, 48, 3), dtype=np.uint8
    )
    places = [
        p for pack in packs for p in (*pack.photos, -1, -1)[: max(len(q.photos) for q in packs)]
    ]
    pixels = dict(zip(places, shown(photos, np.array(places), RECIPE, 0), strict=True))
    alone = []
    with torch.no_grad():
        together = _loss(model, packs, photos, RECIPE, 0)
        for one in learnt:
            seen = torch.from_numpy(np.stack([pixels[p] for p in one.photos]))[None]
            tokens = torch.tensor([one.tokens])
            logits = model(input_ids=tokens, pixel_values=seen).logits[0, one.read - 1 : -1]
            answer = tokens[0, one.read :]
            alone += torch.nn.functional.cross_entropy(logits, answer, reduction="none").tolist()
    assert float(together) == pytest.approx(np.mean(alone), abs=1e-5)


def test_what_is_shared_and_the_question_are_the_tokens_that_engines_make(examples, processor):
    from PIL.Image import new

    chat = Chat(processor)
    for lesson, example in zip(lessons(processor, examples), examples, strict=True):
        images = (new("RGB", (48, 48)),) * len(example.photos)
        whole = Prompt(text=f"{example.shared}\n\n{example.question}", images=images)
        ids = chat.encode([whole])["input_ids"][0].tolist()
        assert list(lesson.tokens[: lesson.read]) == ids
