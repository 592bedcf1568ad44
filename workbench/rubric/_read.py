"""Rubric files in, rubrics out; every problem of a file is named with its line and key."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from workbench import _yaml
from workbench.errors import RubricError
from workbench.rubric._records import Criterion, Example, FailureMode, Rubric

_SHIPPED = resources.files("workbench") / "rubrics"


def shipped_rubrics() -> tuple[str, ...]:
    """Names of the rubrics that ship with the package, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in _SHIPPED.iterdir()
            if entry.name.endswith(".yaml")
        )
    )


def load_rubric(path_or_name: str | Path) -> Rubric:
    """Read a rubric: a YAML file, or one that ships, by name.

    Args:
        path_or_name: A `Path`, text with a slash or ending in `.yaml` or `.yml` is a file; other text
            is the name of a shipped rubric, such as `listing`.

    Raises:
        RubricError: The file is not there or not right; the message names file, line and key of
            every problem in it.
    """
    text = str(path_or_name)
    is_file = isinstance(path_or_name, Path) or Path(text).name != text
    if not is_file and not text.endswith((".yaml", ".yml")):
        if text not in shipped_rubrics():
            hint = _yaml.nearest(text, shipped_rubrics())
            raise RubricError(f"no rubric called {text!r} ships with the workbench{hint}")
        name = f"{text}.yaml"
        return parse_rubric((_SHIPPED / name).read_text(encoding="utf-8"), where=name)
    try:
        return parse_rubric(Path(text).read_text(encoding="utf-8"), where=text)
    except (OSError, UnicodeDecodeError) as error:
        raise RubricError(
            f"want a rubric file, but {text!r} cannot be read ({error}); "
            f"shipped rubrics, by name: {', '.join(shipped_rubrics())}"
        ) from error


def parse_rubric(text: str, *, where: str) -> Rubric:
    """Read a rubric from YAML text.

    Args:
        text: YAML 1.2, so `no` and `yes` are words and not booleans.
        where: Name of the file, for messages.

    Raises:
        RubricError: Something is wrong; the message names file, line and key of every problem.
    """
    from workbench.rubric._file import RubricFile

    try:
        document = _yaml.read(text, where=where)
    except _yaml.UnreadableError as error:
        raise RubricError(str(error)) from error
    found = _yaml.problems(
        document, RubricFile, where=where, contradictions=_contradictions(document.data)
    )
    if found:
        raise RubricError(_yaml.sentence("this rubric", found))
    file = RubricFile.model_validate(document.data)
    return Rubric(
        name=file.name,
        version=file.version,
        judges=file.judges,
        instructions=file.instructions.strip(),
        criteria=tuple(
            Criterion(
                id=one.id,
                question=one.question.strip(),
                scale=tuple(one.scale),
                threshold=one.threshold,
                by=one.by,
                decides=one.decides,
                points=tuple(one.points[point].strip() for point in one.scale if one.points),
            )
            for one in file.criteria
        ),
        failure_modes=tuple(
            FailureMode(
                id=one.id,
                description=one.description.strip(),
                criterion=one.criterion,
                blocks=one.blocks,
            )
            for one in file.failure_modes
        ),
        examples=tuple(
            Example(
                output=one.output.strip(),
                criterion=one.criterion,
                point=one.point,
                why=one.why.strip(),
                photo=one.photo,
            )
            for one in file.examples
        ),
    )


def rubric_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a rubric file; editors complete and check with it."""
    from workbench.rubric._file import RubricFile

    schema = RubricFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Rubric"}


def _contradictions(data: dict[str, Any]) -> Iterator[_yaml.Issue]:
    """What each part alone cannot see. Works on files whose shape is wrong elsewhere."""
    criteria = _parts(data, "criteria")
    scales: dict[str, list[str]] = {}
    for index, criterion in criteria:
        scale = [
            str(point) for point in criterion.get("scale") or [] if not isinstance(point, dict)
        ]
        if isinstance(criterion.get("id"), str):
            scales.setdefault(criterion["id"], scale)
        yield from _scale_contradictions(("criteria", index), criterion, scale)
    for section in ("criteria", "failure_modes"):
        yield from _repeated_ids(data, section)
    if criteria and all(criterion.get("decides") is False for _, criterion in criteria):
        yield _yaml.Issue(place=("criteria",), message="at least one criterion must decide")
    for section in ("failure_modes", "examples"):
        for index, part in _parts(data, section):
            name = part.get("criterion")
            if isinstance(name, str) and name not in scales:
                message = f"there is no criterion {name!r}{_yaml.nearest(name, scales)}"
                yield _yaml.Issue(place=(section, index, "criterion"), message=message)
    for index, example in _parts(data, "examples"):
        point, scale = example.get("point"), scales.get(str(example.get("criterion")), [])
        if point is not None and scale and str(point) not in scale:
            message = f"want a point of the scale ({', '.join(scale)}), got {point!r}"
            yield _yaml.Issue(place=("examples", index, "point"), message=message)


def _scale_contradictions(
    place: _yaml.Place, criterion: dict[str, Any], scale: list[str]
) -> Iterator[_yaml.Issue]:
    twice = sorted({point for point in scale if scale.count(point) > 1})
    if twice:
        message = f"points must differ, {', '.join(map(repr, twice))} stands twice"
        yield _yaml.Issue(place=(*place, "scale"), message=message)
    threshold = criterion.get("threshold")
    if (
        isinstance(threshold, int | float)
        and not isinstance(threshold, bool)
        and len(scale) > 1
        and not 1 < threshold <= len(scale)
    ):
        message = f"want a number over 1 and up to {len(scale)}, the points of the scale, got {threshold!r}"
        yield _yaml.Issue(place=(*place, "threshold"), message=message)
    points = criterion.get("points")
    if isinstance(points, dict) and points and scale:
        said = [str(point) for point in points]
        missing = [point for point in dict.fromkeys(scale) if point not in said]
        if missing:
            message = f"say what each point means or none: {', '.join(missing)} missing"
            yield _yaml.Issue(place=(*place, "points"), message=message)
        for point in points:
            if str(point) not in scale:
                message = f"the scale has no such point; it has: {', '.join(scale)}"
                yield _yaml.Issue(place=(*place, "points", point), message=message)


def _repeated_ids(data: dict[str, Any], section: str) -> Iterator[_yaml.Issue]:
    first: dict[str, int] = {}
    for index, part in _parts(data, section):
        name = part.get("id")
        if not isinstance(name, str):
            continue
        if name in first:
            message = f"{name!r} is the id of {section}[{first[name]}] already"
            yield _yaml.Issue(place=(section, index, "id"), message=message)
        first.setdefault(name, index)


def _parts(data: dict[str, Any], section: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings of a section with their index; whatever else stands there is reported elsewhere."""
    parts = data.get(section)
    if not isinstance(parts, list):
        return []
    return [(index, part) for index, part in enumerate(parts) if isinstance(part, dict)]
