"""A retrieval system as the incumbent, and how a new one compares: conformity, win rate, final submissions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.errors import LearningError, ModelError
from workbench.metrics import Estimate, aspect_pairs, bootstrap_mean, normalised, read_json
from workbench.metrics.claims import share_to_point
from workbench.models.protocols import Prompt, Question, Scorer
from workbench.records import Item, Listing
from workbench.schema import Schema

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

NEIGHBOURS = 5
"""Training items whose aspects are put together; the nearest one gives the title."""
Outcome = Literal["first", "second", "tie"]
Compare = Callable[[Sequence[int], Sequence[str], Sequence[str]], list[Outcome]]
"""Places of items, first answers and second answers to which is better."""


def retrieve(
    features: npt.NDArray[np.floating],
    items: Sequence[Item],
    training: npt.NDArray[np.floating],
    catalogue: Sequence[Item],
) -> list[Listing]:
    """The listing that a catalogue without a model would propose: what the nearest photos' sellers wrote.

    Nearest by cosine among training items of the same category (of all, where it has none). The title is the
    nearest one's; an aspect is stated where at least half of the `NEIGHBOURS` nearest state that very value.

    Args:
        features: Shape (n, d), of the items to be listed.
        items: Length n.
        training: Shape (m, d).
        catalogue: Length m, with the listings that are copied; none of them is in `items`.

    Raises:
        LearningError: The training catalogue is empty.
        ValueError: Shapes differ, or an item is on both sides.
    """
    if not catalogue:
        raise LearningError("want a training catalogue to retrieve from, got no item")
    if len(features) != len(items) or len(training) != len(catalogue):
        raise ValueError(f"want one vector per item, got {features.shape=}, {training.shape=}")
    if {one.id for one in items} & {one.id for one in catalogue}:
        raise ValueError("an item is both to be listed and in the training catalogue")
    known = training / np.maximum(np.linalg.norm(training, axis=1, keepdims=True), 1e-12)
    asked = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    by_category: dict[str, list[int]] = {}
    for place, one in enumerate(catalogue):
        by_category.setdefault(one.category, []).append(place)
    found = []
    for vector, item in zip(asked, items, strict=True):
        places = np.array(by_category.get(item.category, range(len(catalogue))))
        order = np.argsort(-(known[places] @ vector), kind="stable")[:NEIGHBOURS]
        found.append(_together([catalogue[int(p)] for p in places[order]], item.category))
    return found


def _together(nearest: Sequence[Item], category: str) -> Listing:
    said = Counter((name, values) for one in nearest for name, values in one.aspects.items())
    aspects: dict[str, tuple[str, ...]] = {}
    for (name, values), count in said.most_common():
        if count >= len(nearest) / 2:
            aspects.setdefault(name, values)
    return Listing(title=nearest[0].title or "", aspects=aspects, category=category)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerModel:
    """A seller who is shown a proposed listing: accepts it, edits it and submits, or gives up.

    Each wrong or missing field weighs something. With a load L the seller accepts as it is with probability
    exp(−`strictness` · L); else corrects it, which takes effort in proportion to L, and gives up with probability
    1 − exp(−`impatience` · L). A listing that cannot be read weighs as if every field had to be typed.
    The numbers are ours: no such figures are published, and they are told wherever a rate is shown.
    """

    title: float = 2.0
    """Weight of a title of which less than half of the words are right."""
    wrong: float = 1.0
    """Of an aspect that is stated and not true."""
    missing: float = 0.5
    """Of a true aspect that is not stated."""
    off_schema: float = 0.5
    """Of an aspect that the form has no field for."""
    strictness: float = 0.35
    impatience: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what is no weight.

        Raises:
            ValueError: A number is under 0 or not finite.
        """
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"want {name!r} of 0 or more in a seller model, got {value!r}")

    def load(self, answer: str, true: Listing, allowed: frozenset[str]) -> float:
        """The weight of what has to be mended, 0 where nothing has to.

        Args:
            answer: A model's answer as text.
            true: What is true of the item.
            allowed: Normalised names of the form's fields.
        """
        said = read_json(answer)[1]
        ours, theirs = aspect_pairs(said), aspect_pairs(true)
        if said is None:
            return self.title + self.missing * len(theirs) + self.wrong
        words, right = _words(said.title), _words(true.title)
        bad_title = len(words & right) < 0.5 * max(len(words), len(right), 1)
        right_names = {name for name, _ in theirs}
        foreign = {name for name, _ in ours if name not in allowed}
        wrong = {name for name, _ in ours - theirs if name not in foreign}
        missing = right_names - {name for name, _ in ours}
        return (
            self.title * bad_title
            + self.wrong * len(wrong)
            + self.off_schema * len(foreign)
            + self.missing * len(missing)
        )

    def accepts(self, load: float) -> float:
        """Probability that it is submitted as it is."""
        return math.exp(-self.strictness * load)

    def submits(self, load: float) -> float:
        """Probability that it is submitted, as it is or edited."""
        accepted = self.accepts(load)
        return accepted + (1 - accepted) * math.exp(-self.impatience * load)


def _words(text: str) -> frozenset[str]:
    return frozenset(normalised(text).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A system against the incumbent on the same items."""

    items: int
    conformity: Estimate
    """Mean of a judge's score, 1 to 5."""
    incumbent_conformity: Estimate
    win_rate: Estimate
    """Wins and half of the ties, as a share of items, each asked in both orders."""
    ties: int
    """Items on which both are as good, or the order decided."""
    order_decided: int
    """Of those, items on which another order gave another winner."""
    submission: Estimate
    """Expected share of items that the seller model submits."""
    incumbent_submission: Estimate
    submission_lift: Estimate
    """Difference of the two rates, item by item."""
    accepted: Estimate
    """Expected share that is submitted as it is."""
    seller: SellerModel

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        told = {
            name: value.to_dict() if isinstance(value, Estimate) else value
            for name in self.__dataclass_fields__
            if (value := getattr(self, name)) is not self.seller
        }
        return told | {"seller": asdict(self.seller)}


def compare_systems(
    answers: Sequence[str],
    incumbent: Sequence[str],
    truth: Sequence[Listing],
    schema: Schema,
    *,
    compare: Compare | None = None,
    conformity: Callable[[Sequence[str]], Sequence[float]] | None = None,
    groups: npt.ArrayLike | None = None,
    seller: SellerModel | None = None,
) -> Comparison:
    """Compare two systems' answers to the same items.

    Args:
        answers: Length n, of the new system.
        incumbent: Length n.
        truth: Length n; `category` is an id of the schema.
        schema: The catalogue's.
        compare: Who says which of two is better; None: the truth does, by the larger share of right pairs.
        conformity: Answers to scores from 1 to 5, by a judge; None: the truth's five classes.
        groups: Shape (n,), labels of items that belong together; None: every item alone.
        seller: None: the numbers that `SellerModel` states.

    Raises:
        ValueError: Lengths differ.
    """
    if not len(answers) == len(incumbent) == len(truth):
        raise ValueError(
            f"want as many answers of both as truths, got {len(answers)}, {len(incumbent)}, {len(truth)}"
        )
    by = seller or SellerModel()
    fields = [
        frozenset(normalised(a.name) for a in schema.category(t.category or "").attributes)
        for t in truth
    ]

    def mean(values: Sequence[float]) -> Estimate:
        return bootstrap_mean(values, groups=groups)

    judge = conformity or (lambda said: conformity_by_truth(said, truth))
    places = range(len(answers))
    asked = compare or _by_truth(truth)
    there, back = asked(places, answers, incumbent), asked(places, incumbent, answers)
    swapped = {"first": "second", "second": "first", "tie": "tie"}
    both = [(a, swapped[b]) for a, b in zip(there, back, strict=True)]
    won = [
        1.0 if pair == ("first", "first") else 0.0 if pair == ("second", "second") else 0.5
        for pair in both
    ]
    loads, old = (
        [by.load(text, true, names) for text, true, names in zip(said, truth, fields, strict=True)]
        for said in (answers, incumbent)
    )
    new_rates, old_rates = [by.submits(x) for x in loads], [by.submits(x) for x in old]
    return Comparison(
        items=len(answers),
        conformity=mean(judge(answers)),
        incumbent_conformity=mean(judge(incumbent)),
        win_rate=mean(won),
        ties=sum(one == 0.5 for one in won),
        order_decided=sum(a != b and "tie" not in {a, b} for a, b in both),
        submission=mean(new_rates),
        incumbent_submission=mean(old_rates),
        submission_lift=mean([a - b for a, b in zip(new_rates, old_rates, strict=True)]),
        accepted=mean([by.accepts(x) for x in loads]),
        seller=by,
    )


def conformity_by_truth(answers: Sequence[str], truth: Sequence[Listing]) -> list[float]:
    """1 to 5: the five classes of the share of name–value pairs that answer and truth share."""
    return [
        float(share_to_point(round(1000 * share), 1000))
        for share in [_share_right(a, t) for a, t in zip(answers, truth, strict=True)]
    ]


def _share_right(answer: str, true: Listing) -> float:
    said = read_json(answer)[1]
    ours, theirs = aspect_pairs(said), aspect_pairs(true)
    if said is None:
        return 0.0
    return len(ours & theirs) / max(len(ours), len(theirs)) if ours or theirs else 1.0


def _by_truth(truth: Sequence[Listing]) -> Compare:
    def compare(
        places: Sequence[int], first: Sequence[str], second: Sequence[str]
    ) -> list[Outcome]:
        found: list[Outcome] = []
        for place, a, b in zip(places, first, second, strict=True):
            one, other = _share_right(a, truth[place]), _share_right(b, truth[place])
            found.append("tie" if one == other else "first" if one > other else "second")
        return found

    return compare


_BETTER = """Above are the photos of one product, and below two listings of it.
First: {first}
Second: {second}
Which one says more of what the photos show and less of what they do not?"""
_ANSWERS = ("first", "second", "tie")


def by_scorer(scorer: Scorer, photos: Sequence[tuple[Image, ...]]) -> Compare:
    """A vision-language model says which is better: the likeliest of `first`, `second` and `tie`.

    Args:
        scorer: One that sees.
        photos: Each item's, RGB.

    Raises:
        ModelError: It sees no photos; when asked: it does not answer.
    """
    if not scorer.sees:
        raise ModelError(f"want a judge that sees photos, but {scorer.name!r} reads text only")

    def compare(
        places: Sequence[int], first: Sequence[str], second: Sequence[str]
    ) -> list[Outcome]:
        question = Question(
            text="Reply with nothing but one of: first, second, tie.", answers=_ANSWERS
        )
        contexts = [
            Prompt(text=_BETTER.format(first=a, second=b), images=photos[place])
            for place, a, b in zip(places, first, second, strict=True)
        ]
        found: list[Outcome] = []
        for (answer,) in scorer.score(contexts, [(question,)] * len(contexts)):
            if answer.error:
                raise ModelError(f"{scorer.name} does not compare two listings: {answer.error}")
            found.append(_ANSWERS[int(np.argmax(answer.distribution))])  # type: ignore[arg-type]
        return found

    return compare
