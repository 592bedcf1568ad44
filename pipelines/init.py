"""Makes an empty store, with copies of the shipped rubrics to edit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made."""

    rubrics: tuple[Path, ...]
    """Rubric files that were copied now; one that is there already is left as it is."""
    items: int
    """Items that the store held already."""


def make_workspace(store: str, *, images: str | None = None) -> Made:
    """Make the store if it is not there yet; what is there is never overwritten.

    Args:
        store: A folder or a database URL; a URL gets its rubrics in `rubrics/` of the working folder.
        images: Where photos go when the store is a database.

    Raises:
        StoreError: The store cannot be made there.
    """
    with Store.open(store, images=images, create=True) as opened:
        items = opened.counts()["items"]
    folder = Path("rubrics") if "://" in store else Path(store) / "rubrics"
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for source in sorted(files("workbench").joinpath("rubrics").iterdir(), key=lambda f: f.name):
        target = folder / source.name
        if source.is_file() and not source.name.endswith(".py") and not target.exists():
            target.write_bytes(source.read_bytes())
            if target.suffix == ".yaml":
                copied.append(target)
    return Made(rubrics=tuple(copied), items=items)
