"""Held-out scores on a hand-worked case."""

from dataclasses import replace

import pytest

from reports.heldout import score_held_out, truth
from workbench.records import Generation, Item, Listing


def item(k, color, category, price, group):
    return Item(
        id=f"s/{k}", category=category, photos=("sha256:x",), group=group, price=price,
        aspects={"Color": (color,), "Size": ("S", "M")}, currency="USD",
    )  # fmt: skip


def generation(k, color, category, price, *, guessed=None):
    aspects = {"Color": (color,)} if color else {}
    details = {}
    if guessed:
        details = {"category": [[category, 0.9]], "aspects": {"Color": [[guessed, 0.6]]}}
    return Generation(
        key=f"g{k}", kind="listing", category=category, model="m", revision="r", prompt="p",
        item=f"s/{k}", details=details,
        listing=Listing(title="t", aspects=aspects, category=category, price=price),
    )  # fmt: skip


ITEMS = {
    i.id: i
    for i in [
        item(
            k, "Red" if k < 8 else "Blue", "Men/Tees" if k % 2 else "Men/Mugs", 10 + k, f"g{k // 2}"
        )
        for k in range(12)
    ]
}
TRAINING = [item(100 + k, "Red", "Men/Tees", 15.5, f"t{k}") for k in range(5)]


def test_truth_is_what_has_one_value_and_where_the_item_stands():
    assert truth(ITEMS["s/0"]) == {"Color": "Red", "Category": "Men/Mugs", "Type": "Mugs"}
    drawn = Item(id="d/1", category="mug", truth={"Color": "Blue"}, aspects={"Color": ("Red",)})
    assert truth(drawn) == {"Color": "Blue", "Type": "mug"}


def test_best_guess_and_statement_are_scored_apart():
    # The guess is always right; the listing states it for nine of twelve.
    made = [
        generation(k, None if k % 4 == 0 else truth(i)["Color"], i.category, i.price,
                   guessed=truth(i)["Color"])
        for k, i in enumerate(ITEMS.values())
    ]  # fmt: skip
    held = score_held_out(made, ITEMS, TRAINING)
    rows = {row.name: row for row in held.attributes}
    assert list(rows) == ["Type", "Category", "Color"]
    assert rows["Color"].best_guess.accuracy.value == 1.0
    assert rows["Color"].stated.accuracy.value == pytest.approx(9 / 12)
    assert rows["Color"].stated.abstained == 3
    assert rows["Color"].stated.majority == "Red"
    assert rows["Color"].stated.majority_accuracy.value == pytest.approx(8 / 12)
    assert rows["Type"].stated.accuracy.value == 1.0
    assert held.price.r2.value == pytest.approx(1.0)
    assert (held.items, held.groups, held.trained_on, held.currency) == (12, 6, 5, "USD")


def test_without_a_best_guess_the_reason_is_in_words():
    def no_guess(guessed):
        made = [
            generation(k, "Red", i.category, i.price, guessed=guessed(k))
            for k, i in enumerate(ITEMS.values())
        ]
        rows = {row.name: row for row in score_held_out(made, ITEMS, TRAINING).attributes}
        return rows["Color"].no_guess

    assert no_guess(lambda k: None) == "the model gives no probabilities"
    assert no_guess(lambda k: "Red") == ""
    # The category is guessed and the colour never: no head was learnt for it.
    made = [
        replace(generation(k, "Red", i.category, i.price), details={"category": [[i.category, 0.9]], "aspects": {}})
        for k, i in enumerate(ITEMS.values())
    ]  # fmt: skip
    rows = {row.name: row for row in score_held_out(made, ITEMS, TRAINING).attributes}
    assert rows["Color"].no_guess == "too few photos of each value to learn"
    assert rows["Color"].best_guess is None
    assert rows["Type"].no_guess == ""


def test_r2_compares_with_the_training_mean():
    made = [generation(k, "Red", i.category, 15.5) for k, i in enumerate(ITEMS.values())]
    assert score_held_out(made, ITEMS, TRAINING).price.r2.value == pytest.approx(0.0)


def test_too_few_items_prices_or_no_training_part_leave_it_out():
    few = dict(list(ITEMS.items())[:5])
    made = [generation(k, "Red", i.category, i.price) for k, i in enumerate(few.values())]
    held = score_held_out(made, few, [])
    assert held.attributes == ()
    assert held.price is None
