"""Traps that cost a run: each is a guard that speaks."""

from __future__ import annotations

import json
import math

import pytest

from workbench.errors import LearningError, ModelError
from workbench.models import Prompt
from workbench.models.chat import Chat
from workbench.training import Reader, check_format, load_plan, train_dpo
from workbench.training import dpo as dpo_module
from workbench.training.freezing import (
    check_trainable,
    freeze,
    projector_parameters,
    vision_parameters,
    with_lora,
)
from workbench.training.opening import open_trainable, start_of
from workbench.training.trainers import Order, check_loss, check_reference, load_strictly

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def test_a_loss_of_exactly_nothing_stops_the_run():
    with pytest.raises(LearningError, match="the loss is exactly 0 at step 3"):
        check_loss(0.0, step=2)
    with pytest.raises(LearningError, match="the loss is nan"):
        check_loss(math.nan, step=0)
    check_loss(1e-9, step=0)


def test_dpo_begins_at_the_logarithm_of_two():
    check_reference(math.log(2), tolerance=1e-6)
    for loss in (0.7735, math.nan):
        with pytest.raises(LearningError, match="is not the model that training starts from"):
            check_reference(loss, tolerance=1e-2)


def test_a_stale_reference_stops_the_run(backbone, kit, plan, tmp_path, monkeypatch):
    """As if the log-probabilities that were kept belonged to other weights."""
    known = dpo_module._reference

    def stale(ready, pairs):
        return [(chosen - 0.5, rejected) for chosen, rejected in known(ready, pairs)]

    monkeypatch.setattr(dpo_module, "_reference", stale)
    with pytest.raises(LearningError, match="DPO's first loss is"):
        train_dpo(
            backbone("tiny"), kit.pairs(8), plan=plan("dpo"), out=tmp_path / "run", photos=kit.photo
        )


def test_a_checkpoint_is_loaded_whole_or_not_at_all(backbone, tmp_path):
    """transformers loads what fits and goes on from the base weights."""
    from safetensors.torch import load_file, save_file

    opened = open_trainable(backbone("qwen2-vl"), attention="eager")
    model = opened.model
    folder = tmp_path / "checkpoint"
    for one in model.parameters():
        one.data += 0.25
    model.save_pretrained(folder)
    other = open_trainable(backbone("qwen2-vl"), attention="eager").model
    load_strictly(other, folder)
    for (name, one), (_, two) in zip(
        model.named_parameters(), other.named_parameters(), strict=True
    ):
        assert one.equal(two), name
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(next(name for name in tensors if "q_proj" in name))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="does not fit the model: missing_keys"):
        load_strictly(other, folder)


@pytest.mark.parametrize("family", ["tiny", "qwen3-vl", "llava-next", "internvl"])
def test_the_tower_is_frozen_by_name(family, backbone):
    model = open_trainable(backbone(family), attention="eager").model
    freeze(model, projector="tuned")
    assert not any(one.requires_grad for _, one in vision_parameters(model))
    assert all(one.requires_grad for _, one in projector_parameters(model))
    freeze(model, projector="frozen")
    learning = [name for name, one in model.named_parameters() if one.requires_grad]
    assert learning and all(
        "language_model" in n or "text_model" in n or "lm_head" in n for n in learning
    )
    next(vision_parameters(model))[1].requires_grad_(True)
    with pytest.raises(ModelError, match="that are to stay as they are would learn"):
        check_trainable(model, projector="frozen")
    model.requires_grad_(False)
    with pytest.raises(ModelError, match="nothing of this model would learn"):
        check_trainable(model, projector="frozen")


@pytest.mark.parametrize("family", ["tiny", "qwen2.5-vl", "llava-next", "internvl"])
def test_adapters_are_on_the_part_that_writes(family, backbone):
    model = open_trainable(backbone(family), attention="eager").model
    freeze(model, projector="frozen")
    adapted = with_lora(model, rank=4, alpha=8, seed=0)
    names = [name for name, one in adapted.named_parameters() if one.requires_grad]
    assert len(names) == 2 * 7 * 2  # layers × projections × (A, B)
    assert not any(word in name for name in names for word in ("visual", "vision", "connector"))


def test_the_training_prompt_is_the_one_that_is_asked(backbone, kit):
    """Token by token, photos included: what engines encode is what is learnt."""
    from PIL import Image

    for family in ("tiny", "qwen2.5-vl", "llava-next"):
        processor = open_trainable(backbone(family), attention="eager").processor
        reader = Reader(processor, kit.photo)
        pair = kit.pairs(1, first=3, photos=2)[0]
        shown = tuple(Image.fromarray(_pixels(reader.photo(one))) for one in pair.photos)
        asked = Chat(processor).encode([Prompt(text=pair.prompt, images=shown)])["input_ids"][0]
        row, example = reader.pair(pair), reader.example(pair.chosen_example())
        assert row.prompt.tolist() == asked.tolist()
        assert example.ids[: len(asked)].tolist() == asked.tolist()
        assert example.ids[len(asked) :].tolist() == row.chosen.tolist()
        assert not example.learnt[: len(asked)].any() and example.learnt[len(asked) :].all()


def _pixels(photo):
    import numpy as np

    return np.asarray(photo)


def test_the_shipped_model_is_trained_in_the_format_that_it_decodes(kit):
    processor = open_trainable("starter:listing", attention="eager").processor
    reader = Reader(processor, kit.photo)
    check_format(kit.pairs(2), reader)
    end = processor.tokenizer.eos_token
    row = reader.pair(kit.pairs(1)[0])
    assert processor.tokenizer.decode(row.chosen.tolist()) == kit.answer(0) + end


@pytest.mark.parametrize("between", ["\\n", "  ", "Answer: "])
def test_a_template_that_writes_answers_otherwise_is_refused(between, backbone, kit):
    processor = open_trainable(backbone("llava-next"), attention="eager").processor
    usual = processor.chat_template
    reader = Reader(processor, kit.photo)
    check_format(kit.pairs(1), reader)
    before = "{% if m['role'] == 'assistant' %}{{ '" + between + "' }}{% endif %}"
    processor.chat_template = usual.replace("{{ m['role'] }}\n", "{{ m['role'] }}\n" + before)
    with pytest.raises(LearningError, match="otherwise than decoding does"):
        check_format(kit.pairs(1), Reader(processor, kit.photo))


def test_answers_of_other_spacing_are_refused(backbone, kit):
    from dataclasses import replace

    processor = open_trainable(backbone("tiny"), attention="eager").processor
    pair = kit.pairs(1)[0]
    tight = json.dumps(json.loads(pair.chosen), separators=(",", ":"))
    with pytest.raises(LearningError, match="of other spacing than decoding writes"):
        check_format([replace(pair, chosen=tight)], Reader(processor, kit.photo))


def test_the_order_follows_from_seed_and_epoch_alone():
    lengths = [n % 17 for n in range(103)]
    order = Order(103, batch=4, seed=5, lengths=lengths)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    order.set_epoch(0)
    assert list(order) == first != second
    assert sorted(first) == sorted(second) == list(range(103))
    spread = [max(lengths[i] for i in first[s : s + 4]) - min(lengths[i] for i in first[s : s + 4])
              for s in range(0, 100, 4)]  # fmt: skip
    assert sum(spread) / len(spread) < 2, "rows of like length come together"


def test_models_that_cannot_be_trained_say_so():
    with pytest.raises(ModelError, match="want a model that can be trained"):
        start_of("openai:http://gpu/v1")
    with pytest.raises(ModelError, match="no starter model"):
        start_of("starter:unknown")


def test_the_papers_set_up_ships():
    sft, dpo = load_plan("opal-8gpu", "sft"), load_plan("opal-8gpu", "dpo")
    assert (sft.batch, sft.accumulation, sft.devices, sft.max_length) == (2, 16, 8, 4096)
    assert (dpo.batch, dpo.accumulation, dpo.devices, dpo.epochs) == (1, 8, 8, 1)
    assert sft.precision == dpo.precision == "bfloat16" and sft.warmup == 0.1
    assert sft.weights == "full" and dpo.kl_weight > 0
