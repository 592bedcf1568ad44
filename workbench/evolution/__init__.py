"""A rubric that learns from people's answers: proposed by some, decided by a person, proved on others."""

from workbench.evolution.decisions import Decision, accepted, decide, find_proposal, next_version
from workbench.evolution.edits import Edit, apply_edits
from workbench.evolution.evidence import Evidence, read_all_evidence, read_evidence
from workbench.evolution.history import Entry, effect_lines, history
from workbench.evolution.proof import ALPHA, MOST_LOST, Proof, measure
from workbench.evolution.propose import (
    FALSE_SHARE,
    NEW_EVIDENCE,
    add_proposal,
    proposal_key,
    propose,
)
from workbench.evolution.sides import deal_sides, require_apart, require_side, sides_of
from workbench.evolution.versions import (
    JudgeBy,
    JudgedBy,
    current,
    find_rubric,
    make_current,
    prove,
)

__all__ = [
    "ALPHA",
    "FALSE_SHARE",
    "MOST_LOST",
    "NEW_EVIDENCE",
    "Decision",
    "Edit",
    "Entry",
    "Evidence",
    "JudgeBy",
    "JudgedBy",
    "Proof",
    "accepted",
    "add_proposal",
    "apply_edits",
    "current",
    "deal_sides",
    "decide",
    "effect_lines",
    "find_proposal",
    "find_rubric",
    "history",
    "make_current",
    "measure",
    "next_version",
    "proposal_key",
    "propose",
    "prove",
    "read_all_evidence",
    "read_evidence",
    "require_apart",
    "require_side",
    "sides_of",
]
