"""Which verdicts of a store an audit is about: how they are found, and found again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import CalibrationError
from workbench.records import Generation, Part, Verdict

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which verdicts of a store an audit is about: one judge's, by one rubric, on one model's outputs."""

    judge: str
    judge_revision: str
    rubric: str
    """`<name>@<version>`."""
    model_revision: str
    part: Part | None
    """Of the items; None: any, also outputs that describe no item."""
    generation_runs: tuple[str, ...] | None = None
    """Runs that made the outputs; None: any."""
    categories: tuple[str, ...] | None = None
    """None: all."""
    until: int | None = None
    """The store's count (`seq`) at the last of them: verdicts that come later are not meant. None: all."""

    def to_dict(self) -> dict[str, object]:
        """Field name to value, JSON types."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Selection:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: A field is missing or unknown.
        """
        names = {field.name for field in fields(cls)}
        if set(data) != names:
            raise ValueError(f"a selection has the fields {sorted(names)}, got {sorted(data)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One verdict as a draw reads it: a `Decision`, with the category of its generation."""

    key: str
    generation: str
    judge: str
    rubric: str
    approved: bool | None
    confidence: float | None
    category: str


def selection_of(
    verdicts: Sequence[Verdict], generations: Sequence[Generation], *, part: Part | None
) -> Selection:
    """How these verdicts are found again: by judge, rubric, model, part and the runs that made the outputs.

    Raises:
        CalibrationError: There are none, the generations come from several models or the verdicts from
            several judges or rubrics.
    """
    models = {g.revision for g in generations}
    judges = {(v.judge, v.revision, v.rubric) for v in verdicts}
    if len(models) != 1 or len(judges) != 1:
        raise CalibrationError(
            "an audit is about one model's outputs and one judge's verdicts by one rubric, got "
            f"{len(models)} models and {len(judges)} judges and rubrics: audit each alone"
        )
    judge, revision, rubric = judges.pop()
    runs = {g.run for g in generations}
    return Selection(
        judge=judge,
        judge_revision=revision,
        rubric=rubric,
        model_revision=models.pop(),
        part=part,
        generation_runs=None if None in runs else tuple(sorted(map(str, runs))),
    )


def select_decisions(store: Store, selection: Selection) -> tuple[list[Decided], Selection]:
    """The verdicts that `selection` means, and the selection with `until` filled in.

    Bodies are not read: a million verdicts take seconds.

    Raises:
        CalibrationError: The store holds none.
    """
    frame = store.decisions(
        judge=selection.judge,
        revision=selection.judge_revision,
        rubric=selection.rubric,
        model_revision=selection.model_revision,
        generation_run=selection.generation_runs,
        category=selection.categories,
        part=selection.part,
        until=selection.until,
    )
    if frame.empty:
        raise CalibrationError(
            f"{store.url} holds no verdicts of {selection.judge} by {selection.rubric}"
            + (f" on items of part {selection.part!r}" if selection.part else "")
            + ": judge them with `workbench judge`"
        )
    # A generation that was judged again, as its item had changed, counts by the later verdict.
    until = selection.until if selection.until is not None else int(frame["seq"].max())
    frame = frame.sort_values("seq").drop_duplicates("generation", keep="last")
    approved = frame["approved"].astype(object)
    decided = [
        Decided(
            key=key,
            generation=generation,
            judge=selection.judge,
            rubric=selection.rubric,
            approved=bool(said) if said in (True, False) else None,
            confidence=None if math.isnan(confidence) else confidence,
            category=category if isinstance(category, str) else "",
        )
        for key, generation, said, confidence, category in zip(
            frame["key"].tolist(),
            frame["generation"].tolist(),
            approved.where(approved.notna(), None).tolist(),
            frame["confidence"].tolist(),
            frame["category"].tolist(),
            strict=True,
        )
    ]
    return decided, replace(selection, until=until)


def latest_selection(
    store: Store,
    *,
    part: Part | None,
    judge: str | None = None,
    rubric: str | None = None,
    model: str | None = None,
) -> Selection:
    """The verdicts that were stored last, with all others of the same judge, rubric and model.

    A judge that decided nothing is passed over where another one decided: there is nothing to audit.

    Args:
        store: Holds the verdicts.
        part: Of the items; None: any.
        judge: Only this judge's; None: any.
        rubric: `<name>@<version>`, or a name; None: any.
        model: Only on this model's outputs; None: any.

    Raises:
        CalibrationError: The store holds none.
    """
    frame = store.decisions(part=part, judge=judge, model=model)
    if rubric is not None:
        frame = frame[frame["rubric"].str.split("@").str[0].eq(rubric) | frame["rubric"].eq(rubric)]
    if frame.empty:
        asked = {"judge": judge, "rubric": rubric, "model": model, "part": part}
        words = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value)
        raise CalibrationError(
            f"{store.url} holds no verdicts{f' of {words}' if words else ''}: judge outputs with "
            "`workbench judge`, or ask for others"
        )
    decided = frame[frame["approved"].notna()]
    last = (frame if decided.empty else decided).iloc[-1]
    return Selection(
        judge=str(last["judge"]),
        judge_revision=str(last["revision"]),
        rubric=str(last["rubric"]),
        model_revision=str(last["model_revision"]),
        part=part,
    )
