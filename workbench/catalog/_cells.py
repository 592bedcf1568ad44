"""What people write into cells: prices, counts, lists."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_SYMBOLS = {
    "US$": "USD",
    "CA$": "CAD",
    "A$": "AUD",
    "R$": "BRL",
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₫": "VND",
    "₴": "UAH",
    "฿": "THB",
    "₪": "ILS",
    "zł": "PLN",
}
_LONGEST_QUOTE = 80
_LARGEST_COUNT = 2**53
"""Counts above this are no longer exact as JSON numbers."""
_NUMBER = re.compile(r"[0-9][0-9.,'’\s]*")
_COUNT = re.compile(
    r"(?P<whole>[0-9]+|[0-9]{1,3}([, '’\u00a0\u202f])[0-9]{3}(?:\2[0-9]{3})*|[0-9]{1,3}(?:\.[0-9]{3}){2,})"
    r"(?:\.0{1,2})?"
)
_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount, and the currency that stood beside it."""

    amount: float
    currency: str | None
    """ISO 4217 code; None where none was written."""
    certain: bool
    """True where a code said the currency; a `$` alone can be one of several."""


def shown(value: object) -> str:
    """`value` as a problem quotes it: its start, where it is long."""
    text = value.strip() if isinstance(value, str) else value
    quoted = repr(text)
    return quoted if len(quoted) <= _LONGEST_QUOTE else f"{quoted[:_LONGEST_QUOTE]}…"


def text_of(value: object) -> str:
    """A cell as text; empty for None and NaN, whole numbers without `.0`.

    Characters that no database keeps are taken out (NUL) or replaced by `?` (half a surrogate pair).
    """
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and "\0" not in text:
            return text
        return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value).strip()


def price_of(value: object, *, decimal: str | None = None) -> Price | None:
    """Read a price such as `1299`, `$1,299.00`, `12,50 €` or `CHF 1'299.-`; None for an empty cell.

    Args:
        value: The cell.
        decimal: `.` or `,` where it is known which of them starts the cents.

    Raises:
        ValueError: The cell is no price, or can be read in two ways; the message says what came.
    """
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        try:
            amount = float(value)
        except OverflowError:
            amount = math.inf
        if math.isnan(amount):
            return None
        if not (amount >= 0 and math.isfinite(amount)):
            raise ValueError(f"want a price of 0 or more, got {shown(value)}")
        return Price(amount=amount, currency=None, certain=False)
    text = text_of(value)
    if not text:
        return None
    match = _NUMBER.search(text)
    if match is None:
        raise ValueError(f"want a price, got {shown(text)}")
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    if match[0].rstrip().endswith((".", ",")):
        after = after.lstrip("-–—").strip()  # Swiss shops write 12.- for 12.00
    around = f"{before} {after}".strip()
    code = _CODE.fullmatch(around)
    if around and code is None and around not in _SYMBOLS:
        raise ValueError(f"want a price of 0 or more with one currency, got {shown(text)}")
    return Price(
        amount=_amount(match[0], text, decimal),
        currency=around if code else _SYMBOLS.get(around),
        certain=code is not None,
    )


def _amount(number: str, text: str, decimal: str | None) -> float:
    digits = re.sub(r"['’\s]", "", number).rstrip(".,")
    point = decimal or _point(digits, text)
    groups = "," if point == "." else "."
    whole, _, cents = digits.partition(point)
    if re.fullmatch(
        rf"\d+|\d{{1,3}}(?:\{groups}\d{{2,3}})*\{groups}\d{{3}}", whole
    ) is None or not (cents == "" or cents.isdecimal()):
        raise ValueError(f"want a price with {point!r} before the cents, got {shown(text)}")
    amount = float(f"{whole.replace(groups, '')}.{cents or 0}")
    if not math.isfinite(amount):
        raise ValueError(f"want a price, got {shown(text)}")
    return amount


def _point(digits: str, text: str) -> str:
    """The sign that starts the cents, as far as the digits tell."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return "."
    sign, other = digits[last], "," if digits[last] == "." else "."
    if other in digits:
        return sign
    if digits.count(sign) > 1:
        return other
    if len(digits) - last - 1 == 3 and not digits.startswith("0"):
        if sign == ",":  # no shop writes thousandths after a comma
            return "."
        raise ValueError(
            f"{shown(text)} can be {digits.replace('.', '')} or {digits}; "
            "give the table the option decimal=. or decimal=,"
        )
    return sign


def currency_of(value: object) -> str:
    """An ISO 4217 code, such as `USD`; empty for an empty cell.

    Raises:
        ValueError: The cell is something else.
    """
    text = text_of(value)
    code = _SYMBOLS.get(text, text.upper())
    if text and _CODE.fullmatch(code) is None:
        raise ValueError(f"want a currency's code such as USD, got {shown(text)}")
    return code


def count_of(value: object) -> int | None:
    """A whole number of 0 or more, such as `1,204`; None for an empty cell.

    Raises:
        ValueError: The cell is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    else:
        text = text_of(value)
        if not text:
            return None
        match = _COUNT.fullmatch(text)
        if match is None or len(text) > _LONGEST_QUOTE:
            raise ValueError(f"want a count of 0 or more, got {shown(text)}")
        count = int(re.sub(r"\D", "", match["whole"]))
    if not 0 <= count <= _LARGEST_COUNT:
        raise ValueError(f"want a count of 0 or more, got {shown(value)}")
    return count


def list_of(value: object, separator: str) -> tuple[str, ...]:
    """Several values of one cell: a list, a JSON list, or text with `separator` between; each once."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and text.endswith("]"):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                value = text
        if isinstance(value, str):
            value = value.split(separator)
    elif not isinstance(value, (list, tuple)):
        value = [value]
    if not isinstance(value, (list, tuple)):
        value = [value]
    return tuple(dict.fromkeys(text for each in value if (text := text_of(each))))


def aspects_of(value: object, separator: str) -> dict[str, tuple[str, ...]]:
    """Aspects out of a JSON object (as text or read already): name to values.

    Raises:
        ValueError: The cell is something else.
    """
    if isinstance(value, str):
        if not value.strip():
            return {}
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"want aspects as a JSON object, got {shown(value)} ({error})"
            ) from error
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(p, tuple) and len(p) == 2 for p in value):
        value = dict(value)  # Parquet's map type
    if not isinstance(value, Mapping):
        raise ValueError(
            f"want aspects as a JSON object such as {{'Color': 'Red'}}, got {shown(value)}"
        )
    found = {text_of(name): list_of(each, separator) for name, each in value.items()}
    return {name: values for name, values in found.items() if name and values}
