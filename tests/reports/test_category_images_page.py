"""The page of category images in a real browser: every state, prompt changes, filters, no sideways scroll, empty states."""

import base64
import csv
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.audit import draw_and_answer
from pipelines.category_images_loop import CategoryLoop
from pipelines.category_images_parts import LoopPlan, Topic
from pipelines.category_images_writing import CategoryPrompts
from pipelines.recorder import record
from reports.attempts import changes
from reports.category_images import write_category_images_page
from reports.topics import find_run, read_told
from workbench.calibration.audits.population import Selection
from workbench.calibration.watching.narrowing import narrowing
from workbench.catalog.annotators import SimulatedAnnotator, known_image
from workbench.errors import StoreError
from workbench.judging import Answered, Finding, RubricJudge
from workbench.models.protocols import MadeImage
from workbench.prompting import RuleImprover, RulePromptWriter, RuleSimplifier
from workbench.records import Cost, Item
from workbench.rubric import dump_rubric, load_rubric, parse_rubric
from workbench.store import Store

RUBRIC = load_rubric(Path(__file__).parents[1] / "samples" / "plain.yaml")


class Painter:
    name = revision = "painter"

    def make(self, requests, *, progress=None):
        made = []
        for request in requests:
            if "broken" in request.prompt.lower():
                made.append(MadeImage(image=None, error="out of <ink>"))
                continue
            pixels = np.random.default_rng(request.seed).integers(0, 255, (24, 24, 3), np.uint8)
            cost = Cost(seconds=0.25, images=1, device_memory_bytes=3 * 2**30)
            made.append(MadeImage(image=Image.fromarray(pixels), cost=cost))
        return made


class Judge:
    name = revision = "says"

    def answers(self, criterion):
        return True

    def answer(self, subjects, asked, *, progress=None):
        points = {0: {1: 5}, 1: {1: 2, 2: 5}, 2: {1: 2}}
        return [
            Answered(findings=(Finding(distribution=tuple(
                float(k == points[int(s.generation.category[5:]) % 3].get(s.generation.attempt, 2))
                for k in range(1, 6)
            )),), cost=Cost(prompt_tokens=100, completion_tokens=2))
            for s in subjects
        ]  # fmt: skip


def topic(k):
    name = "Broken Kind" if k == 9 else f"Kind {k}"
    item = Item(
        id=f"shop/{k}", category=f"kind-{k}", title=f"Red {name}", clicks=k, impressions=100 + k
    )
    return Topic(id=f"kind-{k}", name=name, items=(item,))


@contextmanager
def worked(store, topics, rubric=RUBRIC):
    """A run over `topics`, with its judge, its painter and what records it."""
    judge, painter = RubricJudge(rubric, Judge()), Painter()
    arguments = {
        "image_model": "painter", "image_model_revision": painter.revision, "judge_name": judge.name,
        "judge_revision": judge.revision, "rubric_label": rubric.label, "attempts": 3, "patience": 0,
    }  # fmt: skip
    with record(store, "run category-images", arguments, quiet=True) as recorder:
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        store.add(i for t in topics for i in t.items)
        prompts = CategoryPrompts(
            store=store, rubric=rubric, simplifier=RuleSimplifier(), writer=RulePromptWriter(),
            improver=RuleImprover(), improver_sees=False, image_model="painter", names={}, run=recorder.id,
        )  # fmt: skip
        plan = LoopPlan(attempts=3, patience=0, candidates=1, seed=0, overlap=False)
        loop = CategoryLoop(
            store, writer=prompts, model=painter, judge=judge, plan=plan, recorder=recorder
        )
        list(loop.run(topics, total=len(topics)))
        yield judge, painter, recorder


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store with a run over topics that end in every state, and an audit with simulated answers."""
    folder = tmp_path_factory.mktemp("filled")
    topics = [topic(k) for k in range(18)]
    with Store.open(folder) as store, worked(store, topics) as (judge, painter, recorder):
        someone = SimulatedAnnotator(name="someone", seed=1)

        def answers(drawn, audit):
            return [
                someone.answer(g, known_image([] if v.approved else ["wrong_product"], RUBRIC), RUBRIC, audit=audit)
                for g, v in drawn
            ]  # fmt: skip

        selection = Selection(
            judge=judge.name, judge_revision=judge.revision, rubric=RUBRIC.label,
            model_revision=painter.revision, part=None,
        )  # fmt: skip
        draw_and_answer(store, selection, size=24, seed=0, recorder=recorder, answers=answers)
    return folder


@pytest.fixture(scope="module")
def page_file(filled, tmp_path_factory):
    vectors = np.random.default_rng(0).normal(size=(11, 5))
    found = narrowing(vectors * [1, 1, 0.2, 0.2, 0.2], vectors, attempt=[1] * 6 + [2] * 5)
    with Store.open(filled, create=False) as store:
        return write_category_images_page(
            store, tmp_path_factory.mktemp("page") / "page.html", narrowing=found
        )


def test_the_page_is_one_file_that_asks_nobody_and_escapes_what_it_shows(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\#)[^"']*""", text)
    assert "out of &lt;ink&gt;" in text
    assert "<ink>" not in text
    assert "Simulated answers: no person was asked." in text


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_wide_and_narrow_light_and_dark(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h2").count() == 5
    assert page.locator("figure svg").count() == 2
    assert errors == []
    page.close()


def test_states_attempts_and_prompt_changes_are_seen(browser, page_file):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    counts = {
        one.get_attribute("data-state"): int(one.inner_text().split()[-1])
        for one in page.locator(".filters button").all()
    }
    assert counts == {"": 18, "approved": 11, "gave up": 6, "failed": 1}
    for state in ("failed", "gave up", "approved"):
        page.locator(f".filters button[data-state='{state}']").click()
        shown = page.locator("article.topic:visible")
        assert {a.get_attribute("data-state") for a in shown.all()} == {state}
        assert shown.count() == counts[state]
    page.locator(".filters button[data-state='gave up']").click()
    first = page.locator("article.topic:visible").first
    assert first.locator(".try").count() == 3
    assert "the limit of 3 attempts was reached" in first.inner_text()
    assert first.locator(".try").nth(0).locator("ins").count() == 0
    assert first.locator(".try").nth(1).locator(".said ins").count() >= 1
    page.close()


def test_numbers_stand_with_their_intervals(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert "11 of 18 topics have an approved picture, 5 at the first attempt." in text
    assert '0.61</div><div class="detail">0.39 to 0.80, n\u00a0=\u00a018' in text
    assert "3.0 GiB" in text
    row = re.search(r"<td>verdicts</td>.*?</tr>", text, re.DOTALL)[0]
    assert "3,570" in row  # 35 verdicts of 102 tokens


def test_without_an_audit_or_diversity_the_page_says_so(filled, tmp_path, browser):
    empty = tmp_path / "other"
    with Store.open(filled, create=False) as store, Store.open(empty) as other:
        from workbench.records import Generation, Item, Run, Verdict

        other.add_rubric(RUBRIC.name, RUBRIC.version, RUBRIC.digest, dump_rubric(RUBRIC))
        other.add(
            [
                *store.records(Run),
                *store.records(Item),
                *store.records(Generation),
                *store.records(Verdict),
            ]
        )
        text = write_category_images_page(other, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No audit was drawn of these pictures" in text
    assert text.count("<figure") == 1


def test_a_run_that_was_stopped_before_its_first_topic_has_a_page(filled, tmp_path):
    from workbench.records import Run

    with Store.open(filled, create=False) as store, Store.open(tmp_path / "none") as other:
        other.add_rubric(RUBRIC.name, RUBRIC.version, RUBRIC.digest, dump_rubric(RUBRIC))
        other.add(store.records(Run))
        text = write_category_images_page(other, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No prompt was written yet" in text


def test_a_store_without_such_a_run_is_refused(tmp_path):
    with (
        Store.open(tmp_path / "empty") as store,
        pytest.raises(StoreError, match="want a run of `workbench run category-images`"),
    ):
        write_category_images_page(store, tmp_path / "page.html")


def test_changes_of_a_prompt():
    assert changes(None, "a, b") == [("same", "a"), ("same", "b")]
    assert changes("a, b, c", "a, d, c") == [
        ("same", "a"), ("gone", "b"), ("new", "d"), ("same", "c"),
    ]  # fmt: skip
    assert changes("a, b", "b, a") in (
        [("same", "b"), ("same", "a")], [("same", "a"), ("same", "b")],
    )  # fmt: skip


def test_the_numbers_of_each_figure_are_beside_it(page_file):
    text = page_file.read_text(encoding="utf-8")
    found = re.findall(r'href="data:text/csv;base64,([^"]+)" download="([^"]+)">Data \(CSV\)', text)
    tables = {name: list(csv.DictReader(base64.b64decode(data).decode().splitlines())) for data, name in found}  # fmt: skip
    popular = tables["who-gets-an-approved-picture.csv"]
    assert sum(int(row["n"]) for row in popular) == 18
    assert all(0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) <= 1 for row in popular)  # fmt: skip
    assert [row["attempt"] for row in tables["what-refining-narrows.csv"]] == ["1", "2"]


def test_attempts_are_never_out_of_sight_to_the_side(browser, page_file):
    for width in (390, 1440):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(page_file.as_uri())
        closed = page.evaluate("document.documentElement.scrollHeight")
        for summary in page.locator(".how > summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollHeight") > closed
        assert page.evaluate("""[...document.querySelectorAll('.try')].every((one) => {
            const own = one.getBoundingClientRect(), card = one.closest('.topic').getBoundingClientRect();
            return own.left >= card.left && own.right <= card.right && one.scrollWidth <= one.clientWidth + 1;
        })""")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


HEBREW = "כובע <b>\u202eצמר"


def test_names_in_any_direction_stand_apart_from_the_words_around_them(browser, tmp_path):
    item = Item(id="shop/1", category="kind-0", title=HEBREW, clicks=1, impressions=10)
    one = Topic(id="theme:" + HEBREW, name=HEBREW, items=(item,))
    broken = Topic(id="kind-9", name="Broken Kind " + HEBREW, items=(replace(item, id="shop/2", title="Broken Kind " + HEBREW),))  # fmt: skip
    judged = replace(one, id="kind-0/" + HEBREW)
    Judge.answer, before = lambda self, subjects, asked, *, progress=None: [
        Answered(findings=(Finding(distribution=(1.0, 0.0, 0.0, 0.0, 0.0)),)) for _ in subjects
    ], Judge.answer  # fmt: skip
    try:
        with Store.open(tmp_path / "store") as store, worked(store, [one, broken, judged]):
            file = write_category_images_page(store, tmp_path / "page.html")
    finally:
        Judge.answer = before
    page = browser.new_page()
    page.goto(file.as_uri())
    bare = page.evaluate("""(letter) => {
        const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), bare = [];
        let seen = 0;
        while (walker.nextNode()) {
            const node = walker.currentNode;
            if (!node.data.includes(letter)) continue;
            seen += 1;
            if (!node.parentElement.closest('bdi')) bare.push(node.parentElement.outerHTML);
        }
        return [seen, bare];
    }""", "כ")  # fmt: skip
    assert bare[0] >= 6 and bare[1] == []
    assert page.locator("main b:has-text('צמר')").count() == 0
    page.close()


def test_what_was_made_now_is_told_from_what_was_kept(browser, tmp_path):
    def season(store, topics, rubric=RUBRIC):
        with worked(store, topics, rubric):
            pass
        return write_category_images_page(store, tmp_path / "page.html")

    def tags(file):
        page = browser.new_page()
        page.goto(file.as_uri())
        found = {
            one.locator("h3").inner_text(): one.get_attribute("data-done")
            for one in page.locator("article.topic").all()
        }
        shown = page.locator("button[data-done=kept]")
        if shown.count():
            shown.click()
            kept = {n for n, done in found.items() if done == "kept"}
            visible = page.locator("article.topic:visible h3")
            assert set(visible.all_inner_texts()) == kept
        words = page.locator("main").inner_text()
        page.close()
        return found, words

    with Store.open(tmp_path / "store") as store:
        found, words = tags(season(store, [topic(k) for k in range(4)]))
        assert set(found.values()) == {"made"} and "Made this time" not in words
        other = replace(topic(1), items=(replace(topic(1).items[0], title="Blue Kind 1"),))
        file = season(store, [topic(0), other, topic(2), topic(9), topic(20)])
        found, words = tags(file)
        assert found == {
            "kind-0": "kept", "kind-1": "made", "kind-2": "kept", "kind-9": "nothing", "kind-20": "made",
        }  # fmt: skip
        assert re.search(r"Made this time\s+2\s+2 kept", words)
        text = file.read_text(encoding="utf-8")
        assert len(re.findall(r'<span class="chip">kept</span>', text)) == 2
        assert re.search(r"picture of \d{4}-\d\d-\d\d", text)
        newer = parse_rubric(dump_rubric(RUBRIC).replace("version: 1", "version: 2"), where="test")
        found, words = tags(season(store, [topic(0), topic(2)], newer))
        assert set(found.values()) == {"judged"}
        assert re.search(r"Made this time\s+0\s+0 kept, 2 only judged", words)
        assert "New and kept" not in words  # all the same: there is nothing to choose by


def test_a_season_that_was_killed_and_begun_again_is_one(tmp_path):
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(KeyboardInterrupt), worked(store, [topic(0)]):
            raise KeyboardInterrupt
        with worked(store, [topic(0), topic(1)]):
            pass
        run = find_run(store)
        assert [t.done for t in read_told(store, run, RUBRIC)] == ["made", "made"]
