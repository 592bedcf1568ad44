"""Catalogues as people bring them: tiny, without categories, without photos, changed between two runs."""

import csv
import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.errors import (
    CalibrationError,
    CatalogError,
    JudgingError,
    LearningError,
    ModelError,
)
from workbench.records import Generation, Verdict
from workbench.store import Store

COLORS = {"Red": (200, 30, 30), "Green": (30, 180, 40), "Blue": (40, 50, 200)}
SEES = ("--model", "tiny:vlm", "--judge", "tiny:vlm")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def shop(tmp_path):
    """Writes a table of mugs and hats, each with a photo of its colour, and returns its address."""

    def write(n=12, *, name="shop", categories=("Mugs", "Hats"), **cells):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        rows = []
        for i in range(n):
            color = list(COLORS)[i % 3]
            photo = folder / f"{i}.png"
            if not photo.exists():
                Image.new("RGB", (24 + i, 24), COLORS[color]).save(photo)
            row = {"id": i, "category": categories[i % len(categories)], "photo": photo.name}
            rows.append(row | {"aspect.Color": color} | cells)
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return f"table:{folder / name}.csv"

    return write


def run(catalog, store, *more):
    """The summary of `workbench run listings`."""
    done = CliRunner().invoke(
        app, ["run", "listings", "-c", str(catalog), "-s", str(store), "--json", *map(str, more)]
    )
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def test_photos_without_categories_cannot_teach_heads_and_a_model_that_sees_needs_none(
    shop, tmp_path
):
    shop(10)
    folder = f"folder:{tmp_path / 'shop'}"
    with pytest.raises(LearningError, match=r"vision-language\s+model"):
        run(folder, tmp_path / "text", "--model", "tiny:text")
    assert run(folder, tmp_path / "sees", *SEES)["written"] == 10
    again = CliRunner().invoke(
        app, ["judge", "-s", str(tmp_path / "sees"), "--judge", "tiny:vlm", "--json"]
    )
    assert json.loads(again.stdout)["known"] == 10


def test_no_photo_at_all_names_the_first_problem_or_the_mapping(shop, tmp_path):
    with pytest.raises(CatalogError, match=r"photo=image_url"):
        run(shop(3, photo=""), tmp_path / "s", *SEES)
    with pytest.raises(CatalogError, match=r"3 rows or photos .* first: gone\.png"):
        run(shop(3, photo="gone.png"), tmp_path / "s", *SEES)


def test_where_nothing_can_be_held_out_or_learnt_it_is_said_before_work_is_done(shop, tmp_path):
    with pytest.raises(CalibrationError, match="none of 1 items is held out"):
        run(shop(1), tmp_path / "one", *SEES, "--eval-share", 0.05)
    with pytest.raises(LearningError, match="no item is in the training part"):
        run(shop(1), tmp_path / "two", "--model", "tiny:text", "--eval-share", 0.95)
    with pytest.raises(JudgingError, match="judges images"):
        run(shop(6), tmp_path / "three", *SEES, "--rubric", "category-image")
    with pytest.raises(ModelError, match="nonsense"):
        run(shop(6), tmp_path / "three", "--model", "tiny:vlm", "--judge", "nonsense")
    with pytest.raises(
        ModelError, match="want a judge that sees photos, but 'tiny:text' reads text"
    ):
        run(shop(6), tmp_path / "three", "--model", "tiny:vlm", "--judge", "tiny:text")
    with Store.open(tmp_path / "three") as store:
        assert store.counts()["generations"] == 0


def test_a_catalogue_may_shrink_and_change_between_runs(shop, tmp_path):
    place = tmp_path / "s"
    first = run(shop(12), place, *SEES)
    fewer = run(shop(9), place, *SEES)
    assert (fewer["items"], fewer["written"]) == (9, 9)
    assert run(shop(12), place, *SEES, "--limit", 7)["items"] == 7
    Image.new("RGB", (50, 50), "black").save(tmp_path / "shop" / "0.png")
    changed = run(shop(12), place, *SEES)
    assert changed["items"] == 12
    with Store.open(place) as store:
        assert (
            store.counts()["generations"] == 13
        )  # only the item with another photo was written again
        assert store.counts()["verdicts"] == len(list(store.records(Verdict)))
    for audit in (first["audit"], fewer["audit"], changed["audit"]):
        done = CliRunner().invoke(app, ["calibrate", "-s", str(place), "--audit", audit, "--json"])
        assert json.loads(done.stdout)["audit"] == audit


def test_a_run_on_few_items_leaves_the_schema_of_all(shop, tmp_path):
    place = tmp_path / "s"
    run(shop(8), place, *SEES)
    run(shop(8), place, *SEES, "--limit", 1, "--eval-share", 0.95)
    done = CliRunner().invoke(app, ["judge", "-s", str(place), "--judge", "tiny:vlm", "--json"])
    assert json.loads(done.stdout)["judged"] == 0  # by the same schema, so nothing is judged anew


def test_two_catalogues_share_a_store_and_keep_their_numbers_apart(shop, tmp_path):
    place = tmp_path / "s"
    one = run(shop(8, name="one"), place, *SEES)
    two = run(shop(10, name="two"), place, *SEES)
    assert (one["written"], two["written"]) == (8, 10)
    for audit, items in ((one["audit"], "one/"), (two["audit"], "two/")):
        with Store.open(place) as store:
            drawn = set(store.audits(audit=audit)["generation"])
            assert all(g.item.startswith(items) for g in store.records(Generation, drawn))
        done = CliRunner().invoke(app, ["calibrate", "-s", str(place), "--audit", audit, "--json"])
        assert json.loads(done.stdout)["counts"]["judged"] == len(drawn)


def test_what_sellers_type_is_text_on_the_page_and_never_markup(shop, tmp_path):
    evil = ("<img src=x onerror=alert(1)>", "Hats </style><script>alert(2)</script>")
    catalog = shop(10, categories=evil, **{"aspect.<b>Fit</b>": "<script>alert(3)</script>"})
    page = tmp_path / "page.html"
    run(catalog, tmp_path / "s", *SEES, "--out", page)
    text = page.read_text(encoding="utf-8")
    assert "&lt;img src=x" in text  # the category is shown
    assert "<img src=x" not in text
    assert "<script>alert" not in text
