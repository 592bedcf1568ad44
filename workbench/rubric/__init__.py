"""What is asked of an output: criteria on a scale, thresholds, failure modes, worked examples; versions.

A rubric is a YAML file that people edit. `load_rubric` reads one (or one that ships, by name), and
names every problem of a file with its line and key. `diff_rubrics` says what a new version changes.
"""

from workbench.rubric._diff import Change, RubricDiff, diff_rubrics
from workbench.rubric._read import load_rubric, parse_rubric, rubric_schema, shipped_rubrics
from workbench.rubric._records import NO_OUTPUT, Criterion, Example, FailureMode, Rubric
from workbench.rubric._write import dump_rubric, save_rubric

__all__ = [
    "NO_OUTPUT",
    "Change",
    "Criterion",
    "Example",
    "FailureMode",
    "Rubric",
    "RubricDiff",
    "diff_rubrics",
    "dump_rubric",
    "load_rubric",
    "parse_rubric",
    "rubric_schema",
    "save_rubric",
    "shipped_rubrics",
]
