"""Label Studio: people answer there, and what they say comes back."""

from __future__ import annotations
