"""Dialogues between buyer and seller: their form, what they say that the listing does not, and doubles."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.metrics.claims import product_names, title_claims
from workbench.records import Generation, Listing
from workbench.schema import Category, Schema, folded

ROUNDS = 5
"""Rounds that a dialogue has at least (OPAL, arXiv:2508.10116)."""
TOO_FEW = f"fewer than {ROUNDS} rounds are left"
CONTRADICTS = "contradicts the item"
UNSUPPORTED = "claims what the listing does not say"
REPEATED = "asks the same again"
DOUBLE = "the same dialogue about another item with the same aspects"
UNREADABLE = "the answer is no dialogue"

_NO_CLAIM = frozenset({"yes", "no"})
"""Values of attributes that are words of every talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question of the buyer and the seller's answer."""

    buyer: str
    seller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """One round, or a whole dialogue, that is not trained on."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A talk about one item that has passed every check."""

    rounds: tuple[Round, ...]
    covers: tuple[str, ...]
    """Aspects of the listing that the seller names the value of, in the listing's order."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "rounds": [{"buyer": one.buyer, "seller": one.seller} for one in self.rounds],
            "covers": list(self.covers),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What became of one dialogue."""

    dialogue: Dialogue | None
    """None where it is not fit to train on."""
    removed: tuple[Removed, ...]


class DialogueWriter(Protocol):
    """Writes a dialogue from an aligned listing."""

    @property
    def name(self) -> str:
        """`templates`, or the model's string."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same listing could give another dialogue."""
        ...

    @property
    def asks(self) -> object:
        """The model that does most of the work; None: none."""
        ...

    def key(self, alignment: Generation) -> str:
        """Content key of the dialogue, known before it is written."""
        ...

    def write(
        self, alignments: Sequence[Generation], *, run: str | None = None
    ) -> list[Generation]:
        """One generation of kind `dialogue` per alignment, in order; its text is JSON, `parent` the alignment."""
        ...


def dialogue_schema(most: int = 12) -> dict[str, object]:
    """JSON schema of a dialogue of `ROUNDS` to `most` rounds."""
    said = {"type": "string", "minLength": 2, "maxLength": 200}
    return {
        "type": "object",
        "properties": {
            "rounds": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"buyer": said, "seller": said},
                    "required": ["buyer", "seller"],
                    "additionalProperties": False,
                },
                "minItems": ROUNDS,
                "maxItems": most,
            }
        },
        "required": ["rounds"],
        "additionalProperties": False,
    }


def write_rounds(rounds: Sequence[Round]) -> str:
    """A dialogue as the JSON text that models answer with."""
    return json.dumps({"rounds": [{"buyer": one.buyer, "seller": one.seller} for one in rounds]})


def read_rounds(text: str) -> tuple[Round, ...] | None:
    """The rounds in a JSON answer; None where it is none, or a line is empty."""
    try:
        rounds = tuple(
            Round(buyer=one["buyer"].strip(), seller=one["seller"].strip())
            for one in json.loads(text)["rounds"]
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return rounds if rounds and all(one.buyer and one.seller for one in rounds) else None


def examine(text: str, listing: Listing, category: Category, schema: Schema) -> Examined:
    """Read a dialogue and leave out of it what must not be learnt.

    A round goes where the seller states a value that the listing contradicts, or one of an attribute of which it
    says nothing, or names another kind of product; and where the buyer asks in the words of a round before. With
    fewer than `ROUNDS` left the whole dialogue goes. What the buyer says is a question and no statement.

    Args:
        text: JSON, as `dialogue_schema` has it.
        listing: Aligned: what is known of the item.
        category: The item's.
        schema: The catalogue's, whose values are looked for.
    """
    rounds = read_rounds(text)
    if rounds is None:
        return Examined(dialogue=None, removed=(Removed(kind=UNREADABLE, text=text[:80]),))
    kept: list[Round] = []
    removed: list[Removed] = []
    asked: set[str] = set()
    covers: set[str] = set()
    for one in rounds:
        wrong = _wrong(one.seller, listing, category, schema)
        if wrong is None and folded(one.buyer) in asked:
            wrong = REPEATED
        if wrong is not None:
            removed.append(Removed(kind=wrong, text=f"{one.buyer} — {one.seller}"))
            continue
        asked.add(folded(one.buyer))
        kept.append(one)
        covers |= _named(one.seller, listing)
    if len(kept) < ROUNDS:
        removed.append(Removed(kind=TOO_FEW, text=f"{len(kept)} of {len(rounds)}"))
        return Examined(dialogue=None, removed=tuple(removed))
    found = Dialogue(rounds=tuple(kept), covers=tuple(n for n in listing.aspects if n in covers))
    return Examined(dialogue=found, removed=tuple(removed))


def fingerprint(dialogue: Dialogue) -> bytes:
    """16 bytes that two dialogues share if and only if they say the same, case and punctuation aside."""
    words = "\n".join(folded(line) for one in dialogue.rounds for line in (one.buyer, one.seller))
    return hashlib.blake2b(words.encode(), digest_size=16).digest()


def _wrong(said: str, listing: Listing, category: Category, schema: Schema) -> str | None:
    """Why the seller must not say this; None where he may. Words of the listing itself are looked past."""
    rest = f" {folded(said)} "
    own = {folded(value) for values in listing.aspects.values() for value in values}
    own |= {folded(listing.title)}
    for words in sorted(own - {""}, key=lambda one: (-len(one), one)):
        rest = re.sub(rf"(?<!\S){re.escape(words)}(?!\S)", "|", rest)
    claims = title_claims(rest, category, schema)
    if claims.products and not claims.products & product_names(category.name):
        return CONTRADICTS
    names = {folded(one.name) for one in category.attributes}
    stated = {
        name
        for name, values in claims.values.items()
        if any(
            value not in listing.aspects.get(name, ()) and folded(value) not in {*_NO_CLAIM, *names}
            for value in values
        )
    }
    if stated & set(listing.aspects):
        return CONTRADICTS
    return UNSUPPORTED if stated else None


def _named(said: str, listing: Listing) -> set[str]:
    words = f" {folded(said)} "
    return {
        name
        for name, values in listing.aspects.items()
        if any(f" {folded(value)} " in words for value in values)
    }
