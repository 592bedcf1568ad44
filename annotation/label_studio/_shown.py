"""What a page must have shown: the texts that models wrote, as the store holds them, and not as a task says them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from annotation.label_studio.interfaces import Interface, task_data
from workbench.errors import LabelStudioError
from workbench.records import Generation

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""The picture's own address, which is a part of every address that a push gives it."""
_TOPIC = "topic"


class _AnyPicture(dict[str, str]):
    """An address for every picture: where they are served is not what is compared."""

    def get(self, key: str, default: str | None = None, /) -> str:  # type: ignore[override]
        del default
        return key


def as_made(
    interface: Interface, data: Mapping[str, Any], known: Mapping[str, Generation]
) -> dict[str, Any]:
    """`data` of a task with its texts as the store holds them, so that what was corrected is what a model wrote.

    Whoever may edit tasks can change them, and an answer is about what its page showed: so the two must be the
    same. They are compared word by word, because how a page lays them out may have changed since they were pushed.

    Args:
        interface: The page.
        data: As the server holds it; its key was found right.
        known: Key to generation, for those that the task is about.

    Raises:
        LabelStudioError: The page shows another text than the store holds, or another picture.
    """
    generation = known[data["generation"]]
    against = known.get(data.get("against") or "")
    made = task_data(interface, generation, None, pictures=_AnyPicture(), against=against)
    texts = {name: made[name] for name in _texts(interface) if name in made}
    for name, text in texts.items():
        if name == _TOPIC and name not in data:
            continue  # pushed before pages showed it
        shown = data.get(name, "")
        if not isinstance(shown, str) or shown.split() != text.split():
            raise LabelStudioError(
                f"its page shows {shown!r:.60} as {name!r}, and generation {generation.key[:12]} in the store says "
                f"{text!r:.60}: the task was changed by hand on the server, and what was said is about another text; "
                "put the text back, and let whoever answered look again and press Update"
            )
    for name in _pictures(interface):
        if (digests := _DIGEST.findall(made.get(name, ""))) != _DIGEST.findall(
            str(data.get(name, ""))
        ) and digests:
            raise LabelStudioError(
                f"its page shows {str(data.get(name))!r:.120} as {name!r}, and generation {generation.key[:12]} in "
                f"the store has picture {digests[0][:12]}: the task was changed by hand on the server, and what was "
                "said is about another picture; put it back, and let whoever answered look again and press Update"
            )
    return {**data, **texts, **{name: made[name] for name in ("slots", "words") if name in made}}


def _texts(interface: Interface) -> tuple[str, ...]:
    """Names of a task's data that hold what a model wrote."""
    match interface.kind:
        case "image":
            return (_TOPIC, "prompt")
        case "correction":
            return ("output", "prompt", "title", "price", "aspects")
        case "pair":
            return ("asked",) if interface.rubric.judges == "image" else ("side_a", "side_b")
        case "listing" | "alignment":
            slots = range(1, interface.slots + 1)
            aspects = (name for i in slots for name in (f"aspect_{i}_name", f"aspect_{i}"))
            return ("title", "price", *aspects)


def _pictures(interface: Interface) -> tuple[str, ...]:
    """Names of a task's data that hold pictures."""
    match interface.kind:
        case "image":
            return ("image",)
        case "correction":
            return ("shown",)
        case "pair":
            return ("side_a", "side_b") if interface.rubric.judges == "image" else ("asked",)
        case "listing" | "alignment":
            return ("photos",)
