"""Rubrics out: YAML as a person would write it, and the schema that editors read beside it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from workbench.rubric._read import parse_rubric, rubric_schema
from workbench.rubric._records import Criterion, Example, FailureMode, Rubric

SCHEMA_FILE = "rubric.schema.json"
"""Name of the JSON schema, in the folder of the rubrics that point to it."""


def dump_rubric(rubric: Rubric) -> str:
    """`rubric` as YAML text; `parse_rubric` reads the same rubric back.

    Defaults are left out. Comments of the file that it once came from are not known here.

    Raises:
        RubricError: The rubric contradicts itself, so its file could not be read again.
    """
    from ruamel.yaml import YAML

    writer = YAML(typ="rt")
    writer.width = 4096  # one line a sentence: a folded line differs from its first changed word on
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(_file(rubric), stream)
    text = f"# yaml-language-server: $schema={SCHEMA_FILE}\n{stream.getvalue()}"
    parse_rubric(text, where=f"{rubric.name}.yaml")
    return text


def save_rubric(rubric: Rubric, path: Path) -> None:
    """Write `rubric` to `path`, and the JSON schema for editors beside it.

    Raises:
        RubricError: The rubric contradicts itself.
        OSError: The folder cannot be written.
    """
    text = dump_rubric(rubric)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    schema = json.dumps(rubric_schema(), indent=2, ensure_ascii=False) + "\n"
    (path.parent / SCHEMA_FILE).write_text(schema, encoding="utf-8")


def _file(rubric: Rubric) -> dict[str, Any]:
    file: dict[str, Any] = {
        "name": rubric.name,
        "version": rubric.version,
        "judges": rubric.judges,
    }
    if rubric.instructions:
        file["instructions"] = _text(rubric.instructions)
    file["criteria"] = [_criterion(one) for one in rubric.criteria]
    if rubric.failure_modes:
        file["failure_modes"] = [_failure_mode(one) for one in rubric.failure_modes]
    if rubric.examples:
        file["examples"] = [_example(one) for one in rubric.examples]
    return file


def _criterion(criterion: Criterion) -> dict[str, Any]:
    from ruamel.yaml.comments import CommentedSeq

    scale = CommentedSeq(map(_point, criterion.scale))
    scale.fa.set_flow_style()
    threshold = criterion.threshold
    part: dict[str, Any] = {
        "id": criterion.id,
        "question": _text(criterion.question),
        "scale": scale,
        "threshold": int(threshold) if threshold == int(threshold) else threshold,
    }
    if criterion.by != "model":
        part["by"] = criterion.by
    if not criterion.decides:
        part["decides"] = False
    if criterion.points:
        pairs = zip(criterion.scale, criterion.points, strict=True)
        part["points"] = {_point(point): _text(meaning) for point, meaning in pairs}
    return part


def _failure_mode(mode: FailureMode) -> dict[str, Any]:
    part: dict[str, Any] = {"id": mode.id, "description": _text(mode.description)}
    if mode.criterion is not None:
        part["criterion"] = mode.criterion
    if mode.blocks:
        part["blocks"] = True
    return part


def _example(example: Example) -> dict[str, Any]:
    part: dict[str, Any] = {
        "output": _text(example.output),
        "criterion": example.criterion,
        "point": _point(example.point),
        "why": _text(example.why),
    }
    if example.photo is not None:
        part["photo"] = example.photo
    return part


def _point(point: str) -> str | int:
    """Digits without quotes, as people write them; `01` stays the word that it is.

    `?0` is quoted: in a list on one line ruamel writes it bare and reads it as a key.
    """
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if point.startswith(("?", ":", "-")):
        quoted: str = DoubleQuotedScalarString(point)
        return quoted
    return int(point) if point.isdecimal() and str(int(point)) == point else point


def _text(text: str) -> str:
    """Several lines as a block, so that a change shows line by line in a diff."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    return LiteralScalarString(text) if "\n" in text else text
