"""Aligning a catalogue and talking about it: resumed, counted by kind, in chunks."""

import json
from dataclasses import replace
from itertools import islice

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.lacu import run_lacu
from pipelines.mace import align_all, load_aligner, run_mace
from pipelines.recorder import record
from workbench.alignment import Decisions
from workbench.catalog import open_catalog
from workbench.errors import ModelError
from workbench.records import Generation, Item
from workbench.store import Store

ADDRESS = "drawn:seed=17,items=70,size=64"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("mace")


def test_both_commands_run_again_and_make_nothing_twice(place):
    with Store.open(place / "store") as store:
        first = run_mace(store, open_catalog(ADDRESS), ADDRESS, quiet=True)
        again = run_mace(store, open_catalog(ADDRESS), ADDRESS, quiet=True)
        assert (first.items, first.made, again.made) == (70, 70, 0)
        assert first.removed == again.removed
        assert {one.kind for one in first.removed} >= {"size", "brand", "condition", "promotion"}
        assert all(1 <= len(one.examples) <= 3 for one in first.removed)
        counted = sum(
            len(list(Decisions.from_dict(g.details).removed()))
            for g in store.records(Generation)
            if g.kind == "alignment"
        )
        assert counted == sum(one.count for one in first.removed)
        assert first.checked[1].recall.low > 0.8
        talks = run_lacu(store, open_catalog(ADDRESS), ADDRESS, quiet=True)
        more = run_lacu(store, open_catalog(ADDRESS), ADDRESS, quiet=True)
        assert (talks.made, more.made, talks.fit) == (70, 0, 70)
        assert talks.rounds >= 5 * 70
        assert talks.covered == talks.aspects > 0
        kinds = store.generations()["kind"].value_counts().to_dict()
        assert kinds == {"alignment": 70, "dialogue": 70}
        for text in (str(first), str(talks)):
            assert all(len(line) < 200 for line in text.splitlines())


def test_a_stopped_run_goes_on_where_it_was(place):
    with Store.open(place / "stopped") as store:
        catalog = open_catalog(ADDRESS)
        run_mace(store, catalog, ADDRESS, limit=5, quiet=True)
        by = load_aligner("rules", catalog.schema)
        with record(store, "test", {}, quiet=True) as recorder, recorder.stage("align") as stage:
            run_items = [i for i in store.records(Item)]
            list(islice(align_all(store, run_items, by, recorder, stage), 2))
            assert (stage.done, stage.known) == (0, 5)
        rest = run_mace(store, catalog, ADDRESS, quiet=True)
        assert rest.made == 65


def test_the_commands_tell_what_went_in_words_and_as_json(place):
    arguments = ["-c", ADDRESS, "-s", str(place / "cli"), "-q", "--limit", "6"]
    told = CliRunner().invoke(app, ["run", "mace", *arguments])
    assert told.exit_code == 0, told.output
    assert "6 listings aligned by rules" in told.output
    assert "of what went, had to go" in told.output
    told = CliRunner().invoke(app, ["run", "lacu", *arguments, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["fit"] == 6


def test_a_scorer_that_reads_only_is_refused():
    with pytest.raises(ModelError, match="reads text only"):
        load_aligner("score:tiny:text", open_catalog(ADDRESS).schema)


def test_real_listings_lose_sizes_technologies_and_sale_and_keep_colors(real_data, place):
    """What sellers of sportswear typed, and as a louder one would type it."""
    catalog = open_catalog(f"magento:{real_data}/luma")
    with Store.open(place / "luma") as store:
        told = run_mace(store, catalog, "magento:luma", quiet=True)
        removed = {one.kind: one for one in told.removed}
        assert removed["size"].count == told.items > 400
        assert removed["fabric technology"].count > 100
        made = {one.item: one.listing for one in store.records(Generation)}
        items = list(store.records(Item))
        for item in items:
            listing = made[item.id]
            assert listing.aspects["Color"] == item.aspects["Color"]
            text = json.dumps([listing.title, dict(listing.aspects)], ensure_ascii=False)
            assert "Size" not in listing.aspects and not set("™®") & set(text)
        loud = [
            replace(
                i,
                id=f"{i.id}-loud",
                title=f"SALE! {i.aspects['Color'][0]} {i.title} LumaTech™ Size XL -30%",
            )
            for i in items[::40]
        ]
        by = load_aligner("rules", catalog.schema)
        for item, one in zip(loud, by.align(loud, [()] * len(loud)), strict=True):
            words = one.listing.title.split()
            assert set(item.aspects["Color"][0].split()) <= set(words)
            assert not {"SALE!", "Sale", "LumaTech™", "Size", "XL", "-30%"} & set(words), words
