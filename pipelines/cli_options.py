"""What the commands have in common: their options, how they open a store, how they print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.store import Store

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        "-s",
        help="A folder, or a database URL such as postgresql+psycopg://host/name; "
        "default: WORKBENCH_STORE, else workspace.",
    ),
]
ImagesOption = Annotated[
    str | None,
    typer.Option(
        "--images",
        help="Where photos go when the store is a database: a folder or any fsspec URL; "
        "default: WORKBENCH_IMAGES.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output and nothing else.")
]


@contextmanager
def open_store(store: str | None, images: str | None, *, create: bool = False) -> Iterator[Store]:
    """The store that a command's options name."""
    from workbench.settings import read_settings
    from workbench.store import Store

    settings = read_settings()
    with Store.open(
        store or settings.store, images=images or settings.images, create=create
    ) as opened:
        yield opened


def tell(as_json: bool, data: Mapping[str, object], words: Callable[[], str]) -> None:
    """Print what came of a command: as JSON, or as words."""
    typer.echo(json.dumps(data, allow_nan=False, default=str) if as_json else words())
