"""How far a project was pulled, as the store keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a project was read."""

    newest: str | None = None
    """`updated_at` of the newest task when the last pull began, as the server wrote it."""
    stored: int = 0
    """Counts pulls that stored something, so that of two at the same moment one loses."""
    left: tuple[int, ...] = ()
    """Tasks with answers that could not be stored."""
    vanished: tuple[int, ...] = ()
    """Tasks that were answered, and deleted then."""
    again: tuple[int, ...] = ()
    """Tasks from which an answer was moved to another one."""

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """From the store; a new one where it has none."""
        if text is None:
            return cls()
        said = json.loads(text)
        return cls(
            newest=said["newest"],
            stored=said["stored"],
            left=tuple(said["left"]),
            vanished=tuple(said["vanished"]),
            # Cursors of before this was kept have none.
            again=tuple(said.get("again", ())),
        )

    def text(self) -> str:
        """For the store."""
        return json.dumps(asdict(self), separators=(",", ":"))
