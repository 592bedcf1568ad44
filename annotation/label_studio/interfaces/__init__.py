"""The pages that people answer in, generated from a version of a rubric, and their answers read back.

`build_interface` makes a page, `task_data` what it shows of one generation, `instructions` what its
annotators read first, `prediction` a judge's verdict as the form begins with it, `read_result` the
answer. Texts of rubrics, items and models are escaped wherever they go; everything that comes back is
checked.
"""

from annotation.label_studio.interfaces._alignment import alignment_rubric
from annotation.label_studio.interfaces._build import (
    build_interface,
    prediction,
    read_result,
    task_data,
    write_result,
)
from annotation.label_studio.interfaces._instructions import instructions
from annotation.label_studio.interfaces._records import Answer, Control, Interface, Kind
from annotation.label_studio.interfaces._show import fitted

__all__ = [
    "Answer",
    "Control",
    "Interface",
    "Kind",
    "alignment_rubric",
    "build_interface",
    "fitted",
    "instructions",
    "prediction",
    "read_result",
    "task_data",
    "write_result",
]
