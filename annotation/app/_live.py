"""What the app is given by the pipelines, which it does not know: live demos, runs, and the page's sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from workbench.records import Generation, Verdict

if TYPE_CHECKING:
    from workbench.calibration import Calibration
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One attempt, as far as it has come."""

    made: Generation
    verdict: Verdict | None = None
    """None while the judge works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as far as it has come."""

    id: str
    """It can be looked at again under this name."""
    state: Literal["running", "approved", "gave up", "failed"]
    said: str
    """What happens, or what came of it, in one sentence."""
    steps: tuple[Step, ...] = ()


class Demos(Protocol):
    """Live attempts. What they make stays in a store of their own: nobody's numbers change by a trial."""

    store: Store

    def categories(self) -> Sequence[tuple[str, str]]:
        """Name and id of each category that can be tried."""
        ...

    def category(self, category: str, *, image_model: str, judge: str) -> Iterator[Trial]:
        """Attempts at a picture of a category, as they come.

        Raises:
            WorkbenchError: A model cannot be loaded, or there is no such category.
        """
        ...

    def photo(self, photo: bytes, category: str, *, model: str, judge: str) -> Iterator[Trial]:
        """A listing of a photo and what the judge says of it, as they come.

        Raises:
            WorkbenchError: The bytes are no photo that can be shown, or a model cannot be loaded.
        """
        ...

    def find(self, trial: str) -> Trial | None:
        """An earlier trial; None where there is none of this name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run that was started here has come."""

    stage: str
    done: int | None
    """None where it is not known."""
    total: int | None


class Runs(Protocol):
    """Runs that are started here, and stopped here; others can be looked at."""

    def progress(self, run: str) -> Progress | None:
        """How far it is; None for a run that does not go on here."""
        ...

    def starting(self, run: str) -> str | None:
        """What is printed by the process that takes `run` up again, until it has a run of its own; None: there is none.

        A process that ended without a run stays: what it printed says why.
        """
        ...

    def stop(self, run: str) -> str:
        """Interrupt it as Ctrl-C does, and say so.

        Raises:
            WorkbenchError: It does not go on here.
        """
        ...

    def go_on(self, run: str) -> str:
        """Start it again with its own arguments, and say so: what is in the store is not made twice.

        Raises:
            WorkbenchError: It cannot be started again, or goes on already.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Everything that comes from outside."""

    answer: Callable[[Calibration], str]
    """What an approval is worth, in the words of the page."""
    demos: Demos | None = None
    runs: Runs | None = None
    image_model: str = "starter:image"
    judge: str = "starter:judge"
    writer: str = "starter:listing"
