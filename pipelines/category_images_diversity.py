"""How diverse the approved pictures of a run are, attempt by attempt, against photos of the items they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.learning import load_photo
from workbench.calibration.audited import rubric_of
from workbench.calibration.watching.narrowing import Narrowing, narrowing
from workbench.errors import MissingExtraError
from workbench.judging.attempts import best_try
from workbench.judging.chains import chains_of, read_chains
from workbench.models.encoder import PhotoEncoder
from workbench.records import Item, Run
from workbench.settings import read_settings

if TYPE_CHECKING:
    from workbench.models.vector_cache import Features
    from workbench.store import Store

_AT_ONCE = 64
"""Pictures that are held in memory together."""


def measure_narrowing(store: Store, run: str) -> tuple[Narrowing, ...] | None:
    """Diversity of approved pictures by attempt; None where no encoder is installed to tell.

    Args:
        store: Holds the pictures and the items' photos.
        run: Id of a run of `workbench run category-images`.
    """
    found = store.find(Run, run)
    rubric = rubric_of(store, str(found.arguments["rubric_label"])) if found else None
    if found is None or rubric is None:
        return None
    made, own, attempts = [], [], []
    for chain in read_chains(store, chains_of(store, found), rubric):
        best = best_try(chain.attempts[-1], rubric)
        lead = store.find(Item, chain.attempts[0].prompt.item or "")
        if best and best.verdict and best.verdict.approved and lead and lead.photos:
            made.append(str(best.image.image))
            own.append(lead.photos[0])
            attempts.append(best.image.attempt)
    if not made:
        return ()
    try:
        vectors = _encoded(store, [*made, *own])
    except MissingExtraError:
        return None
    return narrowing(vectors[: len(made)], vectors[len(made) :], attempt=attempts)


def _encoded(store: Store, addresses: Sequence[str]) -> Features:
    encoder = PhotoEncoder(cache=read_settings().cache)
    new = [a for a in dict.fromkeys(addresses) if not encoder.knows(a)]
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        encoder.encode(some, [load_photo(store, a) for a in some])
    return encoder.recall(addresses)
