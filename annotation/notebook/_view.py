"""The widget: what the front end asks for, and every click as a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from annotation.notebook._columns import packed
from annotation.notebook._curve import curve_of, worth_of
from annotation.notebook._filters import fitting, read_filters
from annotation.notebook._item import item_of
from annotation.notebook._kept import Kept
from annotation.notebook._labels import Labels, Saved, Word, read_word
from annotation.notebook._map import places_of
from annotation.notebook._pictures import WHOLE, Pictures, contents_of
from annotation.notebook._rows import Rows
from workbench.errors import PhotoError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from workbench.store import Store

_BUILT = Path(__file__).parent / "static"
_EMPTY: dict[str, Any] = {
    "filters": {},
    "search": "",
    "threshold": None,
    "panel": "judge",
    "hidden": False,
}
_PANELS = ("judge", "threshold", "map", "item", "compare", "label")
Answer = tuple[Mapping[str, Any], list[bytes]]


class View(anywidget.AnyWidget):
    """Outputs, their judge and their people, linked; made by `show`."""

    _esm = _BUILT / "view.js"
    _css = _BUILT / "view.css"
    state = traitlets.Dict().tag(sync=True)
    """Filters, search, threshold and panel: what the front end and the methods change alike."""

    def __init__(
        self,
        read: Callable[[], Rows],
        *,
        store: Store | None,
        kept: Kept,
        annotator: str | None,
    ) -> None:
        self._read = read
        self._rows = read()
        self._place = _places_of(self._rows)
        self._store = store
        self._kept = kept
        self._pictures = Pictures(store)
        self._seen = kept.seen()
        self._curve: dict[str, Any] | None = None
        self._labels: Labels | None = None
        found = kept.load()
        self._marked = self._places(found.get("selected", []))
        super().__init__(state=self._usable(found.get("state", {})))
        self._annotate_as(found.get("annotator") if annotator is None else annotator)
        if annotator is not None:
            self._keep()
        self.observe(self._keep, "state")
        self.on_msg(self._receive)

    # ---- from Python -----------------------------------------------------------------------------

    @property
    def frame(self) -> pd.DataFrame:
        """All rows."""
        return self._rows.frame

    @property
    def shown(self) -> pd.DataFrame:
        """The rows that fit filters and search."""
        return self.frame[fitting(self.frame, self.state["filters"], self.state["search"])]

    @property
    def selected(self) -> pd.DataFrame:
        """The rows that were marked, by click, lasso or `select`; in the frame's order."""
        return self.frame.iloc[self._marked]

    def filter(self, search: str | None = None, /, **columns: object) -> None:
        """Show only what fits; other filters stay.

        Args:
            search: Words that a row's texts have to contain; None: as it was, `""`: any.
            columns: Column to a value, several of which one fits, or `(least, greatest)` for numbers; None takes
                the column's filter away. Columns with blanks: `view.filter(**{"people named": "bad_title"})`.

        Raises:
            ValueError: A column or value is not there.
        """
        filters = {**self.state["filters"], **read_filters(self.frame, columns)}
        filters = {name: wanted for name, wanted in filters.items() if wanted is not None}
        self.state = {
            **self.state,
            "filters": filters,
            "search": self.state["search"] if search is None else search,
        }

    def clear(self) -> None:
        """Take all filters and the search away."""
        self.state = {**self.state, "filters": {}, "search": ""}

    def select(self, keys: Iterable[str]) -> None:
        """Mark these rows, by `key`, and no others.

        Raises:
            ValueError: A key is not there.
        """
        wanted = list(keys)
        places = self._places(wanted)
        if len(places) < len(set(wanted)):
            known = set(self.frame["key"])
            raise ValueError(f"there is no row {next(k for k in wanted if k not in known)!r}")
        self._mark(places)
        self.send({"kind": "selected"}, [self._marked.astype("<u4").tobytes()])

    @property
    def threshold(self) -> float | None:
        """Confidence from which on one would approve; None: the judge's own decisions."""
        found: float | None = self.state["threshold"]
        return found

    @threshold.setter
    def threshold(self, value: float | None) -> None:
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"a threshold is a confidence from 0 to 1, got {value!r}")
        self.state = {**self.state, "threshold": None if value is None else float(value)}

    @property
    def panel(self) -> str:
        """The panel beside the grid: judge, threshold, map, item, compare or label."""
        return str(self.state["panel"])

    @panel.setter
    def panel(self, name: str) -> None:
        if name not in _PANELS:
            raise ValueError(f"the panels are {', '.join(_PANELS)}, got {name!r}")
        self.state = {**self.state, "panel": name}

    @property
    def curve(self) -> Mapping[str, Any]:
        """Precision and recall at each threshold, as `annotation.notebook` shows them; worked out once."""
        if self._curve is None:
            self._curve = curve_of(self._rows)
        return self._curve

    def label(
        self,
        key: str,
        approved: bool | None,
        *,
        failure_modes: Iterable[str] = (),
        note: str | None = None,
        title: str | None = None,
    ) -> Saved:
        """Answer about one row, as the panel does, and store it at once; None skips.

        Raises:
            ValueError: Nobody is named who answers, or the answer cannot be stored; the sentence says why.
        """
        word = Word(approved=approved, failure_modes=tuple(failure_modes), note=note, title=title)
        saved = self._labelling().save(key, word)
        self.send({"kind": "labelled", "mine": self._mine()})
        return saved

    def undo(self) -> str | None:
        """Take the last answer back, and return which row it was about; None where there is none."""
        key = self._labelling().undo()
        self.send({"kind": "labelled", "mine": self._mine()})
        return key

    def refresh(self) -> None:
        """Read the store again: answers that came meanwhile count in all numbers."""
        marked = list(self.selected["key"])
        self._rows, self._curve = self._read(), None
        self._place = _places_of(self._rows)
        self._marked = self._places(marked)
        self._annotate_as(None if self._labels is None else self._labels.annotator)
        self.send({"kind": "stale"})

    # ---- from the front end ----------------------------------------------------------------------

    def _receive(self, _: object, content: Mapping[str, Any], buffers: list[Any]) -> None:
        number, kind = content.get("id"), str(content.get("kind"))
        if kind == "curve" and self._curve is None:
            # Seconds for tens of thousands of rows: pictures are answered meanwhile.
            Thread(target=self._reply, args=(number, kind, content, buffers), daemon=True).start()
            return
        self._reply(number, kind, content, buffers)

    def _reply(
        self, number: object, kind: str, content: Mapping[str, Any], buffers: list[Any]
    ) -> None:
        answers: dict[str, Callable[[Mapping[str, Any], list[Any]], Answer]] = {
            "table": self._table,
            "pictures": self._send_pictures,
            "whole": self._whole,
            "curve": lambda _c, _b: (self.curve, []),
            "map": self._map,
            "item": self._item,
            "select": self._select,
            "seen": self._see,
            "label": self._label,
            "undo": lambda _c, _b: ({"key": self._labelling().undo(), "mine": self._mine()}, []),
            "annotator": self._name,
            "refresh": lambda _c, _b: (self.refresh() or {}, []),  # type: ignore[func-returns-value]
        }
        try:
            if kind not in answers:
                raise ValueError(
                    f"the front end asked for {kind!r}, which is none of {', '.join(answers)}"
                )
            answer, out = answers[kind](content, buffers)
        except (WorkbenchError, ValueError) as error:
            self.send({"id": number, "error": str(error)})
            return
        self.send({"id": number, "answer": answer}, out)

    def _table(self, _: object, __: object) -> Answer:
        rows = self._rows
        told, buffers = packed(rows.frame)
        told |= {
            "notes": list(rows.notes),
            "worth": worth_of(rows),
            "audit": None if rows.audit is None else rows.audit.id[:12],
            "pictures": "image" in rows.frame.columns,
            "kept": self._kept.where,
            "labels": self._about_labels(),
            "mine": self._mine(),
            "seen": self._rows_seen(),
        }
        contents = contents_of(rows.frame)
        return told, [*buffers, self._marked.astype("<u4").tobytes(), contents.tobytes()]

    def _send_pictures(self, content: Mapping[str, Any], _: object) -> Answer:
        out: list[bytes] = []
        for row in self._asked(content):
            try:
                out.append(self._pictures.jpeg(self.frame["image"].iat[row]))
            except PhotoError:
                out.append(b"")
        return {}, out

    def _whole(self, content: Mapping[str, Any], _: object) -> Answer:
        (row,) = self._asked(content)
        return {}, [self._pictures.jpeg(self.frame["image"].iat[row], side=WHOLE)]

    def _map(self, _: object, __: object) -> Answer:
        places, told = places_of(self.frame)
        return {"told": told}, [] if places is None else [places.astype("<f4").tobytes()]

    def _item(self, content: Mapping[str, Any], _: object) -> Answer:
        (row,) = self._asked(content)
        return item_of(self._rows, row, self._labels), []

    def _select(self, _: object, buffers: list[Any]) -> Answer:
        rows = np.frombuffer(buffers[0], dtype="<u4").astype(np.intp)
        self._mark(rows[rows < len(self.frame)])
        return {}, []

    def _see(self, content: Mapping[str, Any], _: object) -> Answer:
        who = "" if self._labels is None else self._labels.annotator
        keys = [str(self.frame["key"].iat[row]) for row in self._asked(content)]
        new = [line for key in keys if (line := f"{who}\t{key}") not in self._seen]
        self._seen.update(new)
        self._kept.see(new)
        return {}, []

    def _label(self, content: Mapping[str, Any], _: object) -> Answer:
        (row,) = self._asked(content)
        labels = self._labelling()
        key = str(self.frame["key"].iat[row])
        word = read_word({**content, "blind": content.get("blind") is True and not self._saw(key)})
        saved = labels.save(key, word)
        return {
            "others": list(saved.others),
            "blind": saved.annotation.blind,
            "mine": self._mine(),
        }, []

    def _name(self, content: Mapping[str, Any], _: object) -> Answer:
        self._annotate_as(str(content.get("name", "")))
        self._keep()
        return {"labels": self._about_labels(), "mine": self._mine(), "seen": self._rows_seen()}, []

    # ---- who answers -----------------------------------------------------------------------------

    def _annotate_as(self, name: str | None) -> None:
        self._labels = None
        if name is not None and self._store is not None and self._rows.rubric is not None:
            self._labels = Labels(
                self._store, annotator=name, rubric=self._rows.rubric, audit=self._rows.audit
            )

    def _labelling(self) -> Labels:
        if self._labels is None:
            raise ValueError(
                self._off() or "nobody is named who answers: `show(…, annotator='you@example.com')`"
            )
        return self._labels

    def _off(self) -> str:
        """Why nobody can answer here; empty where only the name is missing."""
        if self._store is None:
            return "Answers are kept in a store, and this is a frame alone: `show(frame, store=store)`."
        if self._rows.rubric is None:
            return "Answers follow a rubric, and nothing says which: name it with `show(…, rubric='listing@1')`."
        return ""

    def _about_labels(self) -> dict[str, Any]:
        rubric = self._rows.rubric
        return {
            "off": self._off(),
            "annotator": None if self._labels is None else self._labels.annotator,
            "rubric": None if rubric is None else rubric.label,
            "modes": []
            if rubric is None
            else [[m.id, m.description] for m in rubric.failure_modes],
            "undoable": 0 if self._labels is None else self._labels.undoable,
        }

    def _mine(self) -> dict[str, Any]:
        """Row to my answer, `undoable` beside them."""
        if self._labels is None:
            return {"answers": [], "undoable": 0}
        return {
            "answers": [
                [self._place[key], one.approved, list(one.failure_modes), one.note or ""]
                for key, one in self._labels.mine().items()
                if key in self._place
            ],
            "undoable": self._labels.undoable,
        }

    def _saw(self, key: str) -> bool:
        who = "" if self._labels is None else self._labels.annotator
        # Who had given no name yet may have been anybody.
        return f"{who}\t{key}" in self._seen or f"\t{key}" in self._seen

    def _rows_seen(self) -> list[int]:
        return [row for row, key in enumerate(self.frame["key"]) if self._saw(str(key))]

    # ---- what is kept ----------------------------------------------------------------------------

    def _usable(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The state with what `kept` says, without filters by columns that are not there any more."""
        state = {**_EMPTY, **{name: kept[name] for name in _EMPTY if name in kept}}
        filters = {}
        for name, wanted in dict(state["filters"]).items():
            try:
                fitting(self.frame, {name: wanted}, "")
            except ValueError:
                continue
            filters[name] = wanted
        return {**state, "filters": filters}

    def _keep(self, _: object = None) -> None:
        name = None if self._labels is None else self._labels.annotator
        self._kept.save(
            {"state": dict(self.state), "selected": list(self.selected["key"]), "annotator": name}
        )

    def _mark(self, rows: np.ndarray[Any, Any]) -> None:
        self._marked = np.unique(rows).astype(np.intp)
        self._keep()

    def _places(self, keys: Iterable[str]) -> np.ndarray[Any, Any]:
        found = {self._place[key] for key in keys if key in self._place}
        return np.array(sorted(found), dtype=np.intp)

    def _asked(self, content: Mapping[str, Any]) -> list[int]:
        rows = content.get("rows", [])
        wrong = [row for row in rows if not (isinstance(row, int) and 0 <= row < len(self.frame))]
        if wrong:
            raise ValueError(
                f"there are {len(self.frame)} rows, and the front end asked for {wrong[0]!r}"
            )
        return list(rows)


def _places_of(rows: Rows) -> dict[str, int]:
    return {str(key): row for row, key in enumerate(rows.frame["key"])}
