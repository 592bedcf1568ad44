"""Models of category images that break down: the other pieces of work go on, and who refuses them all is left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from workbench.errors import ModelError, ServerError, WorkbenchError
from workbench.models.elsewhere import Made, Piece

if TYPE_CHECKING:
    from pipelines.places import Place

BROKEN = 3
"""Batches in a row that a server refuses as a whole, after which it is not asked again in this run."""


class Asking:
    """Asks models where they are, and remembers who refused."""

    def __init__(self, on: Place) -> None:
        """Nobody has refused anything yet."""
        self.on = on
        self._refusals: Counter[str] = Counter()

    def asked(self, who: str, ask: Callable[[], None]) -> str:
        """Why `ask` broke down, empty where it did not; who refused several times in a row is not asked again."""
        if self.is_broken(who):
            return f"the {who} refused {BROKEN} batches in a row and was not asked again"
        try:
            ask()
        except ServerError as error:
            self._refusals[who] += 1
            return str(error)
        except WorkbenchError as error:
            return str(error)
        self._refusals[who] = 0
        return ""

    def is_broken(self, who: str) -> bool:
        """True where it is not asked again."""
        return self._refusals[who] >= BROKEN

    def answers(self, who: str) -> bool:
        """True where it did not refuse the last time."""
        return self._refusals[who] == 0

    def each(self, work: Callable[[Piece], Made], pieces: Iterable[Piece], /) -> Iterator[Made]:
        """As `Place.each`, but a piece that breaks down stops no other: that is raised once the others are done.

        Raises:
            ServerError: A server refused the last of those that broke down, or several in a row; the others are left.
            ModelError: Something else broke down.
        """
        broke: _BrokeDown | None = None
        in_a_row = 0
        for made in self.on.each(_Trying(work), pieces):
            if not isinstance(made, _BrokeDown):
                in_a_row = 0
                yield made
                continue
            broke = made
            in_a_row += made.refused
            if in_a_row == BROKEN:
                break
        if broke is not None:
            raise (ServerError if broke.refused else ModelError)(broke.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BrokeDown:
    """Why nothing came of a piece of work."""

    why: str
    refused: bool
    """By a server, as a whole, as it may refuse the next one."""


@dataclass(frozen=True, slots=True)
class _Trying(Generic[Piece, Made]):
    """Work that says why where it breaks down."""

    work: Callable[[Piece], Made]

    def __call__(self, piece: Piece) -> Made | _BrokeDown:
        try:
            return self.work(piece)
        except WorkbenchError as error:
            return _BrokeDown(why=str(error), refused=isinstance(error, ServerError))
