"""What an ablation is measured by: arms over seeds, what each step adds, niche items, the page."""

import base64
import html
import json
import re

import numpy as np
import pytest

from pipelines.ablation_arms import ARMS, Material, require_rows
from pipelines.ablation_result import (
    NAMES,
    RETRIEVAL,
    START,
    AblationJob,
    PreferenceFigures,
    write_result,
)
from pipelines.listings_ablation import STEPS, measure, niche_items
from reports.ablation import PAPER, preference_sentence, write_ablation_page
from workbench.catalog.drawn import DrawnCatalog, clean_listing
from workbench.errors import LearningError
from workbench.metrics import listing_json
from workbench.records import Item, Listing
from workbench.training import Pair
from workbench.training.dpo import preference_figures

CATALOG = DrawnCatalog(seed=3, items=60, size=64)
ITEMS = list(CATALOG.items())
TRUTH = [clean_listing(entry.product) for entry in CATALOG.entries]


def material(**more):
    given = dict(
        schema=CATALOG.schema, model="starter:listing", train=ITEMS[:20], held_out=ITEMS, raw=[], aligned=[],
        dialogues=[], chosen={}, truth={i.id: t for i, t in zip(ITEMS, TRUTH, strict=True)}, steps=1,
        more_steps=1, batch=2, out=None,
    )  # fmt: skip
    return Material(**{**given, **more})


PREFERRED = preference_figures(
    [(np.array([-3.0]), np.array([-1.0]))] * 9 + [(np.array([-1.0]), np.array([-3.0]))],
    [(np.array([-1.0]), np.array([-3.0]))] * 10,
    [Pair(prompt="p", chosen=f"{n}", rejected="r", item=f"shop/{n}") for n in range(10)],
    beta=0.1,
)
"""Of ten held-out pairs one before and all after."""


def said(share, seed):
    """Answers of which `share` are the truth, the others what the seller typed, one in twenty cut off."""
    rng = np.random.default_rng(seed)
    found = []
    for item, true in zip(ITEMS, TRUTH, strict=True):
        raw = Listing(title=item.title, aspects=item.aspects)
        text = listing_json(true if rng.random() < share else raw)
        found.append(text[:-5] if rng.random() < 0.05 else text)
    return found


@pytest.fixture(scope="module")
def result():
    shares = {"raw": 0.1, "raw-long": 0.1, "mace": 0.5, "mace-long": 0.7, "lacu": 0.7, "more": 0.8,
              "chosen": 0.9, "dpo": 0.9}  # fmt: skip
    answers = {
        arm: [said(share, 10 * n + s) for s in range(3)]
        for n, (arm, share) in enumerate(shares.items())
    }
    answers = {RETRIEVAL: [said(0.0, 99)] * 3, START: [said(0.05, 98)] * 3} | answers
    return measure(
        AblationJob(catalog="drawn:seed=3,items=60"), "run", material(), answers, dialogues=20, checked=(),
        classes={"under 30%": 4, "95–100%": 9}, pairs=[8, 9, 10], missing=["seed 2, DPO: none"],
        preferred=[PreferenceFigures(arm="dpo", seed=1, learnt=8, figures=PREFERRED)],
    )  # fmt: skip


def test_every_arm_has_every_measure_over_seeds_on_both_parts(result):
    assert set(result.arms) == {"held out", "niche"}
    for arms in result.arms.values():
        assert set(arms) == {RETRIEVAL, START, *(a.id for a in ARMS if a.id != "dpo-sft")}
        for told in arms.values():
            assert {
                "rouge_l",
                "aspect_f1",
                "schema_compliance",
                "valid_json",
                "hallucination",
            } <= set(told)
            for one in told.values():
                assert one.low <= one.value <= one.high
                assert "seeds" in one.method
    assert result.niche == 20
    assert result.arms["held out"]["mace"]["aspect_f1"].n == 60


def test_a_step_is_held_against_its_control(result):
    """MACE raises aspect F1; LACU seems to, until it is held against as many steps without it."""
    assert {step for step, _, _ in STEPS} - set(result.added) == {"DPO + SFT over chosen"}
    assert result.added["MACE"]["aspect_f1"].low > 0.05
    assert result.added["LACU and its steps"]["aspect_f1"].low > 0
    alone = result.added["LACU at equal steps"]["aspect_f1"]
    assert alone.low < 0 < alone.high
    control = result.added["DPO over SFT on chosen"]["aspect_f1"]
    assert control.low < 0 < control.high
    assert result.against["dpo"].win_rate.low > 0.5
    assert set(result.against) == {a.id for a in ARMS if a.id != "dpo-sft"}


def test_the_table_and_the_steps_are_told_in_words(result):
    text = str(result)
    for arm in result.arms["held out"]:
        assert NAMES[arm] in text
    assert "MACE: aspect F1 +0." in text
    assert "seed 2, DPO: none" in text


def test_niche_items_are_those_looked_at_least():
    few = niche_items(ITEMS, ITEMS)
    least = sorted(ITEMS, key=lambda i: i.impressions)[:20]
    assert {i.id for i, n in zip(ITEMS, few, strict=True) if n} == {i.id for i in least}
    shop = [Item(id=f"s/{n}", category="rare" if n == 2 else "common") for n in range(3)]
    assert niche_items(shop, shop).tolist() == [False, False, True]


def test_too_few_items_are_refused():
    require_rows(material())
    with pytest.raises(LearningError, match="8 training items"):
        require_rows(material(train=ITEMS[:3]))


@pytest.fixture(scope="module")
def page_file(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    data = json.loads(write_result(result, folder).read_text())
    return write_ablation_page(data, folder / "ablation.html")


def test_the_page_says_what_each_step_adds_beside_the_papers_numbers(page_file):
    text = page_file.read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\#)[^"']*""", text)
    assert "MACE, at equal steps over sellers&#39; own words adds aspect F1: +0." in text
    assert "LACU itself, at equal steps cannot be told from no effect on aspect F1" in text
    for name, cells in PAPER:
        assert name in text
        assert " / ".join(f"{v:.2f}" for v in cells[-1]) in text
    assert "Simulated items" in text
    assert "strictness 0.35" in text
    assert text.count('<span class="chip">control</span>') == 2 * 4


def test_the_numbers_of_both_figures_are_beside_them(result, page_file):
    urls = re.findall(r'href="data:text/csv;base64,([^"]+)"', page_file.read_text())
    arms, steps = (base64.b64decode(url).decode().splitlines() for url in urls)
    assert arms[0] == "arm,value,low,high,level,n,method,reason"
    assert len(arms) == 1 + len(result.as_dict()["arms"]["held out"])
    assert [row.split(",")[0] for row in steps[1:]] == list(result.as_dict()["added"])


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_fits(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("figure svg").count() == 2
    page.close()


def test_held_out_pairs_are_told_before_and_after(result, tmp_path):
    (one,) = result.as_dict()["preferred"]
    told = one["figures"]
    assert (one["arm"], told["chosen likelier than rejected, before"]["value"]) == ("dpo", 0.1)
    assert told["chosen likelier than rejected, after"]["value"] == 1
    assert told["chosen likelier than rejected, after less before"]["low"] > 0.5
    assert (
        "seed 1, MACE + LACU + DPO: on 10 held-out pairs the chosen answer is the likelier one in 0.10"
        in str(result)
    )
    page = write_ablation_page(result.as_dict(), tmp_path / "page.html").read_text()
    assert "MACE + LACU + DPO, seed 1" in page and "10, learnt 8" in page


@pytest.mark.parametrize(
    ("between", "words"),
    [
        (
            (-0.09, -0.15, -0.03),
            "yet what the model writes by itself became worse (aspect F1 −0.090",
        ),
        ((0.01, -0.05, 0.06), "yet what the model writes by itself is not better as far as"),
        ((0.09, 0.03, 0.15), "What the model writes by itself is better, too (aspect F1 +0.090"),
    ],
)
def test_what_dpo_did_to_pairs_is_told_beside_what_it_did_to_answers(
    between, words, result, tmp_path
):
    data = json.loads(json.dumps(result.as_dict()))
    step = next(iter(data["added"].values()))
    f1 = step["aspect_f1"] | dict(zip(("value", "low", "high"), between, strict=True))
    data["added"]["DPO and its steps"] = step | {"aspect_f1": f1}
    said = preference_sentence(data)
    assert said.startswith(
        "In 1 of 1 trainings DPO made the chosen answer of held-out pairs the likelier one"
    )
    assert words in said and said in html.unescape(
        write_ablation_page(data, tmp_path / "p.html").read_text()
    )
    data["preferred"] = []
    assert preference_sentence(data) is None
