"""`workbench pairs` and `workbench trace` on a drawn catalogue that simulated annotators corrected."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pipelines.cli_preferences import pairs_command, trace_command
from pipelines.preferences import PairsJob, export_from
from workbench.catalog.annotators import SimulatedAnnotator, known_listing
from workbench.catalog.drawn import DrawnCatalog, clean_listing
from workbench.catalog.ingest import ingest
from workbench.errors import LearningError
from workbench.models.listings import photo_question
from workbench.models.starter.data import write_listing
from workbench.records import Generation, Item, PreferencePair
from workbench.rubric import dump_rubric, load_rubric
from workbench.schema import dump_schema
from workbench.store import Store, group_of

ITEMS = 60


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A store with listings of which some state a wrong colour, and one annotator's corrections."""
    place = tmp_path_factory.mktemp("shop") / "store"
    catalog, rubric = DrawnCatalog(seed=11, items=ITEMS, size=64), load_rubric("listing")
    with Store.open(place) as store:
        ingest(store, catalog)
        store.add_schema(catalog.name, dump_schema(catalog.schema))
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        items = {item.id: item for item in store.records(Item)}
        store.assign_split({group_of(item) for item in items.values()}, eval_share=0.3, seed=1)
        annotator = SimulatedAnnotator(name="test", false_approve=0, false_reject=0)
        for item, entry in zip(items.values(), catalog.entries, strict=True):
            listing = clean_listing(entry.product)
            wrong = "Red" if listing.aspects["Color"] != ("Red",) else "Blue"
            said = replace(listing, aspects={**listing.aspects, "Color": (wrong,)})
            generation = Generation(
                key=f"made-{item.id}",
                kind="listing",
                category=item.category,
                model="starter:listing",
                revision="weights",
                prompt=photo_question(catalog.schema.category(item.category)),
                item=item.id,
                inputs=item.photos,
                listing=said,
                text=write_listing(said.title, said.aspects),
            )
            known = known_listing(generation, item, schema=catalog.schema, rubric=rubric)
            judged = annotator.answer(generation, known, rubric)
            store.add([generation, judged.annotation, *judged.corrections])
    return place


def call(command, *arguments):
    import typer

    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def test_the_command_exports_tells_and_can_be_run_again(address, tmp_path):
    out = tmp_path / "pairs"
    done = call(pairs_command, "--store", address, "--out", out, "--quiet")
    assert done.exit_code == 0, done.output
    assert "no pair from" in done.stdout and "held out for evaluation" in done.stdout
    assert "come from simulated answers" in done.stdout and f"pairs for trl in {out}" in done.stdout
    again = call(
        pairs_command,
        "--store",
        address,
        "--out",
        out,
        "--json",
        "--model",
        "starter:listing",
        "--max-length",
        512,
    )
    told = json.loads(again.stdout)
    rows = (out / "metadata.jsonl").read_text().splitlines()
    assert told["exported"] == len(rows) > 20 and told["kept"] == len(rows)
    assert json.loads((out / "about" / "report.json").read_text())["kept"] == len(rows)
    with Store.open(address) as store:
        evaluated = set(store.items(part="eval")["id"])
        stored = list(store.records(PreferencePair))
        assert len(stored) == len(rows) and not evaluated & {pair.item for pair in stored}
        for row in map(json.loads, rows):
            assert store.find(PreferencePair, row["pair"]).chosen == row["chosen"][0]["content"]


def test_a_pair_is_walked_back_to_the_answer(address, tmp_path):
    with Store.open(address) as store:
        export_from(store, PairsJob(out=tmp_path / "out", format="parquet"), quiet=True)
        pair = next(iter(store.records(PreferencePair)))
    done = call(trace_command, pair.key[:16], "--store", address)
    for step in (
        pair.key[:12],
        "simulated:test (simulated)",
        "aspects.Color",
        "rubric listing@1 (",
        "starter:listing",
    ):
        assert step in done.stdout, step
    whole = json.loads(call(trace_command, pair.key[:16], "--store", address, "--json").stdout)
    assert whole["rejected"]["key"] == pair.generation and whole["rubric"]["name"] == "listing"


def test_what_cannot_be_told_is_one_sentence(address, tmp_path):
    with (
        Store.open(tmp_path / "empty") as store,
        pytest.raises(LearningError, match="annotate pull"),
    ):
        export_from(store, PairsJob(out=tmp_path / "out", format="trl"), quiet=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(LearningError, match="no pair begins with 'nothing'"):
        call(trace_command, "nothing", "--store", address)
    assert (
        "--model" in call(pairs_command, "--store", address, "--out", "x", "--max-length", 9).output
    )
