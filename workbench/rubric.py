"""What is asked of an output: criteria on a scale, thresholds, failure modes, worked examples; versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One question about an output."""

    id: str
    question: str
    """As people and models read it."""
    scale: tuple[str, ...]
    """Points from worst to best, as they are answered: `("1", "2", "3", "4", "5")` or `("no", "yes")`."""
    threshold: float
    """Passed where the expected point, counted 1 … len(scale), is at least this."""
    by: str = "model"
    """Who answers: `model`, or `instrument:<name>` of `workbench.judging.instruments`."""
    decides: bool = True
    """False: shown, but an output that fails it can still be approved."""
    points: tuple[str, ...] = ()
    """What each point of the scale means, in words; empty, or as long as `scale`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMode:
    """A way to fail that has a name, so that failures can be counted."""

    id: str
    description: str
    criterion: str | None = None
    """The criterion that it counts against, where there is one."""
    blocks: bool = False
    """True: an output that shows it is refused, whatever the scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An output that was answered, to be read beside the question."""

    output: str
    criterion: str
    point: str
    why: str
    photo: str | None = None
    """Address of a picture that goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """One version of a rubric. A changed rubric is a new version."""

    name: str
    version: int
    judges: Literal["listing", "image"]
    """The kind of generation that it is about."""
    criteria: tuple[Criterion, ...]
    failure_modes: tuple[FailureMode, ...] = ()
    examples: tuple[Example, ...] = ()
    instructions: str = ""
    """Read first, by people and models."""
