"""What every command leaves behind: a run, its stages with counts and costs, how it ended; and progress."""

from __future__ import annotations

import importlib.metadata
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


@dataclass
class Stage:
    """One stage while it runs; `advance` is told of every piece of work."""

    name: str
    bar: tqdm[Never]
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
            stage = Stage(name, bar)
            try:
                yield stage
            finally:
                event = self._event(
                    "stage",
                    stage=name,
                    done=stage.done,
                    known=stage.known,
                    note=stage.note,
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
    recorder._event("started")
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
