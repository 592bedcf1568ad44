"""A store on each database, so that the same tests run against both, and records to fill it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.records import (
    Annotation,
    Audit,
    AuditedItem,
    Correction,
    CriterionScore,
    Generation,
    Item,
    Listing,
    PreferencePair,
    Run,
    RunEvent,
    Verdict,
)
from workbench.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be made."""
    if request.param == "sqlite":
        return str(tmp_path / "store")
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def store(address: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(address, images=tmp_path / "images") as opened:
        yield opened


@pytest.fixture
def local_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite, for what happens before any database is asked."""
    with Store.open(tmp_path / "store") as opened:
        yield opened


def _maker(record: type[Any], **usual: Any) -> Callable[..., Any]:
    return lambda **given: record(**usual | given)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Short ways to make plausible records: `make.item(id="a")`."""
    scores = (
        CriterionScore(criterion="fidelity", score=4.5, distribution=(0.0, 0.0, 0.0, 0.5, 0.5)),
        CriterionScore(criterion="clarity", score=None),
    )
    return SimpleNamespace(
        item=_maker(Item, id="shop/1", category="mugs", title="Blue mug", price=9.5),
        generation=_maker(
            Generation,
            key="g1",
            kind="listing",
            category="mugs",
            model="starter:listing",
            revision="r1",
            prompt="Describe it.",
            item="shop/1",
            listing=Listing(title="Mug in blue", aspects={"Color": ("Blue",)}, price=9.0),
        ),
        verdict=_maker(
            Verdict,
            key="v1",
            generation="g1",
            judge="starter:judge",
            revision="r1",
            rubric="listing@1",
            scores=scores,
        ),
        audit=_maker(
            Audit,
            id="a1",
            judge="starter:judge",
            rubric="listing@1",
            design="stratified",
            seed=3,
            strata={"approved": 40, "rejected": 10},
            drawn=(
                AuditedItem(
                    generation="g2", verdict="v2", stratum="rejected", inclusion_probability=0.5
                ),
                AuditedItem(
                    generation="g1", verdict="v1", stratum="approved", inclusion_probability=0.1
                ),
            ),
        ),
        annotation=_maker(
            Annotation,
            id="n1",
            generation="g1",
            annotator="ada",
            rubric="listing@1",
            approved=True,
            scores={"fidelity": 4.0},
        ),
        correction=_maker(
            Correction,
            id="c1",
            annotation="n1",
            generation="g1",
            about="title",
            before="Mug in blue",
            after="Blue mug",
        ),
        pair=_maker(
            PreferencePair,
            key="p1",
            item="shop/1",
            generation="g1",
            prompt="Describe it.",
            images=(),
            chosen="Blue mug",
            rejected="Mug in blue",
            corrections=("c1",),
            source="correction",
        ),
        run=_maker(Run, id="r1", command="run listings"),
        event=_maker(RunEvent, id="e1", run="r1", kind="stage", stage="generate", done=4),
    )
