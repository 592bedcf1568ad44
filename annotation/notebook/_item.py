"""One output from all sides: what it is, who said what of it, and how its attempts went on."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from annotation.notebook._rows import Rows

if TYPE_CHECKING:
    import pandas as pd

    from annotation.notebook._labels import Labels

_WORD = re.compile(r"\s+|[^\s,;.]+|[,;.]")
_FACTS = ("category", "model", "item", "attempt", "part", "price", "aspects", "rubric")
_LONGEST = 50
"""Attempts that are walked back: a chain that is longer goes round."""


def item_of(rows: Rows, row: int, labels: Labels | None) -> dict[str, Any]:
    """What the front end shows of one row, in JSON's types; `attempts` from the first to this one."""
    frame = rows.frame
    own = frame.iloc[row]
    named = [(name, own[name]) for name in _FACTS if name in frame.columns]
    scores = [
        (str(name)[6:], own[name]) for name in frame.columns if str(name).startswith("score_")
    ]
    return {
        "row": row,
        "title": str(own["title"]),
        "facts": [[name, _fact(name, value)] for name, value in named if _there(value)],
        "scores": [[name, round(float(value), 3)] for name, value in scores if _there(value)],
        "attempts": attempts_of(frame, row),
        "others": [] if labels is None else _others(labels, str(own["key"])),
        "better": None if labels is None else labels.title(str(own["key"])),
    }


def _fact(name: str, value: object) -> str:
    return f"{value:.2f}" if name == "price" and isinstance(value, float) else str(value)


def _others(labels: Labels, key: str) -> list[dict[str, Any]]:
    return [
        {
            "by": one.annotator,
            "approved": one.approved,
            "named": list(one.failure_modes),
            "note": one.note or "",
            "simulated": one.simulated,
        }
        for one in labels.others(key)
    ]


def attempts_of(frame: pd.DataFrame, row: int) -> list[dict[str, Any]]:
    """The chain of attempts that `row` is in, first to last, each with what its prompt changed.

    A frame without `parent` has none. Of several attempts that improve on one, the latest is followed.
    """
    if "parent" not in frame.columns:
        return []
    place = {str(key): number for number, key in enumerate(frame["key"])}
    parents = frame["parent"].to_numpy(dtype=object)
    chain = [row]
    while len(chain) < _LONGEST and (up := place.get(str(parents[chain[0]]))) not in (None, *chain):
        chain.insert(0, up)  # type: ignore[arg-type]
    children = {str(parent): number for number, parent in enumerate(parents) if _there(parent)}
    while len(chain) < _LONGEST:
        down = children.get(str(frame["key"].iat[chain[-1]]))
        if down is None or down in chain:
            break
        chain.append(down)
    if len(chain) == 1:
        return []
    texts = [str(frame["prompt"].iat[one]) if "prompt" in frame.columns else "" for one in chain]
    return [
        {
            "row": one,
            "diff": changes(texts[number - 1], texts[number]) if number else [["same", texts[0]]],
            "judge": _word(frame["judge"].iat[one]) if "judge" in frame.columns else "",
        }
        for number, one in enumerate(chain)
    ]


def changes(before: str, after: str) -> list[list[str]]:
    """Pieces of text, each `same`, `gone` or `new`, in reading order; joined without `gone` they are `after`."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    pieces: list[list[str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(["same", "".join(old[a:b])])
            continue
        if b > a:
            pieces.append(["gone", "".join(old[a:b])])
        if d > c:
            pieces.append(["new", "".join(new[c:d])])
    return pieces


def _word(value: Any) -> str:  # noqa: ANN401 - any cell
    return str(value) if _there(value) else ""


def _there(value: Any) -> bool:  # noqa: ANN401 - any cell
    import pandas as pd

    missing = pd.api.types.is_scalar(value) and bool(pd.isna(value))
    return not missing and value not in (None, "")
