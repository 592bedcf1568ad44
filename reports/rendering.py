"""What every page shares: templates, numbers as they are shown, photos as small pictures inside the page."""

from __future__ import annotations

import base64
import io
import os
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from workbench import __version__
from workbench.errors import PhotoError, StoreError
from workbench.photos import open_photo

if TYPE_CHECKING:
    from workbench.store import Store

_THUMBNAIL = 320
"""Longer side in pixels: sharp on a screen with two pixels per point."""
_QUALITY = 74


def render(template: str, **values: object) -> str:
    """The template, filled in; text is escaped unless it is markup."""
    css = Markup(files("reports").joinpath("templates/page.css").read_text(encoding="utf-8"))  # noqa: S704
    return _templates().get_template(template).render(css=css, version=__version__, **values)


def write_whole(path: Path, text: str) -> Path:
    """Write a file so that nobody ever sees half of it.

    Raises:
        StoreError: The folder cannot be written.
    """
    unfinished: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        unfinished = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise StoreError(
            f"the page cannot be written to {str(path)!r}: {error.strerror}; "
            "write it elsewhere with `--out FILE`"
        ) from error
    return path


def thumbnail(store: Store, address: str, *, side: int = _THUMBNAIL) -> str | None:
    """A stored picture as a small JPEG inside a data URL; None where it is gone or broken.

    Args:
        store: Holds the picture.
        address: `sha256:<hex>`.
        side: Longer side in pixels at most.
    """
    try:
        picture = open_photo(store.images.get(address), where=address, max_side=side)
    except (PhotoError, StoreError):
        return None
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def number(value: float, digits: int = 3) -> str:
    """A number with thousands separated and a real minus sign."""
    return f"{value:,.{digits}f}".replace("-", "−")


def count(value: float) -> str:
    """A whole number; nothing counted is a dash."""
    return f"{int(value):,}" if value else "–"


def percent(share: float) -> str:
    """A share as a CSS length, kept within 0 and 100%."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def width(low: float, high: float) -> str:
    """From `low` to `high` as a CSS length, both kept within 0 and 1."""
    return percent(min(1.0, max(0.0, high)) - min(1.0, max(0.0, low)))


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(number=number, count=count, percent=percent, width=width)
    return environment
