"""Results as Label Studio stores them, checked: its server takes anything, so nothing in them is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotation.label_studio.interfaces._records import Control, Interface, TaskData
from annotation.label_studio.interfaces._xml import clean
from workbench.errors import LabelStudioError

Fields = dict[str, tuple[str, ...]]
"""Question to what was chosen or written; questions without an answer are absent.

A text that was left blank is empty: somebody was there, and wrote nothing."""


def place(data: TaskData) -> str:
    """Which task, in words, for messages."""
    return f"task {str(data.get('key') or data.get('generation') or '?')[:12]}"


def read_fields(interface: Interface, result: object, data: TaskData) -> Fields:
    """`result` as fields.

    Raises:
        LabelStudioError: It holds something that the page cannot have sent.
    """
    where = place(data)
    if not isinstance(result, list):
        raise LabelStudioError(f"{where}: want a list of results, got {result!r:.80}")
    fields: Fields = {}
    for region in result:
        name = region.get("from_name") if isinstance(region, dict) else None
        control = interface.controls.get(name) if isinstance(name, str) else None
        if control is None:
            raise LabelStudioError(
                f"{where}: the interface of {interface.rubric.label} has no question {name!r}; "
                "it was answered in another interface, or not in one of ours"
            )
        if control.name in fields:
            raise LabelStudioError(f"{where}, {control.name}: want one answer, got two")
        values = _values(control, region, where)
        if values or control.type == "textarea":
            fields[control.name] = values
    for control in interface.controls.values():
        if control.required and not fields.get(control.name):
            raise missing(where, control.name)
    return fields


def missing(where: str, name: str) -> LabelStudioError:
    """The error of a question that must be answered and is not."""
    return LabelStudioError(
        f"{where}, {name}: want an answer, got none; the page does not send that, so open the task again"
    )


def _values(control: Control, region: Mapping[str, Any], where: str) -> tuple[str, ...]:
    where = f"{where}, {control.name}"
    if region.get("type") != control.type or region.get("to_name") != control.to_name:
        came = f"{region.get('type')!r} to {region.get('to_name')!r}"
        raise LabelStudioError(
            f"{where}: want {control.type!r} to {control.to_name!r}, got {came:.120}"
        )
    key = "choices" if control.type == "choices" else "text"
    value = region.get("value")
    said = value.get(key) if isinstance(value, dict) else None
    if isinstance(said, str) and control.type == "textarea":
        said = [said]
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise LabelStudioError(f"{where}: want a list of text under {key!r}, got {value!r:.120}")
    if control.type == "textarea":
        return tuple(stripped for one in said if (stripped := clean(one).strip()))
    if len(set(said)) != len(said) or (len(said) > 1 and not control.multiple):
        raise LabelStudioError(f"{where}: want one choice, got {said!r:.120}")
    for one in said:
        if control.choices is not None and one not in control.choices:
            raise LabelStudioError(
                f"{where}: want one of {', '.join(control.choices)}, got {one!r:.80}"
            )
    return tuple(said)


def regions(interface: Interface, fields: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """`fields` as Label Studio stores them; questions with an empty answer are left out."""
    found = []
    for name, control in interface.controls.items():
        if values := list(fields.get(name, ())):
            key = "choices" if control.type == "choices" else "text"
            found.append(
                {
                    "id": name,
                    "from_name": name,
                    "to_name": control.to_name,
                    "type": control.type,
                    "value": {key: values},
                }
            )
    return found
