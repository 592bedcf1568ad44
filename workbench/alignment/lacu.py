"""LACU: an aligned listing told again as a talk between buyer and seller, by templates or by a text model.

The same facts in many words teach what an aspect is, not only where it stands (OPAL, arXiv:2508.10116).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np

from workbench._yaml import read
from workbench.alignment.talks import ROUNDS, Round, dialogue_schema, write_rounds
from workbench.errors import ModelError
from workbench.models.protocols import Decoding, Prompt, TextModel
from workbench.records import Cost, Generation, Listing, content_key
from workbench.schema import Category, Schema

_TEMPLATES = "talk.yaml"
_MOST = 12
"""Rounds of a dialogue at most."""
_DECODING = Decoding(max_tokens=900, temperature=0.7, top_p=0.95)
_QUESTION = """Write a conversation between a buyer and the seller of this product, as JSON.
Category: {category}
Title: {title}
{aspects}
The buyer asks about one thing at a time, in everyday words, each time put differently. The seller answers in one or
two short sentences and states the value exactly as it is written above. Cover every aspect above, {rounds} rounds or
more. The seller states nothing that is not written above; where the buyer asks for something else, the seller says
that the photos do not show it.
Answer with one JSON object: {{"rounds": [{{"buyer": …, "seller": …}}, …]}}."""


@dataclass(frozen=True)
class TemplateTalk:
    """Dialogues from phrases that ship, put together by the item's own key: no model, and the same every time."""

    schema: Schema
    seed: int = 0

    @property
    def name(self) -> str:
        """`templates`."""
        return "templates"

    @cached_property
    def revision(self) -> str:
        """Content key of the phrases and the seed."""
        return content_key("talk by templates", self._text, self.seed)

    @property
    def asks(self) -> object:
        """No model that is asked."""
        return None

    def key(self, alignment: Generation) -> str:
        """Content key of the dialogue, known before it is written."""
        return _key(alignment, self.revision)

    def write(
        self, alignments: Sequence[Generation], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per alignment; alignments without a listing give a dialogue without text."""
        return [
            _made(one, self, text=self._talk(one), prompt=_told(one), run=run) for one in alignments
        ]

    def _talk(self, alignment: Generation) -> str | None:
        if alignment.listing is None:
            return None
        rng = np.random.default_rng([self.seed, *bytes.fromhex(self.key(alignment)[:16])])
        category = self.schema.category(alignment.category)
        return write_rounds(self._rounds(alignment.listing, category, rng))

    def _rounds(
        self, listing: Listing, category: Category, rng: np.random.Generator
    ) -> list[Round]:
        """What it is, each aspect in any order, what the photos do not show until there are enough, the sum of it."""
        words = {"product": category.name.lower(), "title": listing.title}
        first = self._one("opening", words, rng)
        aspects = [
            self._one(
                "aspect_by_name" if name.lower() not in self._data["aspects"] else name.lower(),
                {**words, "name": name.lower(), "value": _and(values)},
                rng,
            )
            for name, values in listing.aspects.items()
        ]
        rng.shuffle(aspects)  # type: ignore[arg-type]
        last = self._one("summary", {**words, "facts": _facts(listing)}, rng)
        unseen = [
            one.name.lower() for one in category.attributes if one.name not in listing.aspects
        ]
        rng.shuffle(unseen)
        hidden = [self._one("not_shown", {**words, "name": name}, rng) for name in unseen]
        spare = [self._pick(pair, words) for pair in self._data["more"]]
        rng.shuffle(spare)  # type: ignore[arg-type]
        middle = aspects[: _MOST - 2]
        # One question now and then about what no photo shows, so that not knowing is learnt too.
        if hidden and len(middle) < _MOST - 2 and rng.random() < self._data["asks_unseen"]:
            middle.append(hidden.pop())
        middle += (hidden + spare)[: max(0, ROUNDS - 2 - len(middle))]
        return [first, *middle, last]

    def _one(self, kind: str, words: dict[str, str], rng: np.random.Generator) -> Round:
        said = self._data["aspects"].get(kind) or self._data[kind]
        buyers, sellers = said["buyer"], said["seller"]
        pair = (buyers[int(rng.integers(len(buyers)))], sellers[int(rng.integers(len(sellers)))])
        return self._pick(pair, words)

    @staticmethod
    def _pick(pair: Sequence[str], words: dict[str, str]) -> Round:
        buyer, seller = (line.format(**words) for line in pair)
        return Round(buyer=buyer[0].upper() + buyer[1:], seller=seller[0].upper() + seller[1:])

    @cached_property
    def _text(self) -> str:
        return files("workbench.alignment").joinpath(_TEMPLATES).read_text(encoding="utf-8")

    @cached_property
    def _data(self) -> dict[str, Any]:
        return read(self._text, where=_TEMPLATES).data


@dataclass(frozen=True)
class ModelTalk:
    """Dialogues by any text model, held to a JSON schema."""

    model: TextModel
    schema: Schema
    decoding: Decoding = _DECODING

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Digest of weights, question and decoding."""
        return content_key("talk by a model", self.model.revision, _QUESTION, asdict(self.decoding))

    @property
    def asks(self) -> object:
        """The model."""
        return self.model

    def key(self, alignment: Generation) -> str:
        """Content key of the dialogue, known before it is written."""
        return _key(alignment, self.revision)

    def write(
        self, alignments: Sequence[Generation], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per alignment; those without a listing are not asked about.

        Raises:
            ModelError: The model cannot be reached at all.
        """
        there = [one for one in alignments if one.listing is not None]
        decoding = replace(self.decoding, schema=dialogue_schema(_MOST))
        prompts = {one.key: _prompt(one, self.schema.category(one.category)) for one in there}
        said = self.model.complete(list(prompts.values()), decoding) if there else []
        if len(said) != len(there):
            raise ModelError(f"want {len(there)} dialogues of {self.name!r}, got {len(said)}")
        answers = {one.key: answer for one, answer in zip(there, said, strict=True)}
        return [
            _made(
                one, self, prompt=prompts[one.key].text, text=answers[one.key].text or None,
                error=answers[one.key].error, cost=answers[one.key].cost, run=run,
                parameters=asdict(decoding), seed=decoding.seed,
            )
            if one.key in answers
            else _made(one, self, prompt=_told(one), text=None, run=run)
            for one in alignments
        ]  # fmt: skip


def _key(alignment: Generation, revision: str) -> str:
    listing = alignment.listing
    told = (
        None
        if listing is None
        else [listing.title, [[n, list(v)] for n, v in listing.aspects.items()]]
    )
    return content_key("dialogue", alignment.key, told, revision)


def _prompt(alignment: Generation, category: Category) -> Prompt:
    listing = alignment.listing or Listing(title="")
    aspects = "\n".join(f"{name}: {', '.join(values)}" for name, values in listing.aspects.items())
    return Prompt(
        text=_QUESTION.format(
            category=" > ".join(category.path), title=listing.title,
            aspects=aspects or "No aspects are known.", rounds=ROUNDS,
        )
    )  # fmt: skip


def _told(alignment: Generation) -> str:
    return "" if alignment.listing is None else _facts(alignment.listing)


def _facts(listing: Listing) -> str:
    said = [f"{name.lower()} {_and(values)}" for name, values in listing.aspects.items()]
    return "; ".join([listing.title, *said])


def _and(values: Sequence[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} and {last}" if others else last


def _made(
    alignment: Generation,
    writer: TemplateTalk | ModelTalk,
    *,
    prompt: str,
    text: str | None,
    error: str | None = None,
    cost: Cost | None = None,
    parameters: dict[str, object] | None = None,
    seed: int | None = None,
    run: str | None = None,
) -> Generation:
    return Generation(
        key=writer.key(alignment),
        kind="dialogue",
        category=alignment.category,
        model=writer.name,
        revision=writer.revision,
        prompt=prompt,
        parameters=parameters or {},
        seed=seed,
        item=alignment.item,
        text=text,
        parent=alignment.key,
        details={"error": error} if error else {},
        cost=cost or Cost(),
        run=run,
        simulated=alignment.simulated,
    )
