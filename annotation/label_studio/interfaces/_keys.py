"""Hotkeys: a key for each choice, neighbours for the choices of one question, none twice.

Rows of a listing go down the keyboard: right is on the upper row of letters, wrong below it, and so on.

Digits are for the points of one scale, where `3` is the third point: on any other question they would mislead.
"""

from __future__ import annotations

from collections.abc import Iterable

_ROWS = ("qwert", "asdfg", "iop", "jkl", "zxc", "bm")
"""Label Studio keeps `u` (unselect), `h` and `v` (tools of a picture) for itself; `y` and `n` are the verdict's."""

_COLUMNS = {3: ("qaz", "wsx", "edc", "tgb"), 2: ("ki", "lo", "mj", "fr")}
"""Letters below each other. Of two answers the worse one is below, as of three."""

_LAYERS = ("", "shift+", "alt+shift+")
"""For letters: which character shift and a digit give depends on the layout of the keyboard."""

_TAKEN = {"shift+r"}
"""A tool of a picture."""

_DIGITS = "123456789"

_NOWHERE = 0xE000
"""First of the characters that no keyboard has (Unicode's private use area)."""

_SILENT = 1000
"""Where the questions of a page begin; the hidden question of its tasks has those before."""


def unreachable(number: int) -> str:
    """A hotkey that nobody can press, another one for each number from 0 to 6399.

    Label Studio gives a choice that names no key the next free one, whether the choice can be seen or not.
    """
    return chr(_NOWHERE + number)


def silent(keys: Iterable[str]) -> bool:
    """Whether nobody can press one of `keys`; the page does not show them then."""
    return any(key >= chr(_NOWHERE) for key in keys)


class Keys:
    """Keys that are still free. A question gets a key for each of its choices, or only ones that nobody can press."""

    def __init__(self) -> None:
        self._used = set(_TAKEN)
        self._digits = True
        self._silent = 0

    def points(self, count: int) -> list[str]:
        """Keys for the points of a scale: their numbers the first time, letters then."""
        if count == len(_COLUMNS[2][0]):
            return self.column(count)
        if self._digits and count <= len(_DIGITS):
            self._digits = False
            return [*_DIGITS[:count]]
        return self.take(count)

    def column(self, count: int) -> list[str]:
        """`count` letters below each other (2 or 3): the same row of keys for the same answer."""
        wanted = ([layer + key for key in one] for layer in _LAYERS for one in _COLUMNS[count])
        return self._first(wanted, count)

    def take(self, count: int) -> list[str]:
        """`count` letters beside each other where a row has them, else the next ones."""
        free = [
            [key for letter in row if (key := layer + letter) not in self._used]
            for layer in _LAYERS
            for row in _ROWS
        ]
        whole = (row[:count] for row in free if len(row) >= count)
        left = [key for row in free for key in row]
        return self._first([*whole, left[:count]], count)

    def none(self, count: int) -> list[str]:
        """`count` keys that nobody can press."""
        self._silent += count
        return [unreachable(_SILENT + self._silent - number) for number in range(1, count + 1)]

    def _first(self, wanted: Iterable[list[str]], count: int) -> list[str]:
        for keys in wanted:
            if len(keys) == count and self._used.isdisjoint(keys):
                self._used |= set(keys)
                return [*keys]
        return self.none(count)
