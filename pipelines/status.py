"""What is in a store, and how its runs ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.store import Store


def read_status(store: Store) -> dict[str, object]:
    """Counts per noun, and the runs, newest first, as JSON types.

    A run without an ending event was killed, or is still going on; its state is `open`.
    """
    runs, events = store.runs(), store.events()
    ended = {
        e.run: (e.kind, e.note)
        for e in events.itertuples()
        if e.kind in {"finished", "failed", "stopped"}
    }
    listed: list[dict[str, object]] = []
    for run in runs.sort_values("created_at", ascending=False).itertuples():
        stages = events[(events.run == run.id) & (events.kind == "stage")]
        state, note = ended.get(run.id, ("open", ""))
        listed.append(
            {
                "id": run.id,
                "command": run.command,
                "started": run.created_at.isoformat(timespec="seconds"),
                "state": state,
                "note": note,
                "stages": {
                    s.stage: {"made": int(s.done), "found": int(s.known)}
                    for s in stages.itertuples()
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
            f"{run['started']}  {run['command']}  {run['state']}"
            + (f": {run['note']}" if run["note"] else "")
        )
        lines += [
            f"{'':>9}  {stage}: {n['made']} made, {n['found']} found done"
            for stage, n in run["stages"].items()
        ]
    if len(runs) > 10:
        lines.append(f"… and {len(runs) - 10} earlier runs")
    return "\n".join(lines)
