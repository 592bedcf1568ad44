"""Attribute heads learnt from the training part of a catalogue, for those who write and those who judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder
from workbench.errors import LearningError
from workbench.models.heads import AttributeHeads, fit_heads, require_categories
from workbench.photos import open_photo
from workbench.schema import Schema

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import Encoder, PhotoEncoder
    from workbench.models.vector_cache import Features
    from workbench.records import Item
    from workbench.store import ImageStore, Store

_CHUNK = 16
PHOTO_SIDE = 1024
"""Longer side in pixels to which photos are decoded."""


def load_photo(store: Store, address: str) -> Image:
    """A stored photo as an RGB picture."""
    return photo_at(store.images, address)


def photo_at(images: ImageStore, address: str) -> Image:
    """The same, for work that is done without the database."""
    return open_photo(images.get(address), where=address, max_side=PHOTO_SIDE)


def photos_of(images: ImageStore, items: Sequence[Item]) -> list[tuple[Image, ...]]:
    """Every photo of each item, in its order."""
    return [tuple(photo_at(images, address) for address in item.photos) for item in items]


def learn_heads(
    store: Store,
    encoder: PhotoEncoder,
    train: Sequence[Item],
    schema: Schema,
    recorder: Recorder,
    *,
    seed: int = 0,
) -> AttributeHeads:
    """Encode the training photos (those that are not in the cache) and fit heads on them.

    Args:
        store: Holds the photos; refuses items that are held out.
        encoder: Its vectors are what the heads see.
        train: Items of the training part, each with a photo.
        schema: Which attributes there are.
        recorder: The run that this belongs to.
        seed: Of the cross-validation's folds.

    Raises:
        LeakageError: An item is held out.
        LearningError: There is too little to learn from.
    """
    if not train:
        raise LearningError(
            "no item is in the training part, so heads have nothing to learn from: add items, start "
            "another store with a lower --eval-share (a split that was dealt is kept), or use a "
            "vision-language model as judge, and as writer where that one learns from photos, too"
        )
    store.require_train(item.id for item in train)
    require_categories(train, schema)
    x = photo_features(
        store, encoder, train, recorder, stage=f"learn from photos ({encoder.network})"
    )
    return fit_heads(x, train, schema, encoder_revision=encoder.revision, seed=seed)


def photo_features(
    store: Store, encoder: Encoder, items: Sequence[Item], recorder: Recorder, *, stage: str
) -> Features:
    """Features of each item's first photo, shape (n, d); those in the encoder's cache are not computed again.

    Args:
        store: Holds the photos.
        encoder: Makes the features.
        items: Each with a photo.
        recorder: The run that this belongs to.
        stage: What the work is called.
    """
    addresses = [item.photos[0] for item in items]
    with recorder.stage(stage, len(addresses), unit="photos") as s:
        for start in range(0, len(addresses), _CHUNK):
            chunk = addresses[start : start + _CHUNK]
            known = [a for a in chunk if encoder.knows(a)]
            new = [a for a in chunk if a not in known]
            encoder.encode(new, [load_photo(store, a) for a in new])
            s.advance(len(new), known=len(known))
    return encoder.recall(addresses)
