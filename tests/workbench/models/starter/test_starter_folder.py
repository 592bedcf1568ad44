"""The shipped folder in other people's hands: the Auto classes and TRL's trainers."""

from __future__ import annotations

import pytest
from PIL import Image

from workbench.models import Decoding, Prompt, load_text
from workbench.models.listings import photo_question
from workbench.models.starter import shipped_folder
from workbench.models.starter.data import listing_examples
from workbench.models.starter.measuring import held_out
from workbench.models.torchvision_cpu import mend_torchvision

LISTING = shipped_folder("listing")


def prompts(catalog):
    return [
        Prompt(
            text=photo_question(catalog.schema.category(entry.product.kind)),
            images=(catalog.picture(entry),),
        )
        for entry in catalog.entries
    ]


def test_the_auto_classes_answer_as_our_engine_does():
    mend_torchvision()
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    catalog = held_out(2)
    ours = load_text("starter:listing", device="cpu")
    (answer,) = ours.complete(prompts(catalog)[:1], Decoding(max_tokens=120))
    model = AutoModelForImageTextToText.from_pretrained(LISTING, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(LISTING)
    (prompt, _) = prompts(catalog)
    content = [
        {"type": "image", "image": prompt.images[0]},
        {"type": "text", "text": prompt.text},
    ]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=120, do_sample=False)
    new = tokens[0, inputs["input_ids"].shape[1] :]
    assert processor.tokenizer.decode(new, skip_special_tokens=True) == answer.text


def test_a_photo_of_any_shape_is_answered():
    ours = load_text("dir:" + str(LISTING), device="cpu")
    question = prompts(held_out(1))[0].text
    photos = [Image.new("RGB", size, "teal") for size in ((40, 300), (1200, 90), (17, 16))]
    answers = ours.complete(
        [Prompt(text=question, images=(photo,)) for photo in photos], Decoding(max_tokens=8)
    )
    assert [one.error for one in answers] == [None] * 3 and all(one.text for one in answers)


@pytest.fixture
def rows():
    """Prompts with photos, the aligned answer and the seller's."""
    catalog = held_out(8)
    asked = prompts(catalog)
    return [
        {
            "images": list(prompt.images),
            "prompt": [{"role": "user", "content": prompt.text}],
            "chosen": [{"role": "assistant", "content": aligned.answer}],
            "rejected": [{"role": "assistant", "content": raw.answer}],
        }
        for prompt, aligned, raw in zip(
            asked,
            listing_examples(catalog, "aligned"),
            listing_examples(catalog, "raw"),
            strict=True,
        )
    ]


def arguments(folder):
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "max_steps": 2,
        "logging_steps": 1,
        "learning_rate": 1e-4,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "max_length": None,
    }


def loaded():
    mend_torchvision()
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    return {
        "model": AutoModelForImageTextToText.from_pretrained(LISTING, dtype=torch.float32),
        "processing_class": AutoProcessor.from_pretrained(LISTING),
    }


def losses(trainer):
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # TRL's and datasets' own
def test_trl_trains_it_on_answers(rows, tmp_path):
    mend_torchvision()
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    data = Dataset.from_list(
        [{"images": r["images"], "prompt": r["prompt"], "completion": r["chosen"]} for r in rows]
    )
    talks = Dataset.from_list(
        [{"images": r["images"], "messages": [*r["prompt"], *r["chosen"]]} for r in rows]
    )
    several = [
        losses(
            SFTTrainer(**loaded(), args=SFTConfig(**arguments(tmp_path), **more), train_dataset=d)
        )
        for d, more in ((data, {}), (talks, {"assistant_only_loss": True}))
    ]
    for falling in several:
        assert len(falling) == 2 and all(0 < loss < 6 for loss in falling)
    assert several[0] == pytest.approx(several[1], rel=0.01), "both learn from the same tokens"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_it_on_preferences(rows, tmp_path):
    mend_torchvision()
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    trainer = DPOTrainer(
        **loaded(),
        ref_model=loaded()["model"],
        args=DPOConfig(**arguments(tmp_path)),
        train_dataset=Dataset.from_list(rows),
    )
    first, second = losses(trainer)
    assert first == pytest.approx(0.6931, abs=1e-3) and second < first
