"""The pair: what is chosen, what is rejected, the question that both answer, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.records import PreferencePair, content_key

Source = Literal["correction", "pairwise", "five-class", "attempts"]
"""How people, or a judge beside the truth, came to prefer one side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Ids of everything that a pair was made from; `lineage` turns them into records."""

    rejected: str
    """Key of the generation that is rejected."""
    chosen: str | None = None
    """Key of the generation that is chosen; None where the chosen text is a correction or the aligned truth."""
    annotations: tuple[str, ...] = ()
    """Answers that say so; empty where a judge alone does."""
    corrections: tuple[str, ...] = ()
    """Corrections that turn the rejected text into the chosen one."""
    annotators: tuple[str, ...] = ()
    """Who gave the answers, in their order; as long as `annotations`."""
    rubric: str | None = None
    """`<name>@<version>` by which it was answered; None where nobody was asked."""
    model: str
    """The string of the model that made what is rejected."""
    revision: str
    """Of its weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Chosen against rejected."""

    prompt: str
    """The question that both answer, as the model read it, without its photos."""
    chosen: str
    """A text; the picture's address `sha256:<hex>` where `kind` is `image`."""
    rejected: str
    source: Source
    origin: Origin
    kind: Literal["text", "image"] = "text"
    photos: tuple[str, ...] = ()
    """Addresses `sha256:<hex>` of the photos that come with the prompt, in order."""
    item: str | None = None
    """The item that it is about; None for category images."""
    category: str = ""
    margin: float | None = None
    """How far apart the two are, 0 (as good) to 1: the share of answers for the chosen one minus the share
    for the rejected one, or a judge's probability that the rejected one is bad minus that it is not. None
    where nothing says."""
    simulated: bool = False
    """True where no person said so: a simulation, or the catalogue's own truth."""

    @property
    def key(self) -> str:
        """Content key: the same question, sides and answers give the same pair on any machine."""
        return content_key(
            "pair",
            self.source,
            self.origin.rejected,
            self.origin.chosen,
            self.prompt,
            list(self.photos),
            self.chosen,
            self.rejected,
            sorted(self.origin.annotations),
        )

    def record(self) -> PreferencePair:
        """The record that a store keeps, from which a trained pair is walked back."""
        return PreferencePair(
            key=self.key,
            item=self.item,
            generation=self.origin.rejected,
            against=self.origin.chosen,
            prompt=self.prompt,
            images=self.photos,
            chosen=self.chosen,
            rejected=self.rejected,
            corrections=self.origin.corrections,
            annotations=self.origin.annotations,
            source=self.source,
            simulated=self.simulated,
        )
