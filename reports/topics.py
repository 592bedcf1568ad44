"""What one run of category images came to, read from the store: each topic, what was done for it, and its audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast

from workbench.calibration.audited import Audited, answers_to, calibrate_audit
from workbench.judging.attempts import Ending, ending
from workbench.judging.chains import Chain, chains_of, read_chains
from workbench.records import Audit, Item, Run
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

COMMAND = "run category-images"
Done = Literal["made", "judged", "kept", "nothing"]
"""What a season did for a topic: made pictures; judged those that were there; found everything done. `nothing`: the
topic has no picture."""
_SAME = ("name", "image_model", "judge", "rubric", "seed")
"""Arguments by which a start goes on with what an earlier one began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One topic, how it stands, and the item that leads it."""

    chain: Chain
    ending: Ending
    lead: Item | None
    done: Done
    """What this season did for it."""
    since: datetime | None
    """When its latest picture was made; None where it has none."""


def find_run(store: Store, name: str | None = None) -> Run | None:
    """The run of category images with this id; None: the latest. None comes back where there is no such run."""
    runs = (r for r in store.records(Run) if r.command == COMMAND and name in {None, r.id})
    return max(runs, key=lambda r: r.created_at, default=None)


def read_told(store: Store, run: Run, rubric: Rubric) -> list[Told]:
    """The topics of `run`, as they stand by `rubric`."""
    chains = list(read_chains(store, chains_of(store, run), rubric))
    leads = {c.lead for c in chains if c.lead}
    items = {i.id: i for i in store.records(Item, sorted(leads))}
    limit, patience = (cast("int", run.arguments[name]) for name in ("attempts", "patience"))
    season = _season(store, run)
    return [
        Told(
            chain=chain,
            ending=ending(chain.attempts, rubric, limit=limit, patience=patience),
            lead=items.get(chain.lead or ""),
            done=_done(chain, season),
            since=max((t.image.created_at for a in chain.attempts for t in a.tries if t.image.image), default=None),
        )
        for chain in chains
    ]  # fmt: skip


def _season(store: Store, run: Run) -> set[str]:
    """This run, and those before it that were stopped or killed on the way to the same end."""
    ended = set(store.events(kind="finished")["run"])
    before = sorted(
        (
            r
            for r in store.records(Run)
            if r.command == COMMAND
            and r.created_at < run.created_at
            and all(r.arguments.get(name) == run.arguments.get(name) for name in _SAME)
        ),
        key=lambda r: r.created_at,
        reverse=True,
    )
    season = {run.id}
    for one in before:
        if one.id in ended:
            break
        season.add(one.id)
    return season


def _done(chain: Chain, season: set[str]) -> Done:
    tries = [t for a in chain.attempts for t in a.tries if t.image.image]
    if not tries:
        return "nothing"
    if any(t.image.run in season for t in tries):
        return "made"
    return "judged" if any(t.verdict and t.verdict.run in season for t in tries) else "kept"


def read_audit(store: Store, run: Run, told: Sequence[Told]) -> Audited | None:
    """What answers say about this run's judge on this image model's pictures of these topics.

    Of the audits that brought an answer, else of all, the latest about most of the topics; one that drew other
    pictures, of another catalogue or season, says nothing about these.
    """
    wanted = {
        "judge_revision": run.arguments["judge_revision"],
        "model_revision": run.arguments["image_model_revision"],
        "rubric": run.arguments["rubric_label"],
    }
    topics = {t.chain.category for t in told}
    pictures = {x.image.key for t in told for a in t.chain.attempts for x in a.tries}
    fitting = []
    for audit in store.records(Audit):
        selected = _selected(audit)
        categories = selected.get("categories")
        about = topics if categories is None else set(cast("list[str]", categories))
        if (
            about <= topics
            and all(selected.get(k) == v for k, v in wanted.items())
            and all(one.generation in pictures for one in audit.drawn)
        ):
            fitting.append((bool(answers_to(store, audit)), len(about), audit.created_at, audit))
    if not fitting:
        return None
    return calibrate_audit(store, max(fitting, key=lambda one: one[:3])[3])


def _selected(audit: Audit) -> Mapping[str, object]:
    population = audit.parameters.get("population")
    selected = population.get("selected") if isinstance(population, Mapping) else None
    return selected if isinstance(selected, Mapping) else {}
