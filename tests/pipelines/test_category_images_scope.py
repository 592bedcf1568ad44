"""What a run says is about that run: its topics, seeds, candidates and season, whatever else the store holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.category_images import CategoryImagesJob, run_category_images
from reports.category_images import _audited, _told, write_category_images_page
from workbench.catalog import open_catalog
from workbench.judging.chains import chains_of, read_chains
from workbench.prompting import Theme
from workbench.records import Audit, Run
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
    audited = _audited(store, later, _told(store, later, rubric))
    assert audited.audit.id == first.audit
    assert first.worth == again.worth and "Of 100 approvals" in first.worth
    assert first.worth.endswith("The answers are simulated.")


def test_answers_about_some_of_the_topics_are_not_lost_where_a_larger_audit_waits(shop):
    store, rubric, go = shop
    small, _ = go(categories=("mug", "chair"))
    _, run = go(audit=0)
    audited = _audited(store, run, _told(store, run, rubric))
    assert audited.audit.id == small.audit


def test_an_audit_too_small_to_say_anything_is_enlarged(shop):
    store, _, go = shop
    summary, _ = go(audit=1)
    (audit,) = store.records(Audit, [summary.audit])
    assert len(audit.drawn) >= 3
