"""`workbench calibrate`: an audit that three people answered, another rubric beside it, as text, JSON and a page."""

import base64
import csv
import dataclasses
import html
import io
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.calibrate import calibrate_store
from pipelines.cli import app
from reports.calibration import write_calibration_page
from workbench.calibration import Calibration, calibrate_arrays
from workbench.calibration.audited import draw_from, find_audit
from workbench.calibration.audits.population import latest_selection
from workbench.errors import CalibrationError
from workbench.records import Annotation, CriterionScore, Generation, Item, Listing, Verdict
from workbench.rubric import Criterion, Rubric, dump_rubric
from workbench.store import Store

N = 900
RUBRICS = [
    Rubric(
        name="listing", version=version, judges="listing",
        criteria=(
            Criterion(id="fidelity", question="Right product?", scale=("1", "2", "3"), threshold=2.0),
            Criterion(id="title", question="Right title?", scale=("1", "2", "3"), threshold=1.2),
        ),
    )
    for version in (1, 2)
]  # fmt: skip
HOSTILE = '<script>alert("x")</script> & co'


def build(folder, *, answered=1.0, n=N, size=300, people=("anna", "bo", "cem")):
    """A judge that is mostly right but lets bags through; the second rubric is stricter."""
    rng = np.random.default_rng(0)
    category = rng.choice(["bags", "mugs", "shoes", "lamps"], n)
    good = rng.random(n) < np.where(category == "bags", 0.35, 0.75)
    seen = good | ((category == "bags") & (rng.random(n) < 0.6))
    sure = np.where(seen, rng.beta(8, 2, n), rng.beta(2, 5, n))
    fidelity, title = 1 + 2 * sure, 1 + 2 * rng.random(n)
    records = []
    for i in range(n):
        records += [
            Item(id=f"shop/{i}", category=str(category[i])),
            Generation(
                key=f"g{i}", kind="listing", category=str(category[i]), model=f"tiny:{'ab'[i % 2]}",
                revision="m1", prompt="Describe it.", item=f"shop/{i}", run="r", attempt=1,
                listing=Listing(title=HOSTILE if i % 50 == 0 else f"A {category[i]} number {i}"),
            ),
            *(
                Verdict(
                    key=f"v{i}-{rubric.version}", generation=f"g{i}", judge="starter:judge",
                    revision="r1", rubric=rubric.label, confidence=float(sure[i]), run="r",
                    approved=bool(fidelity[i] >= (2.0 if rubric.version == 1 else 2.4) and title[i] >= 1.2),
                    scores=(
                        CriterionScore(criterion="fidelity", score=float(fidelity[i])),
                        CriterionScore(criterion="title", score=float(title[i])),
                    ),
                )
                for rubric in RUBRICS
            ),
        ]  # fmt: skip
    with Store.open(folder) as store:
        store.add(records)
        store.assign_split([f"shop/{i}" for i in range(n)], eval_share=0.9, seed=1)
        for rubric in RUBRICS:
            store.add_rubric("listing", rubric.version, rubric.digest, dump_rubric(rubric))
        audit = draw_from(
            store, latest_selection(store, part="eval", rubric="listing@1"), size=size, seed=0
        )
        store.add([audit])
        answers = []
        for item in audit.drawn:
            if rng.random() >= answered:
                continue
            i = int(item.generation[1:])
            for person in people:
                yes = bool(good[i]) != bool(rng.random() < 0.08)
                mode = "wrong_product" if category[i] == "bags" else "blurred"
                answers.append(
                    Annotation(
                        id=f"{person}-{item.generation}", generation=item.generation, annotator=person,
                        rubric="listing@1", audit=audit.id, approved=yes,
                        failure_modes=() if yes else (mode,),
                    )
                )  # fmt: skip
        store.add(answers)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("calibrated") / "store")


@pytest.fixture(scope="module")
def summary(folder):
    with Store.open(folder, create=False) as store:
        return calibrate_store(store, audit=None, promise=0.8, compare="listing@2")


@pytest.fixture(scope="module")
def page_file(summary, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "calibration.html"
    return write_calibration_page(path, summary.audited, comparison=summary.comparison)


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def test_text_says_everything_in_80_columns(summary):
    lines = str(summary).splitlines()
    assert max(map(len, lines)) <= 80
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles[-9:] == [
        "Approvals", "Which estimate is narrowest", "Threshold", "Confidence", "Slices",
        "Failure modes", "Criteria", "People", "Comparison",
    ]  # fmt: skip
    text = " ".join(str(summary).split())
    assert "less precise beyond chance in: bags" in text
    assert "3 people answered" in text
    assert "fidelity" in text
    assert summary.comparison.sentence in text


def test_json_is_the_calibration_and_the_comparison(folder, summary, tmp_path):
    page = tmp_path / "c.html"
    done = run("-s", folder, "--promise", 0.8, "--compare", "listing@2", "--out", page, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data.pop("audit") == summary.audited.audit.id
    assert data.pop("page") == str(page)
    assert data.pop("comparison")["sentence"] == summary.comparison.sentence
    assert Calibration.from_json(json.dumps(data)) == summary.audited.calibration
    assert page.is_file()


def test_a_judge_that_is_not_there_is_told_with_those_that_are(folder):
    with Store.open(folder, create=False) as store, pytest.raises(
        CalibrationError, match="others by listing@2, starter:judge"
    ):  # fmt: skip
        calibrate_store(store, audit=None, promise=0.8, compare="listing@7")


def test_two_rubrics_differ_where_their_verdicts_do(summary):
    found = summary.comparison
    assert (found.first, found.second) == ("listing@1", "listing@2")
    assert found.items == summary.audited.calibration.counts.judged
    assert found.recall.difference.high < 0


def numbers(text):
    """Every figure's data, by file name."""
    return {
        html.unescape(name): list(csv.DictReader(io.StringIO(base64.b64decode(data).decode())))
        for data, name in re.findall(
            r'href="data:text/csv;base64,([^"]*)" download="([^"]*)"', text
        )
    }


def test_the_page_has_the_numbers_of_the_json(summary, page_file):
    found = summary.audited.calibration
    data = numbers(page_file.read_text(encoding="utf-8"))
    rates = {row["rate"]: row for row in data["rates.csv"]}
    for name in ("precision", "recall"):
        e = getattr(found.rates, name)
        row = rates[name.capitalize()]
        assert [float(row[k]) for k in ("value", "low", "high")] == [e.value, e.low, e.high]
    assert len(data["by-category.csv"]) == 4
    assert [float(r["risk"]) for r in data["precision-by-threshold.csv"]] == [
        p.risk.value for p in found.risk_coverage.points
    ]
    assert {r["mode"] for r in data["failure-modes.csv"]} == {"wrong_product", "blurred"}
    assert (
        float(data["difference.csv"][0]["value"]) == summary.comparison.precision.difference.value
    )


def test_the_page_asks_nobody_and_runs_nothing(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\#)[^"']*""", text)
    assert "<script" not in text
    assert "&lt;script&gt;alert(" in text


def test_every_cell_opens_its_items(summary, page_file):
    text = page_file.read_text(encoding="utf-8")
    items = summary.audited.calibration.failures.items
    for cell, keys in dataclasses.asdict(items).items():
        part = text[text.index(f'<details id="{cell}">') :]
        part = part[: part.index("</details>")]
        assert f"{len(keys)} answered" in part
        assert part.count("<li>") == min(len(keys), 200)


@pytest.mark.parametrize(
    ("answered", "people"), [(0.0, ("anna",)), (0.03, ("anna",))], ids=["nobody", "a few"]
)
def test_a_page_of_little_data_says_why(tmp_path, answered, people):
    place = build(tmp_path / "store", answered=answered, n=200, size=60, people=people)
    out = tmp_path / "page.html"
    done = run("-s", place, "--out", out)
    assert done.exit_code == 0, (done.output, done.exception)
    assert max(map(len, done.stdout.split("Page: ")[0].splitlines())) <= 80
    text = out.read_text(encoding="utf-8")
    assert "nan" not in re.sub(r"<svg.*?</svg>|base64,[^\"]*", "", text, flags=re.DOTALL).lower()
    if not answered:
        assert "not identifiable" in text


def test_the_latest_audit_is_found_and_its_rates_are_those_of_arrays(folder, summary):
    with Store.open(folder, create=False) as store:
        assert find_audit(store).id == summary.audited.audit.id
    population = summary.audited.population
    drawn = {one.generation: one.inclusion_probability for one in summary.audited.audit.drawn}
    plain = calibrate_arrays(
        approved=[j.verdict.approved for j in population],
        inclusion_probability=[drawn.get(j.generation.key) for j in population],
        answer=[j.answer for j in population],
    )
    found = summary.audited.calibration.rates
    assert found.precision.value == pytest.approx(plain.rates.precision.value)
    assert found.recall.value == pytest.approx(plain.rates.recall.value)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_wide_and_narrow_light_and_dark(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("figure svg").count() >= 10
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('figure svg text')].map(t =>"
        " parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b)))"
    )
    assert smallest >= 10
    page.close()


def test_paper_is_white_for_those_who_read_in_the_dark(browser, page_file):
    page = browser.new_page(color_scheme="dark")
    page.goto(page_file.as_uri())
    colour = "getComputedStyle(document.querySelector('h1')).color"
    assert page.evaluate(colour) == "rgb(232, 233, 234)"
    page.emulate_media(media="print")
    assert page.evaluate(colour) == "rgb(29, 33, 38)"
    page.close()


def test_the_page_answers_first_and_no_section_is_empty(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert text.index('<p class="answer">Of 100 approvals about') < text.index('class="tiles"')
    assert "“bags”" in text[: text.index('class="tiles"')]
    titles = re.findall(r"<h2>([^<]*)</h2>", text)
    assert titles == [
        "Approvals", "Threshold", "Slices", "Failure modes", "Criteria", "People", "Comparison",
        "Confidence", "Which estimate is narrowest", "Items", "How it was made",
    ]  # fmt: skip
    for part in re.findall(r"<section.*?</section>", text, flags=re.DOTALL):
        assert re.sub(r"<h2>.*?</h2>|<[^>]*>|\s", "", part, flags=re.DOTALL)
