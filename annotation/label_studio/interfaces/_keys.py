"""Hotkeys: a key for each choice, neighbours for the choices of one question, none twice.

Digits are for the points of one scale, where `3` is the third point: on any other question they would mislead.
"""

from __future__ import annotations

_ROWS = ("qwert", "asdfg", "iop", "jkl", "zxc", "bm")
"""Label Studio keeps `u` (unselect), `h` and `v` (tools of a picture) for itself; `y` and `n` are the verdict's."""

_LAYERS = ("", "shift+", "alt+shift+")
"""For letters: which character shift and a digit give depends on the layout of the keyboard."""

_TAKEN = {"shift+r"}
"""A tool of a picture."""

_DIGITS = "123456789"

_NOWHERE = 0xE000
"""First of the characters that no keyboard has (Unicode's private use area)."""


def unreachable(number: int) -> str:
    """A hotkey that nobody can press, another one for each number from 0 to 6399.

    Label Studio gives a choice that names no key the next free one, whether the choice can be seen or not.
    """
    return chr(_NOWHERE + number)


class Keys:
    """Keys that are still free."""

    def __init__(self) -> None:
        self._free = [
            [key for letter in row if (key := layer + letter) not in _TAKEN]
            for layer in _LAYERS
            for row in _ROWS
        ]
        self._digits = list(_DIGITS)

    def points(self, count: int) -> list[str | None]:
        """Keys for the points of a scale: their numbers the first time, letters beside each other then."""
        if not 2 < count <= len(self._digits):
            return self.take(count)
        taken, self._digits = self._digits[:count], []
        return [*taken]

    def take(self, count: int) -> list[str | None]:
        """`count` letters beside each other where a row has them, else the next ones; None when all are used."""
        for row in self._free:
            if len(row) >= count:
                return [row.pop(0) for _ in range(count)]
        left = [row for row in self._free if row]
        return [next((row.pop(0) for row in left if row), None) for _ in range(count)]
