"""Rates under an audit: published numbers, hand-worked ones, and the coverage that intervals promise."""

import math

import numpy as np
import pytest

from workbench.calibration import clopper_pearson, rates
from workbench.metrics import wilson

NAMES = (
    "precision", "missed", "recall", "false_positive_rate", "suitable_rate", "accuracy", "kappa",
)  # fmt: skip


def truth(approved, suitable):
    """The seven rates of a population that is known in full."""
    a, p1, p0 = approved.mean(), suitable[approved].mean(), suitable[~approved].mean()
    return dict(zip(NAMES, formulas(a, p1, p0), strict=True))


def formulas(a, p1, p0):
    share = a * p1 + (1 - a) * p0
    accuracy = a * p1 + (1 - a) * (1 - p0)
    chance = a * share + (1 - a) * (1 - share)
    kappa = (accuracy - chance) / (1 - chance)
    return p1, p0, a * p1 / share, a * (1 - p1) / (1 - share), share, accuracy, kappa


def audit(rng, strata, take):
    """Inclusion probability per item, NaN where it was not drawn; `take` per stratum."""
    inclusion = np.full(len(strata), math.nan)
    for name, n in take.items():
        members = np.flatnonzero(strata == name)
        inclusion[rng.choice(members, n, replace=False)] = n / members.size
    return inclusion


def answers(inclusion, suitable):
    return [bool(y) if p > 0 else None for p, y in zip(inclusion, suitable, strict=True)]


def assert_covers(covered, runs, level=0.95):
    least = level - 2 * math.sqrt(level * (1 - level) / runs)
    assert {k: v / runs for k, v in covered.items() if v / runs < least} == {}


def test_all_labelled_gives_the_published_confusion(judge_human):
    """gpt4v_0shot at .7 against people: 213 / 326 / 32 / 302."""
    approved = judge_human.confidence >= 0.7
    n = approved.size
    found = rates(
        approved=approved, inclusion_probability=[1.0] * n, answer=list(judge_human.suitable)
    )
    assert found.precision.value == pytest.approx(0.395176, abs=1e-6)
    assert found.precision.low == pytest.approx(0.354785, abs=1e-6)
    assert found.precision.high == pytest.approx(0.437051, abs=1e-6)
    assert found.kappa.value == pytest.approx(0.256441, abs=1e-6)
    assert found.recall.value == pytest.approx(213 / 245)
    assert found.false_positive_rate.value == pytest.approx(326 / 628)


def test_weights_recover_the_recall_that_raw_counts_miss(judge_human):
    """539 approvals and 60 of 334 rejections: .974 on average without weights, .871 with them, .869 true."""
    rng = np.random.default_rng(0)
    approved, suitable = judge_human.confidence >= 0.7, judge_human.suitable
    weighted, raw, covered = [], [], 0
    for _ in range(400):
        inclusion = audit(rng, approved, {True: 539, False: 60})
        found = rates(
            approved=approved,
            inclusion_probability=inclusion,
            answer=answers(inclusion, suitable),
            about="these items",
        ).recall
        drawn = inclusion > 0
        raw.append((approved & suitable & drawn).sum() / (suitable & drawn).sum())
        weighted.append(found.value)
        covered += found.low <= 213 / 245 <= found.high
    assert np.mean(raw) == pytest.approx(0.974, abs=2e-3)
    assert np.mean(weighted) == pytest.approx(0.871, abs=4e-3)
    assert covered >= 400 * 0.95 - 2 * math.sqrt(400 * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("sizes", "suitable_shares", "take"),
    [
        ((539, 334), (0.395, 0.096), (100, 60)),
        ((900, 100), (0.88, 0.3), (88, 12)),
        ((300, 500), (0.9, 0.05), (60, 40)),
    ],
)
def test_intervals_cover_a_finished_batch(sizes, suitable_shares, take):
    approved = np.repeat([True, False], sizes)
    suitable = np.concatenate(
        [np.arange(n) < round(p * n) for n, p in zip(sizes, suitable_shares, strict=True)]
    )
    known = truth(approved, suitable)
    rng, runs, covered = np.random.default_rng(1), 500, dict.fromkeys(NAMES, 0)
    for _ in range(runs):
        inclusion = audit(rng, approved, {True: take[0], False: take[1]})
        found = rates(
            approved=approved,
            inclusion_probability=inclusion,
            answer=answers(inclusion, suitable),
            about="these items",
        )
        for name in NAMES:
            estimate = getattr(found, name)
            covered[name] += estimate.low <= known[name] <= estimate.high
    assert_covers(covered, runs)


def test_intervals_cover_items_to_come_under_strata_drawn_unequally():
    """Three categories that differ, drawn at 60%, 20% and 10%: the raw share of labels would be far off."""
    rng, runs, covered, raw = np.random.default_rng(2), 400, dict.fromkeys(NAMES, 0), []
    shares, approve = np.array([0.3, 0.2, 0.5]), np.array([0.5, 0.7, 0.6])
    good = {True: np.array([0.55, 0.8, 0.95]), False: np.array([0.3, 0.15, 0.1])}
    mass = {True: shares * approve, False: shares * (1 - approve)}
    p1, p0 = (float(mass[v] @ good[v] / mass[v].sum()) for v in (True, False))
    known = dict(zip(NAMES, formulas(mass[True].sum(), p1, p0), strict=True))
    for _ in range(runs):
        category = rng.choice(3, size=700, p=shares)
        approved = rng.random(700) < approve[category]
        suitable = rng.random(700) < np.where(approved, good[True][category], good[False][category])
        strata = np.char.add(category.astype(str), np.where(approved, "+", "-"))
        sizes = dict(zip(*np.unique(strata, return_counts=True), strict=True))
        take = {name: math.ceil(n * (0.6, 0.2, 0.1)[int(name[0])]) for name, n in sizes.items()}
        inclusion = audit(rng, strata, take)
        found = rates(
            approved=approved,
            inclusion_probability=inclusion,
            answer=answers(inclusion, suitable),
            stratum=strata,
        )
        raw.append(suitable[approved & (inclusion > 0)].mean())
        for name in NAMES:
            estimate = getattr(found, name)
            covered[name] += estimate.low <= known[name] <= estimate.high
    assert np.mean(raw) < p1 - 0.1
    assert_covers(covered, runs)


def test_intervals_cover_when_items_share_a_product():
    rng, runs = np.random.default_rng(3), 400
    covered, plain = dict.fromkeys(NAMES, 0), 0
    known = None
    for _ in range(runs + 1):
        count, each = (60, 6) if known else (200_000, 6)  # one huge draw stands in for the truth
        ease = np.repeat(rng.beta(1.5, 1, size=count), each)
        approved = rng.random(ease.size) < 0.2 + 0.7 * ease
        suitable = rng.random(ease.size) < ease
        if known is None:
            known = truth(approved, suitable)
            continue
        found, naive = (
            rates(
                approved=approved,
                inclusion_probability=np.ones(ease.size),
                answer=list(suitable),
                cluster=cluster,
            )
            for cluster in (np.repeat(np.arange(count), each), None)
        )
        for name in NAMES:
            estimate = getattr(found, name)
            covered[name] += estimate.low <= known[name] <= estimate.high
        plain += naive.suitable_rate.low <= known["suitable_rate"] <= naive.suitable_rate.high
    assert_covers(covered, runs)
    assert plain / runs < 0.9


def test_a_plain_sample_gives_wilsons_interval():
    found = rates(
        approved=[True] * 100, inclusion_probability=[1.0] * 100, answer=[True] * 88 + [False] * 12
    )
    interval = wilson(88, 100)
    assert (found.precision.low, found.precision.high) == pytest.approx(
        (interval.low, interval.high)
    )
    assert (found.precision.effective_n, found.precision.method) == (100, "Wilson")


def test_without_audited_rejections_only_precision_is_known():
    found = rates(
        approved=[True, True, False, False],
        inclusion_probability=[1.0, 1.0, None, None],
        answer=[True, False, None, None],
    )
    assert found.precision.value == 0.5
    assert found.approval_rate.value == 0.5
    for name in NAMES[1:]:
        assert getattr(found, name).value is None
        assert getattr(found, name).reason == "not identifiable: no rejection was audited"
    assert found.false_negative_rate.value is None


def test_without_audited_approvals_precision_is_not_known():
    found = rates(approved=[True, False], inclusion_probability=[None, 1.0], answer=[None, False])
    assert found.precision.reason == "not identifiable: no approval was audited"
    assert found.missed.value == 0
    assert found.recall.reason == "not identifiable: no approval was audited"


def test_no_suitable_rejection_found_is_a_lower_bound_on_recall():
    """0 of 20 among rejections: recall is 1, and its bound is the exact one of 0 of 20 put through the formula."""
    found = rates(
        approved=np.repeat([True, False], [100, 100]),
        inclusion_probability=np.repeat([1.0, 0.2, np.nan], [100, 20, 80]),
        answer=[True] * 100 + [False] * 20 + [None] * 80,
        about="these items",
    )
    assert (found.recall.value, found.recall.high) == (1, 1)
    high = 1 - 0.025 ** (1 / (20 / 0.8))  # 20 rows of which 1 in 5 were seen count as 25
    assert found.recall.low == pytest.approx(100 / (100 + 100 * high))
    assert found.false_negative_rate.low == 0


def test_a_batch_audited_in_full_is_known():
    approved, suitable = [True, True, False, False], [True, False, True, False]
    found = rates(
        approved=approved, inclusion_probability=[1.0] * 4, answer=suitable, about="these items"
    )
    for name in NAMES:
        estimate = getattr(found, name)
        assert estimate.low == estimate.value == estimate.high
    assert found.precision.method == "counted"
    open_ended = rates(approved=approved, inclusion_probability=[1.0] * 4, answer=suitable)
    assert open_ended.precision.high - open_ended.precision.low > 0.5


def test_abstentions_and_missing_answers_are_told_and_not_counted():
    found = rates(
        approved=[True, True, None, False, False],
        inclusion_probability=[1.0] * 5,
        answer=[True, None, False, False, False],
    )
    assert found.approval_rate.value == 0.5
    assert found.precision.n == 1
    assert any("1 drawn items without an answer" in words for words in found.recall.assumptions)


@pytest.mark.parametrize("verdict", [True, False])
def test_a_judge_that_always_says_the_same(verdict):
    found = rates(
        approved=[verdict] * 10, inclusion_probability=[1.0] * 10, answer=[True] * 7 + [False] * 3
    )
    assert found.suitable_rate.value == pytest.approx(0.7)
    assert found.recall.value == float(verdict)
    assert found.kappa.value == 0
    assert any("every item" in words for words in found.recall.assumptions)
    name, other = ("precision", "missed") if verdict else ("missed", "precision")
    assert getattr(found, name).value == pytest.approx(0.7)
    assert getattr(found, other).reason.startswith("the judge")


def test_people_who_always_say_the_same():
    found = rates(approved=[True, False] * 5, inclusion_probability=[1.0] * 10, answer=[False] * 10)
    assert found.recall.reason == "no audited item was suitable"
    assert found.false_positive_rate.value == 0.5
    assert found.precision.value == 0
    assert found.precision.high > 0.3


def test_a_judge_that_decides_nothing():
    found = rates(approved=[None], inclusion_probability=[None], answer=[None])
    assert found.precision.reason == found.kappa.reason == "the judge decided no item"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": [True]}, "one value for each of 2"),
        ({"inclusion_probability": [0.0, 1.0]}, "over 0 and up to 1"),
        ({"inclusion_probability": [None, 1.0]}, "row 0 has an answer but no inclusion"),
        ({"answer": ["yes", None]}, "True, False or None, got 'yes'"),
        ({"about": "everything"}, "about"),
        ({"level": 95}, "level"),
        ({"stratum": ["a"]}, "stratum"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    good = {
        "approved": [True, False], "inclusion_probability": [1.0, 1.0], "answer": [True, False],
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        rates(**(good | change))


def test_a_verdict_that_was_never_given_is_not_certain():
    """No approval among 17: the next item may be one, so nothing is 0 to 0."""
    found = rates(
        approved=[False] * 17, inclusion_probability=[1.0] * 17, answer=[True] * 2 + [False] * 15
    )
    assert (found.approval_rate.low, found.false_positive_rate.value) == (0, 0)
    assert found.approval_rate.high > 0.15
    assert found.false_positive_rate.high > 0.15
    assert found.recall.high > 0.5
    assert (found.false_positive_rate.n, found.recall.n) == (15, 2)
    closed = rates(
        approved=[False] * 17, inclusion_probability=[1.0] * 17,
        answer=[True] * 2 + [False] * 15, about="these items",
    )  # fmt: skip
    assert (closed.recall.low, closed.recall.high) == (0, 0)


def test_recall_of_two_suitable_items_says_two_and_is_wide():
    found = rates(
        approved=[True] + [False] * 11, inclusion_probability=[1.0] * 12,
        answer=[True, True] + [False] * 10,
    ).recall  # fmt: skip
    exact = clopper_pearson(1, 2)
    assert (found.value, found.n) == (0.5, 2)
    assert found.low <= exact.low
    assert found.high >= exact.high


@pytest.mark.parametrize(
    ("n", "approve", "p1", "p0"),
    [(12, 0.15, 0.8, 0.08), (17, 0.3, 0.9, 0.1), (20, 0.9, 0.95, 0.5), (30, 0.02, 0.5, 0.2)],
)
def test_intervals_cover_where_hardly_anything_was_seen(n, approve, p1, p0):
    rng, runs = np.random.default_rng(7), 400
    names = ("recall", "false_positive_rate", "suitable_rate", "accuracy", "kappa")
    known = dict(zip(NAMES, formulas(approve, p1, p0), strict=True))
    covered, defined = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for _ in range(runs):
        approved = rng.random(n) < approve
        suitable = rng.random(n) < np.where(approved, p1, p0)
        found = rates(approved=approved, inclusion_probability=[1.0] * n, answer=list(suitable))
        for name in names:
            estimate = getattr(found, name)
            if estimate.value is not None:
                defined[name] += 1
                covered[name] += estimate.low <= known[name] <= estimate.high
                assert estimate.low < estimate.high
    assert {k: v / defined[k] for k, v in covered.items() if v < 0.93 * defined[k]} == {}
