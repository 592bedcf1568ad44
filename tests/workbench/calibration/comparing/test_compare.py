"""Two judges on the same items: worked by hand, against statsmodels, and what their intervals promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_score, recall_score
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from workbench.calibration import (
    compare,
    compare_criteria,
    compare_verdicts,
    draw_audit,
    mcnemar,
)
from workbench.records import Annotation, Verdict

SKLEARN = {"precision": precision_score, "recall": recall_score, "accuracy": accuracy_score}
LATENT = (1.0, 1.8)  # of `world`: how suitable items are, and how far that shows


def plain(values):
    return list(map(bool, values))


def world(rng, n, *, clustered=False, sharp=(1.2, 0.9), easy=0.0):
    """Items of a hidden quality, suitable with a chance that rises with it; two judges who see it through noise."""
    quality = rng.normal(size=n)
    cluster = None
    if clustered:
        cluster = np.repeat(np.arange(n // 4), 4)
        quality = 0.6 * quality + 0.8 * np.repeat(rng.normal(size=n // 4), 4)
    suitable = rng.random(n) < 1 / (1 + np.exp(-(LATENT[0] + easy + LATENT[1] * quality)))
    judges = [quality + rng.normal(size=n) * noise > -0.3 for noise in sharp]
    return suitable, *judges, cluster


def audited(rng, approved, suitable, take):
    """An audit drawn by one judge's verdicts: `take` approvals and rejections."""
    inclusion = np.full(approved.size, math.nan)
    for verdict, most in zip((True, False), take, strict=True):
        members = np.flatnonzero(approved == verdict)
        size = min(most, members.size)
        inclusion[rng.choice(members, size, replace=False)] = size / members.size
    answer = [bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)]
    return answer, list(inclusion)


@pytest.mark.parametrize("first_only", range(7))
@pytest.mark.parametrize("second_only", [0, 1, 4, 11])
def test_mcnemar_equals_statsmodels(first_only, second_only):
    ours = mcnemar(first_only, second_only)
    if first_only + second_only == 0:
        assert (ours.p_value, ours.reason) == (None, "the two never differ")
        return
    theirs = statsmodels_mcnemar([[5, first_only], [second_only, 5]], exact=True)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    here = stats.binom.pmf(first_only, first_only + second_only, 0.5)
    if first_only != second_only:
        assert ours.mid_p == pytest.approx(theirs.pvalue - here, abs=1e-12)
    assert 0 < ours.mid_p <= ours.p_value


def test_mcnemars_mid_p_on_a_published_table():
    """Fagerland, Lydersen & Laake 2013, table 1: 1 and 7 of 21 pairs differ; exact .070, mid-p .039."""
    test = mcnemar(1, 7)
    assert test.p_value == pytest.approx(0.0703, abs=5e-5)
    assert test.mid_p == pytest.approx(0.0391, abs=5e-5)


def test_with_all_items_answered_every_number_is_scikit_learns():
    suitable, a, b, _ = world(np.random.default_rng(0), 300)
    found = compare(plain(a), plain(b), plain(suitable), names=("a", "b"))
    for name, measure in SKLEARN.items():
        one = getattr(found, name)
        assert one.of_first.value == pytest.approx(measure(suitable, a), abs=1e-12)
        assert one.of_second.value == pytest.approx(measure(suitable, b), abs=1e-12)
        gap = one.of_second.value - one.of_first.value
        assert one.difference.value == pytest.approx(gap, abs=1e-12)
        assert one.difference.low < one.least < one.difference.high
    assert found.agreement.value == pytest.approx((a == b).mean())
    assert found.kappa.value == pytest.approx(cohen_kappa_score(a, b))
    assert (found.items, found.answered, found.undecided) == (300, 300, (0, 0))
    assert found.right.first_only == ((a == suitable) & (b != suitable)).sum()
    assert found.approvals.second_only == (b & ~a).sum()
    always = next(one for one in found.constant if one.measure == "precision")
    assert (always.first, always.second) == ("approve everything", "a")
    assert always.of_first.value == pytest.approx(suitable.mean())


def test_two_judges_on_the_published_ratings(judge_human):
    """VIEScore (Ku et al. 2024, arXiv:2312.14867): the bar's judge at .7 against itself at .8."""
    ok = (judge_human.sc == 1) & (judge_human.pq >= 0.5)
    parts = [judge_human.scores["gpt4v_0shot", criterion] / 10 for criterion in ("SC", "PQ")]
    score = np.sqrt(parts[0] * parts[1])
    lenient, strict = ([None if math.isnan(x) else bool(x >= t) for x in score] for t in (0.7, 0.8))
    people = {f"rater {r + 1}": plain(row) for r, row in enumerate(ok)}
    found = compare(lenient, strict, people=people, names=("at .7", "at .8"))
    assert found.items == 873
    assert found.precision.of_first.value == pytest.approx(0.395176, abs=1e-6)
    assert found.recall.of_first.value == pytest.approx(213 / 245)
    assert found.precision.difference.low > 0.05
    assert found.precision.exceeds(0.05)
    assert found.recall.difference.high < -0.1
    assert (found.approvals.first_only, found.approvals.second_only) == (202, 0)
    rejecting = [
        c for c in found.constant if (c.measure, c.first) == ("accuracy", "reject everything")
    ]
    assert rejecting[0].difference.high < 0  # 72% are unsuitable: to reject all is right more often
    assert found.ceiling[1].person.precision.value > found.ceiling[1].judge.precision.value + 0.1
    assert found.sentence == (
        "Of 873 items at .7 approves 539, at .8 337; at .8 against at .7: precision is higher by "
        ".09 (.06 to .13), recall is lower by .20 (.15 to .25) and accuracy is higher by .12 (.09 to .15). "
        "Of the items that people answered at .7 alone is right on 48, at .8 alone on 154; by McNemar's "
        "test at .8 is right more often (p < 0.001). "
        "Held against the majority of the other people, at .7 reaches a precision of .41 (.38 to .45), "
        "at .8 .49 (.45 to .54), and a single person .63 (.59 to .67). "
        "To reject everything would be right more often, .72 (.69 to .75), than at .7."
    )


def test_an_audit_drawn_by_one_judge_serves_both():
    """Weights undo that the first judge's approvals were asked about nine times as often."""
    rng = np.random.default_rng(1)
    suitable, a, b, _ = world(rng, 60_000)
    answer, inclusion = audited(rng, a, suitable, (9000, 600))
    found = compare(plain(a), plain(b), answer, inclusion_probability=inclusion, resamples=200)
    asked = np.array([x is not None for x in answer])
    for name, measure in SKLEARN.items():
        one = getattr(found, name)
        assert one.of_second.value == pytest.approx(measure(suitable, b), abs=0.02)
        truth = measure(suitable, b) - measure(suitable, a)
        assert one.difference.value == pytest.approx(truth, abs=0.02)
    raw = recall_score(suitable[asked], b[asked]) - recall_score(suitable[asked], a[asked])
    assert abs(raw - found.recall.difference.value) > 0.05
    assert found.right.p_value is None
    assert "different probabilities" in found.right.reason


def test_answers_where_both_agree_do_not_count_for_accuracy():
    suitable, a, b, _ = world(np.random.default_rng(2), 400)
    apart = a != b
    answer = [bool(y) if use else None for y, use in zip(suitable, apart, strict=True)]
    found = compare(plain(a), plain(b), answer, names=("old", "new"))
    whole = compare(plain(a), plain(b), plain(suitable), names=("old", "new"))
    assert found.accuracy.difference.value == pytest.approx(whole.accuracy.difference.value)
    assert found.right == whole.right
    both = int((a & b).sum())
    assert found.precision.difference.reason == (
        f"not identifiable: nobody answered any of the {both} items that old and new both approve"
    )
    assert found.precision.exceeds(-1) is False
    assert "cannot be said: not identifiable" in found.sentence


def test_approvals_of_one_judge_alone_tell_nothing_of_the_other():
    suitable, a, b, _ = world(np.random.default_rng(3), 400)
    answer = [bool(y) if use else None for y, use in zip(suitable, a, strict=True)]
    found = compare(plain(a), plain(b), answer, names=("old", "new"))
    assert found.precision.of_first.value == pytest.approx(suitable[a].mean())
    only = int((b & ~a).sum())
    for one in (found.precision.of_second, found.precision.difference, found.accuracy.difference):
        assert one.value is None
        assert one.reason.endswith(f"any of the {only} items that new approves and old rejects")
    assert found.precision.p_value is None
    assert found.right.p_value is None
    assert "only new approves" in found.right.reason
    assert found.agreement.value is not None


def test_a_better_judge_may_replace_and_an_equal_one_may_not():
    rng = np.random.default_rng(4)
    suitable, noisy, sharp, _ = world(rng, 1500, sharp=(2.5, 0.3))
    better = compare(plain(noisy), plain(sharp), plain(suitable), names=("rubric 2", "rubric 3"))
    assert better.precision.exceeds()
    assert better.precision.p_value < 0.01
    assert "rubric 3 against rubric 2: precision is higher by" in better.sentence
    assert "by McNemar's test rubric 3 is right more often" in better.sentence
    turned = compare(plain(sharp), plain(noisy), plain(suitable), names=("rubric 3", "rubric 2"))
    assert not turned.precision.exceeds()
    assert turned.precision.p_value > 0.99
    assert "precision is lower by" in turned.sentence
    assert "by McNemar's test rubric 3 is right more often" in turned.sentence
    same = compare(plain(sharp), plain(sharp), plain(suitable))
    assert same.precision.difference.value == same.precision.difference.high == 0
    assert not same.precision.exceeds()
    assert same.precision.exceeds(-0.01)
    assert same.right.reason == "the two never differ"
    assert "cannot be told from 0: precision by 0" in same.sentence
    assert "who is right more often: the two never differ" in same.sentence


def test_clusters_widen_what_copied_items_would_narrow():
    suitable, a, b, _ = world(np.random.default_rng(5), 150)
    once = compare(plain(a), plain(b), plain(suitable))
    copies = [plain(np.repeat(x, 6)) for x in (a, b, suitable)]
    ids = [f"p{i // 6}" for i in range(900)]
    grouped, naive = compare(*copies, cluster=ids), compare(*copies)

    def width(found):
        return found.precision.difference.high - found.precision.difference.low

    assert width(grouped) == pytest.approx(width(once), rel=0.12)
    assert width(naive) < 0.5 * width(grouped)
    assert grouped.right == once.right  # one vote per cluster
    assert grouped.precision.difference.effective_n == 150


def test_cells_without_spread_keep_an_interval():
    """Ten of ten right in each cell says little of the next ones: the interval is not of width 0."""
    approved = [True] * 20
    found = compare(approved, [True] * 10 + [False] * 10, [True] * 20)
    assert found.precision.of_first.value == found.precision.of_second.value == 1
    assert found.precision.difference.value == 0
    assert found.precision.difference.low < -0.005 < 0.02 < found.precision.difference.high
    assert found.recall.of_second.value == 0.5


@pytest.mark.parametrize(
    ("first", "second", "answer", "words"),
    [
        ([True] * 4, [False] * 4, [True, False, True, False], "approves nothing"),
        ([None] * 4, [True] * 4, [True, False, True, False], "no item in common"),
        ([], [], [], "no item in common"),
        ([True, False] * 2, [True, True, False, False], [None] * 4, "nobody answered any"),
    ],
)
def test_what_cannot_be_compared_is_said(first, second, answer, words):
    found = compare(first, second, answer)
    assert found.precision.difference.value is None
    assert words in found.precision.difference.reason
    assert words in found.sentence or "nothing can be compared" in found.sentence
    assert found.precision.least is None
    assert not found.precision.exceeds(-1)


def test_bad_input_is_named():
    three = [True, False, None]
    with pytest.raises(ValueError, match="'the second' wants one value for each of the 3 items"):
        compare(three, three[:2], three)
    with pytest.raises(ValueError, match="`answer` holds True, False or None, got 'yes' in row 0"):
        compare(three, three, ["yes", None, None])
    with pytest.raises(ValueError, match="got None in row 1"):
        compare(three, three, three, inclusion_probability=[0.5, None, None])
    with pytest.raises(ValueError, match=r"got 1\.5 in row 2"):
        compare(three, three, three, inclusion_probability=[0.5, 0.5, 1.5])
    with pytest.raises(ValueError, match="pass `answer`, or `people`"):
        compare(three, three)
    with pytest.raises(ValueError, match=r"as many answers of each person, got \[2, 3\]"):
        compare(three, three, people={"ada": three, "bo": three[:2]})
    with pytest.raises(ValueError, match="two different names"):
        compare(three, three, three, names=("a", "a"))
    with pytest.raises(ValueError, match="100 resamples"):
        compare(three, three, three, resamples=10)
    with pytest.raises(ValueError, match="0 or more"):
        mcnemar(-1, 2)


def test_criteria_are_compared_one_by_one():
    rng = np.random.default_rng(6)
    suitable, noisy, sharp, _ = world(rng, 800, sharp=(2.5, 0.3))
    alike = plain(rng.random(800) < 0.5)
    found = compare_criteria(
        {"sharpness": plain(noisy), "colour": plain(noisy), "old": alike},
        {"sharpness": plain(sharp), "colour": plain(noisy), "new": alike},
        {"sharpness": plain(suitable)},
        names=("rubric 2", "rubric 3"),
    )
    assert [one.criterion for one in found] == ["sharpness", "colour"]
    assert found[0].q_value == pytest.approx(2 * found[0].comparison.accuracy.p_value)
    assert found[1].comparison.accuracy.difference.value == 0  # never apart: known without answers
    assert found[1].comparison.precision.difference.value is None
    with pytest.raises(ValueError, match="a criterion that both judges answer"):
        compare_criteria({"a": alike}, {"b": alike}, {})
    with pytest.raises(ValueError, match="criterion 'a': `answer` holds"):
        compare_criteria({"a": [True]}, {"a": [True]}, {"a": [0.5]})


def verdict(i, *, approved, rubric="listing@1", judge="j"):
    return Verdict(
        key=f"{rubric}/{judge}/{i}", generation=f"g{i:03}", judge=judge, revision="r", rubric=rubric,
        scores=(), approved=approved,
    )  # fmt: skip


def test_stored_records_are_compared():
    rng = np.random.default_rng(7)
    suitable, a, b, _ = world(rng, 200, sharp=(2.0, 0.3))
    old = [verdict(i, approved=bool(x)) for i, x in enumerate(a)]
    new = [verdict(i, approved=bool(x), rubric="listing@2") for i, x in enumerate(b) if i != 7]
    audit = draw_audit(old, size=120, seed=0)
    annotations = [
        Annotation(
            id=f"{name}/{item.generation}", generation=item.generation, annotator=name,
            rubric="listing@1", approved=bool(suitable[int(item.generation[1:])]) ^ (rng.random() < 0.1),
        )
        for item in audit.drawn
        for name in ("ada", "bo", "cy")
    ]  # fmt: skip
    found = compare_verdicts(old, new, audit, annotations)
    assert (found.first, found.second) == ("listing@1", "listing@2")
    assert (found.items, found.undecided) == (199, (0, 1))
    assert found.answered in {119, 120}
    assert found.ceiling is not None
    assert found.accuracy.difference.value > 0
    solo = compare_verdicts(old, new, audit, [x for x in annotations if x.annotator == "ada"])
    assert solo.ceiling is None
    with pytest.raises(ValueError, match="'g000' has two verdicts"):
        compare_verdicts([old[0], old[0]], new, audit, annotations)
    with pytest.raises(ValueError, match="that neither judged"):
        compare_verdicts(old[:5], new[:5], audit, annotations)
    with pytest.raises(ValueError, match="pass `names`"):
        compare_verdicts(old, old, audit, annotations)


tristate = st.one_of(st.none(), st.booleans())


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            tristate, tristate, tristate, st.sampled_from([None, math.nan, 0.0, 0.2, 1.0]), st.sampled_from("xyz")
        ),
        max_size=12,
    ),
    clustered=st.booleans(),
    weighted=st.booleans(),
)  # fmt: skip
def test_any_verdicts_give_a_record_or_one_sentence(rows, clustered, weighted):
    a, b, answer, inclusion, cluster = (
        map(list, zip(*rows, strict=True)) if rows else ([], [], [], [], [])
    )
    try:
        found = compare(
            a, b, answer, inclusion_probability=inclusion if weighted else None,
            cluster=cluster if clustered else None, people={"ada": answer, "bo": b}, resamples=100,
        )  # fmt: skip
    except ValueError as error:
        assert weighted
        assert "probability" in str(error)
        return
    assert found.sentence.endswith(".")
    for one in (found.precision, found.recall, found.accuracy, *found.constant):
        for estimate in (one.of_first, one.of_second, one.difference):
            assert estimate.value is None or -1 <= estimate.value <= 1
        assert (one.least is None) == (one.difference.low is None)
        assert one.p_value is None or 0 < one.p_value <= 1


def covered(rng, runs, *, n, take, clustered, easy, truth):
    """Shares of runs in which the intervals hold the truth, and in which the one-sided bound is over it."""
    inside, over, known = np.zeros(3), np.zeros(3), np.zeros(3)
    for seed in range(runs):
        suitable, a, b, cluster = world(rng, n, clustered=clustered, easy=easy)
        answer, inclusion = audited(rng, a, suitable, take)
        found = compare(
            plain(a), plain(b), answer, inclusion_probability=inclusion, resamples=600, seed=seed,
            cluster=None if cluster is None else [str(i) for i in cluster],
        )  # fmt: skip
        for m, one in enumerate((found.precision, found.recall, found.accuracy)):
            if one.difference.low is not None:
                known[m] += 1
                inside[m] += one.difference.low <= truth[m] <= one.difference.high
                over[m] += one.least > truth[m]
    return inside / known, over / runs


def test_p_value_and_bound_agree():
    """The bound is over 0 where the p-value is under alpha, and the other way round."""
    rng = np.random.default_rng(8)
    seen = set()
    for seed in range(30):
        suitable, a, b, _ = world(rng, 60, sharp=(1.6, 0.5))
        for alpha in (0.05, 0.2):
            one = compare(
                plain(a), plain(b), plain(suitable), alpha=alpha, resamples=1000, seed=seed
            ).accuracy
            if abs(one.p_value - alpha) > 0.005:  # between two draws either may be on its edge
                assert one.exceeds() == (one.p_value < alpha)
                seen.add(one.exceeds())
    assert seen == {True, False}


@pytest.mark.slow  # three standard errors: of 36 looks one would fail by chance at two
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("easy", [0.0, 2.5], ids=["three quarters suitable", "nearly all suitable"])
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(("n", "take"), [(2000, (100, 100)), (1000, (200, 60)), (120, (120, 120))])
def test_intervals_cover_and_one_sided_tests_keep_their_level(n, take, clustered, easy):
    suitable, a, b, _ = world(np.random.default_rng(99), 4_000_000, clustered=clustered, easy=easy)
    truth = [measure(suitable, b) - measure(suitable, a) for measure in SKLEARN.values()]
    runs, rng = 500, np.random.default_rng(1)
    inside, over = covered(rng, runs, n=n, take=take, clustered=clustered, easy=easy, truth=truth)
    assert (inside >= 0.93).all()
    assert (over <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)).all()
