"""A model as the ablation's judge: real answers of a tiny one, and what is refused."""

import json
from dataclasses import dataclass

import pytest

from pipelines.ablation_judge import AblationJudge
from pipelines.baseline import compare_systems
from workbench.catalog import open_catalog
from workbench.catalog.ingest import ingest
from workbench.errors import JudgingError
from workbench.models import load_scorer
from workbench.models.protocols import Answer
from workbench.records import Generation, Item, Listing
from workbench.store import Store


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    catalog = open_catalog("drawn:seed=6,items=4,size=64")
    with Store.open(tmp_path_factory.mktemp("judge") / "store") as store:
        ingest(store, catalog)
        yield store, catalog.schema, list(store.records(Item))


def text(title):
    return json.dumps({"title": title, "aspects": {"Color": "Red"}})


def test_a_real_judge_grades_compares_and_scores(shop):
    store, schema, items = shop
    judge = AblationJudge(load_scorer("tiny:vlm"), store, schema)
    made = [
        Generation(
            key=i.id, kind="listing", category=i.category, model="m", revision="1", prompt="p", item=i.id,
            inputs=i.photos, text=text("Mug"), listing=Listing(title="Mug", aspects={"Color": ("Red",)}),
        )
        for i in items
    ]  # fmt: skip
    truth = [Listing(title="Mug", aspects={"Color": ("Red",)}, category=i.category) for i in items]
    graded = judge.grade(made, {i.id: t for i, t in zip(items, truth, strict=True)})
    assert [one.grade in range(1, 6) and 0 <= one.probability <= 1 for one in graded] == [True] * 4
    found = compare_systems(
        [text("Mug")] * 4, ["no listing"] * 4, truth, schema, compare=judge.compare(items),
        conformity=judge.conformity(items),
    )  # fmt: skip
    assert 1 <= found.conformity.value <= 5
    assert found.incumbent_conformity.value == 1
    assert 0 <= found.win_rate.value <= 1


@dataclass
class Silent:
    """Answers nothing."""

    name: str = "silent:"
    revision: str = "1"
    sees: bool = True

    def score(self, contexts, questions, *, progress=None):
        return [[Answer(distribution=(), error="busy") for _ in several] for several in questions]


def test_a_judge_that_does_not_answer_is_said_not_guessed(shop):
    store, schema, items = shop
    with pytest.raises(JudgingError, match="does not answer"):
        AblationJudge(Silent(), store, schema).conformity(items)([text("Mug")] * 4)


def test_a_judge_that_reads_only_is_refused(shop):
    store, schema, _ = shop
    with pytest.raises(JudgingError, match="reads text only"):
        AblationJudge.load("tiny:text", store, schema)
