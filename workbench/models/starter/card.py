"""Model cards: what a starter model learnt from, how, how well it does and where it stops.

A card is two files in the model's folder: `card.json` for programs, `README.md` (in the form that model
hubs read) for people. Both are made from the same record.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from workbench.errors import LearningError, ModelError
from workbench.metrics import Estimate
from workbench.models.revisions import folder_revision
from workbench.models.starter.runs import write_text

JSON, PAGE = "card.json", "README.md"
WENT_ON = "went on from"
"""Key of a recipe: the recipe of the run whose model it went on from, or `RANDOM`."""
RANDOM = "random weights"
_PACKAGE = Path(__file__).resolve().parents[2]
_LIBRARIES = ("torch", "transformers", "diffusers", "tokenizers", "safetensors", "numpy", "pillow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What there is to say about a model."""

    name: str
    """The string that loads it: `starter:listing`."""
    pipeline: str
    """The task in the words of model hubs, such as `image-text-to-text`."""
    library: str
    """What opens it, in the words of model hubs: `transformers`, `diffusers` or `pytorch`."""
    about: str
    use: str
    """Lines of Python that load it; `FOLDER` stands for its folder."""
    data: str
    """What it learnt from, and what it was measured on."""
    sources: Mapping[str, str]
    """Each part of the data to the file that makes it, below the package's folder."""
    recipe: Mapping[str, object]
    """Settings of the run that made it (JSON types), those of the runs before it included."""
    versions: Mapping[str, str]
    """Library to the version that it was trained with."""
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


def library_versions() -> dict[str, str]:
    """What is installed here of that which training depends on."""
    found = {name: importlib.metadata.version(name).partition("+")[0] for name in _LIBRARIES}
    return {"python": platform.python_version(), **found}


def recipe_before(start: Path | None) -> object:
    """What a recipe says under `WENT_ON`: the recipe of the model in `start`, as far as its card tells it."""
    if start is None:
        return RANDOM
    told = dict(read_card(start).recipe) if (start / JSON).is_file() else {}
    return {"revision": folder_revision(start), **told}


def recipe_words(recipe: Mapping[str, object]) -> list[tuple[str, str]]:
    """A recipe as names and words; what stands in a part of it comes as `part › name`."""
    found: list[tuple[str, str]] = []
    for name, value in recipe.items():
        if isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values()):
            found += [(f"{name} › {inner}", words) for inner, words in recipe_words(value)]
        elif isinstance(value, Mapping):
            found.append((name, ", ".join(f"{k} {v}" for k, v in value.items() if v is not None)))
        else:
            found.append((name, str(value)))
    return found


def write_card(folder: Path, card: Card) -> None:
    """Write both files of `card` into the model's folder.

    Raises:
        LearningError: The weights there are not those that the card is of.
    """
    if weight_digests(folder) != dict(card.sha256):
        raise LearningError(
            f"the weights in {str(folder)!r} changed while they were measured: run the same command again, alone"
        )
    record = json.loads(json.dumps({**asdict(card), "figures": {}}, allow_nan=False))
    record["figures"] = {name: figure.to_dict() for name, figure in card.figures.items()}
    write_text(folder / PAGE, page(card, folder))
    write_text(folder / JSON, json.dumps(record, indent=1, allow_nan=False) + "\n")


def read_card(folder: Path) -> Card:
    """The card of the model in `folder`.

    Raises:
        ModelError: It has none, or one that cannot be read.
    """
    file = folder / JSON
    try:
        record = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no JSON"
        raise ModelError(f"want a model's card in {str(file)!r}: {why}") from error
    wanted = {field.name for field in fields(Card)}
    if not isinstance(record, dict) or wanted - record.keys():
        missing = sorted(wanted - record.keys()) if isinstance(record, dict) else sorted(wanted)
        raise ModelError(f"want a model's card in {str(file)!r}, but it lacks {', '.join(missing)}")
    try:
        figures = {name: Estimate.from_dict(figure) for name, figure in record["figures"].items()}
        known = {name: record[name] for name in wanted}
        return Card(**{**known, "figures": figures, "limits": tuple(record["limits"])})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the figures of the card {str(file)!r} cannot be read") from error


def shipped_card(model: str) -> Card | None:
    """The card of a model that ships, such as `starter:listing`; None where none of this name does."""
    kind, _, name = model.partition(":")
    folder = Path(__file__).parent / "weights" / name
    if kind != "starter" or not name.isidentifier() or not (folder / JSON).is_file():
        return None
    return read_card(folder)


def page(card: Card, folder: Path) -> str:
    """The card for people, as it stands in `folder`: files of the package are linked from inside the package alone."""
    rows = [
        f"| {'**' + name + '**' if name == card.headline else name} | {figure} | {figure.n} | {figure.method} |"
        for name, figure in card.figures.items()
    ]
    return "\n".join(
        [
            "---",
            "license: apache-2.0",
            f"pipeline_tag: {card.pipeline}",
            f"library_name: {card.library}",
            "tags: [synthetic-data]",
            "---",
            f"# {card.name}",
            "",
            card.about,
            "",
            "## Use",
            "",
            "```python",
            card.use,
            "```",
            "",
            "## Data",
            "",
            card.data,
            "",
            *(_source(what, file, folder) for what, file in card.sources.items()),
            "",
            "## Recipe",
            "",
            *(f"- {name}: {words}" for name, words in recipe_words(card.recipe)),
            "",
            f"With {', '.join(f'{name} {version}' for name, version in card.versions.items())}.",
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
            *(f"- `{name}`: `{digest}`" for name, digest in card.sha256.items()),
            "",
        ]
    )


def _source(what: str, file: str, folder: Path) -> str:
    module = f"`workbench.{file.removesuffix('.py').replace('/', '.')}`"
    if folder.resolve().is_relative_to(_PACKAGE):
        module = (
            f"[{module}]({Path(os.path.relpath(_PACKAGE / file, folder.resolve())).as_posix()})"
        )
    return f"- {what}, made by {module}"
