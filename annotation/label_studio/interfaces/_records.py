"""What an interface is, and what a person said in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.rubric import Rubric
from workbench.schema import Schema

Kind = Literal["image", "listing", "pair", "correction", "alignment"]
"""`image` and `listing` review one generation, `pair` prefers one of two, `correction` rewrites one, `alignment` asks
what photos show of a seller's own listing."""

TaskData = Mapping[str, Any]
"""`data` of a task: everything that its page shows (JSON types)."""

Correction = tuple[str, str | None, str | None]
"""What it is about, what was said, what is right; as `workbench.records.Correction` names them."""

Preferred = Literal["generation", "against", "tie", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One question of a page, as its results name it."""

    name: str
    to_name: str
    type: Literal["choices", "textarea"]
    choices: tuple[str, ...] | None = None
    """What can be chosen; None where the task's data says it, and for text."""
    multiple: bool = False
    """True where several can be chosen, or several texts given."""
    required: bool = False
    """True where no answer can be sent without it. A question that shows only at times is never required here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A labelling page for one version of a rubric."""

    kind: Kind
    rubric: Rubric
    config: str
    """Label Studio's XML."""
    title: str
    """Of a project, 3 to 50 characters."""
    controls: Mapping[str, Control] = field(repr=False)
    """By name."""
    slots: int = 0
    """Aspects that a listing's page has room for; 0 for other kinds."""
    schema: Schema | None = field(default=None, repr=False)
    """Says which aspects a listing could state; None: nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one person said about one task."""

    approved: bool | None = None
    """None for a preference, which approves nothing."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Criterion to the point chosen, counted from 1; criteria that were not answered are absent."""
    failure_modes: tuple[str, ...] = ()
    """Ids, in the rubric's order."""
    note: str | None = None
    corrections: tuple[Correction, ...] = ()
    """`after` is None where the person took the statement out: it is wrong, or no photo can show it."""
    preferred: Preferred | None = None
    """The sides as they were asked about, whatever order the page showed; None for other kinds."""
    contradictions: tuple[str, ...] = ()
    """A sentence for each thing in the answer that does not fit another; the answer counts all the same."""
