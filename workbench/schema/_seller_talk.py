"""Phrases that praise, price or ship: talk of sellers, which says nothing of what is to be seen."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from workbench._yaml import UnreadableError, read
from workbench.errors import CatalogError

SELLER_TALK = Path(__file__).parent / "seller_talk.yaml"
"""The phrases that ship."""


@lru_cache(maxsize=8)
def read_phrases(path: Path) -> tuple[str, ...]:
    """All phrases of a file of seller's talk, the longest first.

    Raises:
        CatalogError: The file is not there, or is no YAML of lists of phrases; the message says where.
    """
    try:
        document = read(path.read_text("utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError, UnreadableError) as error:
        raise CatalogError(
            f"want a YAML file with lists of phrases, got {str(path)!r}: {error}"
        ) from error
    for name, phrases in document.data.items():
        if not isinstance(phrases, list) or not all(
            isinstance(p, str) and p.strip() for p in phrases
        ):
            raise CatalogError(
                f"{path}:{document.line((name,))}: want a list of phrases under {name!r}, got {phrases!r}"
            )
    every = {p for phrases in document.data.values() for p in phrases}
    return tuple(sorted(every, key=lambda p: (-len(p), p)))
