"""What all tabs share: the store as it is now, who asks, and what they have seen and said."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.app._live import Live
from annotation.app._people import Gate, Person, visitor_of
from annotation.notebook._kept import Kept
from annotation.notebook._labels import Labels
from annotation.notebook._pictures import Pictures
from annotation.notebook._rows import Rows, answered_since, rows_of_store
from workbench.calibration.audited import rubric_of
from workbench.errors import WorkbenchError
from workbench.records import Audit

if TYPE_CHECKING:
    import gradio as gr

    from workbench.store import Store

_log = logging.getLogger(__name__)
_FRESH = 20.0
"""Seconds for which rows that were read are shown although other programs may have changed an answer."""
_PATIENCE = 5.0
"""While outputs come in, rows are read again after so many times the seconds that reading them takes."""
_OUTPUTS = ("rubrics", "items", "splits", "generations", "verdicts", "audits")
"""Counts of the store by which it is known that outputs are to be read again."""


class Desk:
    """One store, looked at and worked on by several people at the same time."""

    def __init__(self, store: Store, *, gate: Gate, live: Live) -> None:
        """Nothing is read before it is asked for."""
        self.store, self.gate, self.live = store, gate, live
        self.pictures = Pictures(store)
        self.tried = None if live.demos is None else Pictures(live.demos.store)
        self._kept = Kept.beside(store, "app")
        self._seen = self._kept.seen()
        self._lock = threading.RLock()
        self._file = Path(store.url) if Path(store.url).suffix == ".db" else None
        self._same = _identity(self._file)
        self._rows: Rows | None = None
        self._place: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._read_at, self._took = 0.0, 0.0
        self._said: object = None
        self._asked_at: float | None = None
        self._labels: dict[tuple[str, str], Labels] = {}
        self._answered: dict[str, list[Labels]] = {}
        self._audits: list[Audit] = []
        self._opened: dict[tuple[str, str], float] = {}
        self._made: dict[str, tuple[Rows, Any]] = {}
        self._of_items: dict[str, tuple[int, list[Any]]] = {}

    @property
    def name(self) -> str:
        """The store's name, without the folders in which it lies."""
        url = self.store.url
        path = Path(url)
        return path.parent.name if path.suffix == ".db" else url.rpartition("/")[2] or "store"

    def sentence(self, error: Exception) -> str:
        """What it says, without the folders in which the store lies."""
        return str(error).replace(self.store.url, self.name)

    def person(self, request: gr.Request) -> Person:
        """Who asks."""
        client = request.client.host if request.client else ""
        return self.gate.identify({k.lower(): v for k, v in request.headers.items()}, client)

    # ---- what is there ---------------------------------------------------------------------------

    def rows(self, *, answers: bool = True) -> Rows:
        """Outputs, judge and people, as a notebook shows them; read again when the store has changed.

        Args:
            answers: False: what people said may be older, so that nobody waits for it.
        """
        with self._lock:
            began = time.monotonic()
            counts = {name: n for name, n in self.store.counts().items() if name in _OUTPUTS}
            waited = began - self._read_at > min(_FRESH, _PATIENCE * self._took)
            if self._rows is None or (counts != self._counts and waited):
                said = self._answers()
                self._rows, self._counts, self._said = rows_of_store(self.store), counts, said
                self._place = {str(key): row for row, key in enumerate(self._rows.frame["key"])}
                self._read_at = self._asked_at = time.monotonic()
                self._took = self._read_at - began
            elif answers and (self._asked_at is None or began - self._asked_at > _FRESH):
                said = self._answers()
                if said != self._said:
                    self._rows, self._said = answered_since(self.store, self._rows), said
                    self._place = {str(key): row for row, key in enumerate(self._rows.frame["key"])}
                self._asked_at = began
            return self._rows

    def warm(self) -> None:
        """Read the rows beside, so that whoever comes first does not wait for all of it."""

        def reading() -> None:
            try:
                self.rows()
                if self.live.demos is not None:
                    self.kept("categories", self.live.demos.categories)
            except Exception:  # noqa: BLE001 - whoever comes first is told
                _log.debug("the store could not be read ahead", exc_info=True)

        threading.Thread(target=reading, daemon=True).start()

    def _answers(self) -> object:
        """Changes whenever somebody answers, changes an answer or takes it back."""
        found = self.store.annotations()
        return len(found), tuple(found["recorded_at"].nlargest(1)), int(found["revision"].sum())

    def row(self, key: str) -> int | None:
        """Which row `key` is; None where there is none."""
        self.rows(answers=False)
        return self._place.get(key)

    def changed(self) -> None:
        """Somebody wrote: whoever looks next sees it."""
        with self._lock:
            self._asked_at = None

    def once(self, name: str, make: Callable[[Rows], Any]) -> Any:  # noqa: ANN401 - what `make` returns
        """What `make` says of the rows that are shown, worked out once for them."""
        rows = self.rows()
        found = self._made.get(name)
        if found is None or found[0] is not rows:
            found = self._made[name] = (rows, make(rows))
        return found[1]

    def kept(self, name: str, make: Callable[[], Sequence[Any]]) -> list[Any]:
        """What `make` says of the store's items, worked out again when there are others."""
        items = self.store.counts()["items"]
        found = self._of_items.get(name)
        if found is None or found[0] != items:
            found = self._of_items[name] = (items, list(make()))
        return found[1]

    def check_there(self) -> None:
        """Refuse to write into a file that is gone: an open one takes what is written, and loses it.

        Raises:
            WorkbenchError: The store's file was moved, removed or replaced since the app was started.
        """
        if self._file is not None and _identity(self._file) != self._same:
            raise WorkbenchError(
                "The store is not where it was: it was moved, removed or replaced while the app ran. Nothing was "
                "stored; put it back, and restart the app."
            )

    # ---- who answers -----------------------------------------------------------------------------

    def audits(self) -> list[Audit]:
        """Every audit of the store, the newest first."""
        with self._lock:
            if self.store.counts()["audits"] != len(self._audits):
                found = self.store.records(Audit)
                self._audits = sorted(found, key=lambda one: one.created_at, reverse=True)
            return self._audits

    def labels(self, person: Person, audit: Audit | None = None) -> Labels:
        """Where this person's answers to what `audit` drew go; None: to the audit whose worth is shown.

        Raises:
            WorkbenchError: They may not answer, or nothing says by which rubric.
        """
        self.check_there()
        rows = self.rows(answers=False)
        if not person.writes or person.name is None:
            raise WorkbenchError("Only somebody who signed in as a writer can answer.")
        audit, rubric = audit or rows.audit, rows.rubric
        if audit is not None and (rows.audit is None or audit.rubric != rows.audit.rubric):
            rubric = rubric_of(self.store, audit.rubric)
        if rubric is None:
            raise WorkbenchError(
                "Nothing was judged yet, so nothing says by which rubric people answer."
                if audit is None
                else f"The store keeps no rubric {audit.rubric!r} that this workbench can read."
            )
        place = (person.name, f"{rubric.label} {'' if audit is None else audit.id}")
        with self._lock:
            if place not in self._labels:
                self._labels[place] = Labels(
                    self.store, annotator=person.name, rubric=rubric, audit=audit
                )
            return self._labels[place]

    def answered(self, labels: Labels) -> None:
        """An answer went there: it is the first that its person takes back."""
        with self._lock:
            self._answered.setdefault(labels.annotator, []).append(labels)

    def undo(self, person: Person) -> str | None:
        """Take this person's last answer back, whichever audit it was for; None where there is none.

        Raises:
            WorkbenchError: They may not answer, or the store refuses: then it can be taken back later.
        """
        self.labels(person)
        with self._lock:
            before = self._answered.get(person.name or "", [])
            last = before.pop() if before else None
        if last is None:
            return None
        try:
            return last.undo()  # without the lock: it may wait for another program
        except BaseException:
            self.answered(last)
            raise

    def opened(self, person: Person, key: str) -> None:
        """This person looks at an item now, to answer."""
        with self._lock:
            if len(self._opened) > 10_000:
                self._opened.clear()
            self._opened[person.name or "", key] = time.monotonic()

    def seconds(self, person: Person, key: str) -> float | None:
        """How long this person has looked; None where that is not known."""
        began = self._opened.get((person.name or "", key))
        return None if began is None else time.monotonic() - began

    def see(self, person: Person, keys: Iterable[str], visitor: str = "") -> None:
        """This person, or this browser before anybody signed in, was shown what the judge said of `keys`."""
        who = person.name or (f"visitor:{visitor}" if visitor else "")
        if not who:
            return
        with self._lock:
            new = [line for key in keys if (line := f"{who}\t{key}") not in self._seen]
            self._seen.update(new)
            if new:
                self._kept.see(new)

    def saw(self, person: Person, key: str, visitor: str = "") -> bool:
        """Whether they, or their browser, were shown what the judge said of `key`."""
        return f"{person.name}\t{key}" in self._seen or f"visitor:{visitor}\t{key}" in self._seen


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Tells a file from another of the same name; None where there is none."""
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def visitor(request: gr.Request) -> str:
    """The browser, by its cookie; empty where it keeps none."""
    return visitor_of(request.headers.get("cookie", ""))
