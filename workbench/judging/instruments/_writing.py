"""Whether text is laid over a picture: read by RapidOCR where it is installed, else told by its strokes.

RapidOCR (Apache-2.0, about a second a picture) reads what is written, print on the product included; the
strokes (milliseconds) say only that something looks like writing. A reading says which one answered.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.judging.instruments._pictures import TEXT_FIT, WRITING_FIT, strokes
from workbench.judging.instruments._view import view
from workbench.judging.protocols import Subject
from workbench.judging.readings import Instrument, Reading

if TYPE_CHECKING:
    from PIL.Image import Image

_SHORTEST = 3
"""Letters and digits of what counts as text; single marks are most often none."""


def can_read() -> bool:
    """True where RapidOCR and onnxruntime are installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def read_text(image: Image) -> list[tuple[str, float]]:
    """What RapidOCR reads, each with its own confidence (0 to 1).

    Raises:
        ImportError: RapidOCR is not installed; see `can_read`.
    """
    found = _reader()(image.convert("RGB"))
    if found.txts is None:
        return []
    return [(str(text), float(score)) for text, score in zip(found.txts, found.scores, strict=True)]


def text(subject: Subject) -> Reading:
    """Whether the picture is free of text.

    By RapidOCR, quality is 1 minus the confidence of the surest text of at least three letters or digits,
    which is its own figure and not fitted. Measure: number of such texts.
    """
    if subject.image is None:
        return Reading(quality=None, kind="probability", reason="there is no picture")
    if not can_read():
        return strokes(view(subject.image))
    said = [
        (words, score)
        for words, score in read_text(subject.image)
        if len(re.findall(r"[^\W_]", words)) >= _SHORTEST
    ]
    surest = max((score for _, score in said), default=0.0)
    reason = "it says " + ", ".join(repr(words) for words, _ in said[:3]) if said else None
    return Reading(
        quality=1 - surest,
        kind="probability",
        measure=float(len(said)),
        by="rapidocr",
        reason=reason if surest > 0.5 else None,
    )


@cache
def _reader() -> Any:  # noqa: ANN401 - rapidocr ships no types
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})


TEXT = Instrument(
    name="text",
    revision="1/rapidocr" if can_read() else f"1/{WRITING_FIT!r}/{TEXT_FIT!r}",
    judges="image",
    read=text,
)
