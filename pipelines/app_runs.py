"""Runs that the app starts: each a process of its own, told to stop as Ctrl-C would, its progress read from what it prints."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.again import find_run
from workbench.errors import StoreError
from workbench.records import Run, utcnow
from workbench.settings import child_environment

if TYPE_CHECKING:
    from annotation.app import Progress
    from workbench.store import Store

_BAR = re.compile(r"^(?P<stage>[^:\r\n]{1,60}):.*?(?P<done>\d+)/(?P<total>\d+|\?)")
"""What tqdm prints, such as `write listings:  40%|████      | 16/40 [00:08<00:12]`."""
_PATIENCE = 20.0
"""Seconds in which a run that was told to stop stores what it has."""


@dataclass
class _Child:
    process: subprocess.Popen[str]
    again: str
    """The run that it takes up."""
    command: str
    before: frozenset[str]
    """Runs that the store knew when it was started."""
    started: datetime
    run: str | None = None
    """Its own run; None until it is in the store."""
    line: str = ""
    """What it printed last."""


class ChildRuns:
    """Runs over one store that were started here; those that still go on end with the app."""

    def __init__(self, store: Store, *, address: str, images: str | None) -> None:
        """Start nothing yet.

        Args:
            store: To look runs up.
            address: Its address, for the processes.
            images: Where its pictures are, as the command was told.
        """
        self._store, self._address, self._images = store, address, images
        self._children: list[_Child] = []
        self._lock = threading.Lock()

    def progress(self, run: str) -> Progress | None:
        """How far it is; None for a run that does not go on here."""
        from annotation.app import Progress

        child = self._child(run)
        if child is None:
            return None
        found = _BAR.match(child.line.strip())
        if found is None:
            return Progress(stage="starting", done=None, total=None)
        total = found["total"]
        return Progress(
            stage=found["stage"],
            done=int(found["done"]),
            total=None if total == "?" else int(total),
        )

    def starting(self, run: str) -> str | None:
        """What the process prints that takes `run` up again, until it has a run of its own; None: there is none."""
        with self._lock:
            child = next((one for one in reversed(self._children) if one.again == run), None)
            if child is None or self._run_of(child) is not None:
                return None
            if child.process.poll() is None:
                return "starting"
            said = child.line.removeprefix("workbench: ").replace(self._store.url, "this store")
            return said or f"it ended with status {child.process.returncode}"

    def stop(self, run: str) -> str:
        """Interrupt it as Ctrl-C does.

        Raises:
            StoreError: It does not go on here.
        """
        child = self._child(run)
        if child is None:
            raise StoreError(
                f"run {run[:12]} does not go on here: stop it where it was started, with Ctrl-C"
            )
        child.process.send_signal(signal.SIGINT)
        return "Told to stop: what it has made is stored, and “Go on” makes the rest."

    def go_on(self, run: str) -> str:
        """Start it again, in a process of its own.

        Raises:
            StoreError: There is no such run, it cannot be run again, or goes on already.
        """
        found = find_run(self._store, run)
        with self._lock:
            if any(one.process.poll() is None for one in self._children):
                raise StoreError("another run goes on here already: stop it, or wait for its end")
            known = frozenset(one.id for one in self._store.records(Run))
            words = [sys.executable, "-m", "pipelines.cli", "run", "again", found.id]
            words += [
                "--store",
                self._address,
                *(["--images", self._images] if self._images else []),
            ]
            process = subprocess.Popen(  # noqa: S603 - our own command
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=child_environment(),
                start_new_session=True,
            )
            child = _Child(process, found.id, found.command, known, utcnow())
            self._children.append(child)
        threading.Thread(target=_read, args=(child,), daemon=True).start()
        return "Started again with its own arguments; what is in the store is not made twice."

    def close(self) -> None:
        """Stop what still goes on; what it has made is stored."""
        going = [one for one in self._children if one.process.poll() is None]
        for child in going:
            child.process.send_signal(signal.SIGINT)
        for child in going:
            try:
                child.process.wait(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _child(self, run: str) -> _Child | None:
        with self._lock:
            for child in self._children:
                if child.process.poll() is None and self._run_of(child) == run:
                    return child
        return None

    def _run_of(self, child: _Child) -> str | None:
        if child.run is None:
            new = [
                one
                for one in self._store.records(Run)
                if one.id not in child.before
                and one.command == child.command
                and one.created_at >= child.started
            ]
            child.run = min(new, key=lambda one: one.created_at).id if new else None
        return child.run


def _read(child: _Child) -> None:
    """Keep the last thing that it printed; carriage returns are line ends here."""
    assert child.process.stderr is not None
    with child.process.stderr as printed:
        for line in printed:
            if text := line.strip():
                child.line = text
