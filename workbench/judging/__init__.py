"""Rubric and model in, verdicts out."""
