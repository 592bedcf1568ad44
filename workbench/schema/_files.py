"""Schema files: YAML in which an attribute is written once, however many categories use it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench import _yaml
from workbench.errors import SchemaError
from workbench.schema._records import Attribute, Category, Schema
from workbench.schema._words import folded


def load_schema(path: str | Path) -> Schema:
    """Read a schema file that `dump_schema` or a person wrote.

    Raises:
        SchemaError: The file is not there or not right; the message names file, line and key of
            every problem in it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(
            f"want a schema file, but {str(path)!r} cannot be read: {error}"
        ) from error
    return parse_schema(text, where=str(path))


def parse_schema(text: str, *, where: str) -> Schema:
    """Read a schema from YAML text; `where` names the file in messages.

    Raises:
        SchemaError: Something is wrong; the message names file, line and key of every problem.
    """
    from workbench.schema._file import SchemaFile

    try:
        document = _yaml.read(text, where=where)
    except _yaml.UnreadableError as error:
        raise SchemaError(str(error)) from error
    contradictions = _contradictions(document.data)
    found = _yaml.problems(document, SchemaFile, where=where, contradictions=contradictions)
    if found:
        raise SchemaError(_yaml.sentence("this schema", found))
    file = SchemaFile.model_validate(document.data)
    attributes = {
        key: Attribute(
            name=one.name,
            values=tuple(one.values),
            visible=one.visible,
            multiple=one.multiple,
            required=one.required,
            synonyms=one.synonyms,
        )
        for key, one in file.attributes.items()
    }
    categories = [
        Category(
            id=one.id,
            name=one.path[-1],
            path=tuple(one.path),
            attributes=tuple(attributes[key] for key in one.attributes),
        )
        for one in file.categories
    ]
    return Schema(
        name=file.name, version=file.version, categories={one.id: one for one in categories}
    )


def dump_schema(schema: Schema) -> str:
    """`schema` as YAML text; `parse_schema` reads the same schema back."""
    from ruamel.yaml import YAML

    keys: dict[str, Attribute] = {}
    categories = [
        {
            "id": category.id,
            "path": list(category.path),
            "attributes": [_key(attribute, keys) for attribute in category.attributes],
        }
        for category in schema.categories.values()
    ]
    file = {
        "name": schema.name,
        "version": schema.version,
        "attributes": {key: _attribute(attribute) for key, attribute in keys.items()},
        "categories": categories,
    }
    writer = YAML(typ="rt")
    writer.width = 96
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(file, stream)
    return stream.getvalue()


def _key(attribute: Attribute, keys: dict[str, Attribute]) -> str:
    """The key of `attribute`, entered into `keys`; equal attributes share one."""
    stem = folded(attribute.name).replace(" ", "_") or "attribute"
    number, key = 1, stem
    while key in keys and keys[key] != attribute:
        number += 1
        key = f"{stem}_{number}"
    keys[key] = attribute
    return key


def _attribute(attribute: Attribute) -> dict[str, Any]:
    part: dict[str, Any] = {"name": attribute.name}
    if attribute.values:
        part["values"] = list(attribute.values)
    part["visible"] = attribute.visible
    if attribute.multiple:
        part["multiple"] = True
    if attribute.required:
        part["required"] = True
    if attribute.synonyms:
        part["synonyms"] = dict(attribute.synonyms)
    return part


def _contradictions(data: dict[str, Any]) -> Iterator[_yaml.Issue]:
    attributes = data.get("attributes")
    known = attributes if isinstance(attributes, dict) else {}
    for key, attribute in known.items():
        if isinstance(attribute, dict):
            yield from _value_contradictions(("attributes", key), attribute)
    categories = data.get("categories")
    first: dict[str, int] = {}
    for index, category in enumerate(categories if isinstance(categories, list) else []):
        if not isinstance(category, dict):
            continue
        name = str(category.get("id"))
        if name in first:
            message = f"{name!r} is the id of categories[{first[name]}] already"
            yield _yaml.Issue(place=("categories", index, "id"), message=message)
        first.setdefault(name, index)
        for position, key in enumerate(category.get("attributes") or []):
            if isinstance(key, str) and key not in known:
                message = f"there is no attribute {key!r}{_yaml.nearest(key, map(str, known))}"
                place = ("categories", index, "attributes", position)
                yield _yaml.Issue(place=place, message=message)


def _value_contradictions(place: _yaml.Place, attribute: dict[str, Any]) -> Iterator[_yaml.Issue]:
    values = attribute.get("values")
    if not isinstance(values, list) or not values:
        return
    first: dict[str, str] = {}
    for position, value in enumerate(values):
        if isinstance(value, str) and first.setdefault(folded(value), value) != value:
            message = f"{value!r} and {first[folded(value)]!r} are the same value"
            yield _yaml.Issue(place=(*place, "values", position), message=message)
    synonyms = attribute.get("synonyms")
    for word, value in (synonyms if isinstance(synonyms, dict) else {}).items():
        if value not in values:
            message = f"{value!r} is not among the values{_yaml.nearest(value, map(str, values))}"
            yield _yaml.Issue(place=(*place, "synonyms", word), message=message)
