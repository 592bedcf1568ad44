"""The commands `workbench run mace` and `workbench run lacu`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli_options import (
    CatalogOption,
    ImagesOption,
    JsonOption,
    LimitOption,
    OnOption,
    QuietOption,
    StoreOption,
    open_store,
    tell,
)

AlignerOption = Annotated[
    str,
    typer.Option(
        help="Who aligns: rules (no model), score:MODEL (asked about each statement), or any vision-language "
        "model's string (answers in JSON)."
    ),
]
MACE_EPILOG = (
    "\b\nExamples:\n  workbench run mace --catalog drawn:seed=7,items=240 --store demo\n"
    "  workbench run mace --catalog magento:exports/shop --aligner openai:http://gpu-7:8000/v1 --store shop"
)
LACU_EPILOG = (
    "\b\nExamples:\n  workbench run lacu --catalog drawn:seed=7,items=240 --store demo\n"
    "  workbench run lacu --catalog magento:exports/shop --writer gguf:smollm2 --store shop"
)


def run_mace_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    aligner: AlignerOption = "rules",
    limit: LimitOption = None,
    on: OnOption = "local",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut the catalogue's own listings down to what their photos show; tell what was removed, by kind."""
    from pipelines.mace import run_mace
    from pipelines.places import open_place
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    with open_store(store, images, create=True) as opened, open_place(on) as place:
        summary = run_mace(
            opened,
            source,
            whole_address(catalog),
            aligner=aligner,
            limit=limit,
            on=place,
            quiet=quiet or as_json,
        )
    tell(as_json, summary.as_dict(), lambda: str(summary))


def run_lacu_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    writer: Annotated[
        str, typer.Option(help="Who writes: templates (no model), or any text model's string.")
    ] = "templates",
    aligner: AlignerOption = "rules",
    limit: LimitOption = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**32 - 1, help="Of the templates; another one, another dialogue."),
    ] = 0,
    on: OnOption = "local",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell aligned listings again as dialogues between buyer and seller; tell what was removed, by kind."""
    from pipelines.lacu import run_lacu
    from pipelines.places import open_place
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    with open_store(store, images, create=True) as opened, open_place(on) as place:
        summary = run_lacu(
            opened, source, whole_address(catalog), writer=writer, aligner=aligner, limit=limit, seed=seed,
            on=place, quiet=quiet or as_json,
        )  # fmt: skip
    tell(as_json, summary.as_dict(), lambda: str(summary))
