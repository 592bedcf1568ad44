"""A vision-language model as the judge of an ablation: five classes, conformity, and which of two listings is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.baseline import Compare, by_scorer
from pipelines.five_classes import class_probabilities, grade_by_judge
from pipelines.learning import photos_of
from workbench.errors import JudgingError
from workbench.judging import ModelAnswerer
from workbench.metrics import read_json
from workbench.models import load_scorer
from workbench.models.protocols import Scorer
from workbench.preferences import Graded
from workbench.records import Generation, Item, Listing
from workbench.rubric import load_rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.store import Store

_RUBRIC = "listing"


@dataclass(frozen=True)
class AblationJudge:
    """One scorer, asked in the words of the listing rubric."""

    scorer: Scorer
    store: Store
    schema: Schema

    @classmethod
    def load(cls, name: str, store: Store, schema: Schema) -> AblationJudge:
        """The model called `name`.

        Raises:
            ModelError: It cannot be loaded.
            JudgingError: It sees no photos.
        """
        scorer = load_scorer(name)
        if not scorer.sees:
            raise JudgingError(f"want a judge that sees photos, but {name!r} reads text only")
        return cls(scorer, store, schema)

    def grade(
        self, generations: Sequence[Generation], aligned: Mapping[str, Listing]
    ) -> list[Graded]:
        """Five classes with probabilities, as `grade_by_judge` gives them."""
        return grade_by_judge(
            self.store, generations, aligned, answerer=self._answerer, rubric=load_rubric(_RUBRIC),
            schema=self.schema,
        )  # fmt: skip

    def compare(self, items: Sequence[Item]) -> Compare:
        """Which of two answers about an item is better; `places` count through `items`."""
        photos = photos_of(self.store.images, items)
        return by_scorer(self.scorer, photos)

    def conformity(self, items: Sequence[Item]) -> Callable[[Sequence[str]], list[float]]:
        """Answers, one to each of `items`, to expected points from 1 to 5.

        Raises:
            JudgingError: When called: the judge does not answer about one of them.
        """

        def score(answers: Sequence[str]) -> list[float]:
            made = [_as_listing(item, text) for item, text in zip(items, answers, strict=True)]
            told = class_probabilities(
                self.store,
                made,
                answerer=self._answerer,
                rubric=load_rubric(_RUBRIC),
                schema=self.schema,
            )
            points = []
            for item, shares in zip(items, told, strict=True):
                if shares is None:
                    raise JudgingError(
                        f"{self.scorer.name} does not answer about a listing of {item.id}"
                    )
                points.append(sum(point * share for point, share in enumerate(shares, start=1)))
            return points

        return score

    @property
    def _answerer(self) -> ModelAnswerer:
        # Compared are means over the same items: the likeliest point counts, however little was said for any.
        return ModelAnswerer(self.scorer, least_coverage=0.0)


def _as_listing(item: Item, text: str) -> Generation:
    said = read_json(text)[1]
    return Generation(
        key="", kind="listing", category=item.category, model="", revision="", prompt="", item=item.id,
        inputs=item.photos, text=text, listing=None if said is None else replace(said, category=item.category),
    )  # fmt: skip
