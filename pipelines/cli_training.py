"""`workbench train`: fine-tuning on a catalogue's listings, and learning to prefer from corrections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import (
    ImagesOption,
    JsonOption,
    QuietOption,
    StoreOption,
    open_store,
    tell,
)

if TYPE_CHECKING:
    from pipelines.training_data import Kind

train_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train a model on what the store holds."
)
SFT_EPILOG = (
    "\b\nExamples:\n  workbench train sft --store demo --model starter:listing --out runs/sft\n"
    "  workbench train sft --store demo --model starter:listing --kinds alignment,dialogue=2 --out runs/both\n\n"
    "\b\n  On 8 GPUs, from the checkout:\n"
    "  accelerate launch --config_file workbench/training/configs/launch/zero3.yaml -m pipelines.cli train sft --plan opal-8gpu …"
)
DPO_EPILOG = (
    "\b\nExamples:\n  workbench train dpo --store demo --model dir:runs/sft/model --out runs/dpo\n"
    "  workbench train dpo --store demo --model dir:runs/sft/model --pairs exported --out runs/dpo"
)

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="What to start from: starter:listing, dir:FOLDER or hf:NAME."
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        file_okay=False,
        help="The run's folder; the same command again goes on where it was stopped.",
    ),
]
PlanOption = Annotated[
    str, typer.Option("--plan", "-p", help="cpu, one-gpu, opal-8gpu, or a YAML file.")
]
HeldOutOption = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=0.9,
        help="Share of the training part's items that are not learnt and choose the weights.",
    ),
]
SeedOption = Annotated[int, typer.Option(help="Of the mixture and of what is held out.")]
DeviceOption = Annotated[
    str | None, typer.Option(help="cuda, cuda:1 or cpu; default: the best there is.")
]
CacheOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Folder of encoded photos that several runs share."),
]


@train_app.command("sft", epilog=SFT_EPILOG)
def train_sft_command(
    out: OutOption,
    model: ModelOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    kinds: Annotated[
        str,
        typer.Option(
            help="What to learn from: raw, alignment, dialogue, correction; with =WEIGHT, such as "
            "alignment,dialogue=0.5, each comes so often."
        ),
    ] = "raw",
    plan: PlanOption = "cpu",
    held_out: HeldOutOption = 0.1,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    cache: CacheOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a model that sees on the store's listings: what it answers is learnt, nothing else."""
    from pipelines.sft import TrainJob, train_sft_from

    job = TrainJob(
        model=model, plan=plan, out=out, held_out=held_out, seed=seed, device=device, cache=cache
    )
    asked = _kinds(kinds)
    with open_store(store, images) as opened, quiet_libraries():
        done = train_sft_from(opened, job, kinds=asked, quiet=quiet or as_json)
    tell(as_json, {"model": done.model, **done.as_dict()}, lambda: str(done))


@train_app.command("dpo", epilog=DPO_EPILOG)
def train_dpo_command(
    out: OutOption,
    model: ModelOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="A folder that `workbench pairs --format trl` wrote; default: the store's pairs.",
        ),
    ] = None,
    plan: PlanOption = "cpu",
    held_out: HeldOutOption = 0.1,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    cache: CacheOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Teach a model to prefer what people chose; the model that it starts from is the reference."""
    from pipelines.dpo import train_dpo_from
    from pipelines.sft import TrainJob

    job = TrainJob(
        model=model, plan=plan, out=out, held_out=held_out, seed=seed, device=device, cache=cache
    )
    with open_store(store, images) as opened, quiet_libraries():
        done = train_dpo_from(opened, job, pairs=pairs, quiet=quiet or as_json)
    tell(as_json, {"model": done.model, **done.as_dict()}, lambda: str(done))


def _kinds(text: str) -> dict[Kind, float]:
    """`alignment,dialogue=0.5` as kinds with weights."""
    from pipelines.training_data import KINDS

    found: dict[Kind, float] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = one.partition("=")
        kind = next((known for known in KINDS if known == name), None)
        try:
            value = float(weight or 1)
        except ValueError:
            value = -1.0
        if kind is None or not value > 0:
            raise typer.BadParameter(
                f"want {', '.join(KINDS)}, each with a weight over 0 such as dialogue=0.5; got {one!r}",
                param_hint="--kinds",
            )
        found[kind] = value
    if not found:
        raise typer.BadParameter(f"name at least one of {', '.join(KINDS)}", param_hint="--kinds")
    return found


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Progress is ours to show; libraries' own bars and remarks stay out of it."""
    import datasets
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
        datasets.enable_progress_bars()
