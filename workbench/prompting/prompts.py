"""Prompts of category images: structured, written by rules or by a model, stored before any pixel.

An `ImagePrompt` says what is to be seen; `workbench.prompting.rendering` words it for one image model. A
`PromptWriter` writes one from a `Brief`; `write_prompts` keeps each as a `Generation` of kind `prompt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from workbench.metrics.claims import product_names, schema_phrases, title_claims
from workbench.models.protocols import Decoding
from workbench.prompting._words import folded_words
from workbench.prompting.rendering import ImagePrompt, Rendered, render
from workbench.records import Aspects, Cost, Generation, content_key
from workbench.schema import Category, Schema, same_word

STYLE = "professional product photography, sharp focus, soft light"
BACKGROUND = "plain white background"
COMPOSITION = "centered, the whole product in the picture, space around it"
NEGATIVE = ("people", "text", "watermark", "clutter", "blurry", "distorted")
"""What a product photo shows none of."""
_VERSION = "2"
_LONGEST_SUBJECT = 12
"""Words of a subject: a longer one says more than an image model draws."""
_LONGEST_PHRASE = 4
"""Words of a title that are looked up as one value."""
_LOOKS = frozenset({"color", "colour", "pattern", "material", "fabric"})
"""Attributes, lower case, whose values stand before a product's name."""
_ENDS = " ,;:-–"
_JOINING = frozenset({"a", "an", "and", "for", "in", "of", "on", "the", "with", "w/", "&", "+"})
"""Words that say nothing of a product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What one prompt is written from."""

    category: str
    """Id of the category, or name of the theme."""
    name: str
    """The same in words, such as `T-Shirts`; what the picture stands for."""
    titles: tuple[str, ...] = ()
    """Simplified titles, the one to be pictured first; empty: the name alone is pictured."""
    aspects: Aspects = field(default_factory=dict)
    """What is known of the first title's item; only aspects that a photo can show are used."""
    item: str | None = None
    """Id of the first title's item."""
    simulated: bool = False
    """True where the items are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One prompt as its writer gave it."""

    prompt: ImagePrompt
    by: str
    """Who wrote it: a writer's name. Another than the one asked, where that one's answer was no use."""
    note: str = ""
    """Why another one wrote it; empty where there is nothing to say."""
    asked: str = ""
    """What a model was asked, whole; empty for rules."""
    answer: str | None = None
    """A model's answer as it came."""
    cost: Cost = field(default_factory=Cost)


class PromptWriter(Protocol):
    """Writes structured prompts."""

    @property
    def name(self) -> str:
        """The string that names it in records, such as `rules` or `gguf:smollm2`."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same brief could give another prompt."""
        ...

    def write(self, briefs: Sequence[Brief]) -> list[Written]:
        """One prompt per brief, in order."""
        ...


@dataclass(frozen=True)
class RulePromptWriter:
    """Writes prompts without a model: the first title as subject, a plain product photo around it.

    Where a schema has words for what the title says, the title and the aspects are said in them (`pink
    stripes` becomes `pink striped`), and what no photo can show is left out; else the title's words stay.
    """

    schema: Schema | None = None

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @property
    def revision(self) -> str:
        """Content key of the rules' words."""
        return content_key("prompt rules", _VERSION, STYLE, BACKGROUND, COMPOSITION, list(NEGATIVE))

    def write(self, briefs: Sequence[Brief]) -> list[Written]:
        """One prompt per brief, in order."""
        return [
            Written(
                prompt=ImagePrompt(
                    subject=subject_of(brief, self.schema),
                    style=STYLE,
                    background=BACKGROUND,
                    composition=COMPOSITION,
                    negative=NEGATIVE,
                ),
                by=self.name,
            )
            for brief in briefs
        ]


def subject_of(brief: Brief, schema: Schema | None = None) -> str:
    """The product in words, with the kind of product among them; at most 12 of a title's own.

    Args:
        brief: The first title leads; without one it is the category's name.
        schema: Whose words are used, where it knows the category and they say at least as much as the
            title; else the title's own, after the colour, pattern and material that only the aspects
            tell. None: the title's own.
    """
    title = brief.titles[0] if brief.titles else ""
    category = schema.categories.get(brief.category) if schema else None
    if schema and category:
        stated = _known_values(title, brief.aspects, category, schema)
        if not title or _say_as_much(stated, title, category):
            return _in_schema_words(stated, category)
        claimed = title_claims(title, category, schema).values
        title = _with_looks({n: v for n, v in stated.items() if n not in claimed}, title)
    words = title.split()[:_LONGEST_SUBJECT]
    kind = brief.name.split(" > ")[-1]
    said = {same_word(w) for w in folded_words(" ".join(words))}
    if any(same_word(w) in said for name in product_names(kind) for w in _words_of_kind(name)):
        return " ".join(words).strip(_ENDS)
    return " ".join([*words[: _LONGEST_SUBJECT - len(kind.split())], kind]).strip(_ENDS)


def _with_looks(unsaid: Mapping[str, str], title: str) -> str:
    """The title after those colours, patterns and materials of the aspects that it does not name."""
    said = {same_word(word) for word in folded_words(title)}
    looks = [value for name, value in unsaid.items() if name.casefold() in _LOOKS]
    new = [v for v in looks if not said.issuperset(map(same_word, folded_words(v)))]
    return " ".join([*new, title])


def _words_of_kind(name: str) -> list[str]:
    """Of `t-shirt` only `shirt` is a word."""
    return [word for word in folded_words(name) if len(word) > 1]


def _known_values(
    title: str, aspects: Aspects, category: Category, schema: Schema
) -> dict[str, str]:
    """Visible attribute to the value that the title claims, else the one that the aspects state."""
    claimed = title_claims(title, category, schema).values
    found = {}
    for attribute in category.attributes:
        if attribute.visible == "no":
            continue
        stated = claimed.get(attribute.name) or _stated(aspects, attribute.name, category)
        if stated and same_word(stated[0]) not in product_names(category.name):
            found[attribute.name] = stated[0]
    return found


def _say_as_much(stated: Mapping[str, str], title: str, category: Category) -> bool:
    """Whether the category's name and `stated` can stand for the title.

    They can where they leave out nothing that it says. What they leave out may be a shop's noise (`vtg`, a
    misspelled word), or what the schema has no word for (a collar, a fabric that is no column): it is taken
    for noise only where it is less than what is stated, and than what the category has words for.
    """
    left_out = _left_out(title, category)
    if not left_out:
        return True
    words = sum(len(folded_words(value)) for value in stated.values())
    known = sum(one.visible != "no" and bool(one.values) for one in category.attributes)
    return left_out <= words and left_out < known


def _left_out(title: str, category: Category) -> int:
    """How many words of the title neither name the category nor spell a value that it allows.

    A title that does not name the category has a name of its own (`tennis shoes`), which the category's
    replaces: its last two such words do not count.
    """
    words = [w for w in title.split() if folded_words(w)]
    names = product_names(category.name)
    told: set[int] = set()
    named = False
    for first in range(len(words)):
        for last in range(first + 1, min(first + _LONGEST_PHRASE, len(words)) + 1):
            phrase = " ".join(words[first:last]).strip(_ENDS)
            names_it = same_word(phrase) in names
            named |= names_it
            if names_it or schema_phrases(phrase, category):
                told.update(range(first, last))
    count = sum(at not in told and word.casefold() not in _JOINING for at, word in enumerate(words))
    return count if named else max(0, count - 2)


def _in_schema_words(stated: Mapping[str, str], category: Category) -> str:
    """`Pink Striped Plastic Chair with Slat Back`."""
    before = [value for name, value in stated.items() if name.casefold() in _LOOKS]
    after = [value for name, value in stated.items() if name.casefold() not in _LOOKS]
    head = " ".join([*before, category.name])
    detail = ", ".join(after)
    return f"{head} with {detail}" if detail else head


def _stated(aspects: Aspects, name: str, category: Category) -> tuple[str, ...]:
    attribute = category.attribute(name)
    values = next((v for n, v in aspects.items() if category.attribute(n) is attribute), ())
    allowed = [attribute.normalise(v) for v in values] if attribute else []
    return tuple(v for v in allowed if v)


def prompt_key(
    brief: Brief, writer: PromptWriter, image_model: str, *, decoding: Decoding | None = None
) -> str:
    """Content key of the prompt that would be written, known before it is written.

    Args:
        brief: What it is written from.
        writer: Who writes.
        image_model: The string of the image model that it is worded for.
        decoding: How a model's answer is drawn, where that is the caller's choice.
    """
    return content_key(
        "prompt",
        asdict(brief),
        writer.revision,
        image_model,
        asdict(decoding) if decoding else None,
    )


def write_prompts(
    briefs: Sequence[Brief], writer: PromptWriter, *, image_model: str, run: str | None = None
) -> list[Generation]:
    """Write the prompts of `briefs`: one `Generation` of kind `prompt` each, in order.

    `text` is the prompt as `image_model` reads it. `details` holds `prompt` (the structured one, for
    `read_prompt`), `negative_prompt` (None where the model takes none), `titles`, `by`, `note` and, where a
    model was asked, its `answer`. To be stored before any pixel is made: the image's `Generation` names this
    one's key.

    Args:
        briefs: All different, or equal ones give equal records.
        writer: Who writes.
        image_model: The string of the image model that they are worded for.
        run: Id of the run that writes.
    """
    return [
        prompt_generation(
            written,
            key=prompt_key(brief, writer, image_model),
            category=brief.category,
            image_model=image_model,
            writer=writer,
            item=brief.item,
            details={"titles": list(brief.titles)},
            simulated=brief.simulated,
            run=run,
        )
        for brief, written in zip(briefs, writer.write(briefs), strict=True)
    ]


class Named(Protocol):
    """Who writes or improves."""

    @property
    def name(self) -> str:
        """The string that names it in records."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same question could give another answer."""
        ...


def prompt_generation(
    written: Written,
    *,
    key: str,
    category: str,
    image_model: str,
    writer: Named,
    item: str | None,
    details: Mapping[str, object],
    simulated: bool,
    run: str | None,
    parent: Generation | None = None,
    inputs: tuple[str, ...] = (),
) -> Generation:
    """One prompt as it is stored; arguments as for `Generation`."""
    rendered = render(written.prompt, image_model)
    more: dict[str, object] = {
        "prompt": prompt_as_json(written.prompt),
        "negative_prompt": rendered.negative_prompt,
        "image_model": image_model,
        "by": written.by,
        "note": written.note,
    }
    if written.answer is not None:
        more["answer"] = written.answer
    return Generation(
        key=key,
        kind="prompt",
        category=category,
        model=writer.name,
        revision=writer.revision,
        prompt=written.asked,
        item=item,
        inputs=inputs,
        text=rendered.prompt,
        parent=parent.key if parent else None,
        attempt=parent.attempt + 1 if parent else 1,
        details={**details, **more},
        cost=written.cost,
        run=run,
        simulated=simulated,
    )


def prompt_as_json(prompt: ImagePrompt) -> dict[str, object]:
    """The structured prompt as JSON types."""
    return {**asdict(prompt), "negative": list(prompt.negative)}


def read_prompt(generation: Generation) -> ImagePrompt:
    """The structured prompt that a generation of kind `prompt` holds.

    Raises:
        ValueError: It is of another kind, or holds none.
    """
    data = generation.details.get("prompt")
    if generation.kind != "prompt" or not isinstance(data, Mapping):
        raise ValueError(
            f"want a generation of kind 'prompt' with a structured prompt, got kind {generation.kind!r}"
        )
    return ImagePrompt(**{**data, "negative": tuple(data["negative"])})


def read_rendered(generation: Generation) -> Rendered:
    """The words that the image model is asked with, as they were stored."""
    negative = generation.details.get("negative_prompt")
    return Rendered(
        prompt=generation.text or "",
        negative_prompt=negative if isinstance(negative, str) else None,
    )
