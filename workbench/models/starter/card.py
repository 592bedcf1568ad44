"""Model cards: what a starter model learnt from, how, how well it does and where it stops.

A card is two files in the model's folder: `card.json` for programs, `README.md` (in the form that model
hubs read) for people. Both are made from the same record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.metrics import Estimate

JSON, PAGE = "card.json", "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What there is to say about a model."""

    name: str
    """The string that loads it: `starter:listing`."""
    pipeline: str
    """The task in the words of model hubs, such as `image-text-to-text`."""
    about: str
    data: str
    """What it learnt from, and what it was measured on."""
    recipe: Mapping[str, object]
    """Settings of the run that made it (JSON types)."""
    headline: str
    """The name of the figure that a test measures again."""
    figures: Mapping[str, Estimate]
    limits: tuple[str, ...]
    sha256: Mapping[str, str]
    """Weight file to its digest."""


def weight_digests(folder: Path) -> dict[str, str]:
    """Name to SHA-256 of every weight file in `folder`, folders in it included."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }


def write_card(folder: Path, card: Card) -> None:
    """Write both files of `card` into the model's folder."""
    record = {
        "name": card.name,
        "pipeline": card.pipeline,
        "about": card.about,
        "data": card.data,
        "recipe": dict(card.recipe),
        "headline": card.headline,
        "figures": {name: figure.to_dict() for name, figure in card.figures.items()},
        "limits": list(card.limits),
        "sha256": dict(card.sha256),
    }
    (folder / JSON).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    (folder / PAGE).write_text(_page(card))


def drop_card(folder: Path) -> None:
    """Take the card of other weights away, before new ones are written beside it."""
    for name in (JSON, PAGE):
        (folder / name).unlink(missing_ok=True)


def read_card(folder: Path) -> Card:
    """The card of the model in `folder`.

    Raises:
        OSError: It has none.
    """
    record = json.loads((folder / JSON).read_text())
    figures = {name: Estimate.from_dict(figure) for name, figure in record["figures"].items()}
    return Card(**{**record, "figures": figures, "limits": tuple(record["limits"])})


def shipped_card(model: str) -> Card | None:
    """The card of a model that ships, such as `starter:listing`; None where none of this name does."""
    kind, _, name = model.partition(":")
    folder = Path(__file__).parent / "weights" / name
    if kind != "starter" or not name.isidentifier() or not (folder / JSON).is_file():
        return None
    return read_card(folder)


def _page(card: Card) -> str:
    rows = [
        f"| {'**' + name + '**' if name == card.headline else name} | {figure} | {figure.n} | {figure.method} |"
        for name, figure in card.figures.items()
    ]
    recipe = [f"- {name}: {value}" for name, value in card.recipe.items()]
    digests = [f"- `{name}`: `{digest}`" for name, digest in card.sha256.items()]
    return "\n".join(
        [
            "---",
            "license: apache-2.0",
            f"pipeline_tag: {card.pipeline}",
            "tags: [synthetic-data]",
            "---",
            f"# {card.name}",
            "",
            card.about,
            "",
            "## Data",
            "",
            card.data,
            "",
            "## Recipe",
            "",
            *recipe,
            "",
            "## Measured",
            "",
            "With 95% intervals; the last column says how they were made.",
            "",
            "| figure | value | items | interval |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Limits",
            "",
            *(f"- {limit}" for limit in card.limits),
            "",
            "## Weights (SHA-256)",
            "",
            *digests,
            "",
        ]
    )
