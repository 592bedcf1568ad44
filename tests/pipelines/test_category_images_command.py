"""The command of category images from end to end, over a real server that may fail: every topic ends as stated."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import places
from pipelines.category_images import CategoryImagesJob, run_category_images
from pipelines.category_images_topics import find_groups
from workbench.catalog import open_catalog
from workbench.errors import BusyError, CatalogError, JudgingError
from workbench.judging.instruments import SAFETY
from workbench.prompting import Theme
from workbench.records import Generation, Item, Run, RunEvent, Verdict
from workbench.store import Store

SAMPLES = Path(__file__).parents[1] / "samples"


def job(catalog, model, rubric, **more):
    return CategoryImagesJob(
        catalog=catalog, image_model=model, judge="instruments", rubric=rubric, audit=0, **more
    )


def test_with_a_flaky_server_every_category_ends_in_a_stated_state(
    tmp_path, measured, painting_server
):
    catalog = "drawn:seed=5,items=40,size=64"
    with painting_server(refuse_every=3) as painter, Store.open(tmp_path / "store") as store:
        asked = job(catalog, painter.model, measured, attempts=2)
        summary = run_category_images(store, open_catalog(catalog), asked, quiet=True)
        assert summary.topics == 17
        assert summary.approved + summary.gave_up + sum(summary.failed.values()) == 17
        assert sum(summary.failed.values()) > 0
        assert all("not today" in why for why in summary.failed)
        assert {e.kind for e in store.records(RunEvent)} >= {"started", "stage", "finished"}
        made = summary.pictures
    with painting_server() as painter, Store.open(tmp_path / "store") as store:
        # Another address is another model; the same server on another port would be too.
        run_of = next(store.records(Run))
        assert run_of.arguments["image_model"].startswith("openai:http://127.0.0.1")
        assert made == sum(
            g.image is not None for g in store.records(Generation) if g.kind == "image"
        )


def test_themes_are_topics_beside_categories(tmp_path, measured, painting_server):
    catalog = "drawn:seed=5,items=60,size=64"
    themes = (Theme(name="Cheap mugs", categories=("mug",), price_to=1000),
              Theme(name="Nothing", aspects={"Color": ("Ultraviolet",)}))  # fmt: skip
    with painting_server() as painter, Store.open(tmp_path / "store") as store:
        asked = job(catalog, painter.model, measured, themes=themes, categories=("mug",))
        summary = run_category_images(store, open_catalog(catalog), asked, quiet=True)
        found = {g.category for g in store.records(Generation) if g.kind == "image"}
    assert summary.empty == ("Nothing",)
    assert "without an item, 1 topic: 'Nothing'" in str(summary)
    many = str(replace(summary, topics=1, pictures=1, unchanged=1, empty=tuple("abcdefg")))
    assert many.startswith("1 topic: ") and "; 1 picture made, 1 topic found done" in many
    assert "without an item, 7 topics: 'a', 'b', 'c', 'd', 'e' and 2 more" in many
    assert found == {"mug", "theme:cheap-mugs"}


def test_a_category_that_is_not_there_is_named(tmp_path, measured, painting_server):
    catalog = "drawn:seed=5,items=20,size=64"
    with (
        Store.open(tmp_path / "store") as store,
        painting_server() as painter,
        pytest.raises(CatalogError, match="got 'castle'; there are: "),
    ):
        asked = job(catalog, painter.model, measured, categories=("castle",))
        run_category_images(store, open_catalog(catalog), asked, quiet=True)


def test_a_rubric_about_listings_is_refused(tmp_path):
    catalog = "drawn:seed=5,items=20,size=64"
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(JudgingError, match="want a rubric that judges images"),
    ):
        run_category_images(
            store, open_catalog(catalog), job(catalog, "tiny:image", "listing"), quiet=True
        )


@pytest.mark.skipif(SAFETY.revision != "1/nobody", reason="OpenNSFW is installed")
def test_a_rubric_by_which_nothing_could_be_approved_is_refused_before_anything_is_made(tmp_path):
    rubric = tmp_path / "safe.yaml"
    rubric.write_text((SAMPLES / "measured.yaml").read_text().replace("background\n    question", "safety\n    question")
                      .replace("instrument:background", "instrument:safety")
                      .replace("criterion: background", "criterion: safety"))  # fmt: skip
    catalog = "drawn:seed=5,items=20,size=64"
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(JudgingError, match=r"criterion 'safety'.*install.*`--without safety`"),
    ):
        asked = job(catalog, "tiny:image", str(rubric))
        run_category_images(store, open_catalog(catalog), asked, quiet=True)
    with Store.open(tmp_path / "store") as store:
        assert store.counts()["runs"] == 0


def test_one_model_that_judges_writes_and_refines_is_loaded_once(tmp_path, monkeypatch):
    """Its weights are random: what it writes is no answer, so the rules write, and the run says how often."""
    catalog, rubric = "drawn:seed=5,items=20,size=64", str(SAMPLES / "plain.yaml")
    monkeypatch.setattr(places, "load_text", None)  # a second load would break
    asked = replace(
        job(catalog, "tiny:image", rubric, attempts=2, items=1, categories=("mug",)),
        judge="tiny:vlm", writer="tiny:vlm", refiner="tiny:vlm",
    )  # fmt: skip
    with Store.open(tmp_path / "store") as store:
        summary = run_category_images(store, open_catalog(catalog), asked, quiet=True)
        verdicts = list(store.records(Verdict))
    assert summary.approved + summary.gave_up == 1
    assert {v.judge for v in verdicts} == {"tiny:vlm"}


def command(catalog, model, rubric, tmp_path, *more):
    """`workbench run category-images` as it is typed."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "run", "category-images", "--catalog", catalog,
         "--image-model", model, "--judge", "instruments", "--rubric", rubric, "--audit", "0",
         "--store", str(tmp_path / "store"), "--quiet", *more],
        capture_output=True, text=True, timeout=240, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_exit_code_1_says_that_every_topic_failed(tmp_path, measured, painting_server):
    catalog = "drawn:seed=5,items=40,size=64"
    asked = ("--category", "mug", "--category", "hat", "--attempts", "1")
    with painting_server(refuse_every=1) as painter:
        failed = command(catalog, painter.model, measured, tmp_path, *asked)
    assert failed.returncode == 1, failed.stderr
    assert "2 failed" in failed.stdout and "not today" in failed.stdout
    with painting_server(refuse_every=2) as painter:
        mixed = command(catalog, painter.model, measured, tmp_path, *asked)
    assert mixed.returncode == 0 and "1 failed" in mixed.stdout, mixed.stderr


@pytest.mark.parametrize(
    "place", ["/proc/page.html", "{}/file/page.html", "{}/file/deeper/page.html"]
)
def test_a_page_that_cannot_be_written_is_refused_before_any_work(tmp_path, measured, place):
    (tmp_path / "file").write_text("no folder")
    out = place.format(tmp_path)
    done = command("drawn:seed=5,items=40,size=64", "tiny:image", measured, tmp_path, "--out", out)
    assert done.returncode == 3
    assert done.stderr.startswith(
        f"workbench: want a file that can be written as `--out`, got {out!r}: "
    )
    assert done.stderr.count("\n") == 1 and not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Zebra"], "none of 20 items fits 'Zebra'; ask for less"),
        (list("abcde"), "fits 'a', 'b', 'c', 'd', 'e'; ask for less"),
        (list("abcdefg"), "fits 'a', 'b', 'c', 'd', 'e' and 2 more; ask for less"),
    ],
)
def test_themes_that_no_item_fits_are_named(names, said):
    catalog = open_catalog("drawn:seed=5,items=20,size=64")
    items = [one for one in catalog.items() if isinstance(one, Item)]
    themes = [Theme(name=name, title=("zebra",)) for name in names]
    with pytest.raises(CatalogError) as error:
        find_groups(items, catalog.schema, categories=(), themes=themes)
    assert said in str(error.value)


HOLD = """
import sys
from pipelines.category_images_start import alone_in
from pipelines.recorder import record
from workbench.store import Store
same = {"image_model": "tiny:image", "seed": 0}
with Store.open(sys.argv[1], images=sys.argv[2]) as store, alone_in(store, catalog="drawn-5", **same):
    if len(sys.argv) > 3:
        with record(store, "run category-images", {**same, "name": "drawn-5", "catalog": "drawn"}, quiet=True):
            print("held", flush=True)
            sys.stdin.read()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("place", ["folder", "postgres"])
def test_two_runs_at_once_do_not_pay_twice(tmp_path, request, measured, place, told):
    where = str(tmp_path / "store")
    if place == "postgres":
        where = request.getfixturevalue("postgres_database")
    catalog, photos = "drawn:seed=5,items=20,size=64", str(tmp_path / "images")
    command = [sys.executable, "-c", HOLD, where, photos, *["told"] * told]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asked = job(catalog, "tiny:image", measured, attempts=1, items=1, categories=("mug",))
    try:
        assert holder.stdout.readline() == b"held\n"
        with Store.open(where, images=photos) as store:
            with pytest.raises(BusyError) as refused:
                run_category_images(store, open_catalog(catalog), asked, quiet=True)
            said = str(refused.value)
            who = (
                rf"run [0-9a-f]{{12}} \(process {holder.pid}, since .* UTC\)"
                if told
                else "another process, which still loads"
            )
            assert (
                re.match(who, said)
                and "wait until it has ended, or end it, and start this again" in said
            )
            assert len(list(store.records(Run))) == told
    finally:
        holder.kill()
        holder.communicate()
    with Store.open(where, images=photos) as store:
        assert run_category_images(store, open_catalog(catalog), asked, quiet=True).pictures == 1


def test_what_loads_is_said_and_quiet_is_quiet(tmp_path, capsys, measured):
    catalog = "drawn:seed=5,items=20,size=64"
    asked = job(catalog, "tiny:image", measured, attempts=1, items=1, categories=("mug",))
    with Store.open(tmp_path / "store") as store:
        run_category_images(store, open_catalog(catalog), asked)
        said = capsys.readouterr().err
        assert re.search(r"^loading image model tiny:image \.\.\. \d+ s$", said, re.MULTILINE)
        assert re.search(r"^loading judge instruments \.\.\. \d+ s$", said, re.MULTILINE)
        run_category_images(store, open_catalog(catalog), asked, quiet=True)
        assert "loading" not in capsys.readouterr().err


def test_a_theme_that_would_be_kept_as_a_category_or_another_theme_is_refused():
    items = [Item(id="shop/1", category="mug"), Item(id="shop/2", category="theme:red-mugs")]
    schema = open_catalog("drawn:seed=5,items=20,size=64").schema
    red, again = (Theme(name=name, categories=("mug",)) for name in ("Red mugs", "red  Mugs"))
    for categories, themes in ((("mug", "theme:red-mugs"), [red]), (("mug",), [red, again])):
        with pytest.raises(CatalogError, match="both kept as 'theme:red-mugs': give a theme"):
            find_groups(items, schema, categories=categories, themes=themes)
