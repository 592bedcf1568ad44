"""How good `starter:judge` is: on pictures that `starter:image` made, and on listings of items it has not seen.

What a generated picture shows is told by the classifier and by what was asked for. Where a prompt asks for a
kind, a color, a studio or a flaw and the classifier sees it, two agree that it is there; where nobody asked
for a flaw and the classifier sees none, that it is not. Where they differ the truth is not known: the picture is
left out, and how many were is told. A picture is judged by its own prompt, or by one that asks for another
kind or color, and then it is known to be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.calibration import reliability
from workbench.catalog.drawn import DrawnCatalog
from workbench.judging.model import ModelAnswerer
from workbench.judging.protocols import (
    Answered,
    Asked,
    Finding,
    Subject,
    pass_probability,
    score,
)
from workbench.metrics import Estimate, proportion
from workbench.models.starter.captions import (
    FLAW_WORDS,
    Said,
    Scene,
    describe,
    looks_like_a_studio,
    sample_scene,
)
from workbench.models.starter.data import HELD_OUT_SEED, drawn_items
from workbench.models.starter.questions import (
    IMAGE_RUBRIC,
    LISTING_RUBRIC,
    judge_picture,
    listing_truth,
    some_listing,
)
from workbench.records import Generation
from workbench.rubric import Rubric, load_rubric

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.protocols import ImageModel, Scorer
    from workbench.models.starter.classifier import Classifier

FIRST_SCENE = 90_000_000
"""Number of the first scene that the judge is measured by; nothing learns from these."""
_FLAWED = 0.5
"""Share of prompts that ask for a flaw."""
_OTHER = 0.35
"""Share of pictures that are judged by a prompt that asks for another kind or color."""
_IMAGE_CRITERIA = ("fidelity", "clarity", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A generated picture, the prompt that it is judged by, and whether each criterion holds."""

    picture: Image
    prompt: str
    holds: Mapping[str, bool]
    """Criterion to the truth; criteria whose truth is not known are absent."""


def generated_pictures(model: ImageModel, classifier: Classifier, count: int) -> list[Shown]:
    """Let `model` make `count` pictures, and say what is known about each."""
    from workbench.models.protocols import ImageRequest

    rng = np.random.default_rng(31)
    scenes = [sample_scene(FIRST_SCENE + number) for number in range(count)]
    said = [describe(replace(scene, flaws=()), rng) for scene in scenes]
    flaws: list[str | None] = [
        str(rng.choice(list(FLAW_WORDS))) if rng.random() < _FLAWED else None for _ in scenes
    ]
    prompts = [
        one.text if flaw is None else f"{one.text}, {rng.choice(FLAW_WORDS[flaw])}"
        for one, flaw in zip(said, flaws, strict=True)
    ]
    made = model.make([ImageRequest(prompt=p, seed=i) for i, p in enumerate(prompts)])
    there = [place for place, one in enumerate(made) if one.image is not None]
    pictures = [made[place].image for place in there]
    sight = classifier.look(pictures)  # type: ignore[arg-type]
    shown = []
    for row, place in enumerate(there):
        own, flaw = said[place], flaws[place]
        right = own.kind == sight.kinds[row] and own.color in {None, sight.colors[row]}
        agreed = {f: bool(s[row]) for f, s in sight.flaws.items() if s[row] == (f == flaw)}
        prompt, holds = own.text, {}
        if right and rng.random() < _OTHER:
            prompt = _other_prompt(scenes[place], own, rng)
            holds["fidelity"] = False
        elif right and agreed.get("unexpected_person") is False:
            holds["fidelity"] = True
        if {"blurred_or_incomplete", "distorted_object"} <= agreed.keys():
            holds["clarity"] = not (agreed["blurred_or_incomplete"] or agreed["distorted_object"])
        placed = looks_like_a_studio(scenes[place].style) == sight.studios[row]
        if placed and len(agreed) == len(FLAW_WORDS):
            told = {f for f, is_there in agreed.items() if is_there}
            scene = replace(scenes[place], flaws=tuple(told))
            holds["style"] = int(judge_picture(own, scene).points["style"]) >= 4
        shown.append(Shown(picture=pictures[row], prompt=prompt, holds=holds))  # type: ignore[arg-type]
    return shown


def _other_prompt(scene: Scene, own: Said, rng: np.random.Generator) -> str:
    """A prompt that asks for another kind, or for another color of the same."""
    while True:
        other = sample_scene(int(rng.integers(2**31)))
        product = other.product
        if rng.random() < 0.5:
            product = replace(scene.product, color=other.product.color)
        said = describe(replace(scene, product=product, flaws=()), rng)
        if said.kind != own.kind or (said.color and own.color and said.color != own.color):
            return said.text


def check_pictures(judge: Scorer, shown: Sequence[Shown]) -> dict[str, Estimate]:
    """AUC and calibration error of each criterion on generated pictures, and what approvals are worth."""
    rubric = load_rubric(IMAGE_RUBRIC)
    subjects = [
        Subject(
            generation=Generation(
                key=str(place), kind="image", category="", model="", revision="",
                prompt=one.prompt, image="",
            ),
            image=one.picture,
        )
        for place, one in enumerate(shown)
    ]  # fmt: skip
    holds = [one.holds for one in shown]
    return _figures(
        judge, rubric, _IMAGE_CRITERIA, subjects=subjects, holds=holds, of="generated pictures"
    )


def check_listings(judge: Scorer, items: int) -> dict[str, Estimate]:
    """The same on listings of held-out items of the drawn catalogue."""
    catalog = DrawnCatalog(seed=HELD_OUT_SEED, items=items)
    rubric = load_rubric(LISTING_RUBRIC)
    rng = np.random.default_rng(32)
    subjects, holds = [], []
    for item, entry in zip(drawn_items(catalog), catalog.entries, strict=True):
        listing = some_listing(item, entry, catalog, rng)
        generation = Generation(
            key=item.id, kind="listing", category=item.category, model="", revision="",
            prompt="", listing=listing,
        )  # fmt: skip
        truth = listing_truth(generation, item, catalog.schema, rubric).points
        points = {name: rubric.criterion(name).scale.index(p) + 1 for name, p in truth.items()}
        holds.append({n: p >= rubric.criterion(n).threshold for n, p in points.items()})
        photos = tuple(catalog.picture(entry, k) for k in range(len(entry.styles)))
        subjects.append(Subject(generation=generation, photos=photos))
    return _figures(judge, rubric, tuple(holds[0]), subjects=subjects, holds=holds, of="listings")


def _figures(
    judge: Scorer,
    rubric: Rubric,
    criteria: Sequence[str],
    *,
    subjects: Sequence[Subject],
    holds: Sequence[Mapping[str, bool]],
    of: str,
) -> dict[str, Estimate]:
    asked = Asked(rubric=rubric, criteria=tuple(rubric.criterion(name) for name in criteria))
    answered = ModelAnswerer(judge).answer(subjects, asked)
    chance = np.array(
        [[_chance(f, asked, place) for place, f in enumerate(one.findings)] for one in answered]
    )  # (subjects, criteria)
    figures = {}
    for place, name in enumerate(criteria):
        known = np.array([name in one for one in holds]) & ~np.isnan(chance[:, place])
        truth = np.array([one.get(name, False) for one in holds])[known]
        found = reliability(chance[known, place], truth)
        figures[f"{name}: AUC on {of}"] = found.auroc
        figures[f"{name}: expected calibration error on {of}"] = found.ece
    sure = np.array([len(one) == len(criteria) for one in holds]) & ~np.isnan(chance).any(1)
    good = np.array([all(one.values()) for one in holds])
    approved = _approved(answered, asked) & sure
    figures[f"precision of approvals of {of}"] = proportion(good[approved])
    figures[f"approved {of}"] = proportion(approved[sure])
    figures[f"suitable {of}"] = proportion(good[sure])
    return figures


def _chance(finding: Finding, asked: Asked, place: int) -> float:
    if finding.distribution is None:
        return float("nan")
    return pass_probability(asked.criteria[place], finding.distribution)


def _approved(answered: Sequence[Answered], asked: Asked) -> npt.NDArray[np.bool_]:
    """Whether each subject passes all criteria."""
    return np.array(
        [
            all(
                score(criterion, finding, by="").passed is True
                for criterion, finding in zip(asked.criteria, one.findings, strict=True)
            )
            for one in answered
        ]
    )
