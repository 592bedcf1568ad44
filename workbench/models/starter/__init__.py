"""Models that ship with the workbench: `starter:listing` writes listings from photos.

Small, trained by us in the drawn catalogue's world, imperfect in measured ways: each one's folder holds
a model card (`README.md`, `card.json`). They are ordinary folders: `dir:` loads them too, as do the
Auto classes, TRL and servers.
"""

from workbench.models.starter.shipped import (
    WEIGHTS,
    load_image,
    load_scorer,
    load_text,
    shipped_folder,
)

__all__ = ["WEIGHTS", "load_image", "load_scorer", "load_text", "shipped_folder"]
