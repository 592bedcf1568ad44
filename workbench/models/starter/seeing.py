"""The first stage: the part that sees learns to tell what sellers say about their photos.

A language model that learns to write and to look at the same time looks last: for hundreds of steps it
writes what is said most often. Naming aspects from vision tokens costs a twentieth of a step of
writing and teaches the same eyes, from the same sellers' words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import LearningError
from workbench.models.revisions import folder_revision
from workbench.models.starter.card import JSON, read_card
from workbench.models.starter.data import Pixels, Targets, said_aspects, walked
from workbench.models.starter.training import Recipe, dealt, shown, train
from workbench.models.starter.vlm import Size

if TYPE_CHECKING:
    import torch

_UNSAID = -1
_CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said about each photo."""

    values: Mapping[str, tuple[str, ...]]
    """Attribute, and `category`, to all of its values."""
    labels: npt.NDArray[np.int64]
    """(photos, attributes): place among the attribute's values; -1 where nothing was said."""


def told(catalog: DrawnCatalog, targets: Targets) -> Told:
    """What sellers (`raw`) or photos (`aligned`) say, photo by photo as `draw_photos` numbers them."""
    values: dict[str, list[str]] = {_CATEGORY: list(catalog.schema.categories)}
    for category in catalog.schema.categories.values():
        for attribute in category.attributes:
            if attribute.visible != "no":
                known = values.setdefault(attribute.name, [])
                known.extend(value for value in attribute.values if value not in known)
    rows = []
    for item, entry in walked(catalog, "reading what is said"):
        category = catalog.schema.category(item.category)
        said = said_aspects(item, entry, category, targets) | {_CATEGORY: category.id}
        row = [
            known.index(said[name]) if name in said else _UNSAID for name, known in values.items()
        ]
        rows += [row] * len(entry.styles)
    return Told(
        values={name: tuple(known) for name, known in values.items()}, labels=np.array(rows)
    )


def teach_to_see(
    model: Any,
    photos: Pixels,
    words: Told,
    recipe: Recipe,
    folder: Path,
    *,
    settings: Mapping[str, object],
) -> None:
    """Teach the vision part and the connector of `model` in place, and freeze them; the classifier on top goes.

    Frozen, because a language model that learns to read them from random weights spoils them first: of eyes
    that told the kind in .95 the same classifier told it in .10 after 600 steps.

    Args:
        model: An Idefics3 on its device.
        photos: (photos, side, side, 3).
        words: One row of labels per photo.
        recipe: Steps, batch and rate.
        folder: Of the run; see `train`.
        settings: See `train`.

    Raises:
        LearningError: The folder's checkpoint is another run's.
    """
    import torch

    width = model.config.text_config.hidden_size
    sizes = [len(known) for known in words.values.values()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        heads = torch.nn.ModuleDict(
            {
                "places": torch.nn.Linear(width, width),
                "questions": torch.nn.Embedding(len(sizes), width),
                "answers": torch.nn.Linear(width, sum(sizes)),
            }
        ).to(model.device)
    eyes = torch.nn.ModuleDict(
        {"vision": model.model.vision_model, "connector": model.model.connector, "heads": heads}
    )

    def loss_of(step: int) -> torch.Tensor:
        places = dealt(len(photos), recipe, step)
        pixels = torch.from_numpy(shown(photos, places, recipe, step)).to(model.device)
        labels = torch.from_numpy(words.labels[places]).to(model.device)
        seen = eyes["connector"](eyes["vision"](pixel_values=pixels).last_hidden_state)
        scores = _scores(heads, seen, sizes)  # one (n, values) each
        losses = [
            torch.nn.functional.cross_entropy(one, label, ignore_index=_UNSAID, reduction="sum")
            for one, label in zip(scores, labels.unbind(-1), strict=True)
        ]
        return torch.stack(losses).sum() / (labels != _UNSAID).sum()

    train(eyes, loss_of, recipe, folder, stage="seeing", settings=settings)
    freeze_eyes(model)


def check_eyes(other: Any, size: Size, *, where: Path | None) -> None:
    """Refuse the vision part of `other` for a model of `size` that it does not fit.

    Raises:
        LearningError: It is of another size; `where` is named.
    """
    vision, width = other.config.vision_config, other.config.text_config.hidden_size
    there = (
        vision.image_size, vision.patch_size, vision.hidden_size, vision.num_hidden_layers, width,
    )  # fmt: skip
    wanted = (size.pixels, size.patch, size.vision_width, size.vision_depth, size.width)
    if there != wanted:
        raise LearningError(
            f"want a vision part of the same size (pixels, patch, width, depth, width of the text part: {wanted}), but "
            f"that of {str(where)!r} differs: {there}"
        )


def eyes_words(folder: Path) -> str:
    """What a card says of the model in `folder`, whose vision part was taken over."""
    known = read_card(folder).name if (folder / JSON).is_file() else "a model without a card"
    return f"that of {known}, revision {folder_revision(folder)}, as it is"


def take_eyes(model: Any, other: Any) -> None:
    """Give `model` the vision part and the connector of `other`, which `check_eyes` let pass, and freeze them."""
    model.model.vision_model.load_state_dict(other.model.vision_model.state_dict())
    model.model.connector.load_state_dict(other.model.connector.state_dict())
    freeze_eyes(model)


def look_closer(model: Any, processor: Any, pixels: int) -> None:
    """Let `model` see photos of `pixels` a side from now on, in as many patches as before, and so at the same cost.

    Filters of patches are enlarged so that a photo that is only scaled up looks to them as it did (the pseudo-inverse
    of bilinear scaling: Beyer et al. 2023, FlexiViT, arXiv:2212.08013, section 3.4). What finer photos show beyond that
    is to be learnt.

    Args:
        model: An Idefics3 on the CPU, changed in place.
        processor: Its own, which scales photos to `pixels` from now on.
        pixels: A multiple of the patches along a side, and no fewer than now.

    Raises:
        LearningError: `pixels` is none such.
    """
    import torch

    vision, eyes = model.config.vision_config, model.model.vision_model
    old, side = vision.patch_size, vision.image_size // vision.patch_size
    if pixels % side or pixels < vision.image_size:
        raise LearningError(
            f"want pixels to look closer with that are a multiple of {side}, the patches along a side of this model's "
            f"photos, and at least {vision.image_size}, those that it sees; got {pixels!r}"
        )
    new, filters = pixels // side, eyes.embeddings.patch_embedding
    squares = torch.eye(old**2).reshape(-1, 1, old, old)
    scaling = torch.nn.functional.interpolate(squares, (new, new), mode="bilinear")
    inverse = torch.linalg.pinv(scaling.reshape(old**2, new**2).T.double())  # (old², new²)
    larger = torch.nn.Conv2d(3, filters.out_channels, new, stride=new)
    with torch.no_grad():
        weights = filters.weight.reshape(-1, 3, old**2).double() @ inverse
        larger.weight.copy_(weights.reshape(-1, 3, new, new))
    larger.bias = filters.bias
    eyes.embeddings.patch_embedding = larger
    eyes.embeddings.image_size = vision.image_size = pixels
    eyes.embeddings.patch_size = eyes.patch_size = vision.patch_size = new
    processor.image_processor.size = {"longest_edge": pixels}
    processor.image_processor.max_image_size = {"longest_edge": pixels}


def freeze_eyes(model: Any) -> None:
    """Whatever `model` learns from now on, it sees as it does."""
    model.model.vision_model.requires_grad_(requires_grad=False)
    model.model.connector.requires_grad_(requires_grad=False)


def _scores(heads: Any, seen: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """What is said of each attribute, (n, values) each: it looks at the tokens that it asks for.

    A mean over the photo's tokens would hide what is small; with attention the same eyes learn faster.
    """
    import torch

    looks = (heads["places"](seen) @ heads["questions"].weight.T).softmax(
        1
    )  # (n, tokens, attributes)
    found = looks.transpose(1, 2) @ seen  # (n, attributes, width)
    weights = heads["answers"].weight.split(sizes)
    biases = heads["answers"].bias.split(sizes)
    return [
        torch.nn.functional.linear(found[:, place], weight, bias).float()
        for place, (weight, bias) in enumerate(zip(weights, biases, strict=True))
    ]
