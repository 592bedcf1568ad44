"""Hotkeys: a key for each choice, neighbours for the points of one scale, none twice."""

from __future__ import annotations

_ROWS = ("12345", "67890", "qwert", "asdfg", "iop", "jkl", "zxc", "bm")
"""Label Studio keeps `u` (unselect), `h` and `v` (tools of a picture) for itself; `y` and `n` are the verdict's."""

_LAYERS = ("", "shift+", "alt+shift+")
_TAKEN = {"shift+1", "shift+2", "shift+r"}
"""Zoom of a picture, and a tool."""


class Keys:
    """Keys that are still free."""

    def __init__(self) -> None:
        self._free = [
            [key for letter in row if (key := layer + letter) not in _TAKEN]
            for layer in _LAYERS
            for row in _ROWS
        ]

    def take(self, count: int) -> list[str | None]:
        """`count` keys beside each other where a row has them, else the next ones; None when all are used."""
        for row in self._free:
            if len(row) >= count:
                return [row.pop(0) for _ in range(count)]
        left = [row for row in self._free if row]
        return [next((row.pop(0) for row in left if row), None) for _ in range(count)]
