"""What is in a store, and how its runs ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.records import Run, RunEvent

if TYPE_CHECKING:
    from workbench.store import Store


def read_status(store: Store) -> dict[str, object]:
    """Counts per noun, and the runs, newest first, as JSON types.

    A run without an ending event was killed, or is still going on; its state is `open`.
    """
    events: dict[str, list[RunEvent]] = {}
    for event in store.records(RunEvent):
        events.setdefault(event.run, []).append(event)
    listed: list[dict[str, object]] = []
    for run in sorted(store.records(Run), key=lambda r: r.created_at, reverse=True):
        own = events.get(run.id, [])
        end = next((e for e in own if e.kind in {"finished", "failed", "stopped"}), None)
        listed.append(
            {
                "id": run.id,
                "command": run.command,
                "started": run.created_at.isoformat(timespec="seconds"),
                "state": end.kind if end else "open",
                "note": end.note if end else "",
                "stages": {
                    e.stage: {"made": e.done, "found": e.known} for e in own if e.kind == "stage"
                },
            }
        )
    return {"counts": dict(store.counts()), "runs": listed}


def describe_status(found: dict[str, object]) -> str:
    """As text for a terminal."""
    counts, runs = found["counts"], found["runs"]
    assert isinstance(counts, dict)
    assert isinstance(runs, list)
    lines = [f"{count:>9,}  {noun}" for noun, count in counts.items()]
    if not runs:
        return "\n".join([*lines, "", "No runs yet."])
    lines.append("")
    for run in runs[:10]:
        lines.append(
            f"{run['started']}  {run['command']}  "
            f"{'did not end: killed, or still running' if run['state'] == 'open' else run['state']}"
            + (f": {run['note']}" if run["note"] else "")
        )
        lines += [
            f"{'':>9}  {stage}: {n['made']} made, {n['found']} found done"
            for stage, n in run["stages"].items()
        ]
    if len(runs) > 10:
        lines.append(f"… and {len(runs) - 10} earlier runs")
    return "\n".join(lines)
