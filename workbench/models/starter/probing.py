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
from workbench.models.starter.classifier import as_input
from workbench.models.starter.wear import worn

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import PhotoEncoder
    from workbench.models.protocols import ImageModel
    from workbench.models.starter.classifier import Classifier
    from workbench.models.vector_cache import Features

FIRST_SCENE = 50_000_000
"""Number of the probes' first scene; image models learn from scenes below it."""
GRID_COLORS = ("Red", "Blue", "Green", "Yellow", "Black", "Purple", "Orange", "White")
_WEAR = 17
"""Seed of how pictures are worn."""
_KEPT_BACK = 0.2
"""Share of the drawn pictures that no probe is fitted on."""
_STRENGTH = 0.03
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

    Each picture is learned from as it is and worn as a generated one may be. Pictures with a flaw are left out, as
    it may hide kind and colour.
    """
    plain = [scene for scene in scenes if not scene.flaws]
    pictures = [picture_of(scene, side) for scene in plain]
    features = np.stack([_encoded(pictures, encoder), _encoded(_worn(pictures), encoder)])
    kept = np.arange(len(plain)) >= len(plain) * (1 - _KEPT_BACK)
    kind, kinds_right = _fit(features, np.array([s.product.kind for s in plain]), kept)
    color, colors_right = _fit(features, np.array([s.product.color for s in plain]), kept)
    told = {"kind": kinds_right, "color": colors_right}
    return Probes(encoder=encoder, kind=kind, color=color, on_drawn=told)


def _fit(
    features: npt.NDArray[np.float32], labels: npt.NDArray[Any], kept: npt.NDArray[np.bool_]
) -> tuple[Any, Estimate]:
    """A probe of `features`, (clean and worn, pictures, d), and how often it is right of clean pictures kept back."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=300))
    learnt = features[:, ~kept]
    model.fit(learnt.reshape(-1, learnt.shape[-1]), np.tile(labels[~kept], len(features)))
    return model, proportion(model.predict(features[0, kept]) == labels[kept])


def _worn(pictures: Sequence[Image]) -> list[Image]:
    import torch
    from PIL import Image

    pixels = np.stack([np.asarray(picture) for picture in pictures])
    x = worn(as_input(pixels), torch.Generator().manual_seed(_WEAR)).clamp(-1, 1)
    again = ((x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(one) for one in again]


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

    The opposite is asked for as refined prompts do it: in the prompt's words, and with the flaw in the negative
    prompt. Each word of a flaw is used as often as the others.
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
        named = [words[i % len(words)] for i in range(prompts)]
        opposites = [OPPOSITES[flaw][i % len(OPPOSITES[flaw])] for i in range(prompts)]
        wanted = _made(model, _with(bare, named))
        unwanted = _made(model, _with(bare, opposites), negatives=named)
        seen = (silent, classifier.look(wanted), classifier.look(unwanted))
        before, asked, opposed = (np.asarray(one.flaws[flaw], dtype=float) for one in seen)
        rates = [proportion(one > 0) for one in (before, asked, opposed)]
        checks[flaw] = FlawCheck(
            silent=rates[0],
            asked=rates[1],
            opposite=rates[2],
            more_when_asked=bootstrap_mean(asked - before),
            less_when_opposed=bootstrap_mean(before - opposed),
        )
    return checks


def _with(prompts: Sequence[str], words: Sequence[str]) -> list[str]:
    return [f"{prompt}, {more}" for prompt, more in zip(prompts, words, strict=True)]


def _made(
    model: ImageModel, prompts: Sequence[str], *, negatives: Sequence[str] | None = None
) -> list[Image]:
    """A picture of each prompt, all from seeds of their own, the same on every call."""
    from workbench.models.protocols import ImageRequest

    requests = [
        ImageRequest(prompt=prompt, seed=i, negative_prompt=negatives[i] if negatives else None)
        for i, prompt in enumerate(prompts)
    ]
    return [one.image for one in model.make(requests) if one.image is not None]


def _encoded(pictures: Sequence[Image], encoder: PhotoEncoder) -> Features:
    addresses = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
    return encoder.encode(addresses, pictures)
