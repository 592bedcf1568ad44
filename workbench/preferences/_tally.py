"""What was left out: how many, why, and the first few by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Answers, outputs or pairs that were left out for one reason."""

    name: str
    """Short, such as `tie` or `same`: a key for programs."""
    reason: str
    """In words, after "because"."""
    count: int
    examples: tuple[str, ...]
    """The first few, with what shows it."""

    def __str__(self) -> str:
        shown = "".join(f"\n    {example}" for example in self.examples)
        return f"{self.count:,} {self.name}: {self.reason}{shown}"


@dataclass(slots=True)
class Tally:
    """Counts what is left out, reason by reason, in the order in which reasons first came."""

    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, name: str, reason: str, example: str) -> None:
        """Count one, and keep it as an example where there are few."""
        key = (name, reason)
        self._counts[key] = self._counts.get(key, 0) + 1
        kept = self._examples.setdefault(key, [])
        if len(kept) < _SHOWN:
            kept.append(example)

    def add_many(self, name: str, reason: str, examples: Iterable[str]) -> None:
        """Count each of `examples`."""
        for example in examples:
            self.add(name, reason, example)

    def total(self) -> tuple[LeftOut, ...]:
        """One entry a reason."""
        return tuple(
            LeftOut(name=name, reason=reason, count=count, examples=tuple(self._examples[name, reason]))
            for (name, reason), count in self._counts.items()
        )  # fmt: skip
