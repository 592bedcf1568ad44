"""Shopify's product taxonomy, in the form of its source repository, as a `Schema`.

Three kinds of YAML files: `values.yml` (names of values), `attributes.yml` (which values an attribute
allows; an extended attribute borrows those of a base attribute) and `categories/*.yml` (which
attributes a category asks for). Each refers to the others by `friendly_id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench import _yaml
from workbench.catalog.visibility import visibility
from workbench.errors import SchemaError
from workbench.schema import Attribute, Category, Schema

_MOST_PROBLEMS = 20
"""Problems that one message names."""


def read_shopify_taxonomy(folder: str | Path) -> Schema:
    """Read the taxonomy's `data/` folder, with its `VERSION` beside or above the files.

    Attributes carry the names of their values, and by their own name whether a photo can show them.
    All are `multiple`, as a product's category attributes are lists in Shopify.

    Returns:
        All categories by id, such as `aa-1-1`.

    Raises:
        SchemaError: A file is missing or no YAML, or refers to what is not there; the message names
            file and key of every problem, up to 20.
    """
    root = Path(folder)
    if not root.is_dir():
        raise SchemaError(f"want the folder of Shopify's taxonomy, got {str(folder)!r}")
    reader = _Reader(root)
    values = reader.values()
    attributes = reader.attributes(values)
    categories = reader.categories(attributes)
    if reader.problems:
        shown = reader.problems[:_MOST_PROBLEMS]
        more = len(reader.problems) - len(shown)
        if more:
            shown.append(f"… and {more} more")
        raise SchemaError(_yaml.sentence(f"The taxonomy in {str(folder)!r}", shown))
    return Schema(name="shopify", version=reader.version(), categories=categories)


@dataclass(slots=True)
class _Reader:
    root: Path
    problems: list[str] = field(default_factory=list)

    def version(self) -> str:
        for path in (self.root / "VERSION", self.root.parent / "VERSION"):
            if path.is_file():
                return path.read_text(encoding="utf-8").strip()
        raise SchemaError(f"no VERSION in {str(self.root)!r} or above it: which version is this?")

    def values(self) -> dict[str, str]:
        """Friendly id of a value to its name."""
        names: dict[str, str] = {}
        path = self.root / "values.yml"
        for entry, where in self._entries(path, self._load(path)):
            key, name = self._text(entry, "friendly_id", where), self._text(entry, "name", where)
            if key in names:
                self.problems.append(f"{where}: friendly_id {key!r} stands here twice")
            names[key] = name
        return names

    def attributes(self, values: Mapping[str, str]) -> dict[str, Attribute]:
        """Friendly id of an attribute to the attribute."""
        path = self.root / "attributes.yml"
        document = self._load(path)
        if not isinstance(document, Mapping):
            raise SchemaError(f"{path}: want base_attributes and extended_attributes at the top")
        found: dict[str, Attribute] = {}
        for entry, where in self._entries(path, document.get("base_attributes", [])):
            key = self._text(entry, "friendly_id", where)
            names = []
            for value in self._list(entry, "values", where):
                if value in values:
                    names.append(values[value])
                else:
                    self.problems.append(f"{where}: values: no value {value!r} in values.yml")
            self._keep(
                found, key, self._attribute(entry, tuple(dict.fromkeys(names)), where), where
            )
        for entry, where in self._entries(path, document.get("extended_attributes", [])):
            key = self._text(entry, "friendly_id", where)
            base = self._text(entry, "values_from", where)
            if base not in found:
                self.problems.append(f"{where}: values_from: no base attribute {base!r}")
                continue
            self._keep(found, key, self._attribute(entry, found[base].values, where), where)
        return found

    def categories(self, attributes: Mapping[str, Attribute]) -> dict[str, Category]:
        """Category id to category, each with its path from the root."""
        folder = self.root / "categories"
        files = sorted(folder.glob("*.yml"))
        if not files:
            raise SchemaError(f"want files categories/*.yml, got none in {str(folder)!r}")
        names: dict[str, str] = {}
        parents: dict[str, str] = {}
        asked: dict[str, tuple[Attribute, ...]] = {}
        places: dict[str, str] = {}
        for path in files:
            for entry, where in self._entries(path, self._load(path), key="id"):
                own = self._text(entry, "id", where)
                if own in names:
                    self.problems.append(f"{where}: id {own!r} stands in {places[own]} already")
                names[own], places[own] = self._text(entry, "name", where), where
                for child in self._list(entry, "children", where):
                    if parents.setdefault(child, own) != own:
                        self.problems.append(
                            f"{where}: children: {child!r} is a child of {parents[child]!r} already"
                        )
                wanted = self._list(entry, "attributes", where)
                for name in wanted:
                    if name not in attributes:
                        self.problems.append(
                            f"{where}: attributes: no attribute {name!r} in attributes.yml"
                        )
                asked[own] = tuple(attributes[name] for name in wanted if name in attributes)
        for child, parent in parents.items():
            if child not in names:
                self.problems.append(f"{places[parent]}: children: no category {child!r}")
        return {
            own: Category(
                id=own, name=name, path=self._path(own, names, parents), attributes=asked[own]
            )
            for own, name in names.items()
        }

    def _path(
        self, own: str, names: Mapping[str, str], parents: Mapping[str, str]
    ) -> tuple[str, ...]:
        steps = [own]
        while (parent := parents.get(steps[-1])) is not None:
            if parent in steps:
                self.problems.append(f"category {own!r} is its own ancestor")
                break
            steps.append(parent)
        return tuple(names[step] for step in reversed(steps))

    def _attribute(
        self, entry: Mapping[str, Any], values: tuple[str, ...], where: str
    ) -> Attribute:
        name = self._text(entry, "name", where)
        return Attribute(name=name, values=values, visible=visibility(name), multiple=True)

    def _keep(self, found: dict[str, Attribute], key: str, new: Attribute, where: str) -> None:
        if key in found:
            self.problems.append(f"{where}: friendly_id {key!r} stands here twice")
        found[key] = new

    def _load(self, path: Path) -> Any:  # noqa: ANN401 - a YAML file holds anything
        """Read with libyaml: 5 MB take seconds, where a reader in Python takes a minute."""
        import yaml

        loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        try:
            with path.open("rb") as file:
                return yaml.load(file, loader)  # noqa: S506 - both loaders are safe ones
        except FileNotFoundError as error:
            raise SchemaError(f"{path}: there is no such file") from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise SchemaError(f"{path}:{line}: this is no YAML: {error.problem}") from error
        except (yaml.YAMLError, OSError) as error:
            raise SchemaError(f"{path}: this is no YAML: {error}") from error

    def _entries(
        self, path: Path, entries: object, *, key: str = "friendly_id"
    ) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Every entry of a list, with the words that name it in a problem."""
        if not isinstance(entries, list):
            raise SchemaError(f"{path}: want a list of entries, got {type(entries).__name__}")
        for number, entry in enumerate(entries, start=1):
            if isinstance(entry, Mapping):
                yield entry, f"{path.name}: {entry.get(key) or f'entry {number}'}"
            else:
                self.problems.append(f"{path.name}: entry {number}: want keys, got {entry!r}")

    def _text(self, entry: Mapping[str, Any], key: str, where: str) -> str:
        value = entry.get(key)
        if isinstance(value, str) and value:
            return value
        self.problems.append(f"{where}: {key}: want text, got {value!r}")
        return ""

    def _list(self, entry: Mapping[str, Any], key: str, where: str) -> list[str]:
        value = entry.get(key)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        self.problems.append(f"{where}: {key}: want a list of ids, got {value!r}")
        return []
