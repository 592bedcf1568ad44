"""Every page that a store can fill."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reports.category_images import write_category_images_page
from reports.dataset_card import write_dataset_card
from reports.listings import write_page
from reports.model_card import write_model_card
from reports.model_comparison import judged_models, write_model_comparison_page
from reports.outputs import read_outputs
from reports.topics import find_run
from workbench.calibration.audited import find_audit
from workbench.errors import StoreError
from workbench.records import Audit, Generation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.calibration.watching.narrowing import Narrowing
    from workbench.store import Store

CATEGORY_IMAGES = "category-images.html"
MODELS = "models.html"
DATASET = "dataset.html"
Measure = Callable[["Store", str], "Sequence[Narrowing] | None"]


def write_pages(
    store: Store, path: Path, *, audit: str | None = None, narrowing: Measure | None = None
) -> list[Path]:
    """Write every page that there is something for, and return where they are, the main one first.

    The page of an audit of listings is `path`; beside it come `category-images.html` where such a run is stored,
    `models.html` where two models were judged, `model-<name>.html` for each model, and `dataset.html`. A store of
    category images alone has no page of listings, and `path` is then the page of category images.

    Args:
        store: Nothing else is read.
        path: Of the main page.
        audit: Id, or the beginning of one, of the audit of listings; None: the latest.
        narrowing: Measures how diverse a run's pictures are, which takes a network; None: it is left out.

    Raises:
        StoreError: There is neither an audit of listings nor a run of category images, or a page cannot be written.
    """
    run = find_run(store)
    pages = []
    if audit is not None or run is None or _of_listings(store):
        pages.append(write_page(store, path, audit=audit or _latest_of_listings(store)))
    if run is not None:
        own = path.with_name(CATEGORY_IMAGES) if pages else path
        measured = narrowing(store, run.id) if narrowing else None
        pages.append(write_category_images_page(store, own, run=run.id, narrowing=measured))
    every = read_outputs(store)
    if any(len(judged_models(one)) > 1 for one in every):
        pages.append(write_model_comparison_page(store, path.with_name(MODELS)))
    written = Counter[str]()
    for model in dict.fromkeys(name for one in every for name in one.models):
        name = re.sub(r"[^a-zA-Z0-9]+", "-", model).strip("-")[:80]
        written[name] += 1  # names that differ in signs alone
        name += f"-{written[name]}" if written[name] > 1 else ""
        pages.append(write_model_card(store, path.with_name(f"model-{name}.html"), model))
    if store.counts()["items"]:
        pages.append(write_dataset_card(store, path.with_name(DATASET)))
    return pages


def _of_listings(store: Store) -> list[Audit]:
    """Audits that drew listings."""
    audits = list(store.records(Audit))
    keys = [one.drawn[0].generation for one in audits if one.drawn]
    listings = {g.key for g in store.records(Generation, keys) if g.kind == "listing"}
    return [one for one in audits if one.drawn and one.drawn[0].generation in listings]


def _latest_of_listings(store: Store) -> str | None:
    """The audit that `find_audit` would choose, where it is of listings; else the latest that is."""
    own = {one.id: one for one in _of_listings(store)}
    try:
        chosen = find_audit(store).id
    except StoreError:
        return None
    if chosen in own or not own:
        return chosen
    return max(own.values(), key=lambda one: one.created_at).id
