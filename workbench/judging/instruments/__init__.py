"""Checks without a language model, that rubrics name as `by: instrument:<name>`."""

from collections.abc import Mapping

from workbench.judging.instruments._listing import GROUNDING, SCHEMA, TITLE
from workbench.judging.readings import Instrument

INSTRUMENTS: Mapping[str, Instrument] = {one.name: one for one in (SCHEMA, TITLE, GROUNDING)}
"""Every instrument, by the name that rubrics use."""

__all__ = ["INSTRUMENTS"]
