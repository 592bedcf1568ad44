"""One call on a pandas frame: `calibrate`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from workbench.calibration._calibration import Calibration
from workbench.calibration.calibrate import calibrate_arrays
from workbench.calibration.people.adjudicate import majority
from workbench.calibration.rates._shares import About

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("generation", "item")
_SCORE, _PERSON = "score:", "answer:"
_CHANCE = "inclusion_probability"


def calibrate(
    frame: pd.DataFrame,
    *,
    slices: str | Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
    decides: Mapping[str, bool] | None = None,
    jointly: Sequence[str] = (),
    about: About = "items like these",
    level: float = 0.95,
    promise: float = 0.9,
    failure_probability: float = 0.05,
    held_out: float = 1 / 3,
    seed: int = 0,
    simulated: bool = False,
) -> Calibration:
    """Say what a judge's approvals are worth: one row per output that it judged, audited or not.

    None, NaN and pandas' NA are missing values everywhere. Other columns are ignored.

    | column | holds |
    |---|---|
    | `approved` | the judge's verdict, a boolean; missing where it abstained |
    | `inclusion_probability` | with which an audit drew the row for people, over 0 and up to 1; missing where not drawn. May be left out where every row has an answer: 1 for all |
    | `answer` | whether people find it suitable, a boolean; missing where nobody answered. May be left out where `answer:…` are there: their majority |
    | `answer:anna` | optional: what one person answered, for agreement and the human ceiling |
    | `confidence` | optional: the judge's, 0 to 1, that people approve: thresholds, PPI++, reliability, risk |
    | `stratum` | optional: what the audit was stratified by beside the verdict |
    | `cluster` | optional: rows that belong together, such as one product's |
    | `failure_modes` | optional: what people named, a name or a collection of names |
    | `score:fidelity` | optional: the judge's score on a criterion; `thresholds` say from where on it is passed, and one without is left out, with a note |
    | `embedding` | optional: a vector per row, at least of answered ones, to find errors that look alike |
    | `text` | optional: words that describe such errors; wants `embedding` |
    | `generation` or `item` | optional: what the row is called, each once; without either the frame's index |

    Args:
        frame: As above.
        slices: Column or columns to slice by, such as `["category", "model"]`; missing values are a slice of
            their own.
        thresholds: Criterion to the score from which on it is passed, for each `score:…`.
        decides: Criterion to whether failing it rejects; None: all do.
        jointly: Criteria, with scores from 0 to 1, for which thresholds are chosen that keep the promise together.
        about: `these items` for statements on these rows alone (finite-population variance).
        level: Of all intervals, between 0 and 1.
        promise: Precision that the threshold shall keep, between 0 and 1.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        held_out: Share of labels kept from choosing the threshold and the map of scores, 0 to below 1.
        seed: Of the split, the thinning and the bootstrap.
        simulated: True where the answers are not people's.

    Example:
        Of one hundred approvals and fifty rejections people answered half, drawn at random:

        >>> import pandas as pd
        >>> frame = pd.DataFrame({
        ...     "approved": [True] * 100 + [False] * 50,
        ...     "inclusion_probability": ([0.5] * 50 + [None] * 50) + ([0.5] * 25 + [None] * 25),
        ...     "answer": ([True] * 44 + [False] * 6 + [None] * 50) + ([True] * 5 + [False] * 20 + [None] * 25),
        ...     "category": ["bags", "shoes"] * 75,
        ... })
        >>> found = calibrate(frame, slices=["category"])
        >>> found.rates.precision.value, found.rates.recall.value
        (0.88, 0.8979591836734694)
        >>> print(found)  # doctest: +ELLIPSIS
        150 judged, 100 approved; answered: 50 approvals, 25 rejections
        ...
        Approvals
          Of what the judge approves 88.0% (76.2% to 94.4%) is suitable, by 50 answers
            about 100 approvals.
        ...

    Raises:
        ValueError: There is no row, a column is missing or holds something else, a key is there twice, a row
            was answered but not drawn, or an argument is out of range. The sentence says which column, and what
            came.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"want a pandas DataFrame with one row per judged output, got {type(frame).__name__}; "
            "`calibrate_arrays` takes sequences"
        )
    slices = (slices,) if isinstance(slices, str) else tuple(slices)
    _check_columns(frame, slices)
    people = {
        name.removeprefix(_PERSON): _booleans(frame, name)
        for name in frame.columns
        if isinstance(name, str) and name.startswith(_PERSON)
    }
    scores = {
        criterion: _numbers(frame, _SCORE + criterion) for criterion in _scored(frame, thresholds)
    }
    answer = _booleans(frame, "answer") if "answer" in frame.columns else _majorities(people)

    def there(name: str) -> bool:
        return name in frame.columns

    found = calibrate_arrays(
        approved=_booleans(frame, "approved"),
        inclusion_probability=_chances(frame, answer),
        answer=answer,
        confidence=_numbers(frame, "confidence") if there("confidence") else None,
        stratum=_labels(frame, "stratum") if there("stratum") else None,
        cluster=_clusters(frame) if there("cluster") else None,
        slices={name: _labels(frame, name) for name in slices},
        failure_modes=_modes(frame) if there("failure_modes") else None,
        keys=_keys(frame),
        scores=scores,
        thresholds=thresholds,
        decides=decides,
        jointly=jointly,
        people=people or None,
        embeddings=_vectors(frame) if there("embedding") else None,
        texts=_texts(frame) if there("text") else None,
        about=about,
        level=level,
        promise=promise,
        failure_probability=failure_probability,
        held_out=held_out,
        seed=seed,
        simulated=simulated,
    )
    return replace(found, notes=(*found.notes, *_left_out(frame, thresholds)))


def _scored(frame: pd.DataFrame, thresholds: Mapping[str, float] | None) -> list[str]:
    """Criteria that have both scores and a threshold."""
    return [name for name in _criteria(frame) if name in (thresholds or {})]


def _left_out(frame: pd.DataFrame, thresholds: Mapping[str, float] | None) -> list[str]:
    bare = [name for name in _criteria(frame) if name not in (thresholds or {})]
    if not bare:
        return []
    named = ", ".join(repr(_SCORE + name) for name in bare)
    return [
        f"Left out for want of a threshold: {named}. `thresholds` says from which score on a criterion is "
        f"passed, such as {{{bare[0]!r}: 0.5}}."
    ]


def _criteria(frame: pd.DataFrame) -> list[str]:
    return [
        name.removeprefix(_SCORE)
        for name in frame.columns
        if isinstance(name, str) and name.startswith(_SCORE)
    ]


def _chances(frame: pd.DataFrame, answer: Sequence[bool | None]) -> Sequence[float | None]:
    """Inclusion probabilities; 1 for all where the column is left out and everything was answered."""
    if _CHANCE in frame.columns:
        return _numbers(frame, _CHANCE)
    open_rows = sum(label is None for label in answer)
    if open_rows:
        raise ValueError(
            f"want column {_CHANCE!r}, since {open_rows} of {len(answer)} rows have no answer: with which "
            "probability each row was drawn for people. It is 1.0 for rows that were certain to be asked, and "
            "missing for those that were not drawn"
        )
    return [1.0] * len(answer)


def _majorities(people: Mapping[str, Sequence[bool | None]]) -> list[bool | None]:
    found = [majority(said) for said in zip(*people.values(), strict=True)]
    return [None if label is None else bool(label) for label in found]


def _check_columns(frame: pd.DataFrame, slices: Sequence[str]) -> None:
    if frame.empty:
        raise ValueError("want at least one row, one per judged output; the frame has none")
    wanted = ["approved", *slices]
    if not any(str(name).startswith(_PERSON) for name in frame.columns):
        wanted.insert(1, "answer")
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        came = ", ".join(repr(str(name)) for name in frame.columns) or "none"
        raise ValueError(
            f"want {'column' if len(missing) == 1 else 'columns'} {', '.join(map(repr, missing))}; "
            f"the frame has {came}"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"column {twice[0]!r} is there twice; drop or rename one")


def _known(frame: pd.DataFrame, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Values of a column as objects, and the rows that have one."""
    column = frame[name]
    return column.to_numpy(dtype=object), np.flatnonzero(column.notna().to_numpy(dtype=bool))


def _refuse(name: str, wanted: str, value: object, row: int) -> NoReturn:
    raise ValueError(f"column {name!r} holds {wanted}, got {value!r} in row {row}")


def _booleans(frame: pd.DataFrame, name: str) -> Sequence[bool | None]:
    """True, False and None; numbers 1 and 0 count as such."""
    if frame[name].dtype == bool:
        return cast("Sequence[bool]", frame[name].to_numpy())
    values, there = _known(frame, name)
    found = np.full(values.size, None, dtype=object)
    for row in there.tolist():
        value = values[row]
        if not isinstance(value, (bool, np.bool_, int, float, np.number)) or value not in (0, 1):
            _refuse(name, "True, False or a missing value", value, row)
        found[row] = bool(value)
    return cast("Sequence[bool | None]", found)


def _numbers(frame: pd.DataFrame, name: str) -> Sequence[float | None]:
    """Numbers, NaN where missing."""
    if frame[name].dtype == float:
        return cast("Sequence[float]", frame[name].to_numpy())
    values, there = _known(frame, name)
    found = np.full(values.size, np.nan)
    for row in there.tolist():
        value = values[row]
        if not isinstance(value, (int, float, np.number)) or isinstance(
            value, (bool, np.complexfloating)
        ):
            _refuse(name, "numbers or missing values", value, row)
        found[row] = float(value)
    return cast("Sequence[float]", found)


def _labels(frame: pd.DataFrame, name: str) -> Sequence[str]:
    """As text, empty where missing."""
    values, there = _known(frame, name)
    found = np.full(values.size, "", dtype=object)
    found[there] = values[there]
    return cast("Sequence[str]", found.astype(str))


def _clusters(frame: pd.DataFrame) -> Sequence[str]:
    """As text; a row without one stands alone."""
    values, there = _known(frame, "cluster")
    found = np.array([f"alone:{row}" for row in range(values.size)], dtype=object)
    found[there] = [f"cluster:{value}" for value in values[there]]
    return cast("Sequence[str]", found.astype(str))


def _keys(frame: pd.DataFrame) -> list[str]:
    name = next((name for name in _KEYS if name in frame.columns), None)
    column = frame.index.to_series() if name is None else frame[name]
    where = "the frame's index" if name is None else f"column {name!r}"
    if column.isna().any():
        row = int(np.flatnonzero(column.isna())[0])
        raise ValueError(f"{where} says what each row is called, and has nothing in row {row}")
    keys = [str(key) for key in column.to_numpy(dtype=object)]
    if len(set(keys)) < len(keys):
        seen: dict[str, int] = {}
        for row, key in enumerate(keys):
            if key in seen:
                raise ValueError(
                    f"{where} holds {key!r} twice, in rows {seen[key]} and {row}: want one row per judged "
                    "output, called by `generation`, by `item` or by the index"
                )
            seen[key] = row
    return keys


def _modes(frame: pd.DataFrame) -> list[Collection[str]]:
    wanted = "names of failure modes, a collection of names or a missing value"
    values, there = _known(frame, "failure_modes")
    found: list[Collection[str]] = [()] * values.size
    for row in there.tolist():
        value = values[row]
        if isinstance(value, str) and value.strip()[:1] in ("[", "{", "("):
            raise ValueError(
                f"column 'failure_modes' holds {value!r} in row {row}, the text of a collection, as a CSV file "
                "keeps one: read it first, with frame['failure_modes'].map(ast.literal_eval, na_action='ignore')"
            )
        named = (value,) if isinstance(value, str) else value
        if not isinstance(named, (list, tuple, set, frozenset, np.ndarray)) or not all(
            isinstance(mode, str) for mode in named
        ):
            _refuse("failure_modes", wanted, value, row)
        found[row] = tuple(named)
    return found


def _vectors(frame: pd.DataFrame) -> list[npt.ArrayLike | None]:
    """One vector per row, None where missing."""
    values, there = _known(frame, "embedding")
    found: list[npt.ArrayLike | None] = [None] * values.size
    for row in there.tolist():
        if not isinstance(values[row], (list, tuple, np.ndarray)):
            _refuse("embedding", "vectors or missing values", values[row], row)
        found[row] = values[row]
    return found


def _texts(frame: pd.DataFrame) -> list[str]:
    values, there = _known(frame, "text")
    found = [""] * values.size
    for row in there.tolist():
        found[row] = str(values[row])
    return found
