"""One structured prompt in the words of one image model, within what that model reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Family = Literal["phrases", "sentence", "captions"]
"""How an image model is best asked. `phrases`: short phrases with a negative prompt, as models with a CLIP
text encoder learned from; `sentence`: a plain description without one, as models with a T5 or language-model
encoder; `captions`: the words that `starter:image` learned from."""

_SENTENCE_MODELS = (
    "flux", "sd3", "stable-diffusion-3", "pixart", "sana", "qwen-image", "hidream", "lumina", "auraflow",
    "cogview", "gpt-image", "dall-e", "dalle", "imagen", "hunyuan", "chroma", "z-image", "janus",
)  # fmt: skip
_LIMITS: dict[Family, int] = {"phrases": 75, "sentence": 240, "captions": 54}
"""Tokens of a prompt, without the marks of its beginning and end."""
_LETTERS_A_TOKEN = 6
"""Longer words count as several tokens: rather too many than cut off by the model."""
_PIECE = re.compile(r"\d|[^\W\d]+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePrompt:
    """What a picture is to show, part by part."""

    subject: str
    """The product in words: `pink striped plastic chair`."""
    style: str = ""
    """Phrases between commas: `professional product photography, soft light`."""
    background: str = ""
    """The same."""
    composition: str = ""
    """The same: where the product stands, how it is cut."""
    negative: tuple[str, ...] = ()
    """What the picture is to show none of, in words that ask for it: `people`, not `no people`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What an image model is asked with."""

    prompt: str
    negative_prompt: str | None
    """None where this kind of model takes none."""


def family_of(image_model: str) -> Family:
    """How the model called `image_model` is best asked; `phrases` where the name tells nothing.

    Args:
        image_model: A model's string, such as `hf:black-forest-labs/FLUX.1-dev`; or a family's own name.
    """
    name = image_model.casefold()
    if name.startswith("starter:") or name == "captions":
        return "captions"
    if name == "sentence" or any(word in name for word in _SENTENCE_MODELS):
        return "sentence"
    return "phrases"


def render(prompt: ImagePrompt, image_model: str) -> Rendered:
    """Word `prompt` for the model called `image_model`.

    No phrase stands twice. Where the prompt is longer than the model reads, phrases are left out from the
    end of composition, then style, then background, each part keeping its first as long as it can; the
    subject stays, cut where it alone is too long. Lengths are estimates (`token_estimate`) on the safe side.

    Args:
        prompt: The subject must not be empty.
        image_model: As for `family_of`.

    Raises:
        ValueError: The prompt has no subject.
    """
    if not prompt.subject.strip():
        raise ValueError(f"want a prompt with a subject, got {prompt!r}")
    family = family_of(image_model)
    limit = _LIMITS[family]
    if family == "captions":
        prompt = _in_captions_words(prompt)
    kept = _within(prompt, limit - (8 if family == "sentence" else 0))
    negative = [p for p in dict.fromkeys(n.strip().lower() for n in prompt.negative) if p]
    while token_estimate(", ".join(negative)) > limit:
        negative.pop()
    said = ", ".join(negative) or None
    if family == "sentence":
        return Rendered(prompt=_sentence(kept), negative_prompt=None)
    parts = [kept.subject, *_phrases_of(kept)]
    if family == "captions":
        return Rendered(prompt=f"product photo of {', '.join(parts)}".lower(), negative_prompt=said)
    return Rendered(prompt=", ".join(parts), negative_prompt=said)


def phrases(text: str) -> list[str]:
    """The phrases between the commas of one part of a prompt, each once."""
    seen: dict[str, str] = {}
    for phrase in text.split(","):
        tidy = " ".join(phrase.split()).strip(" .;")
        if tidy:
            seen.setdefault(tidy.casefold(), tidy)
    return list(seen.values())


def token_estimate(text: str) -> int:
    """About how many tokens a CLIP-like tokenizer makes of English text; rather more than fewer.

    A sign or a digit is one, a word one for every six letters begun.
    """
    return sum(-(-len(piece) // _LETTERS_A_TOKEN) for piece in _PIECE.findall(text))


def fits(prompt: ImagePrompt, image_model: str) -> bool:
    """Whether `render` leaves nothing of the prompt out for this model."""
    family = family_of(image_model)
    if family == "captions":
        prompt = _in_captions_words(prompt)
    whole = ", ".join([prompt.subject, *_phrases_of(prompt)])
    room = _LIMITS[family] - (8 if family == "sentence" else 4 if family == "captions" else 0)
    return (
        token_estimate(whole) <= room
        and token_estimate(", ".join(prompt.negative)) <= _LIMITS[family]
    )


def _phrases_of(prompt: ImagePrompt) -> list[str]:
    """Every phrase once, the background first: what comes first counts most."""
    return phrases(", ".join([prompt.background, prompt.style, prompt.composition]))


def _within(prompt: ImagePrompt, limit: int) -> ImagePrompt:
    """`prompt` with as many phrases as `limit` tokens hold."""
    limit -= 4
    words = prompt.subject.split()
    while len(words) > 1 and token_estimate(" ".join(words)) > limit:
        words.pop()
    subject = " ".join(words)
    parts = {"background": phrases(prompt.background), "style": phrases(prompt.style), "composition": phrases(prompt.composition)}  # fmt: skip

    def length() -> int:
        return token_estimate(", ".join([subject, *(p for part in parts.values() for p in part)]))

    for least in (1, 0):
        for name in ("composition", "style", "background"):
            while len(parts[name]) > least and length() > limit:
                parts[name].pop()
    return ImagePrompt(
        subject=subject,
        **{name: ", ".join(part) for name, part in parts.items()},
        negative=prompt.negative,
    )


def _sentence(prompt: ImagePrompt) -> str:
    named = prompt.subject.split()[0].lower() in {"a", "an", "the", "one", "two"}
    article = "" if named else _article(prompt.subject)
    background = phrases(prompt.background)
    text = f"A product photo of {article}{_lower_first(prompt.subject)}"
    if background and background[0].endswith("background"):
        first = background.pop(0)
        text += f" against {_article(first)}{_lower_first(first)}"
    rest = ", ".join([*background, *phrases(prompt.style), *phrases(prompt.composition)])
    return text + "." + (f" {rest[0].upper()}{rest[1:]}." if rest else "")


def _in_captions_words(prompt: ImagePrompt) -> ImagePrompt:
    """`prompt` with only such phrases as captions of `starter:image` are made of; it knows no others."""
    known = _captions_vocabulary()

    def said(text: str) -> str:
        return ", ".join(p for p in phrases(text) if set(p.casefold().split()) <= known)

    negative = (_IN_CAPTIONS.get(n.casefold(), n) for n in prompt.negative)
    return ImagePrompt(
        subject=prompt.subject,
        style=said(prompt.style),
        background=said(prompt.background),
        composition=said(prompt.composition),
        negative=tuple(n for n in negative if set(n.casefold().split()) <= known),
    )


_IN_CAPTIONS = {
    "people": "with a person", "person": "with a person", "hands": "with a hand in the picture",
    "text": "with text", "watermark": "with a watermark", "logo": "text overlay", "clutter": "cluttered",
    "props": "with props around it", "flowers": "with flowers and leaves", "leaves": "with flowers and leaves",
    "drawing": "cartoon drawing", "shadows": "deep shadows", "deformed": "deformed",
}  # fmt: skip
"""Words of negative prompts, as captions name the same flaws."""


@lru_cache(maxsize=1)
def _captions_vocabulary() -> frozenset[str]:
    """Every word that a caption says of a picture's setting, flaws and their opposites."""
    from workbench.catalog.drawing.scenes import BACKGROUNDS, COMPOSITIONS, LIGHTS
    from workbench.models.starter.captions import FLAW_WORDS, OPPOSITES

    said = [*BACKGROUNDS, *COMPOSITIONS, *LIGHTS, "plain white background", "gray", "beige", "one"]
    said += [p for part in (FLAW_WORDS, OPPOSITES) for phrases_ in part.values() for p in phrases_]
    return frozenset(word for phrase in said for word in phrase.casefold().split())


def _article(subject: str) -> str:
    last = subject.partition(" with ")[0].rpartition(" ")[2].lower()
    if last.endswith("s") and not last.endswith(("ss", "us")):
        return ""
    return "an " if subject[0].lower() in "aeiou" else "a "


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
