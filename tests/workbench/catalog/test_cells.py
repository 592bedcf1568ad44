"""Prices, counts and lists as people write them into cells."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog._cells import aspects_of, count_of, currency_of, list_of, price_of, text_of


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("1299", 1299, None),
        ("12.5", 12.5, None),
        ("0", 0, None),
        ("0.99", 0.99, None),
        ("0.125", 0.125, None),
        ("$1,299.00", 1299, "USD"),
        ("1,299", 1299, None),
        ("12,50 €", 12.5, "EUR"),
        ("1.299,00 €", 1299, "EUR"),
        ("1.299.000", 1299000, None),
        ("€ 12", 12, "EUR"),
        ("EUR 12,5", 12.5, "EUR"),
        ("12.50USD", 12.5, "USD"),
        ("CHF 1'299.-", 1299, "CHF"),
        ("1 299,00\u00a0zł", 1299, "PLN"),
        ("1\u202f299,00", 1299, None),
        ("₹1,29,900.00", 129900, "INR"),
        ("A$ 20", 20, "AUD"),
        ("£5.", 5, "GBP"),
        (7, 7, None),
        (7.25, 7.25, None),
        (Decimal("3.10"), 3.1, None),
    ],
)
def test_prices(cell, amount, currency):
    price = price_of(cell)
    assert (price.amount, price.currency) == (pytest.approx(amount), currency)


def test_a_code_is_certain_and_a_symbol_is_not():
    assert price_of("USD 5").certain
    assert not price_of("$5").certain


@pytest.mark.parametrize("cell", ["", "  ", None, float("nan")])
def test_an_empty_cell_is_no_price_and_no_zero(cell):
    assert price_of(cell) is None
    assert count_of(cell) is None
    assert text_of(cell) == ""


@pytest.mark.parametrize(
    "cell",
    [
        *("cheap", "-5", "$-5", "5-", "12 to 15", "10 $ or 9 €", "1,2,3", "1.23.456,5,0", True),
        *(-1.0, float("inf"), 10**400, "9" * 400, "5 apples", "12,34,56", "1,,299"),
    ],
)
def test_what_is_no_price_is_refused(cell):
    with pytest.raises(ValueError, match="want a price"):
        price_of(cell)


def test_a_price_that_can_be_read_two_ways_is_refused_until_the_table_says_which():
    with pytest.raises(ValueError, match=r"'1\.299 €' can be 1299 or 1\.299; .*decimal="):
        price_of("1.299 €")
    assert price_of("1.299 €", decimal=",").amount == 1299
    assert price_of("1.299 €", decimal=".").amount == pytest.approx(1.299)
    assert price_of("1,299", decimal=",").amount == pytest.approx(1.299)


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_what_a_shop_writes_is_read_back_in_either_style(whole, cents):
    amount = whole + cents / 100
    english = f"{whole:,}.{cents:02d}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert price_of(f"${english}").amount == pytest.approx(amount)
    assert price_of(f"{german} €").amount == pytest.approx(amount)


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        *(("0", 0), ("12", 12), (" 1,204 ", 1204), ("1.204.000", 1204000), ("1 204", 1204)),
        *(("3.0", 3), ("3.00", 3), (3, 3), (3.0, 3), ("1,204.0", 1204)),
    ],
)
def test_counts(cell, count):
    assert count_of(cell) == count


@pytest.mark.parametrize(
    "cell", ["-1", "1.5", "1.204", "1.000", "many", -1, 2.5, "1,20", True, 10**20]
)
def test_what_is_no_count_is_refused(cell):
    with pytest.raises(ValueError, match="want a count of 0 or more"):
        count_of(cell)


def test_currencies():
    assert [currency_of(cell) for cell in ("usd", "EUR", "€", "", None)] == [
        *("USD", "EUR", "EUR", "", "")
    ]
    with pytest.raises(ValueError, match="want a currency's code such as USD, got 'Dollars'"):
        currency_of("Dollars")


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("a.jpg", ("a.jpg",)),
        ("a.jpg| b.jpg |a.jpg|", ("a.jpg", "b.jpg")),
        ('["a.jpg", "b|c.jpg"]', ("a.jpg", "b|c.jpg")),
        ("[not json", ("[not json",)),
        ("[not json]", ("[not json]",)),
        (["x", None, 3.0], ("x", "3")),
        (5, ("5",)),
        (None, ()),
        ("", ()),
    ],
)
def test_lists(cell, values):
    assert list_of(cell, "|") == values


def test_aspects():
    assert aspects_of('{"Color": "Red", "Material": ["Wool", "Silk"], "None": null}', "|") == {
        "Color": ("Red",),
        "Material": ("Wool", "Silk"),
    }
    assert aspects_of({"Size": 12.0}, "|") == {"Size": ("12",)}
    assert aspects_of([("Color", "Red|Blue")], "|") == {"Color": ("Red", "Blue")}
    assert aspects_of("", "|") == aspects_of(None, "|") == {}
    for wrong in ("Color: Red", '["Red"]', 7):
        with pytest.raises(ValueError, match="want aspects as a JSON object"):
            aspects_of(wrong, "|")


def test_text_of_numbers_is_as_people_write_them():
    assert [text_of(cell) for cell in (12.0, 12.5, 12, True, " a ")] == [
        *("12", "12.5", "12", "True", "a")
    ]


def test_text_that_no_database_keeps_is_mended():
    assert text_of("a\0b") == "ab"
    assert text_of("half a pair: \ud83d") == "half a pair: ?"
    assert text_of("a whole one: ☕ 🫖") == "a whole one: ☕ 🫖"


def test_a_long_cell_is_quoted_by_its_start():
    with pytest.raises(ValueError, match="want a price, got 'xxx") as raised:
        price_of("x" * 100_000)
    assert len(str(raised.value)) < 120
