"""The tuned model's own outputs on training items, judged in five classes; the two worst become pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.learning import load_photo
from workbench.errors import JudgingError
from workbench.judging import Answerer, Asked, Subject
from workbench.metrics import aspect_pairs, read_json
from workbench.metrics.claims import share_to_point
from workbench.preferences import (
    WORST,
    Checked,
    Grade,
    Graded,
    LeftOut,
    Pair,
    check,
    held_out_of,
    pairs_from_grades,
    photo_prints,
)
from workbench.records import Generation, Listing
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.schema import Schema
    from workbench.store import Store

CRITERION = "aspects"
"""The listing rubric's question in five classes."""
_CHUNK = 32
CLASSES: Mapping[Grade, str] = {1: "under 30%", 2: "30–49%", 3: "50–79%", 4: "80–94%", 5: "95–100%"}
"""Grade to the share of an output that is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiveClasses:
    """What judging a model's own outputs came to."""

    graded: Mapping[int, int]
    """Grade, 1 (worst) to 5, to its outputs."""
    pairs: tuple[Pair, ...]
    """Fit to train on, and in the store."""
    left_out: tuple[LeftOut, ...]
    checked: Checked

    def as_dict(self) -> dict[str, object]:
        """As JSON; the pairs themselves are in the store."""
        return {
            "graded": {CLASSES[grade]: self.graded.get(grade, 0) for grade in CLASSES},
            "pairs": len(self.pairs),
            "left_out": [asdict(one) for one in self.left_out],
            "checked": self.checked.as_dict(),
        }

    def __str__(self) -> str:
        told = ", ".join(
            f"{CLASSES[grade]} right: {self.graded.get(grade, 0)}" for grade in CLASSES
        )
        return f"{told}; {len(self.pairs)} pairs from the two worst classes"


def grade_by_truth(
    generations: Sequence[Generation], truth: Mapping[str, Listing], aligned: Mapping[str, Listing]
) -> list[Graded]:
    """Grade outputs by what is true of their items; certain, so each grade's probability is 0 or 1.

    Right is the share of name–value pairs that output and truth have in common, of the larger of the two: neither
    saying little nor saying much is enough. An answer that cannot be read is of the worst class.

    Args:
        generations: Listings of items that truth and `aligned` know.
        truth: Item to what is true of it.
        aligned: Item to the listing that becomes the chosen side.
    """
    graded = []
    for one in generations:
        item = one.item or ""
        said = read_json(one.text or "")[1]
        ours, theirs = aspect_pairs(said), aspect_pairs(truth[item])
        grade = (
            1 if said is None else share_to_point(len(ours & theirs), max(len(ours), len(theirs)))
        )
        graded.append(
            Graded(
                generation=one,
                grade=grade,  # type: ignore[arg-type]
                truth=aligned[item],
                probability=float(grade in WORST),
            )
        )
    return graded


def grade_by_judge(
    store: Store,
    generations: Sequence[Generation],
    aligned: Mapping[str, Listing],
    *,
    answerer: Answerer,
    rubric: Rubric,
    schema: Schema,
) -> list[Graded]:
    """Grade outputs by a judge's probabilities for the five classes: the likeliest class counts.

    Outputs on which the judge abstains are left out; those that cannot be read are of the worst class without being
    asked about.

    Args:
        store: Holds the photos.
        generations: Listings.
        aligned: Item to the listing that becomes the chosen side.
        answerer: Such as `ModelAnswerer(load_scorer(…))`.
        rubric: Has the criterion `aspects` with five points.
        schema: The catalogue's.

    Raises:
        JudgingError: The rubric's criterion has not five points, or this answerer does not answer it.
    """
    told = class_probabilities(store, generations, answerer=answerer, rubric=rubric, schema=schema)
    graded: list[Graded] = []
    for one, shares in zip(generations, told, strict=True):
        if shares is not None:
            likeliest = 1 + max(range(len(shares)), key=shares.__getitem__)
            graded.append(
                Graded(
                    generation=one,
                    grade=likeliest,  # type: ignore[arg-type]
                    truth=aligned[one.item or ""],
                    probability=min(1.0, sum(shares[: len(WORST)])),
                )
            )
    return graded


def class_probabilities(
    store: Store,
    generations: Sequence[Generation],
    *,
    answerer: Answerer,
    rubric: Rubric,
    schema: Schema,
) -> list[tuple[float, ...] | None]:
    """Probability of each of the five classes, worst first; None where the judge abstains.

    An output that cannot be read is of the worst class without being asked about. Arguments and errors as for
    `grade_by_judge`.
    """
    criterion = rubric.criterion(CRITERION)
    if len(criterion.scale) != len(CLASSES) or not answerer.answers(criterion):
        raise JudgingError(
            f"want a judge of five classes, but {answerer.name} with {rubric.label} answers {CRITERION!r} "
            f"on {len(criterion.scale)} points"
        )
    asked = Asked(rubric=rubric, criteria=(criterion,))
    found: list[tuple[float, ...] | None] = [(1.0, 0.0, 0.0, 0.0, 0.0)] * len(generations)
    readable = [i for i, one in enumerate(generations) if one.listing is not None]
    for start in range(0, len(readable), _CHUNK):
        chunk = readable[start : start + _CHUNK]
        subjects = [
            Subject(
                generation=generations[i],
                photos=tuple(load_photo(store, address) for address in generations[i].inputs),
                category=schema.categories.get(generations[i].category),
            )
            for i in chunk
        ]
        for i, answered in zip(chunk, answerer.answer(subjects, asked), strict=True):
            found[i] = answered.findings[0].distribution
    return found


def keep_pairs(
    store: Store, graded: Sequence[Graded], *, schemas: Mapping[str, Schema]
) -> FiveClasses:
    """Build pairs from the two worst classes, check them as all pairs are checked, and store those that are fit.

    Args:
        store: Holds the outputs and knows who is held out; takes the pairs.
        graded: From one of the functions above; chosen is the aligned truth, rejected the output.
        schemas: Catalogue to schema, for the check.
    """
    built = pairs_from_grades(graded)
    photos = sorted({photo for pair in built.pairs for photo in pair.photos})
    checked = check(
        built.pairs,
        prints=photo_prints(photos, store.images.get),
        held_out=held_out_of(store),
        schemas=schemas,
    )
    store.add(pair.record() for pair in checked.kept)
    return FiveClasses(
        graded=Counter(one.grade for one in graded),
        pairs=checked.kept,
        left_out=(*built.left_out, *checked.left_out),
        checked=checked,
    )
