"""Each figure shows its record's numbers, and where there is none says why."""

import re

import numpy as np
import pytest

from workbench.calibration import (
    Scoring,
    compare,
    convergence,
    drift,
    plan_audit,
    watch_precision,
)
from workbench.calibration.audits.population import Decided
from workbench.figures import (
    plot_comparison,
    plot_confusion,
    plot_corrected,
    plot_criteria,
    plot_diversity,
    plot_drift,
    plot_failure_modes,
    plot_people,
    plot_plans,
    plot_rates,
    plot_reliability,
    plot_risk_coverage,
    plot_slices,
    plot_threshold,
    plot_watch,
    to_svg,
)
from workbench.figures.svg import ACCENT, BAD, GOOD, INK, MUTED
from workbench.metrics.estimate import undefined


def words(figure):
    """All that the drawn SVG says; it is drawn, so nothing crashes later."""
    svg = to_svg(figure, title="t")
    assert not any(colour in svg for colour in (INK, MUTED, ACCENT, GOOD, BAD))
    texts = re.findall(r"<text[^>]*>", svg)
    assert all(re.search(r"fill: var\(--\w+\)", text) for text in texts), "black on a dark page"
    return " ".join(re.findall(r">([^<>]+)</text>", svg))


def dots(figure):
    """Places of single dots: value on the axis to height (or the other way round)."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 1
    ]


def spans(figure):
    """Ends of horizontal whiskers."""
    return [
        tuple(map(float, line.get_xdata()))
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]
    ]


def test_rates_are_dots_with_whiskers(full):
    figure = plot_rates(full.rates)
    rates = full.rates
    shown = (
        rates.precision, rates.recall, rates.suitable_rate, rates.false_positive_rate, rates.missed,
        rates.accuracy, rates.kappa,
    )  # fmt: skip
    assert [x for x, _ in dots(figure)] == [e.value for e in shown]
    assert spans(figure) == [(e.low, e.high) for e in shown]
    assert "Precision" in words(figure)


def test_what_is_not_identifiable_says_so(few, nothing):
    text = words(plot_rates(few.rates))
    assert text.count("no rejection was") == 6
    assert dots(plot_rates(few.rates))[0][0] == few.rates.precision.value
    assert words(plot_rates(nothing.rates)).count("the judge decided no item") == 7


def test_three_estimates_stand_beside_each_other(full, nothing):
    figure = plot_corrected(full.corrected)
    rate, precision = full.corrected.suitable_rate, full.corrected.precision
    known = [rate.labels_only, rate.ppi, precision.labels_only, precision.ppi]
    assert [x for x, _ in dots(figure)] == [e.value for e in known]
    filled = [
        line.get_markerfacecolor() != "none"
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 1
    ]
    assert filled == [
        side.narrowest == name for side in (rate, precision) for name in ("labels only", "PPI++")
    ]
    assert "stratum: see the data" in words(figure)
    assert "decided no item" in words(plot_corrected(nothing.corrected))


def test_cells_are_counted(full, few, nothing):
    text = words(plot_confusion(full.confusion))
    cells = full.confusion
    for e in (
        cells.true_positives,
        cells.false_positives,
        cells.false_negatives,
        cells.true_negatives,
    ):
        assert f"{e.value:,.0f}" in text
        assert f"{e.low:,.0f} to {e.high:,.0f}" in text
    assert words(plot_confusion(few.confusion)).count("—") == 2
    assert words(plot_confusion(nothing.confusion)).count("0 to 0") == 4


def test_the_threshold_stands_on_the_curve_with_its_promise(full):
    figure = plot_threshold(full.risk_coverage, full.threshold)
    axes = figure.axes[0]
    curve, share = axes.lines[0], axes.lines[1]
    points = full.risk_coverage.points[::-1]
    assert list(curve.get_xdata()) == list(share.get_xdata()) == [p.threshold for p in points]
    assert list(curve.get_ydata()) == [1 - p.risk.value for p in points]
    assert list(share.get_ydata()) == [p.coverage for p in points]
    chosen = full.threshold
    assert dots(figure) == [(chosen.value, chosen.held_out.value)]
    assert f"{chosen.value:.2f}" in words(figure)
    assert "0.8" in words(figure)


def test_no_threshold_is_said(few, nothing):
    assert "no threshold qualifies" in words(plot_threshold(few.risk_coverage, few.threshold))
    assert "no item with a confidence was answered" in words(plot_threshold(nothing.risk_coverage))


def test_risk_rises_with_coverage(full, nothing):
    figure = plot_risk_coverage(full.risk_coverage)
    points = full.risk_coverage.points
    curve = figure.axes[0].lines[0]
    assert list(curve.get_xdata()) == [p.coverage for p in points]
    assert list(curve.get_ydata()) == [p.risk.value for p in points]
    assert f"without a confidence {full.risk_coverage.constant.value:.2f}" in words(figure)
    assert "no item with a confidence" in words(plot_risk_coverage(nothing.risk_coverage))


def test_reliability_before_and_after(full):
    mapped = full.score_calibration
    figure = plot_reliability(mapped.before, after=mapped.after)
    wanted = [
        (b.mean_confidence, b.observed.value)
        for side in (mapped.before, mapped.after)
        for b in side.bins
        if b.mean_confidence is not None
    ]
    assert dots(figure) == wanted
    assert "mapped" in words(figure)


def test_slices_are_a_forest(full):
    figure = plot_slices(full.slices, overall=full.rates.precision)
    by_name = {s.name: s for s in full.slices}
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels[0] == "f"
    assert [x for x, _ in dots(figure)] == [by_name[name].precision.value for name in labels]
    colours = [line.get_color() for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert colours[0] == BAD
    assert BAD not in colours[1:]
    assert "no slice has an answered approval" in words(plot_slices(()))


def test_long_names_of_many_slices_fit(full):
    import dataclasses

    many = [
        dataclasses.replace(full.slices[0], name=f"a very long name of a category {i}")
        for i in range(40)
    ]
    figure = plot_slices(many)
    assert len(dots(figure)) == 16
    assert words(figure).count("…") == 16


def test_failure_modes_get_through_or_are_caught(full):
    figure = plot_failure_modes(full.failure_modes)
    assert [x for x, _ in dots(figure)] == [
        x for mode in full.failure_modes for x in (mode.in_approvals.value, mode.caught.value)
    ]
    assert "wrong product" in words(figure)
    assert "no answer names a failure mode" in words(plot_failure_modes(()))


def overlaps(figure):
    """Pairs of texts inside the axes that are drawn over each other."""
    figure.draw_without_rendering()
    shown = [t for t in figure.axes[0].texts if t.get_text()]
    boxes = [t.get_window_extent() for t in shown]
    return [
        (shown[i].get_text(), shown[j].get_text())
        for i in range(len(shown))
        for j in range(i)
        if boxes[i].overlaps(boxes[j])
    ]


def test_reasons_of_failure_modes_do_not_cover_each_other(full):
    import dataclasses

    modes = full.failure_modes
    gone = undefined(
        "not identifiable: no rejection was drawn, and so nothing whatever is known of those",
        method="m",
    )
    unknown = [dataclasses.replace(m, in_approvals=gone, caught=gone) for m in modes]
    half = [dataclasses.replace(m, caught=gone) for m in modes]
    for some, said in ((unknown, "not identifiable: see the data"), (half, "not known")):
        figure = plot_failure_modes(some)
        assert not overlaps(figure)
        assert words(figure).count(said) == len(modes)


def test_few_thresholds_are_points_and_many_a_curve(full):
    import dataclasses

    risks = full.risk_coverage
    two = dataclasses.replace(risks, points=risks.points[:2])
    styles = [
        [line.get_linestyle() for line in plot_threshold(of).axes[0].lines if line.get_label() == "precision"]
        for of in (two, risks)
    ]  # fmt: skip
    assert styles == [["None"], ["-"]]
    one = dataclasses.replace(risks, points=risks.points[:1])
    left, right = plot_threshold(one).axes[0].get_xlim()
    assert left > -0.05 and right < 1.05, "a confidence lies between 0 and 1"


def test_criteria_that_would_have_caught_it(full, few, nothing):
    figure = plot_criteria(full.failures)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    shown = sorted(full.failures.criteria, key=lambda c: c.best_for)
    assert widths == [c.best_for for c in shown] + [c.lowest_in for c in shown]
    assert f"of {len(full.failures.items.false_positives)} answered" in words(figure)
    assert "no false positive was found" in words(plot_criteria(nothing.failures))


def test_a_watch_shows_its_bounds_and_its_alarm():
    rng = np.random.default_rng(0)
    good = rng.random(600) < np.where(np.arange(600) < 250, 0.93, 0.5)
    watched = watch_precision(good.tolist(), promise=0.8)
    assert watched.watch.drop_at is not None
    figure = plot_watch(watched)
    low, high = figure.axes[0].lines[:2]
    assert list(low.get_ydata()) == list(watched.low)
    assert list(high.get_ydata()) == list(watched.high)
    assert f"has dropped ({watched.watch.drop_at})" in words(figure)
    assert "there is no label yet" in words(plot_watch(watch_precision([], promise=0.8)))


def test_drift_is_two_distributions():
    rng = np.random.default_rng(0)
    one, two = rng.beta(6, 3, 200).tolist(), rng.beta(5, 4, 250).tolist()

    def scoring(scores, side):
        return Scoring(
            approved=[None] * len(scores), scores={"confidence": scores},
            keys=[f"{side}{i}" for i in range(len(scores))],
        )  # fmt: skip

    found = drift(scoring(one, "a"), scoring(two, "b")).scores[0]
    text = words(plot_drift(one, two, found))
    assert f"{found.ks:.2f}" in text
    assert "n = 200" in text
    assert "n = 250" in text
    gone = drift(scoring([None], "a"), scoring(two, "b")).scores[0]
    assert "one side has no score" in words(plot_drift([None], two, gone))


def test_diversity_by_attempt():
    rng = np.random.default_rng(0)
    attempt = np.tile([1, 2, 3], 40)
    own = rng.normal(size=(120, 8))
    made = own * np.array([1, 0.8, 0.5])[attempt - 1][:, None] + 0.5 * (attempt - 1)[:, None]
    category = np.repeat(list("ab"), 60).tolist()
    found = convergence(made, own, attempt=attempt.tolist(), category=category)
    curve = next(
        line
        for line in plot_diversity(found).axes[0].lines
        if line.get_label() == "effective number"
    )
    assert list(curve.get_ydata()) == [a.vendi.value for a in found.attempts]
    none = convergence(made[:2], own[:2], attempt=[1, 2], category=["a", "a"])
    assert "—" in words(plot_diversity(none))


def test_two_judges_differ(full):
    rng = np.random.default_rng(0)
    answer = (rng.random(300) < 0.6).tolist()
    first = [bool(a) if rng.random() < 0.7 else not a for a in answer]
    second = [bool(a) if rng.random() < 0.95 else not a for a in answer]
    found = compare(first, second, answer, names=("old", "new"))
    figure = plot_comparison(found)
    wanted = [found.precision, found.recall, found.accuracy]
    assert [x for x, _ in dots(figure)] == [d.difference.value for d in wanted]
    assert GOOD in [line.get_color() for line in figure.axes[0].lines]
    assert "new − old" in words(figure)
    blind = compare([True, True], [False, True], [None, None], names=("old", "new"))
    assert words(plot_comparison(blind)).count("not identifiable") == 3


def test_people_stand_beside_the_judge(full, few):
    people = full.people
    figure = plot_people(people)
    values = [x for x, _ in dots(figure)]
    assert values[:2] == [
        people.ceiling.judge.precision.value,
        people.ceiling.person.precision.value,
    ]
    assert values[-1] == people.alpha.value
    words(plot_people(few.people))


@pytest.mark.parametrize("sizes", [(), (100, 200, 400)])
def test_plans_show_what_labels_buy(sizes):
    rng = np.random.default_rng(0)

    decided = [
        Decided(
            key=f"v{i}", generation=f"g{i}", judge="tiny:judge", rubric="listing@1",
            confidence=float(c), approved=bool(c > 0.4), category="",
        )
        for i, c in enumerate(rng.random(1000))
    ]  # fmt: skip
    plans = plan_audit(decided, sizes=sizes) if sizes else ()
    figure = plot_plans(plans)
    if not plans:
        assert "there is no plan" in words(figure)
        return
    curve = figure.axes[0].lines[0]
    assert list(curve.get_xdata()) == list(sizes)
    assert list(curve.get_ydata()) == [p.precision.half_width for p in plans]


def test_reasons_of_the_four_cells_stand_once_below_and_cover_nothing(full):
    import dataclasses

    gone = undefined(
        "not identifiable: only one approval was answered, which cannot show how clusters differ",
        method="m",
    )
    known = full.confusion.true_positives
    alone = dataclasses.replace(known, low=None, high=None, reason="no interval: one cluster alone")
    for cells in (
        {"true_positives": gone, "false_positives": gone},
        {"true_positives": gone, "false_positives": alone, "true_negatives": gone, "false_negatives": gone},
    ):  # fmt: skip
        figure = plot_confusion(dataclasses.replace(full.confusion, **cells))
        assert not overlaps(figure)
        assert words(figure).count("only one approval") == 1
        assert "not known" in words(figure)
