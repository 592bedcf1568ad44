"""Arms and steps as dots with whiskers: controls hollow, what is told from nothing green or red."""

from workbench.figures import to_svg
from workbench.figures.ablation import plot_added, plot_arms
from workbench.metrics import Estimate, undefined


def estimate(value, low, high):
    return Estimate(value=value, low=low, high=high, method="bootstrap", n=9)


def test_controls_are_hollow_and_arms_are_filled():
    figure = plot_arms(
        {"mace": estimate(0.5, 0.4, 0.6), "more": estimate(0.6, 0.5, 0.7), "dpo": undefined("no pairs", method="b")},
        label="aspect F1", controls={"more"},
    )  # fmt: skip
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() == "none" for dot in dots] == [False, True]
    assert "no pairs" in to_svg(figure, title="Arms")


def test_steps_are_coloured_where_they_are_told_from_nothing():
    figure = plot_added(
        {"up": estimate(0.1, 0.05, 0.2), "down": estimate(-0.1, -0.2, -0.05), "none": estimate(0.1, -0.1, 0.2)},
        label="aspect F1 added",
    )  # fmt: skip
    colours = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(set(colours)) == 3
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["up", "down", "none"]
