"""Prompts written by a text model, and made better by one that sees the picture; both under a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.models.protocols import Completion, Decoding, Prompt, TextModel
from workbench.prompting._words import folded_words
from workbench.prompting.improving import Attempt, PromptImprover, RuleImprover, shortened_prompt
from workbench.prompting.prompts import (
    BACKGROUND,
    COMPOSITION,
    NEGATIVE,
    STYLE,
    Brief,
    PromptWriter,
    RulePromptWriter,
    Written,
    prompt_as_json,
    read_prompt,
)
from workbench.prompting.rendering import ImagePrompt, phrases
from workbench.records import content_key
from workbench.schema import same_word

_INSTRUCTION = """Write prompts for pictures that stand for a category in a shop: one product, photographed as shops do,
plain and clear. Answer with one JSON object. "subject": the product in 3 to 10 words, with the colour, pattern and material that the
title names and nothing that it does not; no brand. "style", "background", "composition": short phrases between commas.
"negative": what the picture must not show, a list of words."""
_EXAMPLES: tuple[tuple[str, str, str, str], ...] = (
    ("Mugs", "Blue Striped Ceramic Coffee Mug", "", "blue striped ceramic coffee mug"),
    ("Jackets", "Women's Quilted Jacket", "Color: Olive; Material: Nylon", "olive quilted nylon jacket"),
    ("Lamps", "table lamp cone shade", "Color: White", "white table lamp with cone shade"),
)  # fmt: skip
_BETTER = """The picture was made from the prompt below and a judge refused it. {look}Say under "wrong" what is wrong
with the picture, then write the better prompt: ask for the opposite of what went wrong, keep what was right, keep the product."""
_DECODING = Decoding(max_tokens=260)
_KEPT = 0.5
"""Share of a subject's words that has to come from what the model was told."""


def _schema(*, wrong: bool) -> dict[str, object]:
    text = {
        "type": "string"
    }  # without a longest length: grammars of such strings take a minute to make
    words = {"type": "array", "maxItems": 10, "items": text}
    parts: dict[str, object] = {"wrong": {**words, "maxItems": 5}} if wrong else {}
    parts |= {name: text for name in ("subject", "style", "background", "composition")}
    parts["negative"] = words
    return {
        "type": "object",
        "properties": parts,
        "required": list(parts),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class ModelPromptWriter:
    """A text model that writes structured prompts.

    Its subject has to be about what the brief names; where it is not, or the answer cannot be read, `fallback`
    writes the prompt, and `by` and `note` say so.
    """

    model: TextModel
    fallback: PromptWriter = field(default_factory=RulePromptWriter)
    decoding: Decoding = _DECODING

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Content key of the model, the instruction, the examples, the decoding and the fallback."""
        return content_key(
            "prompt model", self.model.revision, _system(), _decoded(self.decoding), self.fallback.revision
        )  # fmt: skip

    def write(self, briefs: Sequence[Brief]) -> list[Written]:
        """One prompt per brief, in order."""
        asked = [Prompt(text=_question(b), system=_system()) for b in briefs]
        answers = self.model.complete(asked, replace(self.decoding, schema=_schema(wrong=False)))
        read = [_read(a, _told(b)) for a, b in zip(answers, briefs, strict=True)]
        failed = [k for k, one in enumerate(read) if isinstance(one, str)]
        instead = dict(zip(failed, self.fallback.write([briefs[k] for k in failed]), strict=True))
        return [
            _written(self.name, instead.get(k), prompt, question, answer)
            for k, (prompt, question, answer) in enumerate(zip(read, asked, answers, strict=True))
        ]


@dataclass(frozen=True)
class ModelImprover:
    """A vision-language model that sees the picture, reads prompt and verdict, and writes the better prompt.

    A model that only reads is asked without the picture. What it says is wrong stands in the answer that is
    stored. Where its prompt is no use, or is the old one, `fallback` writes one, and `by` and `note` say so.
    """

    model: TextModel
    fallback: PromptImprover = field(default_factory=RuleImprover)
    decoding: Decoding = _DECODING

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Content key of the model, the instruction, the decoding and the fallback."""
        return content_key(
            "improve model", self.model.revision, _BETTER, _INSTRUCTION, _decoded(self.decoding),
            self.fallback.revision,
        )  # fmt: skip

    def improve(self, attempts: Sequence[Attempt], *, image_model: str) -> list[Written]:
        """One prompt per attempt, in order."""
        before = [read_prompt(a.prompt) for a in attempts]
        asked = [self._asked(a, p) for a, p in zip(attempts, before, strict=True)]
        answers = self.model.complete(asked, replace(self.decoding, schema=_schema(wrong=True)))
        read = [
            self._better(answer, prompt, image_model)
            for answer, prompt in zip(answers, before, strict=True)
        ]
        failed = [k for k, one in enumerate(read) if isinstance(one, str)]
        fixed = self.fallback.improve([attempts[k] for k in failed], image_model=image_model)
        instead = dict(zip(failed, fixed, strict=True))
        return [
            _written(self.name, instead.get(k), prompt, question, answer)
            for k, (prompt, question, answer) in enumerate(zip(read, asked, answers, strict=True))
        ]

    def _asked(self, attempt: Attempt, before: ImagePrompt) -> Prompt:
        seen = attempt.picture if self.model.sees else None
        lines = [_BETTER.format(look="Look at it. " if seen else ""), "", "Prompt:"]
        lines += [json.dumps(prompt_as_json(before)), "", "Verdict:"]
        lines += [
            f"- {f.id.replace('_', ' ')}: {f.words}"
            + (f" The judge says: {f.reason}" if f.reason else "")
            for f in attempt.findings
        ] or ["- refused without a reason"]
        return Prompt(
            text="\n".join([*lines, "", "Answer:"]),
            images=(seen,) if seen else (),
            system=_INSTRUCTION,
        )

    def _better(
        self, answer: Completion, before: ImagePrompt, image_model: str
    ) -> ImagePrompt | str:
        found = _read(answer, before.subject)
        if isinstance(found, str):
            return found
        # What the old prompt forbade stays forbidden: a model that answers one complaint forgets the others.
        negative = tuple(dict.fromkeys([*found.negative, *before.negative]))
        better = shortened_prompt(replace(found, negative=negative), image_model)
        return "it wrote the same prompt again" if better == before else better


def _system() -> str:
    """Instruction and examples; the same for every brief, so that they are read once."""
    shown = [_INSTRUCTION]
    for name, title, aspects, subject in _EXAMPLES:
        prompt = ImagePrompt(
            subject=subject, style=STYLE, background=BACKGROUND, composition=COMPOSITION, negative=NEGATIVE
        )  # fmt: skip
        shown.append(f"{_line(name, (title,), aspects)}\n{json.dumps(prompt_as_json(prompt))}")
    return "\n\n".join(shown)


_MOST_TITLES = 4
"""Titles of one category that a model is told."""


def _question(brief: Brief) -> str:
    said = "; ".join(f"{name}: {', '.join(values)}" for name, values in brief.aspects.items())
    return _line(brief.name, brief.titles[:_MOST_TITLES], said)


def _line(name: str, titles: Sequence[str], aspects: str) -> str:
    lines = [f"Category: {name}", f"Title: {titles[0] if titles else name}"]
    if titles[1:]:
        lines.append(f"Others of the category: {'; '.join(titles[1:])}")
    return "\n".join([*lines, *([f"Aspects: {aspects}"] if aspects else []), "Answer:"])


def _told(brief: Brief) -> str:
    """All words that a subject may be made of."""
    values = (v for values in brief.aspects.values() for v in values)
    return " ".join([brief.name, *brief.titles, *values])


def _read(answer: Completion, told: str) -> ImagePrompt | str:
    """The prompt; in words what is wrong with the answer where it is no use."""
    if answer.error:
        return answer.error
    try:
        data = json.loads(answer.text)
        subject = " ".join(str(data["subject"]).split()).strip(" .,")
        prompt = ImagePrompt(
            subject=subject,
            style=_tidy(data, "style"),
            background=_tidy(data, "background"),
            composition=_tidy(data, "composition"),
            negative=tuple(phrases(", ".join(map(str, data["negative"])))),
        )
    except (ValueError, TypeError, KeyError):
        return (
            "the answer was cut off" if answer.truncated else "the answer is not the JSON asked for"
        )
    known = {same_word(w) for w in folded_words(told)}
    said = [same_word(w) for w in folded_words(subject)]
    right = sum(w in known for w in said if w not in _SMALL)
    if not right or right < _KEPT * sum(w not in _SMALL for w in said):
        return f"its subject {subject!r} is about something else"
    return prompt


_SMALL = frozenset({"a", "an", "the", "with", "and", "of", "in", "for", "on"})


def _tidy(data: Mapping[str, object], name: str) -> str:
    return ", ".join(phrases(str(data[name])))


def _written(
    name: str, instead: Written | None, prompt: ImagePrompt | str, asked: Prompt, answer: Completion
) -> Written:
    whole = f"{asked.system}\n\n{asked.text}"
    if isinstance(prompt, ImagePrompt):
        return Written(prompt=prompt, by=name, asked=whole, answer=answer.text, cost=answer.cost)
    if instead is None:
        raise ValueError("want a prompt by the fallback where the model's is no use")
    note = "; ".join(filter(None, [f"{name} gave no usable answer: {prompt}", instead.note]))
    return replace(instead, note=note, asked=whole, answer=answer.text, cost=answer.cost)


def _decoded(decoding: Decoding) -> list[object]:
    return [decoding.max_tokens, decoding.temperature, decoding.top_p, decoding.seed]
