"""Wherever models do the work, a run leaves the same store: pieces are pickled, and come back in any order."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipelines.category_images import CategoryImagesJob, run_category_images
from pipelines.lacu import run_lacu
from pipelines.listings import write_listings
from pipelines.mace import run_mace
from pipelines.places import HERE
from pipelines.recorder import record
from workbench.catalog import open_catalog
from workbench.errors import ModelError
from workbench.models.elsewhere import ModelElsewhere, said_by
from workbench.models.listings import PhotoWriter
from workbench.records import Item, RunEvent
from workbench.store import Store

ADDRESS = "drawn:seed=5,items=60,size=64"
CATEGORIES = ("mug", "hat", "dress", "lamp", "handbag")
RUBRIC = str(Path(__file__).parents[1] / "samples" / "plain.yaml")


class Pickled:
    """A place that gets work, pieces and answers as bytes, and does the last piece first."""

    at_once = 4

    def __init__(self):
        self.pieces = []
        """How many were handed over together, each time."""

    def each(self, work, pieces):
        packed = [pickle.dumps(piece) for piece in pieces]
        self.pieces.append(len(packed))
        there = pickle.loads(pickle.dumps(work))
        for piece in reversed(packed):
            yield pickle.loads(pickle.dumps(there(pickle.loads(piece))))

    def text(self, name):
        return ModelElsewhere(said_by("text", name))

    def scorer(self, name):
        return ModelElsewhere(said_by("scorer", name))

    def image(self, name):
        return ModelElsewhere(said_by("image", name))


def category_images(folder: Path, painter: str, place: object) -> None:
    """What the tiny model writes is no prompt, so that rules do; it is asked for all of them."""
    job = CategoryImagesJob(
        catalog=ADDRESS, image_model=painter, judge="tiny:vlm", rubric=RUBRIC, writer="tiny:vlm",
        refiner="tiny:vlm", attempts=2, candidates=8, items=1, audit=12, categories=CATEGORIES,
    )  # fmt: skip
    with Store.open(folder) as store:
        run_category_images(store, open_catalog(ADDRESS), job, on=place, quiet=True)


def test_category_images_are_the_same_and_nobody_loads_a_model_here(
    tmp_path, fast_painter, same_store, monkeypatch
):
    place = Pickled()
    category_images(tmp_path / "here", fast_painter, HERE)
    for kind in ("text", "scorer", "image"):
        monkeypatch.setattr(f"pipelines.places.load_{kind}", None)
    category_images(tmp_path / "there", fast_painter, place)
    kinds = ("title", "prompt", "image")
    assert same_store(tmp_path / "here", tmp_path / "there", *kinds) > 2 * 8 * len(CATEGORIES)
    assert max(place.pieces) > 1, "several pieces are there for several workers"
    with Store.open(tmp_path / "here") as one, Store.open(tmp_path / "there") as other:
        audits = [store.audits().drop(columns=["created_at"]) for store in (one, other)]
        assert audits[0].equals(audits[1])


def test_listings_alignments_and_dialogues_are_the_same(tmp_path, same_store):
    place = Pickled()
    catalog = open_catalog(ADDRESS)
    stages = []
    for on in (HERE, place):
        with Store.open(tmp_path / str(on is HERE)) as store:
            run_mace(store, catalog, ADDRESS, aligner="score:tiny:vlm", on=on, quiet=True)
            run_lacu(store, catalog, ADDRESS, aligner="score:tiny:vlm", on=on, quiet=True)
            writer = PhotoWriter(on.text("tiny:vlm"), catalog.schema)
            with record(store, "test", {}, quiet=True) as recorder:
                items = sorted(store.records(Item), key=lambda one: one.id)
                write_listings(store, items[:20], writer, recorder, on=on)
            stages.append([(e.stage, e.done, e.known) for e in store.records(RunEvent) if e.stage])
    assert stages[0] == stages[1]
    kinds = ("alignment", "dialogue", "listing")
    assert same_store(tmp_path / "True", tmp_path / "False", *kinds) == 60 + 60 + 20
    assert max(place.pieces) > 1


def test_a_model_that_is_not_there_is_one_sentence(tmp_path):
    with Store.open(tmp_path) as store, pytest.raises(ModelError, match="nowhere"):
        run_mace(store, open_catalog(ADDRESS), ADDRESS, aligner="dir:nowhere", on=Pickled())
