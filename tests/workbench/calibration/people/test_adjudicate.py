"""Many answers brought to one: hand-worked cases, crowd-kit's numbers, and planted errors found again."""

import warnings

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import DawidSkene, MajorityVote
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import adjudicate, majority


def answers(rng, truth, people, *, share=1.0):
    """Long form: each person answers a `share` of items; `people` maps a name to (sensitivity, specificity)."""
    rows = []
    for i, is_yes in enumerate(truth):
        for name, (sensitivity, specificity) in people.items():
            if rng.random() < share:
                right = rng.random() < (sensitivity if is_yes else specificity)
                rows.append((f"i{i}", name, bool(is_yes) == right))
    items, annotators, labels = map(list, zip(*rows, strict=True))
    return {"items": items, "annotators": annotators, "labels": labels}


PEOPLE = {"ada": (0.95, 0.92), "bo": (0.6, 0.97), "cy": (0.93, 0.55), "di": (0.55, 0.6)}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([True, True, False], True),
        ([True, False], None),
        ([], None),
        ([None, None], None),
        ([None, False], False),
        (["a", "b", "b", "c"], "b"),
        (["a", "a", "b", "b", "c"], None),
    ],
)
def test_a_majority_leads_and_a_tie_is_open(labels, expected):
    assert majority(labels) is expected or majority(labels) == expected


def test_by_majority_each_person_is_held_against_the_others():
    """Three items; on the last one the others of ada and of bo are split."""
    found = adjudicate(
        items=["x"] * 3 + ["y"] * 3 + ["z"] * 3,
        annotators=["ada", "bo", "cy"] * 3,
        labels=[True, True, True, False, False, False, True, True, False],
    )
    assert [item.label for item in found.items] == [True, False, True]
    assert [item.margin for item in found.items] == [1, 1, pytest.approx(1 / 3)]
    assert [item.item for item in found.disputes] == ["z"]
    assert found.disputes[0].said == {"ada": True, "bo": True, "cy": False}
    ada, _, cy = found.annotators
    assert ada.counts == ((1, 0), (0, 1))
    assert cy.counts == ((1, 0), (1, 1))
    assert found.sensitivity("cy").value == 0.5
    assert found.specificity("cy").value == 1
    assert cy.confusion == ((1, 0), (0.5, 0.5))


def test_the_answer_of_most_people_is_crowd_kits():
    rng = np.random.default_rng(3)
    given_answers = answers(rng, rng.random(200) < 0.5, dict(list(PEOPLE.items())[:3]))
    found = adjudicate(**given_answers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = MajorityVote().fit_predict(frame(**given_answers))
    assert {item.item: item.label for item in found.items} == theirs.to_dict()


def frame(items, annotators, labels):
    return pd.DataFrame({"task": items, "worker": annotators, "label": labels})


@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_and_errors_are_crowd_kits(classes):
    rng = np.random.default_rng(classes)
    rows = []
    for i, true in enumerate(rng.integers(classes, size=150)):
        for person in "abcde":
            if rng.random() < 0.8:
                said = true if rng.random() < 0.7 else rng.integers(classes)
                rows.append((f"i{i}", person, "klmn"[said]))
    items, annotators, labels = map(list, zip(*rows, strict=True))
    found = adjudicate(items=items, annotators=annotators, labels=labels, method="dawid-skene")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = DawidSkene(n_iter=1000, tol=1e-7).fit(frame(items, annotators, labels))
    assert found.converged
    for item in found.items:
        assert item.probability == pytest.approx(
            theirs.probas_.loc[item.item, list(found.classes)], abs=1e-6
        )
    assert found.prior == pytest.approx(theirs.priors_[list(found.classes)], abs=1e-6)
    for person in found.annotators:
        for row, true in zip(person.confusion, found.classes, strict=True):
            for share, said in zip(row, found.classes, strict=True):
                assert share == pytest.approx(
                    theirs.errors_.loc[(person.annotator, said), true], abs=1e-6
                )


def test_planted_errors_are_found_and_beat_the_majority():
    rng = np.random.default_rng(0)
    truth = rng.random(1500) < 0.4
    given_answers = answers(rng, truth, PEOPLE)
    model = adjudicate(**given_answers, method="dawid-skene")
    heads = adjudicate(**given_answers)
    for name, (sensitivity, specificity) in PEOPLE.items():
        assert model.sensitivity(name).value == pytest.approx(sensitivity, abs=0.05)
        assert model.specificity(name).value == pytest.approx(specificity, abs=0.05)
    assert model.prior[1] == pytest.approx(0.4, abs=0.03)
    right = {
        found.method: np.mean([i.label == y for i, y in zip(found.items, truth, strict=True)])
        for found in (model, heads)
    }
    assert right["dawid-skene"] > right["majority"] + 0.08
    assert right["dawid-skene"] > 0.9
    off = {
        found.method: max(abs(found.sensitivity(n).value - p[0]) for n, p in PEOPLE.items())
        for found in (model, heads)
    }
    assert off["dawid-skene"] < 0.5 * off["majority"]


def test_probabilities_hold_what_they_say():
    """Among items given a probability near p of being a yes, about p are."""
    rng = np.random.default_rng(1)
    truth = rng.random(3000) < 0.5
    found = adjudicate(**answers(rng, truth, PEOPLE), method="dawid-skene")
    p = np.array([item.probability[1] for item in found.items])
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95)):
        inside = (p > low) & (p < high)
        assert inside.sum() > 30
        assert truth[inside].mean() == pytest.approx(p[inside].mean(), abs=0.12)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "nobody answered"),
        ([("x", "ada", True), ("y", "ada", False)], "one annotator"),
        ([("x", "ada", True), ("y", "bo", False)], "no two annotators answered the same item"),
        ([("x", "ada", True), ("x", "bo", False)], "no item has three answers"),
        ([("x", name, True) for name in "abc"], "every answer is True"),
    ],
)
def test_what_the_answers_cannot_tell_is_said(rows, reason):
    items, annotators, labels = map(list, zip(*rows, strict=True)) if rows else ([], [], [])
    found = adjudicate(items=items, annotators=annotators, labels=labels, method="dawid-skene")
    assert found.reason.startswith("not identifiable: ")
    assert reason in found.reason
    assert found.prior is None
    assert all(item.probability is None for item in found.items)
    for person in found.annotators:
        assert (person.counts, person.confusion) == (None, None)
        assert found.sensitivity(person.annotator).reason == person.reason
    said = dict(zip(items, labels, strict=True))
    if len(items) == len(said):
        assert {item.item: item.label for item in found.items} == said


def test_a_person_who_shares_no_item_is_left_out_of_the_model_and_named():
    rng = np.random.default_rng(2)
    given_answers = answers(
        rng, rng.random(80) < 0.5, {"a": (0.9, 0.9), "b": (0.8, 0.8), "c": (0.9, 0.7)}
    )
    alone = {key: [*given_answers[key], *more] for key, more in (
        ("items", ["p", "q", "q"]), ("annotators", ["zoe", "yan", "xu"]), ("labels", [True, True, False])
    )}  # fmt: skip
    found = adjudicate(**alone, method="dawid-skene")
    people = {person.annotator: person for person in found.annotators}
    assert "'zoe' shares no item" in people["zoe"].reason
    assert "'yan' shares no item with anyone" in people["yan"].reason
    assert people["a"].reason is None
    assert found.items[-2].label is True
    assert (found.items[-1].label, found.items[-1].probability) == (None, None)
    assert found.items[-1].disputed


def test_bad_input_is_named():
    same = {"items": ["x", "x"], "annotators": ["ada", "ada"], "labels": [True, False]}
    with pytest.raises(ValueError, match="'ada' answered item 'x' twice"):
        adjudicate(**same)
    with pytest.raises(ValueError, match=r"got 0\.5"):
        adjudicate(items=["x"], annotators=["ada"], labels=[0.5])
    with pytest.raises(ValueError, match="all True or False"):
        adjudicate(items=["x", "y"], annotators=["ada"] * 2, labels=[True, "yes"])
    with pytest.raises(ValueError, match="one annotator and one label"):
        adjudicate(items=["x"], annotators=[], labels=[])
    with pytest.raises(ValueError, match="dawid-skene"):
        adjudicate(items=[], annotators=[], labels=[], method="glad")
    classes = adjudicate(items=["x"], annotators=["ada"], labels=["a"])
    with pytest.raises(ValueError, match="True and False"):
        classes.sensitivity("ada")
    with pytest.raises(ValueError, match="no annotator 'bo'; known: ada"):
        adjudicate(items=["x"], annotators=["ada"], labels=[True]).sensitivity("bo")


label = st.one_of(st.none(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("abcd"), label), max_size=24
    ),
    method=st.sampled_from(["majority", "dawid-skene"]),
)
def test_any_answers_give_a_record_or_one_sentence(rows, method):
    items, annotators, labels = map(list, zip(*rows, strict=True)) if rows else ([], [], [])
    try:
        found = adjudicate(items=items, annotators=annotators, labels=labels, method=method)
    except ValueError as error:
        assert "twice" in str(error)
        return
    assert len(found.items) == len(set(items))
    for item in found.items:
        if item.probability is not None:
            assert sum(item.probability) == pytest.approx(1)
        assert item.label in {True, False, None}
    for person in found.annotators:
        assert (person.counts is None) == (person.reason is not None)
        for row in person.confusion or ():
            assert row is None or sum(row) == pytest.approx(1)
