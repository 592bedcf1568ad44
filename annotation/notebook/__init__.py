"""Outputs, judge and people in a notebook: a grid with linked filters, thresholds, a map, and answers by keys."""

from __future__ import annotations

from annotation.notebook._show import show

__all__ = ["show"]
