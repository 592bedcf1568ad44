"""Rubric and answerer in, verdicts out.

A `RubricJudge` joins a rubric with whoever answers its criteria: a vision-language model
(`ModelAnswerer`), any other `Answerer`, and instruments. `judge_all` judges what a store has no verdict
on yet.
"""

from workbench.judging.cache import Judged, judge_all, load_subject
from workbench.judging.judge import RubricJudge
from workbench.judging.model import ModelAnswerer
from workbench.judging.protocols import (
    Answered,
    Answerer,
    Asked,
    Finding,
    Subject,
    pass_probability,
    score,
)
from workbench.judging.readings import Instrument, Reading, on_scale

__all__ = [
    "Answered",
    "Answerer",
    "Asked",
    "Finding",
    "Instrument",
    "Judged",
    "ModelAnswerer",
    "Reading",
    "RubricJudge",
    "Subject",
    "judge_all",
    "load_subject",
    "on_scale",
    "pass_probability",
    "score",
]
