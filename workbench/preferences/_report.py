"""One report from the answers to the pairs: what gave none, what was dropped, why, and what to look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from workbench.preferences._build import Built
from workbench.preferences._check import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsReport:
    """What became of the answers."""

    built: Built
    checked: Checked

    def as_dict(self) -> dict[str, object]:
        """As JSON: what gave no pair, and everything of `Checked.as_dict`."""
        no_pair = [asdict(one) for one in self.built.left_out]
        return {"no_pair": no_pair, **self.checked.as_dict()}

    def __str__(self) -> str:
        lines = [f"{len(self.built.pairs):,} pairs from the answers."]
        lines += [f"  no pair from {one}" for one in self.built.left_out]
        return "\n".join([*lines, str(self.checked)])
