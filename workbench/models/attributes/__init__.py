"""Attributes and price from photos: one trunk, a head each, learnt jointly; says when it does not know."""

from workbench.models.attributes.familiarity import Familiarity, fit_familiarity
from workbench.models.attributes.files import load_attributes, save_attributes
from workbench.models.attributes.fitting import Learnt, fit_attributes, fit_targets, siloed
from workbench.models.attributes.model import UNFAMILIAR, Abstention, AttributeModel, Seen, statable
from workbench.models.attributes.targets import (
    CATEGORY,
    UNKNOWN,
    Targets,
    Task,
    answers_of,
    encode_targets,
    read_targets,
)
from workbench.models.attributes.training import Recipe
from workbench.models.attributes.tuning import Tuned, Tuning, tune_backbone

__all__ = [
    "CATEGORY",
    "UNFAMILIAR",
    "UNKNOWN",
    "Abstention",
    "AttributeModel",
    "Familiarity",
    "Learnt",
    "Recipe",
    "Seen",
    "Targets",
    "Task",
    "Tuned",
    "Tuning",
    "answers_of",
    "encode_targets",
    "fit_attributes",
    "fit_familiarity",
    "fit_targets",
    "load_attributes",
    "read_targets",
    "save_attributes",
    "siloed",
    "statable",
    "tune_backbone",
]
