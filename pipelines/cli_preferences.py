"""`workbench pairs` and `workbench trace`: what people corrected, as pairs for a trainer, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_options import (
    ImagesOption,
    JsonOption,
    QuietOption,
    StoreOption,
    open_store,
    tell,
)

PAIRS_EPILOG = (
    "\b\nExamples:\n  workbench pairs --store shop --out pairs --model starter:listing\n"
    "  workbench pairs --store shop --out pairs-lf --format llama-factory"
)
TRACE_EPILOG = "Example:  workbench trace 3f2a81 --store shop"


def pairs_command(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            file_okay=False,
            help="Folder to write; an earlier export there is replaced.",
        ),
    ],
    store: StoreOption = None,
    images: ImagesOption = None,
    format: Annotated[
        Literal["trl", "llama-factory", "parquet", "diffusion-dpo"],
        typer.Option(
            help="Who reads it: TRL, LLaMA-Factory, anybody (parquet with a card); of pictures, diffusers' DPO."
        ),
    ] = "trl",
    model: Annotated[
        str | None,
        typer.Option(
            help="The model that will be trained: pairs that are alike to its tokenizer are dropped."
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tokens at which the trainer cuts; with --model. Default: nowhere."
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make preference pairs of corrections and preferences, drop what is unfit, and say what and why."""
    from pipelines.preferences import PairsJob, export_from

    if max_length is not None and model is None:
        raise typer.BadParameter("--max-length counts the tokens of a model: name it with --model")
    job = PairsJob(out=out, format=format, model=model, max_length=max_length)
    with open_store(store, images) as opened:
        summary = export_from(opened, job, quiet=quiet or as_json)
    tell(as_json, summary.as_dict(), lambda: str(summary))


def trace_command(
    pair: Annotated[str, typer.Argument(help="A pair's key, or its beginning.")],
    store: StoreOption = None,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a pair back to who said so, by which rubric, about what; and forward to the models that learnt it."""
    from pipelines.preferences import trace_pair

    with open_store(store, images) as opened:
        found = trace_pair(opened, pair)
    tell(as_json, found.as_dict(), lambda: str(found))
