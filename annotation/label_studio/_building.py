"""Tasks as a server imports them: what the page shows, our key, and nothing that tells what a judge said."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annotation.label_studio._dealing import Question
from annotation.label_studio.interfaces import Interface, prediction, task_data
from annotation.label_studio.projects import Purpose
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item, Verdict

if TYPE_CHECKING:
    from workbench.store import Store

_VARIABLE = re.compile(r"\$(\w+)")
"""Where a page shows something of its task."""
_OURS = frozenset({"key", "generation", "against", "order", "rubric", "audit"})
"""Data of a task beside what its page shows; none of it tells what a judge said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Makes the tasks of one project."""

    store: Store
    interface: Interface
    purpose: Purpose
    generations: Mapping[str, Generation]
    items: Mapping[str, Item]
    pictures: Mapping[str, str]
    left: dict[str, str] = field(default_factory=dict)
    """Generations that the page cannot show, and why; filled by `tasks`."""

    def tasks(self, asked: Sequence[tuple[str, Question]]) -> list[dict[str, Any]]:
        """Keys and questions as the server imports them; what the page cannot show is left out."""
        verdicts: Mapping[str, Verdict] = {}
        if not self.purpose.blind:
            keys = [question.generation for _, question in asked]
            verdicts = self.store.latest_verdicts(keys, rubric=self.interface.rubric.label)
        made = (self._task(key, question, verdicts) for key, question in asked)
        return [task for task in made if task is not None]

    def _task(
        self, key: str, question: Question, verdicts: Mapping[str, Verdict]
    ) -> dict[str, Any] | None:
        generation = self.generations[question.generation]
        try:
            data = task_data(
                self.interface,
                generation,
                self.items.get(generation.item or ""),
                pictures=self.pictures,
                against=self.generations.get(question.against or ""),
            )
        except LabelStudioError as error:
            self.left[generation.key] = str(error)
            return None
        data |= {**question.extra, "key": key}
        if self.purpose.audit is not None:
            data["audit"] = self.purpose.audit
        self._check(key, data)
        task: dict[str, Any] = {"data": data}
        if verdict := verdicts.get(generation.key):
            version = f"{verdict.judge} {verdict.revision[:8]}"
            task["predictions"] = [
                prediction(self.interface, verdict, generation, model_version=version)
            ]
        return task

    def _check(self, key: str, data: Mapping[str, Any]) -> None:
        """Every name of the page has its value, and nothing else goes along.

        One task that lacks a value has its whole batch refused; what it has beside, annotators can read.
        """
        shown = _shown(self.interface.config)
        if missing := sorted(shown - set(data)):
            raise LabelStudioError(
                f"task {key[:12]} lacks {missing[0]!r}, which the page shows: nothing of its batch was sent"
            )
        if strange := sorted(set(data) - shown - _OURS):
            raise LabelStudioError(
                f"task {key[:12]} carries {strange[0]!r}, which its page does not show and every annotator "
                "can read: leave it out"
            )


@functools.lru_cache(maxsize=8)
def _shown(config: str) -> frozenset[str]:
    """Names that a page shows of its task."""
    return frozenset(_VARIABLE.findall(config))
