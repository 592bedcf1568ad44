"""What the commands have in common: their options, how they open a store, how they print."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

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
CatalogOption = Annotated[
    str,
    typer.Option(
        "--catalog",
        "-c",
        help="folder:FOLDER, table:FILE?photo=COLUMN&title=COLUMN&category=COLUMN…, "
        "magento:FOLDER or drawn:seed=7,items=240.",
    ),
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Only this many items of the catalogue.")
]
EvalShareOption = Annotated[
    float,
    typer.Option(
        min=0.05,
        max=0.95,
        help="Share of item groups that never train anything; groups that the store has dealt "
        "before keep their part.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output and nothing else.")
]

AuditOption = Annotated[
    str | None,
    typer.Option(help="An audit's id, or its beginning; default: the latest."),
]
AnnotatorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--annotator",
        help="A login, such as ada@example.com; several times for several people. Each gets a project of "
        "their own; without it there is one project for everybody.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]
JudgeOption = Annotated[
    str,
    typer.Option(
        "--judge", help="Who judges: heads:NETWORK, or any vision-language model's string."
    ),
]
OnOption = Annotated[
    str,
    typer.Option(
        "--on",
        help="Where the work is done: local (this process); ray or ray:workers=2,gpus=1 (workers on this machine); "
        "ray://HOST:6379?workers=8,gpus=1 (a Ray cluster that this machine belongs to). Same records, same store.",
    ),
]
RubricOption = Annotated[
    str,
    typer.Option(
        "--rubric",
        help="A rubric file, a shipped one's name, or the store's: listing@2, listing@current.",
    ),
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


def address_of(store: str | None) -> str:
    """The address of the store that a command's options name."""
    from workbench.settings import read_settings

    return store or read_settings().store


def beside_store(store: str | None, name: str) -> Path:
    """Where a command leaves what no option names: in the store's folder; beside a server, here."""
    place = address_of(store)
    return Path(name) if "://" in place else Path(place) / name


def at_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


@contextmanager
def with_words(store: str | None) -> Iterator[None]:
    """What Label Studio's commands say beside their answer: commands to copy hold the store, warnings are sentences."""
    from pipelines.label_studio import naming

    with naming(address_of(store)), _warnings_in_words():
        yield


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    """A warning is one sentence for whoever runs the command, as soon as it comes, not a line of code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category is UserWarning:
                typer.echo(f"workbench: {message}", err=True)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def tell(as_json: bool, data: Mapping[str, object], words: Callable[[], str]) -> None:
    """Print what came of a command: as JSON, or as words."""
    typer.echo(json.dumps(data, allow_nan=False, default=str) if as_json else words())
