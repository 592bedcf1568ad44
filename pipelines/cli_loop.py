"""`workbench loop`: write, judge, ask, calibrate, learn, and write again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_options import (
    AnnotatorOption,
    CatalogOption,
    EvalShareOption,
    ImagesOption,
    JsonOption,
    JudgeOption,
    LimitOption,
    QuietOption,
    RubricOption,
    StoreOption,
    address_of,
    beside_store,
    open_store,
    tell,
)
from pipelines.cli_training import quiet_libraries

LOOP_EPILOG = (
    "\b\nExamples:\n  workbench loop --catalog drawn:seed=7,items=400 --store circle\n"
    "  workbench loop --catalog magento:exports/shop --store shop --people label-studio"
)


def loop_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    model: Annotated[
        str, typer.Option(help="Who writes and learns: starter:listing, dir:FOLDER or hf:NAME.")
    ] = "starter:listing",
    judge: JudgeOption = "heads:efficientnet-lite2",
    rubric: RubricOption = "listing",
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Times that the writer learns.")] = 1,
    labels: Annotated[
        int, typer.Option(min=4, help="Training items that people correct, each round.")
    ] = 200,
    audit: Annotated[
        int,
        typer.Option(
            min=4, help="Held-out items that people answer about, each round; they never teach."
        ),
    ] = 120,
    people: Annotated[
        Literal["simulated", "label-studio"],
        typer.Option(
            help="Who answers: people in Label Studio, or a simulated annotator who knows the catalogue's truth."
        ),
    ] = "simulated",
    annotator: AnnotatorOption = None,
    error: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="How often a simulated annotator is wrong.")
    ] = 0.1,
    standard: Annotated[
        str | None,
        typer.Option(
            help="Rubric that simulated annotators hold to in every round, where it asks more than --rubric."
        ),
    ] = None,
    spend: Annotated[
        Literal["spread", "random"],
        typer.Option(help="Labels spread over verdicts and categories, or drawn at random."),
    ] = "spread",
    training: Annotated[
        Literal["sft+dpo", "sft", "dpo"],
        typer.Option(
            help="What the writer learns: corrected answers, preferences, or both in turn."
        ),
    ] = "sft+dpo",
    plan: Annotated[
        str | None,
        typer.Option(
            help="A training plan, as `workbench train` takes it; default: a few minutes."
        ),
    ] = None,
    limit: LimitOption = None,
    eval_share: EvalShareOption = 0.4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of split, draws, training.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Folder of models and page; default: loop in the store's folder."
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Close the circle: people's corrections change the writer and the rubric, round after round.

    Stopped, it goes on where it was. With Label Studio it stops where people have to answer, says where, and
    goes on when the same command is run again.
    """
    from pipelines.loop import LoopJob, run_loop
    from reports.loop import write_loop_page
    from reports.rendering import write_whole
    from workbench.catalog import open_catalog, whole_address

    if people == "simulated" and annotator:
        raise typer.BadParameter("--annotator names people: use --people label-studio with it")
    if people != "simulated" and standard:
        raise typer.BadParameter("--standard is for simulated annotators: people have their own")
    source = open_catalog(catalog)
    folder = (out or beside_store(store, "loop")).absolute()
    job = LoopJob(
        catalog=whole_address(catalog), model=model, judge=judge, rubric=rubric, rounds=rounds,
        labels=labels, audit=audit, people=people, error=error, standard=standard,
        spend=spend, training=training,
        plan=plan, limit=limit, eval_share=eval_share, seed=seed,
    )  # fmt: skip
    with open_store(store, images, create=True) as opened, quiet_libraries():
        summary = run_loop(
            opened, source, job, folder, address=address_of(store), annotators=annotator or (),
            quiet=quiet or as_json,
        )  # fmt: skip
    data = summary.as_dict()
    write_whole(folder / "loop.json", json.dumps(data, indent=1, allow_nan=False) + "\n")
    page = write_loop_page(data, folder / "loop.html")
    tell(as_json, data | {"page": str(page)}, lambda: f"{summary}\nPage: {page}")
