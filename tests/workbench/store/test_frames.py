"""One call, one frame: the same columns and types, full or empty."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa

from workbench.records import Cost, CriterionScore, Listing, Split
from workbench.store import Store

NOUNS = (
    "items", "generations", "verdicts", "audits", "annotations", "corrections", "pairs", "runs",
    "events", "splits", "rubrics",
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request, tmp_path_factory, make):
    """A store with two categories, two judges and answers about them; tests here only read it."""
    address = tmp_path_factory.mktemp("full")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sa.text("CREATE DATABASE frames"))
        server.dispose()
        address = url.replace("/postgres?", "/frames?")
    with Store.open(address) as store:
        fill(store, make)
        yield store


def fill(store, make):
    store.add(
        [
            make.item(clicks=3, impressions=100, truth={"color": "Blue"}, photos=("sha256:00",)),
            make.item(id="shop/2", category="bags", title=None, price=None, simulated=True),
            make.generation(cost=Cost(seconds=0.5, prompt_tokens=7), run="r1", seed=5),
            make.generation(key="g2", item="shop/2", category="bags", model="hf:other", listing=None),
            make.generation(
                key="g3", item=None, kind="image", image="sha256:11", listing=None, parent="g2",
                attempt=2,
            ),
            make.verdict(failure_modes=("dark", "blurred"), approved=False, confidence=0.2),
            make.verdict(
                key="v2", generation="g2", judge="hf:judge", approved=True, confidence=0.9,
                failure_modes=("dark",), run="r2",
                scores=(CriterionScore(criterion="style", score=1.5),),
            ),
            make.verdict(key="v3", generation="unknown", simulated=True),
            make.audit(run="r1"),
            make.annotation(failure_modes=("dark",), seconds=3.5, audit="a1"),
            make.annotation(
                id="n2", generation="g2", annotator="simulated:bo", approved=None, scores={},
                blind=False, simulated=True,
            ),
            make.correction(),
            make.pair(),
            make.run(arguments={"limit": 3}, versions={"torch": "2"}),
            make.event(cost=Cost(seconds=2.0)),
            Split(group="shop/1", part="eval", seed=4),
        ]
    )  # fmt: skip
    store.add_rubric("listing", 1, "d1", "name: listing")


@pytest.mark.parametrize("noun", NOUNS)
def test_an_empty_frame_has_the_columns_and_types_of_a_full_one(full, noun):
    frame = getattr(full, noun)()
    assert len(frame) > 0
    some = {"runs": {"command": "x"}, "events": {"run": "x"}, "splits": {"part": "train"}}
    some |= {"rubrics": {"name": "x"}, "pairs": {"category": "x"}, "audits": {"category": "x"}}
    empty = getattr(full, noun)(**some.get(noun, {"category": "nothing"}))
    assert len(empty) == 0
    stable = frame.loc[:, [name for name in frame if not name.startswith("score_")]]
    assert empty.dtypes.to_dict() == stable.dtypes.to_dict()


@pytest.mark.parametrize("noun", NOUNS)
def test_moments_are_in_utc(full, noun):
    frame = getattr(full, noun)()
    for name in ("created_at", "recorded_at"):
        if name in frame:
            assert frame[name].dtype == "datetime64[us, UTC]"
            assert abs(frame[name].iloc[0] - pd.Timestamp(datetime.now(UTC))) < pd.Timedelta("1h")


def test_items(full):
    frame = full.items()
    assert frame["id"].tolist() == ["shop/1", "shop/2"]
    assert frame["group"].tolist() == ["shop/1", "shop/2"]
    assert frame["part"].tolist()[0] == "eval"
    assert frame["part"].isna().tolist() == [False, True]
    assert frame["title"].isna().tolist() == [False, True]
    assert frame["price"].isna().tolist() == [False, True]
    assert frame["clicks"].tolist() == [3, pd.NA]
    assert frame["truth"].tolist() == [{"color": "Blue"}, {}]
    assert frame["photos"].tolist() == [["sha256:00"], []]
    assert full.items(category="bags")["id"].tolist() == ["shop/2"]
    assert full.items(category=["bags", "mugs"], simulated=False)["id"].tolist() == ["shop/1"]
    assert full.items(group=[])["id"].tolist() == []


def test_generations(full):
    frame = full.generations().set_index("key")
    assert frame.loc["g1", "title"] == "Mug in blue"
    assert frame.loc["g1", "aspects"] == {"Color": ["Blue"]}
    assert frame.loc["g1", ["price", "seconds", "prompt_tokens", "seed"]].tolist() == [
        9.0,
        0.5,
        7,
        5,
    ]
    assert pd.isna(frame.loc["g2", "title"])
    assert frame.loc["g3", ["image", "parent", "attempt"]].tolist() == ["sha256:11", "g2", 2]
    assert full.generations(kind="image")["key"].tolist() == ["g3"]
    assert full.generations(model="hf:other")["key"].tolist() == ["g2"]
    assert full.generations(item={"shop/1", "shop/2"})["key"].tolist() == ["g1", "g2"]
    assert full.generations(run="r1")["key"].tolist() == ["g1"]


def test_verdicts(full):
    frame = full.verdicts().set_index("key")
    assert list(frame.columns[-3:]) == ["score_fidelity", "score_clarity", "score_style"]
    assert frame["score_fidelity"].tolist()[::2] == [4.5, 4.5]
    assert frame["score_clarity"].isna().all(), "the judge abstained"
    assert frame.loc["v2", "score_style"] == 1.5
    assert frame["failure_modes"].tolist() == [["dark", "blurred"], ["dark"], []]
    assert frame["approved"].tolist() == [False, True, pd.NA]
    assert frame.loc["v1", ["category", "item", "model"]].tolist() == [
        "mugs", "shop/1", "starter:listing",
    ]  # fmt: skip
    assert frame.loc["v3", ["category", "item", "model"]].isna().all(), "its generation is unknown"


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ({}, ["v1", "v2", "v3"]),
        ({"failure_mode": "dark"}, ["v1", "v2"]),
        ({"failure_mode": ["blurred", "nothing"]}, ["v1"]),
        ({"failure_mode": ("blurred", "dark")}, ["v1", "v2"]),
        ({"failure_mode": "dark", "category": "bags"}, ["v2"]),
        ({"category": "mugs"}, ["v1"]),
        ({"kind": "listing"}, ["v1", "v2"]),
        ({"model": "hf:other"}, ["v2"]),
        ({"item": "shop/1"}, ["v1"]),
        ({"generation": "unknown"}, ["v3"]),
        ({"judge": "hf:judge"}, ["v2"]),
        ({"rubric": "listing@1"}, ["v1", "v2", "v3"]),
        ({"rubric": "listing@2"}, []),
        ({"approved": True}, ["v2"]),
        ({"approved": False}, ["v1"]),
        ({"run": "r2"}, ["v2"]),
        ({"simulated": True}, ["v3"]),
        ({"part": "eval"}, ["v1"]),
    ],
)
def test_verdicts_are_filtered(full, filters, keys):
    assert full.verdicts(**filters)["key"].tolist() == keys


def test_audits_have_a_row_for_each_that_was_drawn(full):
    frame = full.audits()
    assert frame["generation"].tolist() == ["g2", "g1"], "in the order of being drawn"
    assert frame["inclusion_probability"].tolist() == [0.5, 0.1]
    assert frame["population"].tolist() == [10, 40]
    assert frame["category"].tolist() == ["bags", "mugs"]
    assert frame["seed"].tolist() == [3, 3]
    assert full.audits(stratum="approved")["verdict"].tolist() == ["v1"]
    assert len(full.audits(audit="a1", judge="starter:judge", rubric="listing@1", run="r1")) == 2
    assert len(full.audits(category="bags")) == 1


def test_annotations(full):
    frame = full.annotations().set_index("id")
    assert frame.loc["n1", ["category", "seconds", "score_fidelity"]].tolist() == ["mugs", 3.5, 4.0]
    assert frame["approved"].tolist() == [True, pd.NA]
    assert frame["score_fidelity"].isna().tolist() == [False, True]
    for filters in (
        {"category": "mugs"}, {"model": "starter:listing"}, {"item": "shop/1"}, {"part": "eval"},
        {"generation": "g1"}, {"annotator": "ada"}, {"approved": True}, {"failure_mode": "dark"},
        {"audit": "a1"}, {"blind": True}, {"simulated": False},
    ):  # fmt: skip
        assert full.annotations(**filters)["id"].tolist() == ["n1"], filters
    assert full.annotations(prefix="n1")["id"].tolist() == ["n1"]
    assert full.annotations(prefix="%").empty
    assert len(full.annotations(rubric="listing@1", run=None)) == 2
    assert len(full.annotations(run="x")) == 0


def test_corrections_pairs_runs_and_events(full):
    correction = full.corrections(about="title", annotation="n1", part="eval").iloc[0]
    assert correction[["before", "after", "category", "item"]].tolist() == [
        "Mug in blue", "Blue mug", "mugs", "shop/1",
    ]  # fmt: skip
    pair = full.pairs(item="shop/1", source="correction", simulated=False).iloc[0]
    assert pair[["chosen", "rejected", "category"]].tolist() == ["Blue mug", "Mug in blue", "mugs"]
    assert pair["corrections"] == ["c1"]
    run = full.runs(command="run listings").iloc[0]
    assert run["arguments"] == {"limit": 3}
    assert run["versions"] == {"torch": "2"}
    event = full.events(run="r1", kind="stage", stage="generate").iloc[0]
    assert event[["done", "known", "seconds"]].tolist() == [4, 0, 2.0]


def test_a_listing_without_a_price_has_none(store, make):
    store.add([make.generation(listing=Listing(title="Mug"))])
    assert store.generations()["price"].isna().all()
