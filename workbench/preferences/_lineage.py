"""The way back: from a pair to the answers, the rubric's version, the outputs and the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from workbench.errors import RubricError, StoreError
from workbench.preferences._pair import Pair
from workbench.records import Annotation, Correction, Generation, PreferencePair, Record
from workbench.rubric import Rubric, parse_rubric

if TYPE_CHECKING:
    from workbench.store import Store

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Everything that a pair was made from, as the store holds it."""

    pair: PreferencePair
    annotations: tuple[Annotation, ...]
    """Empty where a judge alone said so."""
    corrections: tuple[Correction, ...]
    rubric: Rubric | None
    """None where nobody was asked, or a newer workbench wrote it."""
    rejected: Generation
    chosen: Generation | None
    """None where the chosen text is a correction or the aligned truth."""

    def __str__(self) -> str:
        """One line a step: pair, answers, corrections, rubric, outputs with their models."""
        lines = [f"pair {self.pair.key[:12]} ({self.pair.source})"]
        for one in self.annotations:
            who = f"{one.annotator}{' (simulated)' if one.simulated else ''}"
            lines.append(f"  answer {one.id} by {who}, {one.created_at:%Y-%m-%d %H:%M} UTC")
        lines += [f"  correction {c.about}: {c.before!r} → {c.after!r}" for c in self.corrections]
        if self.annotations:
            digest = f" ({self.rubric.digest[:12]})" if self.rubric else ""
            lines.append(f"  rubric {self.annotations[0].rubric}{digest}")
        for side, made in (("rejected", self.rejected), ("chosen", self.chosen)):
            if made is not None:
                model = f"{made.model} at {made.revision[:12]}"
                lines.append(
                    f"  {side}: generation {made.key[:12]} by {model}, run {made.run or '?'}"
                )
        return "\n".join(lines)  # fmt: skip


def lineage(store: Store, pair: Pair | PreferencePair) -> Lineage:
    """Walk a pair back to the answers that it came from.

    Raises:
        StoreError: The store does not hold one of them: the message says which.
    """
    record = pair.record() if isinstance(pair, Pair) else pair
    annotations = tuple(_one(store, Annotation, key, record) for key in record.annotations)
    return Lineage(
        pair=record,
        annotations=annotations,
        corrections=tuple(_one(store, Correction, key, record) for key in record.corrections),
        rubric=_rubric(store, annotations[0].rubric) if annotations else None,
        rejected=_one(store, Generation, record.generation, record),
        chosen=None if record.against is None else _one(store, Generation, record.against, record),
    )


def _one(store: Store, kind: type[R], key: str, pair: PreferencePair) -> R:
    found = store.find(kind, key)
    if found is None:
        raise StoreError(
            f"pair {pair.key[:12]} was made from the {kind.__name__.lower()} {key!r}, which {store.url} does not "
            "hold: ask the store that the pair was built from"
        )
    return found


def _rubric(store: Store, label: str) -> Rubric | None:
    name, _, version = label.rpartition("@")
    text = store.rubric_text(name, int(version)) if version.isdigit() else None
    try:
        return None if text is None else parse_rubric(text, where=label)
    except RubricError:  # written by a newer version
        return None
