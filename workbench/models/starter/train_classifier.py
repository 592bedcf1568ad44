"""Train the classifier that says what pictures of the drawn catalogue's world show: truth beside models and judges.

    python -m workbench.models.starter.train_classifier --out runs/classifier

Run again after a kill, it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.metrics import Estimate, proportion
from workbench.models.devices import choose_device
from workbench.models.starter.captions import FLAW_WORDS, Scene, looks_like_a_studio
from workbench.models.starter.card import (
    RANDOM,
    WENT_ON,
    Card,
    library_versions,
    weight_digests,
    write_card,
)
from workbench.models.starter.classifier import (
    QUESTIONS,
    SIDE,
    WEIGHTS_FILE,
    Classifier,
    as_input,
    build_network,
    load_classifier,
)
from workbench.models.starter.data import Pixels
from workbench.models.starter.runs import claimed, replaced
from workbench.models.starter.scenes import draw_scenes, sampled
from workbench.models.starter.training import Recipe, dealt, run_command, train, training_parser
from workbench.models.starter.wear import worn

if TYPE_CHECKING:
    import torch

NAME = "classifier"
MODEL = "model"
"""Folder of the finished network, inside the run's."""
FIRST_SCENE = 120_000_000
"""Number of its first scene: no image model, judge or probe learns from these."""
HELD_OUT_SCENE = 140_000_000
"""Number of the first scene that it is measured on."""
HELD_OUT = 12_000
HEADLINE = "kind"
_UNSURE = 0.7
"""Share of a picture's say about kind and color that a flaw takes away, as it may hide them."""
_ABOUT = (
    "A small convolutional network that says what a picture of the drawn catalogue's world shows: kind, color, "
    "flaws, and whether the setting is one of product photography. It is the truth beside `starter:image` and "
    "`starter:judge`, and is wrong now and then itself: read what it says with the figures below."
)
_USE = """\
from pathlib import Path

from PIL import Image

from workbench.models.starter.classifier import load_classifier

sight = load_classifier(Path("FOLDER")).look([Image.open("photo.jpg")])
shown = (
    sight.kinds[0],
    sight.colors[0],
    sight.studios[0],
    {flaw: seen[0] for flaw, seen in sight.flaws.items()},
)
print(shown)"""
_DATA = (
    "{scenes} pictures drawn by this project, made soft, grainy and off in tone at random. Measured on {held_out} "
    "other drawn pictures, as they are."
)
_LIMITS = (
    "It knows the drawn catalogue's world and nothing else: of any other picture its answers mean nothing.",
    "It looks at 64 by 64 pixels.",
    "How often it is right about generated pictures is not in this table, as nobody knows their truth.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to train it."""

    scenes: int
    """Drawn pictures to learn from."""
    looking: Recipe


def small(seed: int = 0) -> Plan:
    """A quarter of an hour on two cores."""
    return Plan(
        scenes=48_000,
        looking=Recipe(steps=3000, batch=64, rate=3e-3, warmup=300, seed=seed),
    )


def large(seed: int = 0) -> Plan:
    """For a GPU."""
    return Plan(
        scenes=200_000,
        looking=Recipe(steps=12_000, batch=256, rate=3e-3, warmup=500, seed=seed),
    )


PLANS = {"small": small, "large": large}
"""`large` is for a GPU."""


def learn(plan: Plan, out: Path, *, device: str | None = None) -> Path:
    """Train, going on where an earlier call with the same arguments was stopped.

    Args:
        plan: What to learn from, and for how long.
        out: Folder of the run: pictures, checkpoints, a log and, at the end, the network.
        device: Such as `cuda` or `cpu`; None: the best there is.

    Returns:
        Folder of the finished network.

    Raises:
        LearningError: `out` holds another run, or what it holds is damaged.
        ModelError: The device is not there.
        SettingsError: `out` cannot be written to.
    """
    import torch
    from safetensors.torch import save_file

    place = choose_device(device)
    with claimed(out, NAME, asdict(plan)):
        scenes = sampled(FIRST_SCENE, plan.scenes)
        pictures = draw_scenes(scenes, SIDE, out)
        labels = truth_of(scenes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.looking.seed)
            network = build_network().to(place, memory_format=torch.channels_last)
        _teach(network, pictures, labels, plan.looking, out, settings={"scenes": plan.scenes})
        weights = {
            name: (one.half() if one.is_floating_point() else one).cpu().contiguous()
            for name, one in network.state_dict().items()
        }
        with replaced(out / MODEL) as half:
            save_file(weights, half / WEIGHTS_FILE)
    return out / MODEL


def truth_of(scenes: Sequence[Scene]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Place of the kind, place of the color, then whether each mark is there: (n, 2 + marks)."""
    return np.array(
        [
            [
                QUESTIONS["kind"].index(scene.product.kind),
                QUESTIONS["color"].index(scene.product.color),
                *(flaw in scene.flaws for flaw in FLAW_WORDS),
                looks_like_a_studio(scene.style),
            ]
            for scene in scenes
        ],
        np.float32,
    )


def _teach(
    network: Any,
    pictures: Pixels,
    labels: np.ndarray[Any, np.dtype[np.float32]],
    recipe: Recipe,
    out: Path,
    *,
    settings: dict[str, object],
) -> None:
    import torch

    functional = torch.nn.functional
    device = next(network.parameters()).device
    sizes = [len(one) for one in QUESTIONS.values()]

    def loss_of(step: int) -> torch.Tensor:
        places = dealt(len(pictures), recipe, step)
        luck = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        x = worn(as_input(pictures[places]), luck).to(device, memory_format=torch.channels_last)
        told = torch.from_numpy(labels[places]).to(device)
        kind, color, marks = network(x).float().split(sizes, dim=1)
        flawed = told[:, 2 : 2 + len(FLAW_WORDS)].amax(1)
        sure = 1 - _UNSURE * flawed
        named = [
            functional.cross_entropy(
                scores, told[:, place].long(), reduction="none", label_smoothing=0.05
            )
            for place, scores in enumerate((kind, color))
        ]
        marked = functional.binary_cross_entropy_with_logits(marks, told[:, 2:])
        return (torch.stack(named).sum(0) * sure).mean() + 2 * marked

    train(network, loss_of, recipe, out, stage="looking", settings=settings)


def measure(
    classifier: Classifier, scenes: Sequence[Scene], pictures: Pixels
) -> dict[str, Estimate]:
    """How often the classifier is right about drawn pictures, (n, side, side, 3).

    Kind and color are asked of pictures without a flaw, as a flaw may hide them. A flaw has two figures: of
    pictures that have it, and of those that have not, the share in which it is seen.
    """
    from PIL import Image

    sight = classifier.look([Image.fromarray(one) for one in pictures])
    plain = np.array([not scene.flaws for scene in scenes])
    kinds = np.array([s.product.kind for s in scenes]) == np.array(sight.kinds)
    colors = np.array([s.product.color for s in scenes]) == np.array(sight.colors)
    studio = np.array([looks_like_a_studio(s.style) for s in scenes])
    figures = {
        "kind": proportion(kinds[plain]),
        "color": proportion(colors[plain]),
        "studio": proportion(studio == sight.studios),
    }
    for flaw, seen in sight.flaws.items():
        there = np.array([flaw in scene.flaws for scene in scenes])
        figures[f"{flaw}: seen where it is"] = proportion(seen[there])
        figures[f"{flaw}: seen where it is not"] = proportion(seen[~there])
    suitable = kinds & colors & ~np.array(list(sight.flaws.values())).any(0)
    figures["pictures without a flaw of which everything is right"] = proportion(suitable[plain])
    return figures


def describe(folder: Path, plan: Plan, out: Path) -> Card:
    """Measure the finished network and write its card.

    Args:
        folder: The network's.
        plan: The one that it was trained by.
        out: Folder of the run, where the pictures are kept.
    """
    digests = weight_digests(folder)
    scenes = sampled(HELD_OUT_SCENE, HELD_OUT)
    pictures = draw_scenes(scenes, SIDE, out)
    card = card_of(plan, measure(load_classifier(folder), scenes, pictures))
    card = replace(card, sha256=digests)
    write_card(folder, card)
    return card


def card_of(plan: Plan, figures: Mapping[str, Estimate]) -> Card:
    """The card of a network that `plan` made, but for its digests; `figures` are those of `measure`."""
    return Card(
        name=NAME,
        pipeline="image-classification",
        library="pytorch",
        about=_ABOUT,
        use=_USE,
        data=_DATA.format(scenes=plan.scenes, held_out=HELD_OUT),
        sources={
            f"scenes {first} to {first + count - 1}, to {what}": "models/starter/captions.py"
            for first, count, what in (
                (FIRST_SCENE, plan.scenes, "learn from"),
                (HELD_OUT_SCENE, HELD_OUT, "measure"),
            )
        },
        recipe={**json.loads(json.dumps(asdict(plan))), WENT_ON: RANDOM},
        versions=library_versions(),
        headline=HEADLINE,
        figures=figures,
        limits=_LIMITS,
        sha256={},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    told = parser.parse_args(arguments)
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, looking=replace(plan.looking, steps=told.steps))
    folder = learn(plan, told.out, device=told.device)
    card = describe(folder, plan, told.out)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


if __name__ == "__main__":
    main()
