"""What every aligner can do, and how its answers are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from workbench.alignment.decisions import Decisions
from workbench.records import Cost, Generation, Item, Listing, content_key
from workbench.schema import Category

if TYPE_CHECKING:
    from PIL.Image import Image


class Aligner(Protocol):
    """Cuts a catalogue's own listings down to what their photos show."""

    @property
    def name(self) -> str:
        """`rules`, or the model's string."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same listing could be aligned in another way."""
        ...

    @property
    def sees(self) -> bool:
        """True where photos are looked at; else none need be loaded."""
        ...

    @property
    def asks(self) -> object:
        """The model that does most of the work; None: none."""
        ...

    def key(self, item: Item) -> str:
        """Content key of the alignment of `item`, known before it is made."""
        ...

    def align(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation of kind `alignment` per item, in order.

        `listing` is what is left, or None where the model's answer could not be read; `details` holds
        `Decisions.as_dict()`.
        """
        ...


def alignment_key(item: Item, category: Category, revision: str) -> str:
    """Content key of what is aligned and by whom; another title, photo or attribute is another alignment."""
    asked = [[one.name, list(one.values), one.visible, one.multiple] for one in category.attributes]
    aspects = [[name, list(values)] for name, values in item.aspects.items()]
    return content_key(
        "alignment", item.id, list(item.photos), item.title, aspects, category.id, asked, revision
    )


def stated(item: Item) -> str:
    """What the seller states, as JSON: the part of an alignment's prompt that is the item's own."""
    aspects = {name: list(values) for name, values in item.aspects.items()}
    return json.dumps({"title": item.title, "aspects": aspects}, ensure_ascii=False)


def made(
    item: Item,
    aligner: Aligner,
    decided: Decisions | None,
    *,
    listing: Listing | None,
    prompt: str | None = None,
    text: str | None = None,
    parameters: Mapping[str, object] | None = None,
    error: str | None = None,
    cost: Cost | None = None,
    run: str | None = None,
) -> Generation:
    """One alignment as it is stored.

    Args:
        item: What was aligned.
        aligner: By whom.
        decided: None where the answer could not be read.
        listing: What is left.
        prompt: As the model read it; None: what the seller states.
        text: The model's answer as it came; None: no model was asked.
        parameters: Of the decoding.
        error: Why a model did not answer.
        cost: What it took.
        run: The run that asked.
    """
    details = decided.as_dict() if decided is not None else {}
    return Generation(
        key=aligner.key(item),
        kind="alignment",
        category=item.category,
        model=aligner.name,
        revision=aligner.revision,
        prompt=stated(item) if prompt is None else prompt,
        parameters=parameters or {},
        item=item.id,
        inputs=item.photos if aligner.sees else (),
        listing=listing,
        text=text,
        details=details | ({"error": error} if error else {}),
        cost=cost or Cost(),
        run=run,
        simulated=item.simulated,
    )
