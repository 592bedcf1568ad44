"""Answers about category images where the truth can be told: pictures of the drawn catalogue's products.

A classifier, which learned from drawn pictures, says what a picture shows; the first prompt says what was
asked for. Nobody was asked, and the answers say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.learning import load_photo
from workbench.catalog.annotators import SimulatedAnnotator, known_image
from workbench.catalog.drawn import KINDS
from workbench.catalog.truth import Judged
from workbench.errors import StoreError
from workbench.metrics.claims import title_claims
from workbench.models.starter.classifier import Classifier, flaws_shown
from workbench.prompting.prompts import read_prompt
from workbench.records import Generation, Item, Verdict
from workbench.rubric import Rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

CLASSIFIER = "image-classifier"
"""The annotator's name; records carry `simulated:image-classifier`."""


def can_tell(items: Sequence[Item]) -> bool:
    """Whether the truth about pictures of these items can be told: all are drawn, of kinds that the classifier knows."""
    return bool(items) and all(i.simulated and i.category in KINDS for i in items)


class ImageTruth:
    """Says of generated pictures whether they show what was asked for."""

    def __init__(
        self, store: Store, schema: Schema, rubric: Rubric, classifier: Classifier
    ) -> None:
        """Remember where prompts, items and pictures are; nothing is looked at yet."""
        self._store, self._schema, self._rubric, self._classifier = (
            store,
            schema,
            rubric,
            classifier,
        )
        self._annotator = SimulatedAnnotator(
            name=CLASSIFIER, false_approve=0, false_reject=0, criterion_noise=0, mode_confusion=0
        )
        self._asked: dict[str, tuple[str, str | None]] = {}

    def flaws(self, images: Sequence[Generation]) -> list[tuple[str, ...]]:
        """Failure modes that each picture shows; empty for one that is truly suitable."""
        pictures = [load_photo(self._store, str(g.image)) for g in images]
        return flaws_shown(self._classifier.look(pictures), [self._asked_for(g) for g in images])

    def answers(
        self, drawn: Sequence[tuple[Generation, Verdict]], audit: str, *, run: str | None = None
    ) -> list[Judged]:
        """One answer to each picture that an audit drew, marked as simulated."""
        answers = []
        images = [generation for generation, _ in drawn]
        named = {mode.id for mode in self._rubric.failure_modes}
        for generation, flaws in zip(images, self.flaws(images), strict=True):
            known = known_image([f for f in flaws if f in named], self._rubric)
            known = replace(known, approved=not flaws)
            answers.append(
                self._annotator.answer(generation, known, self._rubric, audit=audit, run=run)
            )
        return answers

    def _asked_for(self, image: Generation) -> tuple[str, str | None]:
        """Kind and colour of the first prompt: a better prompt that asks for less does not move the goal."""
        key = str(image.details.get("prompt"))
        if key not in self._asked:
            prompt = self._first(key)
            item = self._store.find(Item, prompt.item or "")
            if item is None or item.category not in KINDS:
                raise StoreError(
                    f"want the drawn item that prompt {key[:12]} is about in {self._store.url}"
                )
            category = self._schema.categories[item.category]
            claims = title_claims(read_prompt(prompt).subject, category, self._schema).values
            colors = claims.get("Color", ())
            self._asked[key] = (item.category, colors[0] if colors else None)
        return self._asked[key]

    def _first(self, key: str) -> Generation:
        prompt = self._store.find(Generation, key)
        while prompt is not None and prompt.parent is not None:
            prompt = self._store.find(Generation, prompt.parent)
        if prompt is None:
            raise StoreError(f"{self._store.url} holds a picture but not its prompt {key[:12]}")
        return prompt
