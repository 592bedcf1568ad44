"""The human ceiling of approvals: worked by hand, on the published ratings, and fair to a judge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_score, recall_score

from workbench.calibration import human_ceiling

SKLEARN = {
    "precision": precision_score,
    "recall": recall_score,
    "accuracy": accuracy_score,
    "kappa": cohen_kappa_score,
}
Y, N = True, False


def test_worked_by_hand():
    """Three people, four items. Against ada, the others say yes, split, no, yes; she says yes, yes, no, no."""
    people = {"ada": [Y, Y, N, N], "bo": [Y, N, N, Y], "cy": [Y, Y, N, Y]}
    found = human_ceiling([Y, N, N, Y], people)
    ada = found.people["ada"]
    assert ada.precision.value == pytest.approx(1.5 / 2)
    assert ada.recall.value == pytest.approx(1.5 / 2.5)
    assert ada.accuracy.value == pytest.approx(2.5 / 4)
    # The judge against the same three majorities: (1, ½, 0, 1), (1, 1, 0, ½) and (1, ½, 0, ½).
    assert found.judge.precision.value == pytest.approx(np.mean([2 / 2, 1.5 / 2, 1.5 / 2]))
    assert found.gap.precision.value == pytest.approx(
        found.person.precision.value - found.judge.precision.value
    )
    assert found.items == 4


def test_two_others_who_agree_are_scikit_learns_truth():
    """Where the others never split, each number is what scikit-learn makes of the two columns."""
    rng = np.random.default_rng(0)
    others = rng.random(200) < 0.4
    one, judge = (np.where(rng.random(200) < share, others, ~others) for share in (0.8, 0.7))
    found = human_ceiling(
        list(map(bool, judge)),
        {"one": list(map(bool, one)), **{name: list(map(bool, others)) for name in ("a", "b")}},
    )
    for name, measure in SKLEARN.items():
        value = getattr(found.people["one"], name).value
        assert value == pytest.approx(measure(others, one), abs=1e-12)


def test_a_single_person_on_the_published_ratings(judge_human):
    """VIEScore (Ku et al. 2024, arXiv:2312.14867): three raters' approvals, SC = 1 and PQ >= .5."""
    ok = (judge_human.sc == 1) & (judge_human.pq >= 0.5)
    parts = [judge_human.scores["gpt4v_0shot", criterion] / 10 for criterion in ("SC", "PQ")]
    score = np.sqrt(parts[0] * parts[1])
    judge = [None if math.isnan(x) else bool(x >= 0.7) for x in score]
    found = human_ceiling(
        judge, {f"rater {r + 1}": list(map(bool, row)) for r, row in enumerate(ok)}
    )
    assert found.items == 873
    assert found.person.precision.value == pytest.approx(0.633, abs=5e-4)
    assert found.judge.precision.value == pytest.approx(0.412, abs=5e-4)
    assert found.gap.precision.low > 0.15
    assert found.gap.recall.high < 0  # the judge approves far more, and so misses less
    assert found.gap.kappa.low > 0.1
    # The judge against the majority of all three, as published, is a little lower: no ties there.
    said = np.array([x is True for x in judge])
    assert (ok.sum(axis=0) >= 2)[said].mean() == pytest.approx(0.395176, abs=1e-6)
    assert found.sentence == (
        "Of the judge's approvals the other people approve .41 (.38 to .45), of a single person's "
        ".63 (.59 to .67): a person is the more precise."
    )


def simulated(rng, n, judge_right, people_right):
    truth = rng.random(n) < 0.6
    columns = [
        np.where(rng.random(n) < right, truth, ~truth) for right in (judge_right, *people_right)
    ]
    judge, *people = [list(map(bool, column)) for column in columns]
    return judge, dict(zip("abcd", people, strict=False))


def test_a_judge_like_one_more_person_reaches_the_ceiling():
    rng = np.random.default_rng(1)
    covered, runs = 0, 60
    for seed in range(runs):
        judge, people = simulated(rng, 100, 0.85, (0.85, 0.85, 0.85))
        gap = human_ceiling(judge, people, resamples=300, seed=seed).gap.precision
        covered += gap.low <= 0 <= gap.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)


def test_weights_undo_an_audit_that_asked_about_approvals_more_often():
    rng = np.random.default_rng(2)
    judge, people = simulated(rng, 40_000, 0.8, (0.9, 0.7, 0.8))
    whole = human_ceiling(judge, people, resamples=2)
    inclusion = np.where(judge, 0.4, 0.05)
    drawn = rng.random(40_000) < inclusion
    audited = {
        name: [answer if use else None for answer, use in zip(said, drawn, strict=True)]
        for name, said in people.items()
    }
    weighted = human_ceiling(
        judge, audited, inclusion_probability=list(np.where(drawn, inclusion, np.nan)), resamples=2
    )
    raw = human_ceiling(judge, audited, resamples=2)
    for measure in ("precision", "recall", "accuracy", "kappa"):
        exact = getattr(whole.person, measure).value
        assert getattr(weighted.person, measure).value == pytest.approx(exact, abs=0.02)
    assert abs(raw.person.precision.value - whole.person.precision.value) > 0.03


def test_shares_at_the_edge_keep_an_interval():
    people = {name: [Y] * 6 + [N] * 6 for name in "abc"}
    found = human_ceiling([Y] * 6 + [N] * 6, people)
    assert (found.person.precision.value, found.person.precision.high) == (1, 1)
    assert 0.7 < found.person.precision.low < 0.8
    assert found.person.precision.method == "Wilson of 12 items"


def test_what_nobody_can_know_is_said():
    alone = human_ceiling([Y, N], {"ada": [Y, N]})
    assert alone.person.precision.reason == "not identifiable: no two people answered the same item"
    assert alone.sentence.startswith("The judge cannot be held against a single person: not ident")
    never = human_ceiling([N, N], {"ada": [Y, N], "bo": [Y, N]})
    assert never.judge.precision.reason == "nothing was approved"
    assert never.person.recall.value == 1
    silent = human_ceiling([None, None], {"ada": [Y, N], "bo": [Y, N]})
    assert (silent.items, silent.judge.accuracy.value) == (0, None)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="one person at least"):
        human_ceiling([Y], {})
    with pytest.raises(ValueError, match="one answer of 'ada' for each of 2 verdicts"):
        human_ceiling([Y, N], {"ada": [Y]})
    with pytest.raises(ValueError, match=r"got 0\.0 in row 1"):
        human_ceiling([Y, N], {"ada": [Y, N]}, inclusion_probability=[1, 0])
    with pytest.raises(ValueError, match="got nan in row 0"):
        human_ceiling([Y, N], {"ada": [Y, N]}, inclusion_probability=[None, 1])
    with pytest.raises(ValueError, match=r"`ada` holds True, False or None, got 0\.5"):
        human_ceiling([Y], {"ada": [0.5]})


answer = st.one_of(st.none(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(answer, answer, answer, st.sampled_from("xyz")), max_size=12),
    clustered=st.booleans(),
)
def test_any_answers_give_a_record(rows, clustered):
    judge, a, b, cluster = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    found = human_ceiling(
        judge, {"a": a, "b": b}, cluster=cluster if clustered else None, resamples=30
    )
    assert found.sentence.endswith(".")
    for who in (found.judge, found.person, *found.people.values()):
        for measure in ("precision", "recall", "accuracy"):
            estimate = getattr(who, measure)
            assert estimate.value is None or 0 <= estimate.value <= 1


def test_perfect_agreement_of_few_is_no_certainty():
    said = [True, False, True, False]
    found = human_ceiling(said, {"a": said, "b": said})
    assert found.person.precision.low < 0.6  # Wilson of four
    assert found.gap.accuracy.value == 0
    assert found.gap.accuracy.low is found.gap.accuracy.high is None
    assert "cannot show" in found.gap.accuracy.reason


@pytest.mark.parametrize(
    ("cluster", "unit"),
    [
        (None, "29 items"),
        ([str(i) for i in range(29)], "29 items"),
        ([str(i // 2) for i in range(29)], "15 clusters"),
    ],
)
def test_a_gap_of_few_items_has_no_interval(cluster, unit):
    rng = np.random.default_rng(5)
    judge, people = simulated(rng, 30, 0.7, (0.8, 0.8, 0.8))
    few = human_ceiling(judge[:29], {n: p[:29] for n, p in people.items()}, cluster=cluster)
    for measure in ("precision", "recall", "accuracy", "kappa"):
        gap = getattr(few.gap, measure)
        assert gap.value is not None
        assert gap.low is gap.high is None
        assert f"{unit} are too few to say how a difference varies, 30 would do" in gap.reason
    assert f"how far they differ is unsure: {unit}" in few.sentence
    assert human_ceiling(judge, people).gap.accuracy.low is not None


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 60])
def test_the_gap_is_covered_from_the_fewest_items_on(n):
    rng = np.random.default_rng(n)
    covered, given = 0, 0
    for seed in range(400):
        judge, people = simulated(rng, n, 0.8, (0.8, 0.8, 0.8))
        gap = human_ceiling(judge, people, resamples=400, seed=seed).gap.accuracy
        if gap.low is not None:
            given += 1
            covered += gap.low <= 0 <= gap.high
    assert given > 350
    assert covered / given >= 0.9
