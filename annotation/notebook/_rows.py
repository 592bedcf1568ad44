"""What a view shows: one row per output, from a store or from a frame of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import CalibrationError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.calibration.audited import Audited, Judged
    from workbench.records import Audit
    from workbench.rubric import Rubric
    from workbench.store import Store

JUDGE = {True: "approved", False: "rejected", None: "undecided"}
"""What the judge said, as the column `judge` holds it."""
PEOPLE = {True: "suitable", False: "not suitable"}
"""What people said, as the column `people` holds it."""
NOT_ANSWERED = "not answered"
SPLIT = "split"
_KEYS = ("generation", "item", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A frame to show, and what is known about the judge behind it."""

    frame: pd.DataFrame
    """One row per output, called by `key`, each once; `judge` and `people` hold words."""
    audited: Audited | None = None
    """None for a frame of one's own, and where the store has no audit that can be weighed."""
    audit: Audit | None = None
    rubric: Rubric | None = None
    """None where nothing says by which rubric people answer."""
    notes: tuple[str, ...] = ()
    """What a reader must know before the numbers, in words."""


def rows_of_store(store: Store, *, audit: str | None = None) -> Rows:
    """Every listing and picture that `store` holds, with its latest verdict and what the audit brought.

    Args:
        store: Any; an empty one gives no rows.
        audit: Id of the audit, or the beginning of one; None: the latest that brought an answer.

    Raises:
        StoreError: `audit` names none, or several.
    """
    from workbench.calibration.audited import find_audit, rubric_of

    found = None
    try:
        found = find_audit(store, audit)
    except StoreError:
        if audit is not None:
            raise
    audited, notes = _weighed(store, found)
    frame = _answered(_store_frame(store, found), audited)
    judged_by = [found.rubric] if found is not None else list(frame["rubric"].dropna().unique())
    rubric = rubric_of(store, judged_by[-1]) if judged_by else None
    return Rows(frame=frame, audited=audited, audit=found, rubric=rubric, notes=notes)


def answered_since(store: Store, rows: Rows) -> Rows:
    """`rows` of the same outputs, with what people have said by now.

    Costs a fraction of `rows_of_store`: outputs, verdicts and items are not read again. Where the answers are the
    first to another audit, which is then the latest that brought one, everything is read.
    """
    from workbench.calibration.audited import find_audit

    if rows.audit is not None and find_audit(store).id != rows.audit.id:
        return rows_of_store(store)
    audited, notes = _weighed(store, rows.audit, before=rows.audited)
    return replace(rows, frame=_answered(rows.frame, audited), audited=audited, notes=notes)


def _weighed(
    store: Store, audit: Audit | None, *, before: Audited | None = None
) -> tuple[Audited | None, tuple[str, ...]]:
    """What the audit says of the judge, and what a reader must know before."""
    from workbench.calibration.audited import calibrate_audit

    if audit is None:
        return None, (
            "No audit yet: nobody was drawn for people, so nothing says what an approval is worth. "
            "`workbench audit` draws one.",
        )
    try:
        known = None if before is None else before.population
        audited = calibrate_audit(store, audit, population=known)
    except CalibrationError as error:
        return None, (f"The audit cannot be weighed: {error}",)
    return audited, audited.calibration.notes


def _answered(frame: pd.DataFrame, audited: Audited | None) -> pd.DataFrame:
    """The same outputs, and what people say of those that they were asked about."""
    said = [] if audited is None else [j for j in audited.population if j.annotations]
    people = {j.generation.key: _people(j) for j in said}
    named = {j.generation.key: _named(j) for j in said}
    shown = frame.copy()
    shown["people"] = [people.get(key, NOT_ANSWERED) for key in frame["key"]]
    shown["people named"] = [named.get(key, ()) for key in frame["key"]]
    return shown


def _store_frame(store: Store, audit: Audit | None) -> pd.DataFrame:
    """One row per output; the columns of people are there and empty."""
    import pandas as pd

    label = None if audit is None else audit.rubric
    made = store.generations()
    made = made[made["kind"].isin(["listing", "image"])].reset_index(drop=True)
    every = store.verdicts()
    verdicts = every if label is None else every[every["rubric"] == label]
    last = verdicts.drop_duplicates("generation", keep="last").set_index("generation")
    drawn = set() if audit is None else {one.generation for one in audit.drawn}
    items = store.items().set_index("id")
    keys = made["key"]
    frame = pd.DataFrame(
        {
            "key": keys,
            "title": _titles(made),
            "image": [_picture(row) for row in zip(made["image"], made["inputs"], strict=True)],
            "judge": _verdicts(last, keys),
            "people": NOT_ANSWERED,
            "category": made["category"],
            "model": made["model"],
            "attempt": made["attempt"],
            "part": _of(items, "part", made["item"]),
            "confidence": _of(last, "confidence", keys),
            "price": made["price"],
            "judge named": [tuple(one or ()) for one in _of(last, "failure_modes", keys)],
            "people named": "",
            "audit": ["drawn" if key in drawn else "not drawn" for key in keys],
            "aspects": [_aspects(one) for one in made["aspects"]],
            "item": _items(made),
            "rubric": _of(last, "rubric", keys),
            "parent": made["parent"],
            "prompt": made["prompt"],
        }
    )
    for other in sorted(set(every["rubric"]) - {label}) if label is not None else ():
        by = every[every["rubric"] == other].drop_duplicates("generation", keep="last")
        frame[f"judge by {other}"] = _verdicts(by.set_index("generation"), keys)
    scores = [name for name in last.columns if name.startswith("score_")]
    for name in scores:
        frame[name] = last[name].reindex(keys).to_numpy()
    return frame


def _titles(made: pd.DataFrame) -> list[str]:
    return [
        next((one for one in (title, item, category) if isinstance(one, str) and one), key[:12])
        for title, item, category, key in zip(
            made["title"], made["item"], made["category"], made["key"], strict=True
        )
    ]


def _items(made: pd.DataFrame) -> list[str]:
    """What each output is about: its item, or the category or theme that a picture stands for."""
    return [
        item if isinstance(item, str) and item else category
        for item, category in zip(made["item"], made["category"], strict=True)
    ]


def _picture(row: tuple[object, object]) -> str | None:
    image, inputs = row
    if isinstance(image, str):
        return image
    return str(inputs[0]) if isinstance(inputs, list | tuple) and inputs else None


def _verdicts(last: pd.DataFrame, keys: pd.Series[Any]) -> list[str | None]:
    """What the judge said of each output; None where it was not asked."""
    said = {key: JUDGE[truth(one)] for key, one in zip(last.index, last["approved"], strict=True)}
    return [said.get(key) for key in keys]


def _people(judged: Judged) -> str:
    if judged.answer is not None:
        return PEOPLE[judged.answer]
    given = [one for one in judged.annotations if one.approved is not None and one.blind]
    return SPLIT if given else NOT_ANSWERED


def _named(judged: Judged) -> tuple[str, ...]:
    return tuple(sorted({mode for one in judged.annotations for mode in one.failure_modes}))


def _of(frame: pd.DataFrame, column: str, keys: pd.Series[Any]) -> list[Any]:
    """The cell of each row that `keys` name; None where there is no such row."""
    cells = dict(zip(frame.index, frame[column], strict=True))
    return [cells.get(key) for key in keys]


def _aspects(aspects: object) -> str:
    if not isinstance(aspects, Mapping):
        return ""
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in aspects.items())


def rows_of_frame(frame: pd.DataFrame) -> Rows:
    """A frame of one's own, whose columns have the names that `workbench.calibration.calibrate` reads.

    `approved` and `answer` become `judge` and `people` in words, beside what else is there. `title`, `image`
    (an address of the store, a file or bytes), `embedding` (a vector) or `x` and `y`, `parent` and `prompt` are
    shown where they are there.

    Raises:
        ValueError: A row's key is missing, or there twice.
    """
    shown = frame.copy()
    name = next((name for name in _KEYS if name in frame.columns), None)
    keys = [str(key) for key in (frame.index if name is None else frame[name])]
    if len(set(keys)) < len(keys):
        twice = next(key for key, times in Counter(keys).items() if times > 1)
        where = "the frame's index" if name is None else f"column {name!r}"
        raise ValueError(f"want one row per output, but {where} holds {twice!r} twice")
    shown = shown.drop(columns=["key"], errors="ignore").reset_index(drop=True)
    shown.insert(0, "key", keys)
    if "title" not in shown.columns:
        shown.insert(1, "title", keys)
    if "approved" in shown.columns and "judge" not in shown.columns:
        shown["judge"] = [JUDGE[truth(said)] for said in frame["approved"]]
    if "answer" in shown.columns and "people" not in shown.columns:
        said = [truth(one) for one in frame["answer"]]
        shown["people"] = [NOT_ANSWERED if one is None else PEOPLE[one] for one in said]
    if "failure_modes" in shown.columns and "people named" not in shown.columns:
        shown["people named"] = [_modes(one) for one in frame["failure_modes"]]
    return Rows(frame=shown)


def truth(value: object) -> bool | None:
    """True, False, or None for any missing value."""
    import pandas as pd

    return None if value is None or pd.isna(value) else bool(value)  # type: ignore[call-overload]


def _modes(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence | set | frozenset):
        return tuple(str(one) for one in value)
    return ()
