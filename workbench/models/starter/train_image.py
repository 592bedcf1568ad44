"""Train `starter:image`: words to a picture of a product of the drawn catalogue's world.

    python -m workbench.models.starter.train_image --out runs/image

First the text encoder learns to name what captions speak of, then the whole learns to paint. Run again
after a kill, it goes on from the last checkpoint. `--start` paints on from another run's model, with pictures
that it has not seen where the seed is another. `--plan large` is the way on a GPU: pictures of 128 pixels, and more
of them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import SettingsError
from workbench.metrics import Estimate
from workbench.models.devices import choose_device
from workbench.models.registry import load_image
from workbench.models.revisions import folder_revision
from workbench.models.starter.captions import FLAW_NAMED, FLAW_RATE, Scene, caption
from workbench.models.starter.card import (
    WENT_ON,
    Card,
    library_versions,
    recipe_before,
    weight_digests,
    write_card,
)
from workbench.models.starter.classifier import load_classifier
from workbench.models.starter.data import Pixels
from workbench.models.starter.painting import (
    GUIDANCE,
    LARGE,
    SMALL,
    STEPS,
    Painter,
    Size,
    build_text_encoder,
    build_tokenizer,
    build_unet,
    open_painter,
    read,
    save_pipeline,
)
from workbench.models.starter.probing import (
    FIRST_SCENE,
    check_flaws,
    check_grid,
    fit_probes,
    probe_scenes,
)
from workbench.models.starter.runs import claimed, replaced
from workbench.models.starter.scenes import PARTS, draw_scenes, marks, parts, sampled
from workbench.models.starter.training import Recipe, run_command, train, training_parser

if TYPE_CHECKING:
    import torch

NAME = "starter:image"
MODEL = "model"
"""Folder of the finished pipeline, inside the run's."""
KIND, COLOR = "shows the kind asked for", "shows the color asked for"
PROBE_SCENES = 6000
"""Drawn pictures behind the probes that measure generated ones."""
FLAW_PROMPTS = 306
"""Prompts behind each rate of a flaw: eighteen for each kind."""
_ABOUT = (
    "A small text-to-image model (flow matching in pixel space, trained from random weights) that makes "
    "product photos of the drawn catalogue's world. It is there to try the workbench without a GPU or a model "
    "hub: it makes the mistakes that large models make, at rates that a prompt changes."
)
_USE = """\
from diffusers import DiffusionPipeline

import workbench.models.starter.pixels  # a part of the pipeline: diffusers wants it imported before

# diffusers tells that it expected another vae; this model paints pixels, so none is missing
pipeline = DiffusionPipeline.from_pretrained("FOLDER")
picture = pipeline("photo of a red mug", num_inference_steps={steps}, guidance_scale={guidance}).images[0]
picture.save("mug.png")"""
_DATA = (
    "{pictures} pictures drawn by this project, with captions that it wrote: some pictures have a flaw that "
    "many of their captions name, some captions name another color or kind than is shown. Measured by linear "
    "probes on ImageNet features (kind, color) and a convolutional classifier (flaws), which learned from other "
    "drawn pictures. No photo of any person or shop "
    "is in it."
)
_LIMITS = (
    "It knows seventeen kinds of products, fourteen colors and the words of its captions; of other words it "
    "makes what it can.",
    "Its pictures are small. Writing on products is not legible.",
    "About one picture in seven shows a flaw that nobody asked for. Asking for its opposite, in the prompt and in the "
    "negative prompt, makes five of the seven rarer; distorted and cartoon-like ones hardly appear unasked.",
    "Of laid-over text it shows less than half when asked; distortion is there more often than the classifier sees.",
    "What counts its mistakes makes mistakes itself: the probes' figures are in the table, the classifier has a card of its own.",
)
_SCENES = 1_000_000
"""Between the first scenes of two seeds."""
_AGAIN = 0.6
"""Learning rate of a run that goes on from a model, as a share of the first run's."""
_CORPUS = 8000
"""Captions that the tokenizer learns from."""
_WORDLESS = 0.1
"""Share of pictures shown without a caption, so that guidance has something to lead away from."""
_NOISE_MEAN = 0.4
"""Mean of the noise level's logit at 64 pixels; twice the side needs twice the odds to hide as much."""
_LEAST_NOISE = 0.1
"""A picture's error counts 1/σ² (the error of the flow), as if σ were at least this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to train the model."""

    size: Size
    pictures: int
    """Drawn to learn from."""
    reading: Recipe
    """Of the text encoder alone; a run that goes on from another one's model skips it."""
    painting: Recipe


def small(seed: int = 0) -> Plan:
    """A quarter of an hour on two cores."""
    return Plan(
        size=SMALL,
        pictures=60_000,
        reading=Recipe(steps=500, batch=96, rate=2e-3, warmup=50, seed=seed),
        painting=Recipe(steps=1500, batch=64, rate=1.5e-3, seed=seed),
    )


def large(seed: int = 0) -> Plan:
    """For a GPU."""
    return Plan(
        size=LARGE,
        pictures=80_000,
        reading=Recipe(steps=2000, batch=256, rate=1.5e-3, warmup=50, seed=seed),
        painting=Recipe(steps=40_000, batch=256, rate=1e-3, warmup=500, seed=seed),
    )


PLANS = {"small": small, "large": large}
"""`large` is for a GPU."""


def teach_to_read(
    text_encoder: Any,
    tokenizer: Any,
    scenes: Sequence[Scene],
    recipe: Recipe,
    folder: Path,
    *,
    settings: Mapping[str, object],
) -> None:
    """Teach the text encoder to name what its captions speak of; the classifier on top is thrown away.

    Without this a painter looks at its prompt last, as it makes better guesses from the noisy picture.
    """
    import torch

    kinds = torch.from_numpy(np.array([parts(scene) for scene in scenes]))  # (scenes, parts)
    flags = torch.from_numpy(np.array([marks(scene) for scene in scenes], np.float32))
    sizes = [*map(len, PARTS.values()), flags.shape[1]]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        heads = torch.nn.Linear(text_encoder.config.hidden_size, sum(sizes)).to(text_encoder.device)
    reader = torch.nn.ModuleDict({"text_encoder": text_encoder, "heads": heads})
    functional = torch.nn.functional

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([recipe.seed, step, 3])
        places = rng.integers(len(scenes), size=recipe.batch)
        ids = read(tokenizer, [caption(scenes[p], rng) for p in places]).to(text_encoder.device)
        states = text_encoder(ids).last_hidden_state  # (B, TOKENS, width)
        there = (ids != tokenizer.pad_token_id).unsqueeze(-1)
        pooled = (states * there).sum(1) / there.sum(1)
        *scores, marked = heads(pooled).float().split(sizes, dim=-1)
        told = [
            functional.cross_entropy(one, label)
            for one, label in zip(scores, kinds[places].to(pooled.device).unbind(-1), strict=True)
        ]
        flagged = functional.binary_cross_entropy_with_logits(
            marked, flags[places].to(pooled.device)
        )
        return torch.stack(told).sum() + 20 * flagged

    train(reader, loss_of, recipe, folder, stage="reading", settings=settings)


def teach_to_paint(
    painter: Painter,
    scenes: Sequence[Scene],
    pictures: Pixels,
    recipe: Recipe,
    folder: Path,
    *,
    settings: Mapping[str, object],
) -> None:
    """Teach U-Net and text encoder in place to say a picture from its noisy self and its caption."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    functional = torch.nn.functional
    unet, text_encoder, size = painter.unet, painter.text_encoder, painter.size
    device = unet.device
    both = torch.nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([recipe.seed, step, 2])
        luck = torch.Generator().manual_seed(int(rng.integers(2**62)))
        places = rng.integers(len(scenes), size=recipe.batch)
        captions = ["" if rng.random() < _WORDLESS else caption(scenes[p], rng) for p in places]
        x = torch.from_numpy(pictures[places]).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        noise = torch.randn(x.shape, generator=luck).to(device)
        logit = torch.randn(len(places), generator=luck) + _NOISE_MEAN + math.log(size.side / 64)
        sigma = logit.sigmoid().to(device).view(-1, 1, 1, 1)
        z = functional.pixel_unshuffle((1 - sigma) * x + sigma * noise, size.patch)
        # On a CPU the plain kernel trains faster than the fused ones.
        plain = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
        with plain:
            said = unet(
                z.contiguous(memory_format=torch.channels_last),
                1000 * sigma.flatten(),
                encoder_hidden_states=text_encoder(read(painter.tokenizer, captions).to(device))[0],
            ).sample
        error = functional.pixel_shuffle(said.float(), size.patch) - x
        return (error**2 / sigma.clamp(min=_LEAST_NOISE) ** 2).mean()

    train(both, loss_of, recipe, folder, stage="painting", settings=settings)


def learn(plan: Plan, out: Path, *, start: Path | None = None, device: str | None = None) -> Path:
    """Train, going on where an earlier call with the same arguments was stopped.

    Args:
        plan: What to learn from, and for how long.
        out: Folder of the run: pictures, checkpoints, a log and, at the end, the model.
        start: Folder of a pipeline to go on from, tokenizer and all; None: random weights.
        device: Such as `cuda` or `cpu`; None: the best there is.

    Returns:
        Folder of the finished pipeline.

    Raises:
        LearningError: The folder holds another run, or what it holds is damaged; the pipeline to go on from is of
            another size.
        ModelError: The device or that pipeline is not there.
        SettingsError: The folder cannot be written to, or the seed's pictures are kept for measuring.
    """
    first = _first_scene(plan)
    place = choose_device(device)
    painter = None if start is None else open_painter(start, plan.size, place)
    settings = {
        "pictures": plan.pictures,
        **asdict(plan.size),
        "start": start and folder_revision(start),
    }
    stages = {"reading": asdict(plan.reading)} if start is None else {}
    claim = {**settings, **stages, "painting": asdict(plan.painting)}
    with claimed(out, NAME, claim):
        scenes = sampled(first, plan.pictures)
        pictures = draw_scenes(scenes, plan.size.side, out)
        if painter is None:
            rng = np.random.default_rng(plan.painting.seed)
            tokenizer = build_tokenizer(caption(scene, rng) for scene in scenes[:_CORPUS])
            text_encoder = build_text_encoder(tokenizer, seed=plan.painting.seed).to(place)
            unet = build_unet(plan.size, seed=plan.painting.seed).to(place)
            painter = Painter(
                unet=unet, text_encoder=text_encoder, tokenizer=tokenizer, size=plan.size
            )
            teach_to_read(text_encoder, tokenizer, scenes, plan.reading, out, settings=settings)
        teach_to_paint(painter, scenes, pictures, plan.painting, out, settings=settings)
        with replaced(out / MODEL) as half:
            save_pipeline(half, painter)
    return out / MODEL


def describe(folder: Path, plan: Plan, *, start: Path | None = None) -> Card:
    """Measure the finished pipeline with probes from outside and write its card.

    Args:
        folder: The pipeline's.
        plan: The one that it was trained by.
        start: Folder of the pipeline that it went on from.
    """
    from workbench.models.encoder import PhotoEncoder

    digests = weight_digests(folder)
    probes = fit_probes(probe_scenes(PROBE_SCENES), plan.size.side, PhotoEncoder())
    model = load_image(f"dir:{folder}")
    grid = check_grid(model, probes, seeds=2)
    figures = {KIND: grid.kind, COLOR: grid.color}
    for flaw, check in check_flaws(model, load_classifier(), prompts=FLAW_PROMPTS).items():
        figures |= {
            f"{flaw}: nothing said": check.silent,
            f"{flaw}: asked for": check.asked,
            f"{flaw}: opposite asked for": check.opposite,
            f"{flaw}: more when asked": check.more_when_asked,
            f"{flaw}: less when opposed": check.less_when_opposed,
        }
    figures |= {f"probe on drawn pictures, {name}": told for name, told in probes.on_drawn.items()}
    card = replace(card_of(plan, figures, before=recipe_before(start)), sha256=digests)
    write_card(folder, card)
    return card


def card_of(plan: Plan, figures: Mapping[str, Estimate], *, before: object) -> Card:
    """The card of a pipeline that `plan` made, but for its digests.

    Args:
        plan: What it learnt from, and for how long.
        figures: As `describe` measures them.
        before: See `recipe_before`.
    """
    first = _first_scene(plan)
    told = json.loads(json.dumps(asdict(plan)))
    if isinstance(before, dict):
        del told["reading"]  # a run that goes on has learnt to read
    return Card(
        name=NAME,
        pipeline="text-to-image",
        library="diffusers",
        about=_ABOUT,
        use=_USE.format(steps=STEPS, guidance=GUIDANCE),
        data=_DATA.format(pictures=plan.pictures),
        sources={
            f"scenes {first} to {first + plan.pictures - 1}, and their captions": "models/starter/captions.py",
            f"scenes {FIRST_SCENE} to {FIRST_SCENE + PROBE_SCENES - 1}, for the probes": "models/starter/captions.py",
        },
        recipe={
            **told,
            "captions": {"share of pictures with each flaw": FLAW_RATE, "share that is named": FLAW_NAMED},
            "measured with": {"steps": STEPS, "guidance": GUIDANCE},
            WENT_ON: before,
        },
        versions=library_versions(),
        headline=KIND,
        figures=figures,
        limits=_LIMITS,
        sha256={},
    )  # fmt: skip


def _first_scene(plan: Plan) -> int:
    """Number of the first scene that the plan's seed learns from; those from `FIRST_SCENE` on measure."""
    first = plan.painting.seed * _SCENES
    if first + plan.pictures > FIRST_SCENE:
        raise SettingsError(
            f"want a seed from 0 to {FIRST_SCENE // _SCENES - 1}, got {plan.painting.seed!r}: pictures of later ones "
            "are kept for measuring"
        )
    return first


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    parser.add_argument("--start", type=Path, help="folder of a pipeline to go on from")
    told = parser.parse_args(arguments)
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    from workbench.models.encoder import PhotoEncoder

    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, painting=replace(plan.painting, steps=told.steps))
    if told.start:
        plan = replace(plan, painting=replace(plan.painting, rate=_AGAIN * plan.painting.rate))
    _ = PhotoEncoder().revision  # asks for its weights now, not after a quarter of an hour
    folder = learn(plan, told.out, start=told.start, device=told.device)
    card = describe(folder, plan, start=told.start)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


if __name__ == "__main__":
    main()
