"""The command `workbench listings ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_alignment import AlignerOption
from pipelines.cli_options import (
    CatalogOption,
    EvalShareOption,
    ImagesOption,
    JsonOption,
    LimitOption,
    QuietOption,
    StoreOption,
    beside_store,
    open_store,
    tell,
)

listings_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Train models that write listings, and compare ways to.",
)


@listings_app.command(
    "ablate",
    epilog="\b\nExamples:\n  workbench listings ablate --catalog drawn:seed=7,items=400 --store ablation\n"
    "  workbench listings ablate --catalog magento:exports/shop --store shop --seeds 3",
)
def ablate_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    model: Annotated[
        str, typer.Option(help="The model to start from: starter:listing, dir:FOLDER or hf:NAME.")
    ] = "starter:listing",
    seeds: Annotated[
        int,
        typer.Option(min=1, max=20, help="Trainings of each arm; with one there are no intervals."),
    ] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Steps of one fine-tuning.")] = 60,
    more_steps: Annotated[int, typer.Option(min=1, help="Steps of DPO and of its controls.")] = 40,
    batch: Annotated[int, typer.Option(min=2, help="Examples a step; half as many pairs.")] = 16,
    aligner: AlignerOption = "rules",
    writer: Annotated[
        str, typer.Option(help="Who writes dialogues: templates, or any text model's string.")
    ] = "templates",
    judge: Annotated[
        str | None,
        typer.Option(
            help="A vision-language model that grades outputs and compares arms with the incumbent; "
            "default: the truth does."
        ),
    ] = None,
    limit: LimitOption = None,
    eval_share: EvalShareOption = 0.4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder of the trained arms, the figures and the page; default: ablation in the store's folder.",
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Retrieval, raw SFT, MACE, LACU, DPO and their controls, on one page beside the paper's numbers."""
    from pipelines.ablation_result import AblationJob, write_result
    from pipelines.cli_training import quiet_libraries
    from pipelines.listings_ablation import run_ablation
    from reports.ablation import write_ablation_page
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    folder = out or beside_store(store, "ablation")
    job = AblationJob(
        catalog=whole_address(catalog), model=model, seeds=seeds, limit=limit, eval_share=eval_share,
        steps=steps, more_steps=more_steps, batch=batch, aligner=aligner, writer=writer, judge=judge,
        seed=seed,
    )  # fmt: skip
    with open_store(store, images, create=True) as opened, quiet_libraries():
        result = run_ablation(opened, source, job, folder.absolute(), quiet=quiet or as_json)
    write_result(result, folder)
    page = write_ablation_page(result.as_dict(), folder / "ablation.html")
    tell(as_json, result.as_dict() | {"page": str(page)}, lambda: f"{result}\npage: {page}")
