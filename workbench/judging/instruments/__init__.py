"""Checks without a language model, that rubrics name as `by: instrument:<name>`.

Of listings: `schema`, `title`, `grounding`. Of pictures: `sharpness`, `background`, `clutter`, `exposure`,
`text`, `safety`. What each measures and how well is in its own docstring and in BENCHMARKS.md.
"""

from collections.abc import Mapping

from workbench.judging.instruments._listing import (
    GROUNDING,
    SCHEMA,
    TITLE,
    grounding,
    schema_compliance,
    title_form,
)
from workbench.judging.instruments._pictures import BACKGROUND, CLUTTER, EXPOSURE, SHARPNESS
from workbench.judging.instruments._safety import SAFETY, nudity
from workbench.judging.instruments._writing import TEXT, read_text
from workbench.judging.readings import Instrument

INSTRUMENTS: Mapping[str, Instrument] = {
    one.name: one
    for one in (
        *(SCHEMA, TITLE, GROUNDING),
        *(SHARPNESS, BACKGROUND, CLUTTER, EXPOSURE, TEXT, SAFETY),
    )
}
"""Every instrument, by the name that rubrics use."""

__all__ = [
    "BACKGROUND",
    "CLUTTER",
    "EXPOSURE",
    "GROUNDING",
    "INSTRUMENTS",
    "SAFETY",
    "SCHEMA",
    "SHARPNESS",
    "TEXT",
    "TITLE",
    "Instrument",
    "grounding",
    "nudity",
    "read_text",
    "schema_compliance",
    "title_form",
]
