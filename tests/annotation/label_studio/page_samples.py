"""Outputs, pages and answers, as the tests of the interfaces need them."""

from __future__ import annotations

from dataclasses import replace

from annotation.label_studio.interfaces import Answer, build_interface, task_data
from workbench.records import Generation, Listing
from workbench.rubric import Rubric

KINDS = [
    ("image", "category-image"),
    ("listing", "listing"),
    ("pair", "category-image"),
    ("pair", "listing"),
    ("correction", "category-image"),
    ("correction", "listing"),
]
PICTURES = {f"sha256:{name}": f"/pictures/{name}.png" for name in "abcd"}


def image(key: str = "1" * 64, **fields) -> Generation:
    return Generation(
        key=key, kind="image", category="mugs", model="m", revision="r",
        **{"prompt": "A red mug", "image": "sha256:a", **fields},
    )  # fmt: skip


def listing(key: str = "2" * 64, **fields) -> Generation:
    made = Listing(title="Red mug", aspects={"Color": ("Red",), "Features": ("Lid", "Handle")})
    return Generation(
        key=key, kind="listing", category="mugs", model="m", revision="r", prompt="p",
        **{"inputs": ("sha256:b",), "listing": made, **fields},
    )  # fmt: skip


def shown(kind, rubric, generation, **options):
    interface = build_interface(kind, rubric, **options)
    against = None
    if kind == "pair":
        other = {"image": "sha256:d"} if generation.image else {}
        against = replace(generation, key="f" * 64, **other)
    return interface, task_data(interface, generation, None, pictures=PICTURES, against=against)


def answered(rubric: Rubric, **fields) -> Answer:
    """Everything that must be answered, at the top of its scale."""
    top = {c.id: float(len(c.scale)) for c in rubric.criteria if c.by == "model"}
    return Answer(**{"approved": True, "scores": top, **fields})


def region(control: str, to_name: str = "image", **value):
    kind = "textarea" if "text" in value else "choices"
    return {"from_name": control, "to_name": to_name, "type": kind, "value": value}
