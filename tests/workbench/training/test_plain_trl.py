"""The same losses as TRL's own trainers, step by step: what is encoded once and computed once changes nothing."""

from __future__ import annotations

import copy

import pytest

from workbench.training import read_log, to_dataset, train_dpo, train_sft
from workbench.training.freezing import freeze
from workbench.training.opening import open_trainable
from workbench.training.reading import Reader
from workbench.training.run import arguments_of
from workbench.training.trainers import Order

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
FAMILIES = ("idefics3", "smolvlm", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava-next", "internvl")


def plain_losses(name, rows, plan, folder, photo):
    """What TRL's own trainer logs on the same rows in the same order, its model frozen in the same way."""
    opened = open_trainable(name, attention=plan.attention)
    from transformers.trainer_callback import PrinterCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    reference = copy.deepcopy(opened.model)
    freeze(opened.model, projector=plan.projector)
    base = arguments_of(plan, folder, rows=len(rows), evaluated=False, cpu=True)
    base |= {"save_strategy": "no", "logging_steps": 1, "output_dir": str(folder / "plain")}
    reader = Reader(opened.processor, photo)
    lengths = [len(reader.pair(r) if plan.method == "dpo" else reader.example(r)) for r in rows]
    order = Order(len(rows), batch=plan.batch, seed=plan.seed,
                  lengths=lengths if plan.group_by_length else None)  # fmt: skip

    bases = {"sft": SFTTrainer, "dpo": DPOTrainer}[plan.method]
    sampled = type("Plain", (bases,), {"_get_train_sampler": lambda self, *_: order})
    extra = {}
    if plan.method == "sft":
        config = SFTConfig(**base)
    else:
        config = DPOConfig(
            **base, beta=plan.beta, loss_type=["sigmoid", "sft"] if plan.sft_weight else ["sigmoid"],
            loss_weights=[1.0, plan.sft_weight] if plan.sft_weight else None,
        )  # fmt: skip
        extra = {"ref_model": reference}
    trainer = sampled(
        model=opened.model, args=config, train_dataset=to_dataset(rows, photo),
        processing_class=opened.processor, **extra,
    )  # fmt: skip
    assert type(trainer.data_collator).__name__.startswith("DataCollatorForVision")
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [one["loss"] for one in trainer.state.log_history if "loss" in one]


@pytest.fixture
def compare(backbone, kit, plan, tmp_path):
    """`compare("idefics3", "dpo", 20)`: the losses of both, 20 steps long."""

    def losses(family, method, steps, **other):
        pairs = kit.pairs(16)
        rows = pairs if method == "dpo" else [pair.chosen_example() for pair in pairs]
        asked = plan(method, steps=steps, **other)
        train = train_dpo if method == "dpo" else train_sft
        out = tmp_path / "ours"
        trained = train(backbone(family), rows, plan=asked, out=out, photos=kit.photo)
        ours = [one["loss"] for one in read_log(trained.out) if "loss" in one]
        plain = plain_losses(backbone(family), rows, asked, tmp_path, kit.photo)
        assert len(ours) == len(plain) == steps
        assert ours == pytest.approx(plain, abs=1e-4)
        assert max(plain) - min(plain) > 0.01, "nothing was learnt: equal losses would say nothing"

    return losses


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_losses_are_those_of_plain_trl(method, compare):
    compare("idefics3", method, 8)


def test_three_coordinates_and_several_layers_of_features_too(compare):
    compare("qwen3-vl", "dpo", 6, sft_weight=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("family", FAMILIES)
def test_twenty_steps_on_every_family(family, method, attention, compare):
    compare(family, method, 20, attention=attention)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_tuned_projector_too(family, method, compare):
    """Photos are then encoded as they come, once for both answers."""
    compare(family, method, 20, projector="tuned")
