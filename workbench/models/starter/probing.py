"""How well `starter:image` follows its prompts: told by linear probes and by the classifier, which never made a picture.

Kind and color are told by probes on ImageNet features, which learned from drawn pictures; flaws, which are small
or subtle, by the classifier, which learned from more of them. How well both tell drawn pictures is measured beside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.catalog.drawn import COLORS, KINDS
from workbench.metrics import Estimate, proportion
from workbench.models.starter.captions import (
    FLAW_WORDS,
    OPPOSITES,
    Scene,
    picture_of,
    sample_scene,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import PhotoEncoder
    from workbench.models.protocols import ImageModel
    from workbench.models.starter.classifier import Classifier
    from workbench.models.vector_cache import Features

FIRST_SCENE = 50_000_000
"""Number of the probes' first scene; image models learn from scenes below it."""
GRID_COLORS = ("Red", "Blue", "Green", "Yellow", "Black", "Purple", "Orange", "White")
_KEPT_BACK = 0.2
"""Share of the drawn pictures that no probe is fitted on."""
_STRENGTH = 0.003
"""Inverse regularisation strength of the probes' logistic regressions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """One linear classifier per question about a picture."""

    encoder: PhotoEncoder
    kind: Any
    color: Any
    on_drawn: Mapping[str, Estimate]
    """Share of drawn pictures that fitted nothing of which each probe is right."""

    def kinds(self, features: Features) -> list[str]:
        """The kind of product that each picture shows."""
        return [str(kind) for kind in self.kind.predict(features)]

    def colors(self, features: Features) -> list[str]:
        """Its colour."""
        return [str(color) for color in self.color.predict(features)]

    def features(self, pictures: Sequence[Image]) -> Features:
        """Vectors of pictures, (n, d)."""
        return _encoded(pictures, self.encoder)


def fit_probes(scenes: Sequence[Scene], side: int, encoder: PhotoEncoder) -> Probes:
    """Fit probes on drawn pictures of `side` pixels, the size of the generated ones.

    Kind and colour are learned from pictures without a flaw, as a flaw may hide them.
    """
    features = _encoded([picture_of(scene, side) for scene in scenes], encoder)
    kept = np.arange(len(scenes)) >= len(scenes) * (1 - _KEPT_BACK)
    plain = np.array([not scene.flaws for scene in scenes])
    kinds = np.array([scene.product.kind for scene in scenes])
    colors = np.array([scene.product.color for scene in scenes])
    told = {}
    kind, told["kind"] = _fit(features, kinds, kept, plain)
    color, told["color"] = _fit(features, colors, kept, plain)
    return Probes(encoder=encoder, kind=kind, color=color, on_drawn=told)


def _fit(
    features: Features,
    labels: npt.NDArray[Any],
    kept: npt.NDArray[np.bool_],
    use: npt.NDArray[np.bool_],
) -> tuple[Any, Estimate]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=300))
    model.fit(features[use & ~kept], labels[use & ~kept])
    right = model.predict(features[use & kept]) == labels[use & kept]
    return model, proportion(right)


def probe_scenes(count: int) -> list[Scene]:
    """Scenes for probes to learn from: none of them was an image model's."""
    return [sample_scene(FIRST_SCENE + number) for number in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCheck:
    """How often a generated picture shows the kind and the colour that its prompt asks for."""

    kind: Estimate
    color: Estimate


def grid_prompts() -> list[tuple[str, str, str]]:
    """Kind, colour and prompt of every kind in eight colours."""
    return [
        (
            kind.id,
            color,
            f"product photo of a {color} {kind.name}, white studio background, centered".lower(),
        )
        for kind in KINDS.values()
        for color in GRID_COLORS
    ]


def check_grid(model: ImageModel, probes: Probes, *, seeds: int = 1) -> GridCheck:
    """Make the grid with `seeds` pictures a cell, and let the probes name what they show."""
    asked = grid_prompts() * seeds
    features = probes.features(_made(model, [prompt for _, _, prompt in asked]))
    kinds = [a == b[0] for a, b in zip(probes.kinds(features), asked, strict=True)]
    colors = [a == b[1] for a, b in zip(probes.colors(features), asked, strict=True)]
    return GridCheck(kind=proportion(kinds), color=proportion(colors))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlawCheck:
    """How often a flaw is seen, by what the prompt says of it. The same prompts and seeds otherwise."""

    silent: Estimate
    asked: Estimate
    opposite: Estimate
    more_when_asked: Estimate
    """`asked` less `silent`."""
    less_when_opposed: Estimate
    """`silent` less `opposite`."""


def check_flaws(model: ImageModel, classifier: Classifier, *, prompts: int) -> dict[str, FlawCheck]:
    """Ask for each flaw, say nothing of it, and ask for its opposite, `prompts` times each.

    Each word of a flaw is used as often as the others.
    """
    from workbench.metrics.resampling import bootstrap_mean

    rng = np.random.default_rng(0)
    kinds, colors = list(KINDS.values()), list(COLORS)
    bare = [
        f"photo of a {colors[int(rng.integers(len(colors)))]} {kinds[i % len(kinds)].name}, white background".lower()
        for i in range(prompts)
    ]
    silent = classifier.look(_made(model, bare))
    checks = {}
    for flaw, words in FLAW_WORDS.items():
        seen = [silent.flaws[flaw]]
        for added in (words, OPPOSITES[flaw]):
            prompted = [f"{prompt}, {added[i % len(added)]}" for i, prompt in enumerate(bare)]
            seen.append(classifier.look(_made(model, prompted)).flaws[flaw])
        before, asked, opposed = (np.asarray(one, dtype=float) for one in seen)
        rates = [proportion(one > 0) for one in (before, asked, opposed)]
        checks[flaw] = FlawCheck(
            silent=rates[0],
            asked=rates[1],
            opposite=rates[2],
            more_when_asked=bootstrap_mean(asked - before),
            less_when_opposed=bootstrap_mean(before - opposed),
        )
    return checks


def _made(model: ImageModel, prompts: Sequence[str]) -> list[Image]:
    from workbench.models.protocols import ImageRequest

    made = model.make([ImageRequest(prompt=p, seed=i) for i, p in enumerate(prompts)])
    return [one.image for one in made if one.image is not None]


def _encoded(pictures: Sequence[Image], encoder: PhotoEncoder) -> Features:
    addresses = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
    return encoder.encode(addresses, pictures)
