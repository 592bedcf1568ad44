"""What an ablation was asked to do and what it came to: as a record, as JSON, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.ablation_arms import ARMS
from pipelines.baseline import Comparison
from pipelines.lacu import TEMPLATES
from pipelines.mace import RULES
from workbench.metrics import Estimate

if TYPE_CHECKING:
    from workbench.alignment import AlignmentCheck

RETRIEVAL, START = "retrieval", "start"
"""Arms that are not trained: nearest photos, and the model that training starts from."""
NAMES = {RETRIEVAL: "nearest photos, no model", START: "before training"} | {
    a.id: a.name for a in ARMS
}
"""Arm to its name."""
RESULT = "ablation.json"
_PREFERS, _WHEN = "chosen likelier than rejected", ("before", "after", "after less before")


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationJob:
    """What `run_ablation` is asked to do."""

    catalog: str
    model: str = "starter:listing"
    seeds: int = 3
    limit: int | None = None
    eval_share: float = 0.4
    steps: int = 60
    """Of the optimizer, of one SFT."""
    more_steps: int = 40
    """Of DPO and of its controls."""
    batch: int = 16
    aligner: str = RULES
    writer: str = TEMPLATES
    judge: str | None = None
    """A vision-language model that grades and compares; None: the truth does."""
    seed: int = 0
    """Of the split; arms are trained with the seeds 0, 1, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceFigures:
    """How often one training prefers what is chosen, on pairs about items that it did not learn from."""

    arm: str
    seed: int
    learnt: int
    """Pairs."""
    figures: Mapping[str, Estimate]
    """Of held-out pairs: `chosen likelier than rejected, before`, `after`, `after less before`, and DPO's margins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationResult:
    """What the ablation came to."""

    job: AblationJob
    run: str
    items: int
    trained_on: int
    held_out: int
    niche: int
    truth: str
    """What held-out answers are held against, in words."""
    arms: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    """Part (`held out`, `niche`) to arm to measure to its mean over seeds."""
    added: Mapping[str, Mapping[str, Estimate]]
    """Step to measure to what it adds on held-out items."""
    classes: Mapping[str, int]
    """Class to outputs of training items, all seeds together."""
    pairs: tuple[int, ...]
    """By seed."""
    dialogues: int
    checked: tuple[AlignmentCheck, ...]
    against: Mapping[str, Comparison]
    """Arm to its comparison with the retrieval system, all seeds together."""
    missing: tuple[str, ...] = field(default=())
    """What could not be trained, and why."""
    preferred: tuple[PreferenceFigures, ...] = field(default=())
    """Arms that learn from pairs, seed by seed."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "job": asdict(self.job),
            "names": NAMES,
            "controls": [one.id for one in ARMS if one.control],
            **{
                name: getattr(self, name)
                for name in (
                    "run",
                    "items",
                    "trained_on",
                    "held_out",
                    "niche",
                    "truth",
                    "dialogues",
                )
            },
            "arms": {
                part: {arm: _json(told) for arm, told in arms.items()}
                for part, arms in self.arms.items()
            },
            "added": {step: _json(told) for step, told in self.added.items()},
            "classes": dict(self.classes),
            "pairs": list(self.pairs),
            "checked": [one.as_dict() for one in self.checked],
            "against": {arm: one.as_dict() for arm, one in self.against.items()},
            "missing": list(self.missing),
            "preferred": [
                {
                    "arm": one.arm,
                    "seed": one.seed,
                    "learnt": one.learnt,
                    "figures": _json(one.figures),
                }
                for one in self.preferred
            ],
        }

    def __str__(self) -> str:
        shown = ("rouge_l", "aspect_f1", "schema_compliance", "valid_json")
        lines = [
            f"{'held-out items: ' + str(self.held_out):<44}" + "".join(f"{n:>20}" for n in shown)
        ]
        for arm, told in self.arms["held out"].items():
            lines.append(f"{NAMES[arm]:<44}" + "".join(f"{_short(told[n]):>20}" for n in shown))
        lines += [
            f"{step}: aspect F1 {_signed(told['aspect_f1'])}" for step, told in self.added.items()
        ]
        for one in self.preferred:
            before, after, gained = (one.figures[f"{_PREFERS}, {when}"] for when in _WHEN)
            lines.append(
                f"seed {one.seed}, {NAMES[one.arm]}: on {after.n} held-out pairs the chosen answer is the likelier one "
                f"in {_short(before)} before, {_short(after)} after; {_signed(gained)}"
            )
        from reports.ablation import preference_sentence  # which draws, late

        preference = preference_sentence(self.as_dict())
        return "\n".join([*lines, *([preference] if preference else []), *self.missing])


def _json(told: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: one.to_dict() for name, one in told.items()}


def _short(one: Estimate) -> str:
    if one.value is None:
        return "–"
    return f"{one.value:.2f}" + ("" if one.low is None else f" ({one.low:.2f}–{one.high:.2f})")


def _signed(one: Estimate) -> str:
    if one.value is None:
        return f"not known: {one.reason}"
    between = "no interval" if one.low is None else f"{one.low:+.3f} to {one.high:+.3f}"
    return f"{one.value:+.3f} ({between})"


def write_result(result: AblationResult, out: Path) -> Path:
    """Write the figures as JSON beside the trained arms."""
    path = out / RESULT
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(
        json.dumps(result.as_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    half.replace(path)
    return path
