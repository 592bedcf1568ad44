"""Numbers as people read them: one rounding, so that a table and a sentence show the same figure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def rounded(value: float, digits: int) -> str:
    """Round to `digits` places, halves away from 0, with a minus sign; 12 significant digits count."""
    return _text(Decimal(f"{value:.12g}"), digits)


def as_percent(share: float) -> str:
    """Show a share with one place, such as `67.8%` for .6775."""
    return _text(100 * Decimal(f"{share:.12g}"), 1) + "%"


def _text(exact: Decimal, digits: int) -> str:
    shown = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{shown:f}".replace("-", "−")
