"""What generates: protocols, and one file per engine.

    model = load_text("hf:Qwen/Qwen2.5-VL-7B-Instruct")
    answers = model.complete([Prompt(text="What is this?", images=(photo,))], Decoding())

Importing this package loads neither torch nor transformers.
"""

from workbench.models.protocols import (
    Answer,
    Completion,
    Decoding,
    ImageModel,
    ImageRequest,
    MadeImage,
    Model,
    Progress,
    Prompt,
    Question,
    Scorer,
    TextModel,
)
from workbench.models.registry import ModelSpec, load_image, load_scorer, load_text, parse_spec

__all__ = [
    "Answer",
    "Completion",
    "Decoding",
    "ImageModel",
    "ImageRequest",
    "MadeImage",
    "Model",
    "ModelSpec",
    "Progress",
    "Prompt",
    "Question",
    "Scorer",
    "TextModel",
    "load_image",
    "load_scorer",
    "load_text",
    "parse_spec",
]
