"""The exported folder in TRL's hands: `datasets` loads it, its collator reads it, its trainer learns from it."""

from __future__ import annotations

import pytest

from workbench.models.starter import shipped_folder
from workbench.models.torchvision_cpu import mend_torchvision
from workbench.preferences import PairReader, build_pairs, export_pairs
from workbench.preferences._tokens import read_pairs


@pytest.fixture
def folder(shop, say, tmp_path):
    for i in range(4):
        say("ada", i, False, about="aspects.Color", after=("Blue", "Green", "Teal", "Pink")[i])
    pairs = build_pairs(shop.store).pairs
    return export_pairs(tmp_path / "out", pairs, shop.store, format="trl", report={"kept": 4})


def loaded(folder, tmp_path):
    from datasets import load_dataset

    return load_dataset(
        "imagefolder", data_dir=str(folder), split="train", cache_dir=str(tmp_path / "cache")
    )


@pytest.mark.filterwarnings("ignore")  # of `datasets`
def test_datasets_loads_conversations_with_photos(folder, tmp_path):
    rows = loaded(folder, tmp_path)
    assert set(rows.column_names) == {"images", "prompt", "chosen", "rejected", "pair"}
    assert len(rows) == 4
    for row in rows:
        assert [one.size for one in row["images"]] == [(64, 64)]
        assert [turn["role"] for turn in (*row["prompt"], *row["chosen"], *row["rejected"])] == [
            "user", "assistant", "assistant",
        ]  # fmt: skip
        assert (
            row["rejected"][0]["content"]
            == ' {"title": "Red Mug", "aspects": {"Color": "Red", "Shape": "Round"}}'
        )


@pytest.mark.filterwarnings("ignore")  # of TRL and `datasets`
def test_trls_collator_reads_what_our_check_counts(folder, tmp_path, processor, shop):
    """The lengths by which we say what truncation leaves are those of TRL's own preparation."""
    mend_torchvision()
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

    batch = DataCollatorForVisionPreference(processor)(
        [dict(row) for row in loaded(folder, tmp_path)]
    )
    assert batch["input_ids"].shape[0] == 8 and batch["pixel_values"].shape[0] == 8
    prompt = (batch["attention_mask"] - batch["completion_mask"]).sum(1).tolist()
    pair = build_pairs(shop.store).pairs[0]
    assert len(set(prompt)) == 1
    least = prompt[0]
    for room, alike in ((0, True), (1, True), (40, False)):
        reader = PairReader(processor, max_length=least + room)
        assert bool(read_pairs([pair], reader, None).alike) is alike


@pytest.mark.filterwarnings("ignore")
def test_trls_trainer_learns_from_it(folder, tmp_path):
    mend_torchvision()
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from trl import DPOConfig, DPOTrainer

    def model():
        return AutoModelForImageTextToText.from_pretrained(
            shipped_folder("listing"), dtype=torch.float32
        )

    trainer = DPOTrainer(
        model=model(),
        ref_model=model(),
        processing_class=AutoProcessor.from_pretrained(shipped_folder("listing")),
        args=DPOConfig(
            output_dir=str(tmp_path / "run"), per_device_train_batch_size=4, max_steps=4, logging_steps=1,
            learning_rate=1e-4, save_strategy="no", report_to="none", use_cpu=True, bf16=False,
            gradient_checkpointing=False, disable_tqdm=True, max_length=None,
        ),
        train_dataset=loaded(folder, tmp_path),
    )  # fmt: skip
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert (
        len(losses) == 4 and losses[0] == pytest.approx(0.6931, abs=1e-3) and losses[-1] < losses[0]
    )
