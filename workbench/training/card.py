"""What a run leaves beside the weights: a card, curves, and which row was made from what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from workbench.figures.losses import plot_losses
from workbench.metrics import Estimate
from workbench.training.driving import Finished, Ready, history
from workbench.training.examples import Example, Pair
from workbench.training.run import Trained, write_json, write_lineage

_WORDS = {
    "sft": "Supervised fine-tuning on {rows:,} examples: what the assistant says is learnt.",
    "dpo": "Direct preference optimisation on {rows:,} pairs, the reference being the start.",
}


def write_results(
    ready: Ready,
    finished: Finished,
    figures: Mapping[str, Estimate],
    rows: Sequence[Example | Pair],
    held_out: Sequence[Example | Pair],
) -> Trained:
    """Write card, curves and lineage; what is missing is only that the run is done."""
    trained = Trained(
        out=ready.out,
        method=ready.plan.method,
        start=ready.name,
        revision=ready.revision,
        rows=len(rows),
        held_out=len(held_out),
        simulated=sum(row.simulated for row in rows),
        tokens=ready.tokens,
        steps=finished.steps,
        best_step=finished.best_step,
        stopped_early=finished.stopped_early,
        learning=finished.learning,
        seconds=finished.seconds,
        figures=figures,
    )
    if ready.main:
        told = history(finished)
        learnt = [(int(one["step"]), one["loss"]) for one in told if "loss" in one]
        looked = [(int(one["step"]), one["eval_loss"]) for one in told if "eval_loss" in one]
        drawn = plot_losses(learnt, looked, best=trained.best_step)
        drawn.savefig(ready.out / "curves.svg", format="svg", metadata={"Date": None})
        parts = ["learnt"] * len(rows) + ["held out"] * len(held_out)
        write_lineage(ready.out, [*rows, *held_out], parts)
        write_json(
            trained.folder / "training.json", {"plan": ready.plan.as_dict(), **trained.as_dict()}
        )
        page = _page(trained, ready, Counter(row.source or "not said" for row in rows))
        (trained.folder / "README.md").write_text(page)
    return trained


def _page(trained: Trained, ready: Ready, sources: Counter[str]) -> str:
    """The model's card, in the form that hubs read."""
    plan = [
        f"- {name}: {value}" for name, value in ready.plan.as_dict().items() if value is not None
    ]
    measured = [f"| {name} | {_cell(one)} | {one.n} |" for name, one in trained.figures.items()]
    return "\n".join(
        [
            "---",
            "pipeline_tag: image-text-to-text",
            f"tags: [{trained.method}, product-listings]",
            "---",
            f"# {trained.start} after {trained.method.upper()}",
            "",
            _WORDS[trained.method].format(rows=trained.rows)
            + f" Started from `{trained.start}` (revision `{trained.revision}`); the vision tower stayed as it was.",
            "",
            f"{trained.simulated:,} of {trained.rows:,} rows are simulated: no person wrote them."
            if trained.simulated
            else "No row is simulated.",
            "",
            "## Rows",
            "",
            "| Source | Rows |",
            "|---|---:|",
            *(f"| {name} | {count:,} |" for name, count in sorted(sources.items())),
            "",
            f"Tokens: {trained.tokens}.",
            "",
            "## Measured on held-out rows",
            "",
            *(
                [
                    "With 95% intervals, over items.",
                    "",
                    "| Figure | Value | Rows |",
                    "|---|---|---:|",
                    *measured,
                ]
                if measured
                else ["Nothing was held out, so nothing is known of how well it does."]
            ),
            "",
            "## How",
            "",
            f"- steps: {trained.steps}"
            + (f", those of step {trained.best_step} kept" if trained.best_step else ""),
            *plan,
            "",
            "`training.json` holds all of this for programs; the run's `lineage.jsonl` leads every row back to what "
            "it was made from.",
            "",
        ]
    )


def _cell(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return f"{one.value} ({one.reason})"
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
