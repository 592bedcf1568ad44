"""Whom to ask and how many: draws with known probabilities, their plans and their price."""
