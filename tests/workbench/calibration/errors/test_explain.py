"""From the store to the judge's failures: an audit's errors by criterion, and labels that slices take."""

import dataclasses

import pytest

from workbench.calibration._sample import read_sample
from workbench.calibration.audited import calibrate_audit, draw_from, labels_of
from workbench.calibration.audits.population import latest_selection
from workbench.calibration.errors.slices import slices_of
from workbench.records import Annotation, CriterionScore, Generation, Item, Listing, Verdict
from workbench.rubric import Criterion, Rubric, dump_rubric
from workbench.store import Store

RUBRIC = Rubric(
    name="listing", version=1, judges="listing",
    criteria=(
        Criterion(id="color", question="Right colour?", scale=("1", "2", "3"), threshold=2.0),
        Criterion(id="title", question="Right title?", scale=("1", "2", "3"), threshold=2.0),
    ),
)  # fmt: skip


def records(i):
    """Every fifth title is bad (2.1, and still approved); every fourth colour fails, half of those wrongly."""
    title, color = 2.1 if i % 5 == 0 else 2.9, 1.5 if i % 4 == 0 else 2.5
    yield Item(id=f"shop/{i}", category="mugs")
    yield Generation(
        key=f"g{i}", kind="listing", category="mugs", model=f"tiny:{'ab'[i % 2]}", revision="m1",
        prompt="Describe it.", item=f"shop/{i}", listing=Listing(title="x"), attempt=1 + i % 3, run="r",
    )  # fmt: skip
    yield Verdict(
        key=f"v{i}", generation=f"g{i}", judge="starter:judge", revision="r1", rubric="listing@1",
        scores=(
            CriterionScore(criterion="color", score=color),
            CriterionScore(criterion="title", score=title),
        ),
        confidence=0.5, approved=color >= 2, run="r",
    )  # fmt: skip


@pytest.fixture(params=[True], ids=["rubric stored"])
def audited(tmp_path, request):
    with Store.open(tmp_path / "store") as store:
        store.add([one for i in range(120) for one in records(i)])
        if request.param:
            store.add_rubric("listing", 1, RUBRIC.digest, dump_rubric(RUBRIC))
        store.assign_split([f"shop/{i}" for i in range(120)], eval_share=0.5, seed=1)
        audit = draw_from(store, latest_selection(store, part="eval"), size=40, seed=0)
        store.add([audit])
        store.add(
            Annotation(
                id=f"a-{item.generation}", generation=item.generation, annotator="ann",
                rubric="listing@1", audit=audit.id,
                approved=bool((i := int(item.generation[1:])) % 5 and i % 8),
            )
            for item in audit.drawn
        )  # fmt: skip
        yield calibrate_audit(store, audit)


def test_an_audit_in_the_store_is_taken_apart_by_its_rubric(audited):
    found = audited.calibration.failures
    assert found.items.false_positives
    assert all(int(key[1:]) % 5 == 0 for key in found.items.false_positives)
    assert all(int(key[1:]) % 8 == 4 for key in found.items.false_negatives)
    assert {one.by for one in found.caught} == {"title"}
    assert {one.lost.value for one in found.caught} == {0.0}
    first = found.raised[0]
    assert (first.criterion, first.threshold, first.removed.value) == ("title", 2.9, 1.0)
    wrong = {one.criterion: one for one in found.wrong_rejections}
    assert wrong["color"].keys == found.items.false_negatives
    assert wrong["title"].rejects == 0
    answered = sum(len(cell) for cell in dataclasses.astuple(found.items))
    assert answered == len(audited.audit.drawn)


@pytest.mark.parametrize("audited", [False], indirect=True)
def test_without_the_rubric_errors_are_named_and_no_criterion(audited):
    found = audited.calibration.failures
    assert found.items.false_positives
    assert found.criteria == found.raised == found.wrong_rejections == ()
    assert {one.by for one in found.caught} == {None}


def test_slices_are_cut_by_model_and_attempt(audited):
    labels = labels_of(audited.population)
    assert set(labels["model"]) == {"tiny:a", "tiny:b"}
    assert set(labels["attempt"]) == {"1", "2", "3"}
    answers = [j.answer for j in audited.population]
    sample = read_sample(
        approved=[j.verdict.approved for j in audited.population],
        answer=answers,
        inclusion_probability=[None if a is None else 0.5 for a in answers],
    )
    for by in ("model", "attempt"):
        cuts = slices_of(sample, labels[by], by=by)
        assert sum(cut.judged for cut in cuts) == len(audited.population)
    odd, even = sorted(slices_of(sample, labels["model"], by="model"), key=lambda c: c.name)[::-1]
    # All rejections have even numbers, so the odd model approves every unsuitable listing of its own.
    assert odd.false_positive_rate.value == 1
    assert even.false_positive_rate.value < 1
    assert odd.p_value is not None
