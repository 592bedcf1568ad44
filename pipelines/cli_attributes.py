"""The command `workbench run attributes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import (
    CatalogOption,
    EvalShareOption,
    ImagesOption,
    JsonOption,
    LimitOption,
    StoreOption,
    address_of,
    open_store,
    tell,
)


def run_attributes_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="The backbone: imagenet:efficientnet-lite0, or an image model that transformers opens, "
            "such as hf:facebook/dinov2-base or dir:FOLDER."
        ),
    ] = "imagenet:efficientnet-lite0",
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Tune the backbone on the training part first; for hf: and dir:, and wants a GPU.",
        ),
    ] = False,
    wanted: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.999, help="Precision of what is stated; less sure values are left out."
        ),
    ] = 0.9,
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Write listings from what may be stated: own (a small decoder that is taught the catalogue's "
            "titles), or any text model, such as gguf:smollm2, hf:NAME or starter:listing."
        ),
    ] = None,
    compare: Annotated[
        int,
        typer.Option(
            min=0,
            help="Train jointly and siloed with this many seeds and compare them, and with --decoder the ways "
            "from photo to title too; 0: no.",
        ),
    ] = 0,
    limit: LimitOption = None,
    eval_share: EvalShareOption = 0.4,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split, the folds and the weights.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder for model, scores, predictions and comparisons; default: attributes in the "
            "store's folder.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Photos in; a model that tells attributes and price, with thresholds and scores, out; and listings."""
    from pipelines.attributes import AttributesJob, run_attributes
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    place = address_of(store)
    folder = out or (Path("attributes") if "://" in place else Path(place) / "attributes")
    with open_store(store, images, create=True) as opened:
        job = AttributesJob(
            catalog=whole_address(catalog),
            encoder=encoder,
            tune=tune,
            limit=limit,
            eval_share=eval_share,
            wanted=wanted,
            seed=seed,
            compare=compare,
            decoder=decoder,
        )
        summary = run_attributes(opened, source, job, folder, quiet=quiet or as_json)
    tell(as_json, summary.as_dict(), lambda: str(summary))
