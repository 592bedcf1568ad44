"""`workbench migrate`: a store brought to another place, such as from a folder to PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.cli_options import JsonOption, open_store, tell
from pipelines.store_names import shown_store

MIGRATE_EPILOG = (
    "\b\nExamples:\n  workbench migrate shop postgresql+psycopg://me@db/shop\n"
    "  workbench migrate shop postgresql+psycopg://me@db/shop --to-images s3://bucket/shop"
)


def migrate_command(
    source: Annotated[str, typer.Argument(help="The store to copy: a folder or a database URL.")],
    target: Annotated[str, typer.Argument(help="Where to: the same; empty, or begun before.")],
    images: Annotated[
        str | None, typer.Option(help="Where the source's photos are, if it is a database.")
    ] = None,
    to_images: Annotated[
        str | None,
        typer.Option(
            help="Copy the photos here: a folder or any fsspec URL. Default: to the target's folder; where "
            "the target is a server they stay where they are."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a store, all of its history, and compare every row. Stopped, it goes on; done again, it adds what is new.

    Files beside the store (rubrics to edit, app-users, a Label Studio server) are not part of it.
    """
    from tqdm import tqdm

    from workbench.store import copy_store, count_rows

    with (
        open_store(source, images, create=False) as old,
        open_store(target, to_images, create=True) as new,
    ):
        pictures = to_images is not None or "://" not in target or target.startswith("sqlite:")
        total = 2 * count_rows(old)
        with tqdm(total=total, unit=" rows", desc="copy", disable=as_json or None) as bar:
            copied = copy_store(old, new, pictures=pictures, progress=bar.update)
    rows = sum(copied.rows.values())
    text = (
        f"{shown_store(target)} holds all {rows:,} rows of {shown_store(source)}, each compared; "
        f"{copied.written:,} were written now. "
    )
    if copied.pictures is None:
        text += "Photos stayed where they are: name their place with --images, or copy them with --to-images."
    else:
        text += f"{copied.pictures:,} photos are there, {copied.pictures_written:,} written now."
    tell(as_json, asdict(copied), lambda: text)
