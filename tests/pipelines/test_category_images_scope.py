"""What a run says is about that run: its topics, seeds, candidates and season, whatever else the store holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipelines.category_images import CategoryImagesJob, run_category_images
from reports.category_images import write_category_images_page
from reports.topics import read_audit, read_told
from workbench.catalog import open_catalog
from workbench.judging.chains import chains_of, read_chains
from workbench.prompting import Theme
from workbench.records import Audit, Generation, Run
from workbench.rubric import load_rubric
from workbench.store import Store

DRAWN = "drawn:seed=5,items=60,size=64"


@pytest.fixture
def shop(tmp_path, measured, painting_server):
    """A store, and a function that runs a changed job on it and returns its summary and run."""
    with painting_server() as painter, Store.open(tmp_path / "store") as store:
        job = CategoryImagesJob(
            catalog=DRAWN, image_model=painter.model, judge="instruments", rubric=measured, audit=9,
            attempts=2, categories=("mug", "chair", "lamp"),
        )  # fmt: skip

        def go(**changed):
            summary = run_category_images(
                store, open_catalog(DRAWN), replace(job, **changed), quiet=True
            )
            return summary, store.find(Run, summary.run)

        yield store, load_rubric(measured), go


def pictures(store, rubric, run):
    chains = read_chains(store, chains_of(store, run), rubric)
    return {c.category: [t.image.key for a in c.attempts for t in a.tries] for c in chains}


def test_a_run_that_goes_back_to_an_earlier_seed_shows_that_seeds_pictures(shop):
    store, rubric, go = shop
    first = pictures(store, rubric, go(seed=0)[1])
    other = pictures(store, rubric, go(seed=7)[1])
    summary, run = go(seed=0)
    assert summary.pictures == 0
    assert pictures(store, rubric, run) == first != other


def test_fewer_candidates_and_attempts_than_the_store_holds(shop):
    store, rubric, go = shop
    go(candidates=3)
    _, run = go(candidates=1, attempts=1)
    assert {len(keys) for keys in pictures(store, rubric, run).values()} == {1}


def test_topics_of_other_runs_stay_off_the_page(shop, tmp_path):
    store, rubric, go = shop
    go()
    _, run = go(categories=("mug",), themes=(Theme(name="Red lamps", categories=("lamp",)),))
    assert set(pictures(store, rubric, run)) == {"mug", "theme:red-lamps"}
    page = write_category_images_page(store, tmp_path / "page.html").read_text()
    assert "of 2 topics" in page


def test_a_run_that_finds_everything_done_finds_its_audit(shop):
    store, rubric, go = shop
    first, _ = go()
    other, _ = go(categories=("mug",))
    again, later = go()
    assert first.audit == again.audit != other.audit
    assert sum(1 for _ in store.records(Audit)) == 2
    audited = read_audit(store, later, read_told(store, later, rubric))
    assert audited.audit.id == first.audit
    assert first.worth == again.worth and "Of 100 approvals" in first.worth
    assert first.worth.endswith("The answers are simulated.")


def test_answers_about_some_of_the_topics_are_not_lost_where_a_larger_audit_waits(shop):
    store, rubric, go = shop
    small, _ = go(categories=("mug", "chair"))
    _, run = go(audit=0)
    audited = read_audit(store, run, read_told(store, run, rubric))
    assert audited.audit.id == small.audit


def test_an_audit_too_small_to_say_anything_is_enlarged(shop):
    store, _, go = shop
    summary, _ = go(audit=1)
    (audit,) = store.records(Audit, [summary.audit])
    assert len(audit.drawn) >= 3


def test_a_new_version_of_the_rubric_judges_again_and_the_summary_says_so(shop, measured):
    _, _, go = shop
    first, _ = go(audit=0)
    assert (first.judged_only, first.unchanged) == (0, 0)
    text = Path(measured).read_text()
    Path(measured).write_text(text.replace("version: 1", "version: 2"))
    again, _ = go(audit=0)
    assert (again.pictures, again.judged_only, again.unchanged) == (0, 3, 0)
    assert "; 0 pictures made, 3 topics only judged, 0 topics found done" in str(again)
    last, _ = go(audit=0)
    assert (last.judged_only, last.unchanged) == (0, 3)


def table(folder, name, rows):
    """The address of a catalogue of mugs: title and clicks of each row."""
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), "white").save(folder / "photo.png")
    lines = [
        f"{name}-{n},{title},mug,photo.png,{clicks},1000" for n, (title, clicks) in enumerate(rows)
    ]
    text = "\n".join(["id,title,category,photo,clicks,impressions", *lines])
    (folder / f"{name}.csv").write_text(text + "\n")
    return f"table:{folder}/{name}.csv?photo={{photo}}&clicks=clicks&impressions=impressions"


@pytest.fixture
def season(tmp_path, measured, painting_server):
    """A store, and a function that runs a job on a table of mugs."""
    with painting_server() as painter, Store.open(tmp_path / "store") as store:

        def go(name, *rows, **changed):
            address = table(tmp_path / "tables", name, rows)
            job = CategoryImagesJob(
                catalog=address, image_model=painter.model, judge="instruments", rubric=measured, audit=4,
                attempts=2, candidates=4,
            )  # fmt: skip
            summary = run_category_images(
                store, open_catalog(address), replace(job, **changed), quiet=True
            )
            return summary, store.find(Run, summary.run)

        yield store, load_rubric(measured), go, painter


def test_items_that_lead_to_the_same_words_make_no_picture_twice(season):
    store, rubric, go, painter = season
    first, run = go("shop", ("Red mug", 90), ("Blue cup", 10))
    made = pictures(store, rubric, run)
    # Another item stands for the topic beside the one that leads, and so the prompt is written anew.
    second, run = go("shop", ("Red mug", 90), ("Blue cup", 10), ("Green beaker", 50))
    assert first.pictures > 0
    assert (second.pictures, second.judged_only, second.unchanged) == (0, 0, 1)
    assert pictures(store, rubric, run) == made
    assert max(painter.asked.values()) == 1
    go("shop", ("Red mug", 90), ("Blue cup", 10), ("Green beaker", 50))
    prompts = [g for g in store.records(Generation) if g.kind == "prompt" and g.parent is None]
    assert len(prompts) == 2
    third, _ = go("shop", ("Red mug", 9), ("Yellow cup", 100))
    assert third.pictures > 0


def test_the_same_category_of_two_catalogues_is_kept_apart(season):
    store, rubric, go, _ = season
    ours, run = go("ours", ("Red mug", 90))
    theirs, other = go("theirs", ("Red mug", 90))
    assert ours.pictures > 0 and theirs.pictures > 0
    mine, foreign = (pictures(store, rubric, one)["mug"] for one in (run, other))
    assert not set(mine) & set(foreign)
    again, later = go("ours", ("Red mug", 90))
    assert (again.pictures, pictures(store, rubric, later)["mug"]) == (0, mine)
    # An audit of the one says nothing about the other.
    audits = {a.id: {d.generation for d in a.drawn} for a in store.records(Audit)}
    assert audits[ours.audit] <= set(mine) and audits[theirs.audit] <= set(foreign)
    made = {
        d.generation for d in read_audit(store, later, read_told(store, later, rubric)).audit.drawn
    }
    assert made <= set(mine)
    # What a killed run leaves, without a note of its topics.
    lost = chains_of(store, later)
    (chain,) = read_chains(store, replace(lost, scope=None), rubric)
    assert {t.image.key for a in chain.attempts for t in a.tries} == set(mine)
