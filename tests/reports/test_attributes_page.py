"""The page of comparisons: a sentence that the intervals carry, a table, a figure."""

import base64
import csv
import dataclasses
import io
import itertools
import re

import numpy as np
import pytest

from reports.attributes import answer, verdict, write_attributes_page
from workbench.figures import plot_differences, plot_ways, sharing_axes, to_svg
from workbench.metrics.ways import Comparison, compare_ways


def mean(sums):
    return sums[:, 0] / sums[:, 1]


def compared(measure, first, second, better, spread=0.01):
    """Twenty groups of one item, three seeds."""
    rng = np.random.default_rng(0)

    def seeds(value):
        return [np.column_stack([value + spread * rng.normal(size=20), np.ones(20)]) for _ in range(3)]  # fmt: skip

    return compare_ways(measure, seeds(first), seeds(second), mean, n=20, better=better)


@pytest.fixture(scope="module")
def comparisons():
    routes = Comparison(
        question="Hierarchical against <direct>", ways=("hierarchical", "direct"), seeds=3, items=20, groups=20,
        measures=(
            compared("claims that are false", 0.1, 0.5, -1),
            compared("ROUGE-L", 0.3, 0.4, 1),
            compared("true values claimed", 0.3, 0.3, 1),
            compared("published ratio", 9.0, 17.0, 0),
        ),
        notes=("Decoders of 600,000 parameters.",),
    )  # fmt: skip
    speed = Comparison(
        question="Speed", ways=("hierarchical", "direct"), seeds=3, items=20, groups=20,
        measures=(compared("milliseconds a title", 200, 200, -1, spread=30),),
    )  # fmt: skip
    return routes, speed


def test_a_sentence_names_what_the_intervals_tell_apart(comparisons):
    routes, speed = comparisons
    assert answer(routes) == (
        "Hierarchical is better in claims that are false (0.10 against 0.50) and worse in ROUGE-L "
        "(0.30 against 0.40) than direct."
    )
    assert answer(speed) == "The intervals do not tell hierarchical and direct apart."
    assert [verdict(m) for m in routes.measures] == ["better", "worse", "not told apart", ""]


def test_ways_are_measured_on_the_same_groups(comparisons):
    routes, _ = comparisons
    for one in routes.measures:
        assert one.difference.value == pytest.approx(one.first.value - one.second.value)
        assert one.difference.low <= one.difference.value <= one.difference.high


def test_the_figure_draws_shares_side_by_side_and_other_units_alone(comparisons):
    routes, speed = comparisons
    drawn = to_svg(plot_ways(routes), title="Routes")
    assert "no difference" in to_svg(plot_differences(routes), title="Routes")
    assert "claims that are false" in drawn
    assert "published ratio" not in drawn  # no share, and neither better nor worse
    assert "milliseconds a title" in to_svg(plot_ways(speed), title="Speed")


def test_a_dot_at_the_end_of_the_axis_is_whole(comparisons):
    routes, _ = comparisons
    perfect = compared("Handle, macro-F1", 1.0, 0.4, 1, spread=0.0)
    drawn = plot_ways(dataclasses.replace(routes, measures=(perfect,))).axes[0].lines
    (dot,) = [line for line in drawn if list(line.get_xdata()) == [1.0]]
    assert not dot.get_clip_on()


def test_r2_of_the_price_has_an_axis_of_its_own(comparisons):
    routes, _ = comparisons
    price = compared("price, R²", 0.6, 0.5, 1)
    parts = sharing_axes(dataclasses.replace(routes, measures=(price, *routes.measures)))
    assert [[m.measure for m in part.measures] for part in parts] == [
        ["claims that are false", "ROUGE-L", "true values claimed"],
        ["price, R²"],
    ]
    assert "price, R²" not in to_svg(plot_ways(parts[0]), title="Shares")
    assert "price, R²" in to_svg(plot_ways(parts[1]), title="Price")


def test_few_seeds_are_told_at_the_top_and_what_is_undefined_says_why(comparisons, tmp_path):
    routes, _ = comparisons
    nothing = [np.zeros((20, 2))] * 2
    with np.errstate(all="ignore"):
        none = compare_ways("ROUGE-L", nothing, nothing, mean, n=20, better=1)
    alone = [np.column_stack([np.arange(20.0), np.full(20, 30.0)])] * 2
    few = compare_ways("true values claimed", alone, alone, mean, n=20, better=1)
    one = dataclasses.replace(routes, measures=(few, none))
    text = write_attributes_page(
        tmp_path / "p.html", [one], catalog="shop", encoder="e"
    ).read_text()
    first = text.index("an interval wants 10 test groups and 3 seeds or more, there are")
    assert first < text.index("<section")
    assert "none <small>the data leave it undefined" in text
    fewer = compare_ways("Cap", [s[:5] for s in alone], [s[:5] for s in alone], mean, n=5, better=1)
    both = dataclasses.replace(routes, measures=(few, fewer))
    text = write_attributes_page(
        tmp_path / "r.html", [both], catalog="shop", encoder="e"
    ).read_text()
    note = text[: text.index("<section")]
    assert note.count("an interval wants") == 1
    assert "there are 20 and 2, 5 and 2." in note
    whole = write_attributes_page(
        tmp_path / "q.html", [routes], catalog="shop", encoder="e"
    ).read_text()
    assert "no interval" not in whole


def test_the_page_holds_everything_and_fits_a_phone(comparisons, tmp_path, browser):
    place = write_attributes_page(
        tmp_path / "p.html", comparisons, catalog="shop", encoder="e", simulated=True
    )
    text = place.read_text()
    assert "Hierarchical against &lt;direct&gt;" in text
    assert "Simulated items" in text
    assert "Decoders of 600,000 parameters." in text
    for width in (1440, 390):
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)  # noqa: B023
        page.goto(place.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("section svg").count() == 4
        chip = page.locator("td .chip").first
        assert chip.locator("xpath=..").get_attribute("data-label") == "difference"
        assert problems == []
        page.close()


def test_labels_of_an_axis_of_differences_do_not_run_into_each_other(comparisons):
    routes, _ = comparisons
    share = compared("share", 0.5, 0.5, 1)
    between = dataclasses.replace(share.difference, value=0.0, low=-0.07, high=0.06)
    close = (dataclasses.replace(share, difference=between),)
    figure = plot_differences(dataclasses.replace(routes, measures=close))
    to_svg(figure, title="Routes")  # drawn: labels have places
    low, high = figure.axes[0].get_xlim()
    boxes = [
        label.get_window_extent()
        for label, tick in zip(figure.axes[0].get_xticklabels(), figure.axes[0].get_xticks(), strict=True)
        if low <= tick <= high
    ]  # fmt: skip
    assert 2 <= len(boxes) <= 5  # a browser's font may be wider than what is measured here
    assert all(one.x1 < two.x0 for one, two in itertools.pairwise(boxes))


def test_the_numbers_of_a_figure_are_beside_it(comparisons, tmp_path):
    place = write_attributes_page(tmp_path / "p.html", comparisons, catalog="shop", encoder="e")
    urls = re.findall(r'href="data:text/csv;base64,([^"]+)"', place.read_text())
    assert len(urls) == len(comparisons)
    for url, found in zip(urls, comparisons, strict=True):
        rows = list(csv.DictReader(io.StringIO(base64.b64decode(url).decode())))
        assert [row["measure"] for row in rows] == [
            m.measure for m in found.measures for _ in range(3)
        ]
        assert [row["way"] for row in rows[:3]] == [*found.ways, "difference"]
        assert float(rows[2]["value"]) == found.measures[0].difference.value
