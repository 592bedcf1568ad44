"""What a job cost, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reports.rendering import number
from workbench.calibration.audited import Judged
from workbench.records import Run, RunEvent

if TYPE_CHECKING:
    from workbench.store import Store


def stages_of(store: Store, run: Run | None) -> list[dict[str, object]]:
    """Every stage of the job, over all of its starts: a run that was stopped cost something too."""
    if run is None:
        return []
    same = {
        r.id for r in store.records(Run) if (r.command, r.arguments) == (run.command, run.arguments)
    }
    total: dict[str, dict[str, float]] = {}
    for event in store.records(RunEvent):
        if event.run not in same or event.kind != "stage":
            continue
        stage = total.setdefault(
            event.stage, dict.fromkeys(("done", "seconds", "tokens_in", "tokens_out"), 0.0)
        )
        stage["done"] += event.done
        stage["known"] = event.known  # of the latest start
        stage["seconds"] += event.cost.seconds
        stage["tokens_in"] += event.cost.prompt_tokens
        stage["tokens_out"] += event.cost.completion_tokens
    return [
        {
            "name": name,
            **s,
            "rate": number(s["done"] / s["seconds"], 1) if s["done"] and s["seconds"] else "–",
        }
        for name, s in total.items()
    ]


def _worded_once(population: Sequence[Judged]) -> str:
    """Says so where listings repeat an answer: the repetition has no tokens of its own."""
    asked = [j.generation.cost.prompt_tokens > 0 for j in population]
    if all(asked) or not any(asked):
        return ""
    return (
        f" Equal facts are worded once and their tokens counted once: {len(asked) - sum(asked)} of "
        f"{len(asked)} judged listings repeat the answer of another one."
    )


def cost_lead(
    stages: Sequence[Mapping[str, object]], run: Run | None, population: Sequence[Judged]
) -> str:
    """What the job took, and what the columns of the table mean."""
    if run is None:
        return "This audit belongs to no recorded run."
    seconds = sum(float(str(s["seconds"])) for s in stages)
    return (
        f"{seconds:,.0f} seconds in all stages, over every start of this job, on "
        f"{run.versions.get('machine', 'an unknown machine')}. Made: records that were worked out, over "
        "every start. Taken from the store: records that the latest start found there and did not make "
        f"again.{_worded_once(population)}"
    )
