"""Models beside each other, a model's card and the data's: what they say is what the store holds."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from reports.dataset_card import write_dataset_card
from reports.model_card import write_model_card
from reports.model_comparison import difference, write_model_comparison_page
from reports.outputs import approval, read_outputs
from reports.pages import write_pages
from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import latest_selection
from workbench.catalog.drawn import DrawnCatalog
from workbench.catalog.ingest import ingest
from workbench.errors import StoreError
from workbench.records import Annotation, CriterionScore, Generation, Item, Listing, Verdict
from workbench.rubric import dump_rubric, load_rubric
from workbench.store import Store

GOOD, POOR, HOSTILE = "hf:good", "hf:poor", "hf:<script>alert(1)</script>"
SHARE = {GOOD: 0.9, POOR: 0.3}
ITEMS = 60


def said(key, approved, rng):
    confidence = float(rng.uniform(0.55, 0.95) if approved else rng.uniform(0.05, 0.45))
    return Verdict(
        key=f"v{key}", generation=key, judge="hf:judge", revision="j", rubric="listing@1",
        scores=(CriterionScore(criterion="color", score=1 + confidence, by="hf:judge", passed=approved),),
        approved=approved, confidence=confidence, failure_modes=() if approved else ("wrong_color",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Two models' listings of the same drawn items, one far better; an audit, answered by a person."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("cards") / "store"
    rubric = load_rubric("listing")
    with Store.open(folder) as store:
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        ingest(store, DrawnCatalog(seed=4, items=ITEMS, size=64))
        items = list(store.records(Item))
        store.assign_split(sorted({one.group or one.id for one in items}), eval_share=0.5, seed=1)
        made, verdicts = [], []
        for model, share in SHARE.items():
            for number, item in enumerate(items):
                key = f"{list(SHARE).index(model)}{number:063x}"
                made.append(
                    Generation(key=key, kind="listing", category=item.category, model=model, revision="r",
                               prompt="Describe.", item=item.id, inputs=item.photos[:1], simulated=item.simulated,
                               listing=Listing(title=item.title or "x"))
                )  # fmt: skip
                verdicts.append(said(key, bool(rng.random() < share), rng))
        store.add([*made, *verdicts])
        audit = draw_from(store, latest_selection(store, part="eval"), size=24, seed=0)
        store.add([audit])
        store.add(
            [
                Annotation(id=f"ann/{one.generation}", generation=one.generation, annotator="ann@shop.example",
                           rubric="listing@1", approved=True, audit=audit.id)
                for one in audit.drawn
            ]
        )  # fmt: skip
        yield store


def drawn_numbers(page):
    """The rows of every CSV on a page, by its file's name."""
    found = re.findall(r'href="data:text/csv;base64,([^"]+)" download="([^"]+)"', page)
    return {
        name: list(csv.DictReader(io.StringIO(base64.b64decode(text).decode())))
        for text, name in found
    }


def test_models_are_held_to_the_same_items(filled, tmp_path):
    (outputs,) = read_outputs(filled)
    assert outputs.held_out and set(outputs.frame["part"]) == {"eval"}
    apart = difference(outputs, GOOD, POOR)
    rows = {m: outputs.of(m).set_index("item")["approved"].astype(float) for m in (GOOD, POOR)}
    assert apart.value == pytest.approx((rows[GOOD] - rows[POOR]).mean())
    assert apart.n == len(rows[GOOD]) and apart.low > 0
    back = difference(outputs, POOR, GOOD)
    assert (back.value, back.low) == (pytest.approx(-apart.value), pytest.approx(-apart.high))
    page = write_model_comparison_page(filled, tmp_path / "models.html").read_text()
    assert "more often than all others" in page and "about 0 items" not in page
    rates = {r["model"]: r for r in drawn_numbers(page)["approved-listings.csv"]}
    assert float(rates[GOOD]["value"]) == approval(outputs.of(GOOD)).value
    (less,) = drawn_numbers(page)["hf:good-less-the-others,-listings.csv"]
    assert float(less["low"]) == apart.low and f"{apart.value:.2f}" in page
    assert "http" not in re.sub(r"http://www.w3.org[^\"]*", "", page), "nothing from outside"


def test_a_model_alone_is_not_compared(tmp_path):
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(StoreError, match="want outputs of two models to compare"):
            write_model_comparison_page(store, tmp_path / "models.html")
        with pytest.raises(StoreError, match="want items to describe"):
            write_dataset_card(store, tmp_path / "dataset.html")
        with pytest.raises(StoreError, match=r"got 'hf:good'; there are: none"):
            write_model_card(store, tmp_path / "model.html", GOOD)
    assert not list(tmp_path.glob("*.html"))


def test_a_card_says_what_judge_and_people_said(filled, tmp_path):
    (outputs,) = read_outputs(filled)
    page = write_model_card(filled, tmp_path / "model.html", GOOD).read_text()
    rate = approval(outputs.of(GOOD))
    assert f"{rate.low:.2f} to {rate.high:.2f}, n\u00a0=\u00a0{rate.n}" in page
    assert "The store does not say" in page and "Simulated items" in page
    assert page.count('src="data:image/jpeg;base64,') >= 4
    categories = drawn_numbers(page)["approved-listings-by-category.csv"]
    assert sum(int(one["n"]) for one in categories) <= len(outputs.of(GOOD))


def test_a_shipped_model_brings_its_own_card(filled, tmp_path):
    from workbench.models.starter.card import read_card
    from workbench.models.starter.shipped import shipped_folder

    with Store.open(tmp_path / "store") as store:
        first = next(filled.records(Generation))
        store.add([replace(first, model="starter:listing")])
        page = write_model_card(store, tmp_path / "model.html", "starter:listing").read_text()
    card = read_card(shipped_folder("listing"))
    for word in (*card.limits, *card.figures, *card.sha256.values()):
        assert word in page.replace("&#39;", "'").replace("&#34;", '"'), word
    assert "None of it was judged yet" in page


def test_a_name_that_would_like_to_be_markup_stays_text(filled, tmp_path):
    with Store.open(tmp_path / "store") as store:
        store.add([replace(next(filled.records(Generation)), model=HOSTILE)])
        pages = [write_model_card(store, tmp_path / "model.html", HOSTILE)]
    assert all("<script>alert" not in one.read_text() for one in pages)


def test_the_data_is_counted_and_nobody_named(filled, tmp_path):
    page = write_dataset_card(filled, tmp_path / "dataset.html").read_text()
    counted = drawn_numbers(page)["items-by-category.csv"]
    items = filled.items()
    assert {c["category"]: int(c["items"]) for c in counted} == dict(
        items["category"].value_counts()
    )
    assert f">{len(items)}<" in page and "ann@shop.example" not in page
    assert f'<td class="n" data-label="Answers">{len(filled.annotations())}</td>' in page


def test_report_writes_every_page_that_there_is_something_for(filled, tmp_path):
    measured = []
    pages = write_pages(filled, tmp_path / "report.html", narrowing=lambda *a: measured.append(a))
    names = [
        "report.html",
        "models.html",
        "model-hf-good.html",
        "model-hf-poor.html",
        "dataset.html",
    ]
    assert [one.name for one in pages] == names and not measured
    folder = str(filled.url).removesuffix("/workbench.db")
    done = CliRunner().invoke(app, ["report", "--store", folder, "--out", str(tmp_path / "b" / "r.html"), "--json"])  # fmt: skip
    told = json.loads(done.stdout)
    assert told["page"].endswith("b/r.html")
    assert [one.rpartition("/")[2] for one in told["more"]] == names[1:]


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_their_window_and_print(filled, tmp_path, browser, width):
    pages = [
        write_model_comparison_page(filled, tmp_path / "models.html"),
        write_model_card(filled, tmp_path / "model.html", GOOD),
        write_dataset_card(filled, tmp_path / "dataset.html"),
    ]
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    foreign = []
    page.on("request", lambda one: foreign.append(one.url) if one.url.startswith("http") else None)
    for one in pages:
        page.goto(one.as_uri())
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, one.name
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible() and page.locator(".data:visible").count() == 0
        page.emulate_media(media="screen")
    assert not foreign
    context.close()
