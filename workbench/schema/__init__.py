"""Category → attributes → allowed values, and which attributes a photo can show.

The schema says what a listing may state: `Category.json_schema` constrains a model's answer to it,
`check_listing` finds what contradicts it, `infer_schema` reads one off a catalogue that has none.
"""

from workbench.schema._check import Violation, ViolationKind, check_listing
from workbench.schema._files import dump_schema, load_schema, parse_schema
from workbench.schema._infer import infer_schema
from workbench.schema._records import Attribute, Category, Schema, Visible
from workbench.schema._seller_talk import SELLER_TALK, read_phrases
from workbench.schema._words import folded, same_word

__all__ = [
    "SELLER_TALK",
    "Attribute",
    "Category",
    "Schema",
    "Violation",
    "ViolationKind",
    "Visible",
    "check_listing",
    "dump_schema",
    "folded",
    "infer_schema",
    "load_schema",
    "parse_schema",
    "read_phrases",
    "same_word",
]
