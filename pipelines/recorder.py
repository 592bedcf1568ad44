"""What every command leaves behind: a run, its stages with counts and costs, how it ended; and progress."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Never

from workbench.models.devices import usable_cores
from workbench.records import Cost, Run, RunEvent

if TYPE_CHECKING:
    from tqdm import tqdm

    from workbench.store import Store

_LIBRARIES = (
    "catalog-workbench",
    "torch",
    "transformers",
    "diffusers",
    "scikit-learn",
    "xllamacpp",
)


_PIECES = 64
"""Pieces of a stage's work whose times are kept; more are joined by twos."""
_AT_ONCE = 0.05
"""Records were made together where the later ones come within this share of the seconds that the first one took."""


@dataclass
class Stage:
    """One stage while it runs; `advance` is told of every piece of work."""

    name: str
    bar: tqdm[Never]
    takes_turns: bool = False
    pace: list[tuple[int, float]] = field(default_factory=list)
    """See `RunEvent.pace`."""
    done: int = 0
    """Records made now."""
    known: int = 0
    """Records found in the store."""
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    memory: int = 0
    note: str = ""
    busy: float = 0.0
    """Seconds of its own, told by whoever works; counts where stages take turns."""
    _at: float = field(default_factory=time.perf_counter)
    _counted: int = 0
    _first: float = 0.0
    """Seconds until the first record of the piece that is going on."""

    def advance(self, done: int = 0, *, known: int = 0, cost: Cost | None = None) -> None:
        """Count work that was done, and work that was found done."""
        self.done += done
        self.known += known
        if cost:
            self.tokens_in += cost.prompt_tokens
            self.tokens_out += cost.completion_tokens
            self.images += cost.images
            self.memory = max(self.memory, cost.device_memory_bytes)
        if known:
            self.bar.set_postfix_str(f"{self.known} found done", refresh=False)
        self.bar.update(done + known)
        if not self.takes_turns:
            now = time.perf_counter()
            self._keep_pace(now - self._at)
            self._at = now

    def worked(self, seconds: float) -> None:
        """Count a turn of a stage that takes turns."""
        self.busy += seconds
        self._keep_pace(seconds)

    def _keep_pace(self, seconds: float) -> None:
        made, self._counted = self.done - self._counted, self.done
        opens = bool(made) and seconds >= _AT_ONCE * self._first
        if not self.pace or (opens and self.pace[-1][0]):
            self.pace.append((made, seconds))
        else:
            # Seconds in which nothing was made, such as a look into the store, belong to what was made beside.
            before, took = self.pace[-1]
            self.pace[-1] = (before + made, took + seconds)
        if opens:
            self._first = seconds
        if len(self.pace) > _PIECES:
            first, *rest = self.pace
            twos = zip(rest[::2], rest[1::2], strict=True)
            self.pace = [first, *((a[0] + b[0], a[1] + b[1]) for a, b in twos)]

    def tick(self, count: int) -> None:
        """Move the bar by work that makes no record, such as a photo that was encoded."""
        self.bar.update(count)


@dataclass
class Recorder:
    """A run that is going on."""

    store: Store
    run: Run
    quiet: bool = False
    stages: list[RunEvent] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The run's id, which its records carry."""
        return self.run.id

    @contextmanager
    def stage(
        self,
        name: str,
        total: int | None = None,
        *,
        unit: str = "items",
        takes_turns: bool = False,
    ) -> Iterator[Stage]:
        """A stage with its progress bar; its counts and costs are stored however it ends.

        Args:
            name: As it is shown and stored.
            total: Pieces of work; None where it is not known before.
            unit: What a piece is called.
            takes_turns: It is one of several that are open together: no bar, and its time is `busy`.
        """
        from tqdm.auto import tqdm

        started = time.perf_counter()
        with tqdm(
            total=total,
            desc=name,
            unit=f" {unit}",
            disable=self.quiet or takes_turns,
            file=sys.stderr,
        ) as bar:
            stage = Stage(name, bar, takes_turns=takes_turns)
            try:
                yield stage
            finally:
                event = self._event(
                    "stage",
                    stage=name,
                    done=stage.done,
                    known=stage.known,
                    note=stage.note,
                    pace=tuple((made, round(seconds, 4)) for made, seconds in stage.pace if made),
                    inside=takes_turns,
                    cost=Cost(
                        seconds=stage.busy if takes_turns else time.perf_counter() - started,
                        prompt_tokens=stage.tokens_in,
                        completion_tokens=stage.tokens_out,
                        images=stage.images,
                        device_memory_bytes=stage.memory,
                    ),
                )
                self.stages.append(event)

    def warn(self, text: str) -> None:
        """Say something that is probably wrong, above the progress bars."""
        from tqdm.auto import tqdm

        tqdm.write(f"workbench: {text}", file=sys.stderr)

    def _event(
        self,
        kind: Literal["started", "stage", "finished", "failed", "stopped"],
        *,
        stage: str = "",
        done: int = 0,
        known: int = 0,
        note: str = "",
        pace: tuple[tuple[int, float], ...] = (),
        inside: bool = False,
        cost: Cost | None = None,
    ) -> RunEvent:
        event = RunEvent(
            id=uuid.uuid4().hex,
            run=self.run.id,
            kind=kind,
            stage=stage,
            done=done,
            known=known,
            note=note,
            pace=pace,
            inside=inside,
            cost=cost or Cost(),
        )
        self.store.add([event])
        return event


@contextmanager
def record(
    store: Store, command: str, arguments: Mapping[str, object], *, quiet: bool = False
) -> Iterator[Recorder]:
    """Record a run of `command` in `store`: that it started, its stages, and how it ended."""
    run = Run(id=uuid.uuid4().hex[:12], command=command, arguments=arguments, versions=_versions())
    store.add([run])
    recorder = Recorder(store, run, quiet=quiet)
    recorder._event("started", note=f"process {os.getpid()}")
    try:
        yield recorder
    except KeyboardInterrupt:
        recorder._event("stopped", note="stopped by the user")
        raise
    except BaseException as error:
        recorder._event("failed", note=f"{type(error).__name__}: {error}")
        raise
    recorder._event("finished")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": machine()}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """This machine in words: system, cores, memory; no name and no path."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} {platform.machine()}, {usable_cores()} cores, {memory:.0f} GiB"
