"""Lets torchvision's ordinary wheel be imported beside a CPU build of torch.

Processors of Qwen-VL, InternVL and SmolVLM import torchvision to scale pictures with torch. The wheel
on PyPI is built for CUDA: beside a CPU build of torch its compiled operators do not load, and its
Python part then fails at import because it describes two operators that nobody declared
(`operator torchvision::nms does not exist`). Declaring them is enough: scaling uses neither. Calling
`torchvision.ops.nms` itself still raises.

transformers imports torchvision with its first model class, so this comes before that.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache


@cache
def mend_torchvision() -> bool:
    """Declare the missing operators if torchvision is installed and cannot be imported without.

    Returns:
        True where they had to be declared.
    """
    if importlib.util.find_spec("torchvision") is None:
        return False
    import torch

    if torch.version.cuda is not None:
        return False
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    else:
        return False
    signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}{signature}")
    _kept.append(library)
    importlib.import_module("torchvision")
    return True


_kept: list[object] = []
"""The declarations live as long as this."""
