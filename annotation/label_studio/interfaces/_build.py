"""Rubric in, page out; task data in; answers back."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from annotation.label_studio.interfaces import (
    _alignment,
    _correction,
    _image,
    _listing,
    _pair,
)
from annotation.label_studio.interfaces._records import Answer, Interface, Kind, TaskData
from annotation.label_studio.interfaces._regions import place, read_fields, regions
from annotation.label_studio.interfaces._review import review_fields
from annotation.label_studio.interfaces._show import listing_of
from annotation.label_studio.interfaces._style import STYLE
from annotation.label_studio.interfaces._xml import clean, controls_of, tag, text
from workbench.errors import LabelStudioError
from workbench.records import CriterionScore, Generation, Item, Verdict
from workbench.rubric import Criterion, Rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from label_studio_sdk.label_interface import LabelInterface

_KINDS: dict[Kind, ModuleType] = {
    "image": _image,
    "listing": _listing,
    "pair": _pair,
    "correction": _correction,
    "alignment": _alignment,
}
_TITLES: dict[Kind, str] = {
    "image": "image review",
    "listing": "listing review",
    "pair": "preference",
    "correction": "correction",
    "alignment": "what photos show",
}
_WITH_SLOTS = frozenset({"listing", "alignment"})
"""Kinds whose page has rows for aspects, and the hidden question that opens them."""
_LONGEST_TITLE = 50
_ID = re.compile(r"[a-z][a-z0-9_]*")


def build_interface(kind: Kind, rubric: Rubric, *, schema: Schema | None = None) -> Interface:
    """The page that asks `rubric`'s questions.

    Args:
        kind: What is asked; `image` and `listing` want a rubric that judges the same.
        rubric: A version; another version is another interface.
        schema: The catalogue's: how many aspects a listing's page needs, and which ones it can miss.

    Raises:
        LabelStudioError: The kind is not known, or the rubric does not fit it.
    """
    if kind not in _KINDS:
        raise LabelStudioError(f"want an interface of {', '.join(_KINDS)}, got {kind!r}")
    if kind in {"image", "listing"} and kind != rubric.judges:
        raise LabelStudioError(
            f"rubric {rubric.label} judges {rubric.judges}s: an interface of kind {kind!r} cannot ask it"
        )
    ids = [one.id for one in rubric.criteria] + [one.id for one in rubric.failure_modes]
    for name in ids:
        if not _ID.fullmatch(name):
            raise LabelStudioError(
                f"rubric {rubric.label}: want ids in lower case such as `wrong_color`, got {name!r}"
            )
    slots = _listing.slots_for(schema) if kind in _WITH_SLOTS else 0
    style = tag("Style")
    style.text = STYLE
    root = tag("View", style, *_KINDS[kind].build(rubric, slots=slots), className="wb")
    words = _TITLES[kind]
    return Interface(
        kind=kind,
        rubric=rubric,
        config=text(root),
        title=f"{clean(rubric.label)[: _LONGEST_TITLE - len(words) - 3]} · {words}",
        controls={one.name: one for one in controls_of(root)},
        slots=slots,
        schema=schema,
    )


def task_data(
    interface: Interface,
    generation: Generation,
    item: Item | None,
    *,
    pictures: Mapping[str, str],
    against: Generation | None = None,
) -> dict[str, Any]:
    """What the page shows of one task: every key that its config names, and nothing of a judge.

    Args:
        interface: The page.
        generation: What is asked about.
        item: That it describes; None for an image of a category.
        pictures: Address (`sha256:…`) to the URL that serves it, for every picture of the task.
        against: The other one of a pair; None for other kinds.

    Returns:
        Beside what is shown: `generation`, `rubric`, and for a pair `against` and `order`.

    Raises:
        LabelStudioError: The generation is of another kind, has no output, or a picture has no URL.
    """
    wanted = "alignment" if interface.kind == "alignment" else interface.rubric.judges
    if generation.kind != wanted:
        raise LabelStudioError(
            f"rubric {interface.rubric.label} is about {wanted}s, and generation "
            f"{generation.key[:12]} is of kind {generation.kind!r}"
        )
    shown = _KINDS[interface.kind].data(
        interface, generation, item, pictures=pictures, against=against
    )
    return {"generation": generation.key, "rubric": interface.rubric.label, **shown}


def prediction(
    interface: Interface, verdict: Verdict, generation: Generation, *, model_version: str
) -> dict[str, Any]:
    """A judge's verdict as the form begins with it. Whoever opens the task sees it: not for blind projects.

    Args:
        interface: The page.
        verdict: Of the same rubric version.
        generation: That was judged.
        model_version: As the project's page names the judge.

    Returns:
        `result`, `score` (the judge's confidence, 0 to 1; absent where it has none) and `model_version`.

    Raises:
        LabelStudioError: The verdict is about something else, or Label Studio's own rules refuse it:
            its server would take it in silence and show nonsense, or drop it in silence.
    """
    rubric = interface.rubric
    if verdict.rubric != rubric.label or verdict.generation != generation.key:
        raise LabelStudioError(
            f"want a verdict of {rubric.label} on {generation.key[:12]}, got one of {verdict.rubric} "
            f"on {verdict.generation[:12]}"
        )
    if interface.kind in {"pair", "alignment"}:
        raise LabelStudioError(
            "a verdict is about one output: it predicts no preference, and no alignment"
        )
    scores = {
        one.criterion: _point(rubric.criterion(one.criterion), one)
        for one in verdict.scores
        if one.score is not None
    }
    answer = Answer(approved=verdict.approved, scores=scores, failure_modes=verdict.failure_modes)
    fields = review_fields(interface, answer)
    if interface.kind == "listing":
        fields |= _listing.gate(listing_of(generation))
    known = {name: values for name, values in fields.items() if name in interface.controls}
    found: dict[str, Any] = {
        "model_version": model_version,
        "result": regions(interface, known),
    }
    if verdict.confidence is not None:
        found["score"] = verdict.confidence
    _check(interface, found, generation)
    return found


def read_result(interface: Interface, result: object, data: TaskData) -> Answer:
    """What a person said, from the `result` of an annotation.

    Args:
        interface: The page that it was given in.
        result: As the server holds it; everything in it is checked here, because nothing was there.
        data: The task's.

    Raises:
        LabelStudioError: It was not given in this interface, lacks a required answer, or holds what
            the page cannot send; the message names task and question.
    """
    if data.get("rubric") != interface.rubric.label:
        raise LabelStudioError(
            f"{place(data)}: want an answer by {interface.rubric.label}, got one by {data.get('rubric')!r}"
        )
    if interface.kind in _WITH_SLOTS:
        result = _listing.without_gate(result)
    fields = read_fields(interface, result, data)
    answer = cast("Answer", _KINDS[interface.kind].read(interface, fields, data))
    if interface.kind in {"image", "listing"} and _unexplained(interface.rubric, answer):
        said = "rejected, but nothing is named that is wrong"
        return replace(answer, contradictions=(*answer.contradictions, said))
    return answer


def write_result(interface: Interface, answer: Answer, data: TaskData) -> list[dict[str, Any]]:
    """`answer` as the page would have sent it, for answers that were given elsewhere.

    What only a page tells (that no photo shows an aspect, rather than that it is wrong) is not in an
    answer: `read_result` reads the same answer back all the same.
    """
    return regions(interface, _KINDS[interface.kind].fields(interface, answer, data))


def _unexplained(rubric: Rubric, answer: Answer) -> bool:
    failed = [
        name for name, point in answer.scores.items() if point < rubric.criterion(name).threshold
    ]
    named = failed or answer.failure_modes or answer.corrections or answer.note
    return answer.approved is False and not named


def _point(criterion: Criterion, score: CriterionScore) -> float:
    """The point nearest to an expected score, on the same side of the threshold."""
    points = range(1, len(criterion.scale) + 1)
    passing = [
        p for p in points if score.passed is None or (p >= criterion.threshold) == score.passed
    ]
    return float(min(passing or points, key=lambda p: abs(p - cast("float", score.score))))


def _check(interface: Interface, found: Mapping[str, Any], generation: Generation) -> None:
    config = interface.config
    errors = [*_rules(config).validate_prediction({**found, "result": []}, return_errors=True)]
    for region in found["result"]:
        errors += _refused(config, json.dumps(region))
    if errors:
        raise LabelStudioError(f"prediction for {generation.key[:12]}: {'; '.join(errors)}")


@functools.lru_cache(maxsize=4096)
def _refused(config: str, region: str) -> tuple[str, ...]:
    """What Label Studio's rules say against one answer, as JSON; ten thousand predictions give few different ones.

    A choice or a text is checked by itself: what else the prediction holds makes no difference.
    """
    return tuple(_rules(config).validate_region(json.loads(region), return_errors=True))


@functools.lru_cache(maxsize=8)
def _rules(config: str) -> LabelInterface:
    """Label Studio's own, kept: to read them takes ten times as long as to check a prediction by them."""
    from label_studio_sdk.label_interface import LabelInterface

    return LabelInterface(config)
