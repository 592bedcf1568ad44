"""Photos to listings by the attribute network: what it tells of a photo, and the decoder that words it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.models.attributes.decoder import Decoder
from workbench.models.attributes.model import AttributeModel
from workbench.models.attributes.wording import render_prompt, tell_seen
from workbench.models.grounded import grounded
from workbench.models.listings import generation_of, listing_key, untold_listing
from workbench.models.protocols import Completion, Decoding, Prompt
from workbench.models.telling import FactSource, Told
from workbench.records import Cost, Generation, Item, Listing, content_key
from workbench.schema import Schema

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import Encoder
    from workbench.models.vector_cache import Features

_METHOD = "decoder writer/3"
"""Changes whenever the same photo could give another listing."""


@dataclass(frozen=True)
class NetworkFacts:
    """Facts from the attribute network: what its thresholds keep, and nothing of an unfamiliar photo."""

    model: AttributeModel

    @property
    def revision(self) -> str:
        """The network's."""
        return self.model.revision

    def tell(self, x: Features, schema: Schema) -> list[Told]:
        """What may be stated of each photo."""
        return [tell_seen(self.model, seen, schema) for seen in self.model.see(x)]


@dataclass(frozen=True)
class DecoderWriter:
    """A decoder that was taught the catalogue's titles words what the attribute network sees."""

    encoder: Encoder
    source: FactSource
    decoder: Decoder
    schema: Schema

    @property
    def name(self) -> str:
        """The encoder, and the decoder by its revision: `imagenet:efficientnet-lite0+decoder:1f0c…`."""
        return f"{self.encoder.name}+decoder:{self.decoder.revision}"

    @cached_property
    def revision(self) -> str:
        """Digest of encoder, network and decoder."""
        return content_key(
            _METHOD, self.encoder.revision, self.source.revision, self.decoder.revision
        )

    @property
    def decoding(self) -> Decoding:
        """Greedy, up to the decoder's limit."""
        return Decoding(max_tokens=self.decoder.limit)

    @property
    def asks(self) -> object:
        """No model that is asked."""
        return None

    def key(self, item: Item) -> str:
        """Content key; the prompt follows from photo and revision."""
        return listing_key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from its first photo.

        The decoder writes the title, and what it was not told is cut out of it; aspects are the facts that
        it was given, and so is the price. Of a photo of which nothing may be stated it is not asked.
        """
        features = self.encoder.encode([i.photos[0] for i in items], [p[0] for p in photos])
        told = self.source.tell(features, self.schema)
        asked = [i for i, one in enumerate(told) if one.category is not None]
        written = dict(
            zip(asked, self.decoder.write([render_prompt(told[i]) for i in asked]), strict=True)
        )
        made = []
        for i, (item, one) in enumerate(zip(items, told, strict=True)):
            answer, listing = Completion(text=""), untold_listing()
            if one.category is not None:
                text = written[i]
                title = grounded(text.text, one, self.schema)
                answer = Completion(
                    text=text.text,
                    truncated=text.truncated,
                    cost=Cost(seconds=text.seconds, completion_tokens=text.tokens),
                )
                listing = Listing(
                    title=title,
                    aspects=one.aspects,
                    price=one.price,
                    category=one.category.id or None,
                )
            made.append(
                generation_of(
                    item, self, prompt=Prompt(text=render_prompt(one)), answer=answer, listing=listing,
                    decoding=self.decoding, details=one.evidence, run=run,
                )
            )  # fmt: skip
        return made
