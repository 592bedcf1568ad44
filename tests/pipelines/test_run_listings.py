"""The first main job: what it leaves in the store, and that it does nothing twice."""

import dataclasses
import json
import shutil

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.errors import CalibrationError, CatalogError, LearningError, StoreError
from workbench.models.listings import STATE_ABOVE
from workbench.records import Annotation, Audit, Correction, Generation, Item, RunEvent, Verdict
from workbench.store import Store, group_of


@pytest.fixture
def store(finished):
    with Store.open(finished.folder / "store", create=False) as opened:
        yield opened


def test_every_item_has_one_listing_and_one_verdict(finished, store):
    items = {i.id for i in store.records(Item)}
    generations = list(store.records(Generation))
    verdicts = list(store.records(Verdict))
    assert len(items) == 96
    assert {g.item for g in generations} == items
    assert len(generations) == len(verdicts) == 96
    assert {v.generation for v in verdicts} == {g.key for g in generations}
    assert finished.output["items"] == finished.output["written"] == 96


def test_a_listing_can_be_walked_back_to_its_photo_and_carries_its_evidence(store):
    for generation in store.records(Generation):
        item = store.find(Item, generation.item)
        assert generation.inputs == item.photos
        assert store.images.has(generation.inputs[0])
        assert generation.simulated  # the items were drawn
        assert generation.listing is not None
        category, probability = generation.details["category"][0]
        assert generation.listing.category == category
        assert 0 < probability <= 1
        for name, values in generation.listing.aspects.items():
            said = {value: p for value, p in generation.details["aspects"][name]}
            if name == "Color":  # the drawn schema requires it: the best guess is stated
                assert values == (generation.details["aspects"][name][0][0],)
            else:
                assert all(said[v] > STATE_ABOVE for v in values)


def test_the_split_keeps_groups_together_and_only_held_out_items_are_audited(store):
    parts = dict(store.splits()[["group", "part"]].itertuples(index=False))
    (audit,) = store.records(Audit)
    generations = {g.key: g for g in store.records(Generation)}
    for drawn in audit.drawn:
        item = store.find(Item, generations[drawn.generation].item)
        assert parts[group_of(item)] == "eval"
        assert 0 < drawn.inclusion_probability <= 1
    assert len(audit.drawn) == 24
    with pytest.raises(Exception, match="eval"):
        store.require_train([generations[audit.drawn[0].generation].item])


def test_answers_are_marked_as_simulated_and_corrections_name_their_annotation(store):
    annotations = {a.id: a for a in store.records(Annotation)}
    assert len(annotations) == 24
    assert all(a.simulated and a.annotator == "catalogue-truth" for a in annotations.values())
    for correction in store.records(Correction):
        assert correction.simulated
        assert annotations[correction.annotation].generation == correction.generation


def test_stages_leave_what_they_made_and_took(store):
    stages = {e.stage: e for e in store.records(RunEvent) if e.kind == "stage"}
    assert stages["write listings"].done == stages["judge"].done == 96
    assert stages["write listings"].cost.completion_tokens > 0
    assert all(e.cost.seconds > 0 for e in stages.values())


def test_running_again_makes_nothing_new(finished, tmp_path, monkeypatch):
    shutil.copytree(finished.folder, tmp_path / "copy")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "copy" / "cache"))
    place = str(tmp_path / "copy" / "store")
    with Store.open(place) as store:
        before = dict(store.counts())
    again = CliRunner().invoke(
        app,
        ["run", "listings", "--catalog", finished.catalog, "--store", place,
         "--model", "tiny:text", "--audit", "24", "--json"],
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["audit"] == finished.output["audit"]
    with Store.open(place) as store:
        after = dict(store.counts())
        last = max(store.records(RunEvent), key=lambda e: e.created_at).run
        stages = [e for e in store.records(RunEvent) if e.run == last and e.kind == "stage"]
    assert all(e.done == 0 for e in stages)
    changed = {noun for noun in after if after[noun] != before[noun]}
    assert changed == {"runs", "events"}


def test_another_judge_and_part_are_judged_beside_the_first(finished, tmp_path, monkeypatch):
    shutil.copytree(finished.folder, tmp_path / "copy")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "copy" / "cache"))
    place = str(tmp_path / "copy" / "store")
    done = CliRunner().invoke(
        app, ["judge", "--store", place, "--judge", "heads:efficientnet-lite0", "--part", "eval", "--json"]
    )  # fmt: skip
    assert done.exit_code == 0, (done.output, done.exception)
    summary = json.loads(done.stdout)
    with Store.open(place) as store:
        assert summary["judged"] == len(store.items(part="eval"))
        assert len(store.verdicts(judge="heads:efficientnet-lite0")) == summary["judged"]
        # The first audit's population is what it was.
        calibrate_audit(store, find_audit(store))


def test_an_audit_whose_population_is_gone_is_refused(store):
    audit = find_audit(store)
    with pytest.raises(CalibrationError, match="was drawn from"):
        calibrate_audit(store, dataclasses.replace(audit, strata={"approved": 1000}))
    with pytest.raises(StoreError, match="no audit begins with 'nothing'"):
        find_audit(store, "nothing")
    assert find_audit(store, audit.id[:8]) == audit


def test_too_few_items_are_told_before_a_photo_is_looked_at(tmp_path):
    words = ["run", "listings", "--catalog", "drawn:seed=7,items=24", "--store"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "store")])
    assert isinstance(done.exception, LearningError)
    assert "two categories with 3 groups" in str(done.exception)
    assert "ingest" in done.stderr
    assert "learn from photos" not in done.stderr


def test_another_catalogue_of_the_same_name_is_told_and_may_be_renamed(tmp_path, capsys):
    from pipelines.intake import tell_of_namesakes
    from pipelines.recorder import record
    from workbench.catalog import open_catalog, whole_address

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "items.csv").write_text("id,title\n1,Mug\n")
    first, second = (f"table:{tmp_path}/{f}/items.csv" for f in ("a", "b"))
    with Store.open(tmp_path / "store") as store:

        def start(address):
            name = open_catalog(address).name
            with record(store, "run listings", {"catalog": address, "name": name}) as recorder:
                tell_of_namesakes(store, name, address, recorder)
            return capsys.readouterr().err

        assert start(first) == ""
        assert start(first + "?title=title") == ""
        assert f"'{first}'" in start(second)
        assert start(second + "?name=spring") == ""
    (item,) = open_catalog(second + "?name=spring").items()
    assert item.id == "spring/1"
    with pytest.raises(CatalogError, match="want a name without"):
        open_catalog(first + "?name=a/b")
    assert whole_address("drawn:seed=1") == "drawn:seed=1"
    assert whole_address("folder:photos").endswith("/photos")
