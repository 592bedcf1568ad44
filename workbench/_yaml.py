"""YAML files that people write: read with positions, checked as a whole, every problem named with its line.

Shared by rubrics and schemas. Nothing here knows what a file is about: the shape comes as a pydantic
model, and what contradicts itself comes as further problems from the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
"""Keys and indices from the top of a file to a value: `("criteria", 2, "threshold")`."""
_VALUES = 100_000
"""Keys and values of a file at most, those of an alias counted wherever it stands."""


class UnreadableError(Exception):
    """The text is no YAML, or no mapping; callers turn it into an error of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing that is wrong in a file."""

    place: Place
    message: str
    at_value: bool = False
    """True where the value is at fault and not its key: the line is then the value's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file, read."""

    data: dict[str, Any]
    """Plain dicts, lists and scalars."""
    nodes: Any
    """The same with positions (ruamel's commented types)."""
    duplicates: tuple[tuple[int, str], ...]
    """Line (from 1) and message of every key that stands twice in one mapping."""

    def line(self, place: Place) -> int:
        """Line (from 1) of `place`, or of the nearest thing around it that is there."""
        node, line = self.nodes, 1
        for step in place:
            try:
                if isinstance(node, Mapping) and step in node:
                    line = node.lc.key(step)[0] + 1  # type: ignore[attr-defined]
                elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                    line = node.lc.item(step)[0] + 1  # type: ignore[attr-defined]
                else:
                    break
            except (KeyError, TypeError):
                break  # ruamel knows no places within a tagged or a merged value
            node = node[step]
        return int(line)


def read(text: str, *, where: str) -> Document:
    """Parse YAML 1.2 (where `no` and `yes` are words) whose top is a mapping.

    Raises:
        UnreadableError: The text is no YAML or no mapping; the message names `where` and the line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    reader = YAML(typ="rt")
    reader.allow_duplicate_keys = True  # all of them are reported below, not the first one alone
    try:
        tree = reader.compose(text)
        _refuse_unfolding(tree, where)
        nodes = reader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UnreadableError(f"{where}:{line}: this is no YAML: {error.problem}") from error
    except RecursionError:
        raise UnreadableError(f"{where}:1: the values are nested too deeply to be read") from None
    if not isinstance(nodes, dict):
        raise UnreadableError(
            f"{where}:1: want keys and values at the top of the file, got {_kind(nodes)}"
        )
    return Document(data=_plain(nodes), nodes=nodes, duplicates=tuple(_duplicates(tree)))


def problems(
    document: Document,
    shape: type[BaseModel],
    *,
    where: str,
    contradictions: Iterable[Issue] = (),
) -> list[str]:
    """Everything that is wrong with `document`, in the order of its lines; empty where all is right."""
    found = list(document.duplicates)
    issues = [*_misfits(document.data, shape), *contradictions]
    found += [
        (document.line(issue.place), f"{path(issue.place)}: {issue.message}") for issue in issues
    ]
    return [f"{where}:{line}: {message}" for line, message in sorted(found, key=lambda one: one[0])]


def sentence(what: str, found: Sequence[str]) -> str:
    """One message for all problems of one file."""
    if len(found) == 1:
        return f"{what} cannot be used. {found[0]}"
    return "\n  ".join([f"{what} cannot be used; {len(found)} things are wrong:", *found])


def path(place: Place) -> str:
    """`place` as people write it: `criteria[2].threshold`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"


def nearest(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'threshold'?` where a known word is near, else the known words."""
    import difflib

    choices = sorted(known)
    near = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(choices) or 'none'}"


def _misfits(data: dict[str, Any], shape: type[BaseModel]) -> Iterator[Issue]:
    """What pydantic says, in our sentences."""
    from pydantic import ValidationError

    try:
        shape.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = tuple(step for step in detail["loc"] if step != "[key]")
            yield Issue(place=place, message=_message(detail, shape, place))


def _message(detail: ErrorDetails, shape: type[BaseModel], place: Place) -> str:
    got, context, kind = detail["input"], detail.get("ctx", {}), detail["type"]
    if kind == "missing":
        return "this key is missing"
    if kind == "extra_forbidden":
        return f"unknown key{nearest(place[-1], _known_keys(shape, place[:-1]))}"
    if kind in _WANTED:
        said = repr(got) if kind == "too_short" else _kind(got)
        return f"want {_WANTED[kind].format(**context)}, got {said}"
    return f"{detail['msg']}, got {got!r}"


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "some text",
    "literal_error": "{expected}",
    "too_short": "at least {min_length}",
    "greater_than_equal": "a number from {ge}",
}


def _known_keys(shape: type[BaseModel], place: Place) -> list[str]:
    """The keys allowed at `place`, walked through the JSON schema of `shape`."""
    whole = shape.model_json_schema()
    node: dict[str, Any] = whole
    for step in place:
        if isinstance(step, int):
            node = node["items"]
        elif step in node.get("properties", {}):
            node = node["properties"][step]
        else:
            node = node["additionalProperties"]
        if "$ref" in node:
            node = whole["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return list(node.get("properties", {}))


def _refuse_unfolding(tree: Any, where: str) -> None:  # noqa: ANN401 — ruamel's nodes are untyped
    """Refuse aliases (`*name`) that hold themselves, or that stand for more than anybody writes.

    Raises:
        UnreadableError: The message names the line.
    """
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size(node: Any) -> int:  # noqa: ANN401
        line = node.start_mark.line + 1
        if id(node) in above:
            raise UnreadableError(f"{where}:{line}: this value holds an alias of itself")
        if id(node) not in sizes:
            above.add(id(node))
            values = node.value if isinstance(node.value, list) else []
            parts = [part for one in values for part in (one if isinstance(one, tuple) else (one,))]
            sizes[id(node)] = 1 + sum(size(part) for part in parts)
            above.discard(id(node))
        if sizes[id(node)] > _VALUES:
            raise UnreadableError(
                f"{where}:{line}: with its aliases written out this holds more than {_VALUES:,} values; shorten it"
            )
        return sizes[id(node)]

    if tree is not None:
        size(tree)


def _duplicates(node: Any) -> Iterator[tuple[int, str]]:  # noqa: ANN401 — ruamel's nodes are untyped
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                yield line, f"{key.value}: this key stands on line {first[key.value]} already"
            first.setdefault(key.value, line)
            yield from _duplicates(value)
    elif isinstance(node, SequenceNode):
        for value in node.value:
            yield from _duplicates(value)


def _plain(node: Any) -> Any:  # noqa: ANN401 — any YAML value
    """Ruamel's types as plain ones: scalars that remember how they were written are subclasses."""
    if isinstance(node, Mapping):
        return {_plain(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    return repr(value)
