"""A model's own outputs in five classes: by the truth, by a judge, and the pairs that come of them."""

import json
from dataclasses import replace

import pytest

from pipelines.five_classes import CLASSES, grade_by_judge, grade_by_truth, keep_pairs
from workbench.catalog import open_catalog
from workbench.catalog.ingest import ingest
from workbench.errors import JudgingError
from workbench.judging import Answered, Finding, ModelAnswerer
from workbench.metrics import listing_json, read_json
from workbench.models import load_scorer
from workbench.preferences import lineage
from workbench.records import Generation, Item, Listing, PreferencePair
from workbench.rubric import load_rubric
from workbench.schema import dump_schema
from workbench.store import Store, group_of

TRUE = Listing(title="Red Mug", category="mug", aspects={f"A{i}": (str(i),) for i in range(10)})


def output(right, wrong=0, **more):
    aspects = {f"A{i}": str(i) for i in range(right)} | {f"A{9 - i}": "no" for i in range(wrong)}
    text = json.dumps({"title": "Mug", "aspects": aspects})
    return generation(text, **more)


def generation(text, key="k", item="x/1"):
    said = read_json(text)[1]
    return Generation(
        key=key, kind="listing", category="mug", model="m", revision="1", prompt="Write", item=item,
        listing=said, text=text,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "grade"),
    [(10, 0, 5), (9, 0, 4), (8, 2, 4), (5, 0, 3), (3, 7, 2), (2, 0, 1), (0, 0, 1)],
)
def test_the_truth_grades_by_the_share_that_is_right(right, wrong, grade):
    (one,) = grade_by_truth([output(right, wrong)], {"x/1": TRUE}, {"x/1": TRUE})
    assert (one.grade, one.probability) == (grade, float(grade <= 2))


def test_what_cannot_be_read_is_of_the_worst_class():
    (one,) = grade_by_truth([generation('{"title": "Mug", "asp')], {"x/1": TRUE}, {"x/1": TRUE})
    assert one.grade == 1


class Judge:
    """Thinks that each listing is of the class that its title names."""

    name, revision = "judge:", "1"

    def answers(self, criterion):
        return criterion.id == "aspects"

    def answer(self, subjects, asked, *, progress=None):
        return [Answered(findings=(self._finding(s.generation.listing.title),)) for s in subjects]

    def _finding(self, title):
        if title == "0":
            return Finding(distribution=None, reason="cannot tell")
        return Finding(distribution=tuple(0.6 if str(p) == title else 0.1 for p in range(1, 6)))


def test_a_judge_grades_by_its_likeliest_class_and_may_abstain(tmp_path):
    made = [generation(json.dumps({"title": t, "aspects": {}}), key=t) for t in "01245"]
    made.append(generation("no listing", key="bad"))
    with Store.open(tmp_path / "store") as store:
        graded = grade_by_judge(
            store, made, {"x/1": TRUE}, answerer=Judge(), rubric=load_rubric("listing"),
            schema=open_catalog("drawn:seed=1,items=1").schema,
        )  # fmt: skip
    assert {g.generation.key: g.grade for g in graded} == {"1": 1, "2": 2, "4": 4, "5": 5, "bad": 1}
    by_key = {g.generation.key: g.probability for g in graded}
    assert by_key["1"] == pytest.approx(0.7)
    assert by_key["5"] == pytest.approx(0.2)
    rubric = load_rubric("listing")
    short = replace(
        rubric,
        criteria=tuple(replace(c, scale=c.scale[:2], points=c.points[:2]) for c in rubric.criteria),
    )
    with pytest.raises(JudgingError, match="five classes"), Store.open(tmp_path / "store") as store:
        grade_by_judge(
            store,
            [],
            {},
            answerer=Judge(),
            rubric=short,
            schema=open_catalog("drawn:seed=1,items=1").schema,
        )


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    catalog = open_catalog("drawn:seed=4,items=30,size=64")
    with Store.open(tmp_path_factory.mktemp("classes") / "store") as store:
        ingest(store, catalog)
        store.add_schema(catalog.name, dump_schema(catalog.schema))
        items = list(store.records(Item))
        parts = store.assign_split([group_of(i) for i in items], eval_share=0.4, seed=0)
        yield store, catalog, items, parts


def outputs(items):
    return [
        Generation(
            key=f"out-{i.id}", kind="listing", category=i.category, model="m", revision="1", prompt="Write",
            item=i.id, inputs=i.photos, text=json.dumps({"title": f"Thing {n}", "aspects": {"Color": "Mauve"}}),
            listing=Listing(title=f"Thing {n}", aspects={"Color": ("Mauve",)}, category=i.category),
        )
        for n, i in enumerate(items)
    ]  # fmt: skip


def test_the_two_worst_become_pairs_of_training_items_only(filled):
    store, catalog, items, parts = filled
    made = outputs(items)
    store.add(made)
    truth = {
        i.id: Listing(
            title=i.truth["title"], aspects={"Color": (i.truth["Color"],)}, category=i.category
        )
        for i in items
    }
    classes = keep_pairs(
        store, grade_by_truth(made, truth, truth), schemas={catalog.name: catalog.schema}
    )
    train = {i.id for i in items if parts[group_of(i)] == "train"}
    assert classes.pairs
    assert {one.item for one in classes.pairs} <= train
    assert "held out" in {one.name for one in classes.left_out}
    assert sum(classes.as_dict()["graded"].values()) == len(items)
    assert list(classes.as_dict()["graded"]) == list(CLASSES.values())
    kept = {one.key: one for one in store.records(PreferencePair)}
    assert set(kept) == {one.key for one in classes.pairs}
    pair = classes.pairs[0]
    assert pair.chosen == listing_json(truth[pair.item])
    assert pair.rejected == f"{json.dumps(json.loads(pair.rejected))}"
    assert lineage(store, kept[pair.key]).rejected.key == f"out-{pair.item}"


def test_a_real_scorer_judges_real_outputs(filled):
    store, catalog, items, _ = filled
    made = outputs(items[:3])
    store.add(made)
    graded = grade_by_judge(
        store, made, dict.fromkeys((i.id for i in items), TRUE), rubric=load_rubric("listing"),
        answerer=ModelAnswerer(load_scorer("tiny:vlm"), least_coverage=0.0), schema=catalog.schema,
    )  # fmt: skip
    assert len(graded) == 3
    assert all(0 <= one.probability <= 1 for one in graded)
