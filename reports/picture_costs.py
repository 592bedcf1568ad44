"""What category images cost and whom they serve: by stage per approved topic, by popularity of the leading item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reports.rendering import number
from reports.topics import Told
from workbench.catalog.popularity import shrink_click_rates
from workbench.metrics import Estimate, proportion
from workbench.records import Cost, Generation
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.store import Store

_GROUPS, _FEWEST = 10, 5
"""Groups by popularity, and the topics that each has at least."""


def cost_rows(store: Store, told: Sequence[Told], approved: int) -> list[dict[str, object]]:
    """A row per stage: what was made, seconds, tokens, device memory, and both per approved topic."""
    prompts = [a.prompt for t in told for a in t.chain.attempts]
    tries = [x for t in told for a in t.chain.attempts for x in a.tries]
    stages: list[tuple[str, list[Cost]]] = [
        ("titles made short", list(_titles(store, told))),
        ("first prompts", [p.cost for p in prompts if p.attempt == 1]),
        ("images", [x.image.cost for x in tries]),
        ("verdicts", [x.verdict.cost for x in tries if x.verdict]),
        ("better prompts", [p.cost for p in prompts if p.attempt > 1]),
    ]
    rows = [_row(name, costs, approved) for name, costs in stages]
    return [*rows, _row("all", [c for _, costs in stages for c in costs], approved)]


def _titles(store: Store, told: Sequence[Told]) -> Iterator[Cost]:
    """Titles of the items' categories: what a title cost counts once, whichever topics use it."""
    of = {(catalog_of(t.lead.id), t.lead.category) for t in told if t.lead}
    keys = store.generations(kind="title", category=sorted({c for _, c in of}))["key"] if of else ()
    for one in store.records(Generation, list(keys)):
        if (catalog_of(one.item or ""), one.category) in of:
            yield one.cost


def _row(name: str, costs: Iterable[Cost], approved: int) -> dict[str, object]:
    kept = list(costs)
    seconds = sum(c.seconds for c in kept)
    tokens = sum(c.prompt_tokens + c.completion_tokens for c in kept)
    memory = max((c.device_memory_bytes for c in kept), default=0)
    return {
        "name": name,
        "made": len(kept),
        "seconds": seconds,
        "rate": number(len(kept) / seconds, 1) if seconds >= 0.05 and name != "all" else "–",
        "tokens": tokens,
        "memory": f"{memory / 2**30:.1f} GiB" if memory else "–",
        "seconds_each": number(seconds / approved, 2) if approved else "–",
        "tokens_each": number(tokens / approved, 0) if approved and tokens else "–",
    }


def by_popularity(told: Sequence[Told]) -> list[tuple[str, Estimate]]:
    """Share of approved topics in groups of equal size by the leading item's click rate, least popular first.

    Ten groups where there are 50 topics or more, else fewer, of at least 5 topics; topics whose item was
    never shown are left out, and nothing comes back where all are.
    """
    known = [t for t in told if t.lead and (t.lead.impressions or 0) >= max(1, t.lead.clicks or 0)]
    if not known:
        return []
    rates = shrink_click_rates(
        [t.lead.clicks or 0 for t in known if t.lead],
        [t.lead.impressions or 0 for t in known if t.lead],
    ).rate
    order = np.argsort(rates, kind="stable")
    count = min(_GROUPS, max(1, len(known) // _FEWEST))
    return [
        (
            f"{_nth(k, count)} ({rates[part].min():.1%} – {rates[part].max():.1%})",
            proportion([known[int(i)].ending.state == "approved" for i in part]),
        )
        for k, part in enumerate(np.array_split(order, count))
    ]


def _nth(place: int, count: int) -> str:
    what = "decile" if count == _GROUPS else f"of {count}"
    return f"{place + 1}. {what}" if count == _GROUPS else f"{place + 1} {what}"
