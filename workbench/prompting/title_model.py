"""Titles made short by a text model: a few examples, a JSON schema, and a check of what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.models.protocols import Completion, Decoding, Prompt, TextModel
from workbench.prompting._words import Span, find_words, folded_words, words_of
from workbench.prompting.title_tagger import TaggerSimplifier
from workbench.prompting.titles import (
    REMOVED_KINDS,
    Simplified,
    TitleQuestion,
    TitleSimplifier,
    shortened,
)
from workbench.records import content_key

_INSTRUCTION = """Make shop titles short. Keep the words that say what the product is and what it looks like, as
they stand and in their order. Remove, and name, each part that is
brand: who makes it;
size: how big it is, how much or how many there are;
model: the maker's own name or number of this one;
promotion: words that only praise, price or ship it, or say how used it is.
Answer with one JSON object: "removed", a list of parts with "text" as the title writes it and "kind"; then "title",
the words that are left."""
_EXAMPLES: tuple[tuple[str, str, tuple[tuple[str, str], ...], str], ...] = (
    (
        "Garden Tools",
        "Hartwell Steel Hand Trowel HT-220 with Wooden Handle, 12 Inch, Free Shipping!",
        (("Hartwell", "brand"), ("HT-220", "model"), ("12 Inch", "size"), ("Free Shipping", "promotion")),
        "Steel Hand Trowel with Wooden Handle",
    ),
    ("Mugs", "Blue Striped Ceramic Coffee Mug", (), "Blue Striped Ceramic Coffee Mug"),
    (
        "Shoes",
        "Norrland Women's Elva Ankle Boot, Dark Brown, 8 M US",
        (("Norrland", "brand"), ("Elva", "model"), ("8 M US", "size")),
        "Women's Ankle Boot, Dark Brown",
    ),
    (
        "Honey",
        "BEST SELLER Old Mill Organic Clover Honey 500 g (Pack of 2)",
        (("BEST SELLER", "promotion"), ("Old Mill", "brand"), ("500 g", "size"), ("Pack of 2", "size")),
        "Organic Clover Honey",
    ),
)  # fmt: skip
_MOST_TOKENS = 220
_DECODING = Decoding(max_tokens=_MOST_TOKENS)


@dataclass(frozen=True)
class ModelSimplifier:
    """A text model that takes titles apart, checked word by word.

    An answer counts where every part that it removed stands in the title, the words that it kept are words of
    the title in their order, and each word is in one of the two. Where it is no use, `fallback` answers, and the
    answer's `by` and `note` say so.
    """

    model: TextModel
    fallback: TitleSimplifier = field(default_factory=TaggerSimplifier)
    decoding: Decoding = _DECODING

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Content key of the model, the instruction, the examples, the decoding and the fallback."""
        return content_key(
            "title model", self.model.revision, _system(), self.decoding.max_tokens, self.decoding.temperature,
            self.decoding.seed, self.fallback.revision,
        )  # fmt: skip

    def simplify(self, questions: Sequence[TitleQuestion]) -> list[Simplified]:
        """One answer per question, in order."""
        prompts = [Prompt(text=_asked(q), system=_system()) for q in questions]
        completions = self.model.complete(prompts, replace(self.decoding, schema=ANSWER_SCHEMA))
        read = [_read(q.title, c) for q, c in zip(questions, completions, strict=True)]
        failed = [k for k, one in enumerate(read) if isinstance(one, str)]
        instead = dict(
            zip(failed, self.fallback.simplify([questions[k] for k in failed]), strict=True)
        )
        return [
            shortened(q.title, one, by=self.name, answer=c.text, cost=c.cost)
            if not isinstance(one, str)
            else Simplified(
                original=q.title,
                title=instead[k].title,
                removed=instead[k].removed,
                by=instead[k].by,
                note="; ".join(
                    filter(None, [f"{self.name} gave no usable answer: {one}", instead[k].note])
                ),
                answer=c.text,
                cost=c.cost,
            )
            for k, (q, c, one) in enumerate(zip(questions, completions, read, strict=True))
        ]


ANSWER_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "removed": {
            "type": "array",
            "maxItems": 8,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "kind": {"type": "string", "enum": list(REMOVED_KINDS)},
                },
                "required": ["text", "kind"],
                "additionalProperties": False,
            },
        },
        "title": {"type": "string"},
    },
    "required": ["removed", "title"],
    "additionalProperties": False,
}
"""JSON schema of an answer."""


def _system() -> str:
    """Instruction and examples; the same for every title, so that they are read once."""
    shown = [
        f"{_line(category, title)}\n"
        + json.dumps({"removed": [{"text": t, "kind": k} for t, k in removed], "title": kept})
        for category, title, removed, kept in _EXAMPLES
    ]
    return "\n\n".join([_INSTRUCTION, *shown])


def _asked(question: TitleQuestion) -> str:
    return _line(question.category, question.title)


def _line(category: str, title: str) -> str:
    return f"Category: {category or 'unknown'}\nTitle: {title}\nAnswer:"


def _read(title: str, answer: Completion) -> list[Span] | str:
    """The parts that go; in words what is wrong with the answer where it is no use."""
    if answer.error:
        return answer.error
    try:
        data = json.loads(answer.text)
        parts = [(str(one["text"]), str(one["kind"])) for one in data["removed"]]
        kept = str(data["title"])
    except (ValueError, TypeError, KeyError):
        return (
            "the answer was cut off" if answer.truncated else "the answer is not the JSON asked for"
        )
    spans = _placed(title, parts)
    return spans if isinstance(spans, str) else _checked(title, kept, spans)


def _placed(title: str, parts: Sequence[tuple[str, str]]) -> list[Span] | str:
    """Where the parts stand in the title; in words what is wrong where one does not."""
    words = words_of(title)
    spans: list[Span] = []
    for text, kind in parts:
        if kind not in REMOVED_KINDS:
            return f"it removed {text!r} as {kind!r}"
        places = [
            Span(start=words[i].start, end=words[k - 1].end, kind=kind)
            for i, k in find_words(words, text)
        ]
        free = [p for p in places if all(p.end <= s.start or p.start >= s.end for s in spans)]
        if not free:
            return f"it removed {text!r}, which the title does not hold"
        spans.append(free[0])
    return spans


def _checked(title: str, kept: str, spans: list[Span]) -> list[Span] | str:
    """`spans`, where they and the words that were kept make up the title; else what is wrong."""
    words = words_of(title)
    left = [
        w.folded for w in words if w.counts and not any(s.start <= w.start < s.end for s in spans)
    ]
    said = folded_words(kept)
    if said == left:
        return spans
    if not _in_order(said, [w.folded for w in words if w.counts]):
        return f"it kept {kept!r}, which are not words of the title in their order"
    missing = [w for w in left if w not in said]
    return f"it dropped {' '.join(missing)!r} without a word" if missing else (
        "what it kept and what it removed overlap"
    )  # fmt: skip


def _in_order(said: Sequence[str], words: Sequence[str]) -> bool:
    rest = iter(words)
    return all(word in rest for word in said)
