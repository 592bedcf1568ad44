"""What a model learns from: examples and pairs, mixed with weights, and as Hugging Face conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import LearningError
from workbench.models.listings import photo_question
from workbench.models.starter.data import write_listing
from workbench.records import Listing, PreferencePair, content_key

if TYPE_CHECKING:
    from workbench.preferences import Pair as BuiltPair
    from workbench.schema import Category

Photos = Callable[[str], bytes]
"""Address of a photo to its bytes, such as `store.images.get`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a talk."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A talk about some photos; what the assistant says in it is learnt."""

    turns: tuple[Turn, ...]
    """User and assistant in turn, the user first and the assistant last."""
    photos: tuple[str, ...] = ()
    """Addresses, shown in order before the first text."""
    item: str | None = None
    """The item that it is about; None for what is about none."""
    source: str = ""
    """Where it came from: `raw`, `alignment`, `dialogue`, `correction` …"""
    lineage: tuple[str, ...] = ()
    """Keys of the generations and ids of the corrections that it was made from."""
    simulated: bool = False

    @property
    def key(self) -> str:
        """Content key of what is learnt: photos and turns."""
        return content_key(
            "example", list(self.photos), [[turn.role, turn.text] for turn in self.turns]
        )

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """Everything before the last answer."""
        return self.turns[:-1]

    @property
    def answer(self) -> str:
        """The last thing that the assistant says."""
        return self.turns[-1].text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question about some photos, the better answer and the worse one."""

    prompt: str
    chosen: str
    rejected: str
    photos: tuple[str, ...] = ()
    """Addresses, shown in order before the prompt."""
    item: str | None = None
    source: str = ""
    """`correction`, `pairwise`, `five-class`, `attempts` …"""
    lineage: tuple[str, ...] = ()
    """Keys and ids of what it was made from: the stored pair, its generations, corrections and answers."""
    simulated: bool = False
    where: str | None = None
    """Where it was read, for errors, such as `line 3 of metadata.jsonl`; None: from no file."""

    @property
    def key(self) -> str:
        """Content key of what is learnt: photos, prompt and both answers."""
        return content_key("pair", list(self.photos), self.prompt, self.chosen, self.rejected)

    def chosen_example(self) -> Example:
        """The better answer alone, for fine-tuning on what is chosen: the control that DPO is held against."""
        return Example(
            turns=(
                Turn(role="user", text=self.prompt),
                Turn(role="assistant", text=self.chosen),
            ),
            photos=self.photos,
            item=self.item,
            source=f"chosen of {self.source}" if self.source else "chosen",
            lineage=self.lineage,
            simulated=self.simulated,
        )


def listing_example(
    listing: Listing,
    category: Category,
    photos: Sequence[str],
    *,
    item: str | None = None,
    source: str = "",
    lineage: Sequence[str] = (),
    simulated: bool = False,
) -> Example:
    """A listing as the answer to the question that listing runs ask, in the format that they decode.

    Args:
        listing: Title and aspects; its price is not written, which no photo shows.
        category: The one that the question names.
        photos: Addresses, in the order in which they are shown.
        item: The item's id.
        source: Where the listing came from.
        lineage: Keys and ids of what it was made from.
        simulated: True where nobody wrote it.
    """
    return Example(
        turns=(
            Turn(role="user", text=photo_question(category)),
            Turn(role="assistant", text=write_listing(listing.title, listing.aspects)),
        ),
        photos=tuple(photos),
        item=item,
        source=source,
        lineage=tuple(lineage),
        simulated=simulated,
    )


def training_pair(pair: BuiltPair | PreferencePair) -> Pair:
    """A preference pair of texts as it is trained on.

    Raises:
        LearningError: It is one of pictures.
    """
    record = pair if isinstance(pair, PreferencePair) else pair.record()
    if record.chosen.startswith("sha256:") or getattr(pair, "kind", "text") == "image":
        raise LearningError(
            f"want a pair of texts, got pair {record.key[:12]} of pictures: leave such pairs out"
        )
    made_from = [record.key, record.generation, *record.corrections, *record.annotations]
    if record.against is not None:
        made_from.append(record.against)
    return Pair(
        prompt=record.prompt,
        chosen=record.chosen,
        rejected=record.rejected,
        photos=record.images,
        item=record.item,
        source=record.source,
        lineage=tuple(made_from),
        simulated=record.simulated,
    )


def mix(
    parts: Mapping[str, Sequence[Example]],
    weights: Mapping[str, float] | None = None,
    *,
    seed: int = 0,
) -> list[Example]:
    """Examples of several kinds together, in an order that follows from `seed`.

    Args:
        parts: Name to examples.
        weights: Name to how often each of its examples comes: 1 once, 0.5 a drawn half of them, 2.5 twice and
            a drawn half a third time; parts that are not named come once.
        seed: Of what is drawn, and of the order.

    Raises:
        LearningError: A weight is under 0 or names no part, or nothing is left.
    """
    given = dict(weights or {})
    if unknown := sorted(set(given) - set(parts)):
        raise LearningError(
            f"want weights for {', '.join(sorted(parts)) or 'nothing'}; got one for {unknown[0]!r}"
        )
    rng = np.random.default_rng(seed)
    mixed: list[Example] = []
    for name in sorted(parts):
        rows, weight = list(parts[name]), given.get(name, 1.0)
        if not (weight >= 0 and np.isfinite(weight)):
            raise LearningError(f"want a weight of 0 or more for {name!r}, got {weight!r}")
        mixed += rows * int(weight)
        drawn = rng.permutation(len(rows))[: round((weight - int(weight)) * len(rows))]
        mixed += [rows[i] for i in sorted(drawn)]
    if not mixed:
        raise LearningError(
            "no example is left to learn from: raise a weight, or add examples to "
            f"{', '.join(sorted(parts)) or 'the mixture'}"
        )
    return [mixed[i] for i in rng.permutation(len(mixed))]


def to_dataset(rows: Sequence[Example | Pair], photos: Photos) -> Any:
    """Rows as a Hugging Face `Dataset` in TRL's conversational vision format, photos included.

    Examples have the columns `images`, `prompt` and `completion`, pairs `images`, `prompt`, `chosen` and
    `rejected`; both `item`, `source` and `key`. A talk of several rounds keeps all but its last answer in `prompt`.

    Args:
        rows: Examples or pairs, not mixed.
        photos: Opens an address.

    Raises:
        PhotoError: A photo is no picture.
    """
    from datasets import Dataset, Features, Image, List, Value

    turn = List({"role": Value("string"), "content": Value("string")})
    words = {"item": Value("string"), "source": Value("string"), "key": Value("string")}
    sides = ("chosen", "rejected") if rows and isinstance(rows[0], Pair) else ("completion",)
    features = Features(
        {"images": List(Image()), "prompt": turn, **dict.fromkeys(sides, turn), **words}
    )

    def told() -> Any:
        for row in rows:
            yield {
                "images": [{"bytes": photos(one), "path": None} for one in row.photos],
                **_conversation(row),
                "item": row.item,
                "source": row.source,
                "key": row.key,
            }

    columns: dict[str, list[Any]] = {name: [] for name in features}
    for row in told():
        for name, value in row.items():
            columns[name].append(value)
    return Dataset.from_dict(columns, features=features)


def _conversation(row: Example | Pair) -> dict[str, list[dict[str, str]]]:
    if isinstance(row, Example):
        return {
            "prompt": [{"role": turn.role, "content": turn.text} for turn in row.prompt],
            "completion": [{"role": "assistant", "content": row.answer}],
        }
    return {
        "prompt": [{"role": "user", "content": row.prompt}],
        "chosen": [{"role": "assistant", "content": row.chosen}],
        "rejected": [{"role": "assistant", "content": row.rejected}],
    }
