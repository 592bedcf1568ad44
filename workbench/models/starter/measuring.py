"""How well a model writes listings of drawn items that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.catalog.drawn import DrawnCatalog, clean_listing
from workbench.metrics import Estimate, aspect_scores, rouge_l_mean, valid_json_rate
from workbench.models.listings import PhotoWriter, photo_question, read_listing
from workbench.models.protocols import Decoding, Prompt, TextModel
from workbench.models.starter.data import HELD_OUT_SEED, drawn_items
from workbench.records import Cost, Listing

ASPECT_F1 = "aspect F1"
"""Against the aspects that the photos show, answers held to the category's schema: the headline."""
_ANSWER = Decoding(max_tokens=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures by name, and how fast the answers came."""

    figures: dict[str, Estimate]
    tokens_per_second: float
    """New tokens of all answers that follow a schema, by the seconds that they took together."""


def held_out(items: int) -> DrawnCatalog:
    """The first `items` of the catalogue that starter models are measured on and never learn from."""
    return DrawnCatalog(seed=HELD_OUT_SEED, items=items)


def measure_listings(model: TextModel, catalog: DrawnCatalog, *, freely: bool = True) -> Measured:
    """Let `model` write the listings of `catalog` and compare them with what the photos show.

    Args:
        model: One that sees.
        catalog: Drawn items that it did not learn from.
        freely: Also let it answer without a schema, which shows what the schema does for it.
    """
    items = list(drawn_items(catalog))
    photos = [tuple(catalog.picture(e, k) for k in range(len(e.styles))) for e in catalog.entries]
    truth = [clean_listing(entry.product) for entry in catalog.entries]
    groups = [entry.group for entry in catalog.entries]
    writer = PhotoWriter(model=model, schema=catalog.schema, decoding=_ANSWER)
    made = writer.write(items, photos)
    figures = _figures([one.listing for one in made], truth, groups)
    figures["valid JSON"] = valid_json_rate([one.text or "" for one in made], groups=groups)
    if freely:
        categories = [catalog.schema.category(item.category) for item in items]
        prompts = [
            Prompt(text=photo_question(category), images=shown)
            for category, shown in zip(categories, photos, strict=True)
        ]
        answers = model.complete(prompts, replace(_ANSWER, schema=None))
        read = [
            read_listing(answer, category, None)
            for answer, category in zip(answers, categories, strict=True)
        ]
        free = _figures(read, truth, groups)
        free["valid JSON"] = valid_json_rate([answer.text for answer in answers], groups=groups)
        figures |= {f"{name}, without a schema": figure for name, figure in free.items()}
    return Measured(figures=figures, tokens_per_second=_speed([one.cost for one in made]))


def _figures(
    listings: Sequence[Listing | None], truth: Sequence[Listing], groups: Sequence[str]
) -> dict[str, Estimate]:
    scores = aspect_scores(listings, truth, groups=groups)
    titles = [listing.title if listing else "" for listing in listings]
    return {
        ASPECT_F1: scores.f1,
        "aspect precision": scores.precision,
        "aspect recall": scores.recall,
        "title ROUGE-L": rouge_l_mean(titles, [one.title for one in truth], groups=groups),
    }


def _speed(costs: Sequence[Cost]) -> float:
    seconds = sum(cost.seconds for cost in costs)
    return sum(cost.completion_tokens for cost in costs) / seconds if seconds else 0.0
