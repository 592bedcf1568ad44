"""Catalogue listings brought in line with their photos, and told again as dialogues: what a listing model learns from.

An `Aligner` cuts a seller's listing down to what its photos show (MACE): by rules, by a scorer that is asked about
each statement, or by a vision-language model that answers in JSON. A `DialogueWriter` turns an aligned listing into a
talk between buyer and seller (LACU); `examine` leaves out of it what the listing does not bear out.
"""

from workbench.alignment.checking import AlignmentCheck, KindCheck, check_alignments, seen_truth
from workbench.alignment.decisions import (
    KINDS,
    AspectDecision,
    Decisions,
    Verdict,
    WordDecision,
    aligned,
)
from workbench.alignment.lacu import ModelTalk, TemplateTalk
from workbench.alignment.model import ModelAligner, answer_schema
from workbench.alignment.people import PeopleCheck, check_by_people
from workbench.alignment.protocols import Aligner
from workbench.alignment.rules import RuleAligner
from workbench.alignment.scoring import ScoringAligner
from workbench.alignment.talks import (
    ROUNDS,
    Dialogue,
    DialogueWriter,
    Examined,
    Removed,
    Round,
    dialogue_schema,
    examine,
    fingerprint,
    read_rounds,
)

__all__ = [
    "KINDS",
    "ROUNDS",
    "Aligner",
    "AlignmentCheck",
    "AspectDecision",
    "Decisions",
    "Dialogue",
    "DialogueWriter",
    "Examined",
    "KindCheck",
    "ModelAligner",
    "ModelTalk",
    "PeopleCheck",
    "Removed",
    "Round",
    "RuleAligner",
    "ScoringAligner",
    "TemplateTalk",
    "Verdict",
    "WordDecision",
    "aligned",
    "answer_schema",
    "check_alignments",
    "check_by_people",
    "dialogue_schema",
    "examine",
    "fingerprint",
    "read_rounds",
    "seen_truth",
]
