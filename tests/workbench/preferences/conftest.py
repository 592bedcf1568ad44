"""Pairs and stores in which something is right, or planted wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from workbench.preferences import Origin, Pair, photo_prints
from workbench.records import Annotation, Correction, Generation, Item, Listing
from workbench.store import Store

COLOURS = ("Red", "Blue", "Green", "Black", "White", "Yellow", "Teal", "Pink")
KINDS = ("Mug", "Lamp", "Vase", "Scarf", "Jacket", "Boot", "Plate", "Clock")
FORMS = ("Tall", "Round", "Square", "Wide", "Slim", "Oval", "Deep", "Flat")
QUESTION = "Write the listing of the product in the photo, for the category {}."


def listing_text(title: str, **aspects: str) -> str:
    return json.dumps({"title": title, "aspects": aspects})


def photo_bytes(number: int, *, side: int = 64) -> bytes:
    """A picture of its own: coarse random fields, PNG."""
    rng = np.random.default_rng(number)
    fields = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(fields).resize((side, side), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def clean_pair(number: int, **other: object) -> Pair:
    """One of many pairs that differ in one fact, each about a photo of its own; no shortcut tells the sides apart.

    Which colour is right, and whether its name is longer, is left to chance.
    """
    rng = np.random.default_rng([7, number])
    right, wrong = rng.choice(COLOURS, 2, replace=False).tolist()
    kind, form = KINDS[number % 8], FORMS[(number // 8) % 8]
    words = " ".join(rng.choice(FORMS, 3, replace=False))
    chosen = listing_text(f"{right} {form} {words} {kind} {number}", Color=right, Shape=form)
    rejected = listing_text(f"{wrong} {form} {words} {kind} {number}", Color=wrong, Shape=form)
    given: dict[str, object] = {
        "prompt": QUESTION.format(kind),
        "chosen": chosen,
        "rejected": rejected,
        "source": "correction",
        "photos": (f"sha256:{number:064x}",),
        "item": f"shop/{number}",
        "category": kind.lower(),
        "margin": 1.0,
        "origin": Origin(
            rejected=f"g{number}",
            model="starter:listing",
            revision="r1",
            annotations=(f"n{number}",),
            annotators=(f"person {number % 4}",),
            rubric="listing@1",
        ),
    }
    return Pair(**given | other)


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What these records are made with: `kit.pair(5, margin=0.0)`."""
    return SimpleNamespace(pair=clean_pair, text=listing_text, photo=photo_bytes)


@pytest.fixture(scope="session")
def clean() -> list[Pair]:
    """400 pairs that lose nothing."""
    return [clean_pair(number) for number in range(400)]


@pytest.fixture(scope="session")
def prints(clean):
    """The prints of their photos."""
    return photo_prints(
        [photo for pair in clean for photo in pair.photos],
        lambda address: photo_bytes(int(address.removeprefix("sha256:"), 16)),
    )


@pytest.fixture(scope="session")
def processor():
    """Of the listing model that ships."""
    from workbench.models.starter import shipped_folder
    from workbench.models.torchvision_cpu import mend_torchvision

    mend_torchvision()
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(shipped_folder("listing"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def shop(store):
    """Six mugs that may train, `shop/5` held out; each with a listing by one model that says Red."""
    groups = {f"g-{i}": "eval" if i == 5 else "train" for i in range(7)}
    items = []
    for i in range(7):
        address = store.images.put(photo_bytes(1000 + i))
        items.append(Item(id=f"shop/{i}", category="mugs", photos=(address,), group=f"g-{i}"))
    store.add(items)
    for group, part in groups.items():
        store.assign_split([group], eval_share=float(part == "eval"), seed=0)
    generations = [
        Generation(
            key=f"gen{i}",
            kind="listing",
            category="mugs",
            model="starter:listing",
            revision="weights-1",
            prompt=QUESTION.format("mugs"),
            item=item.id,
            inputs=item.photos,
            listing=Listing(title="Red Mug", aspects={"Color": ("Red",), "Shape": ("Round",)}),
            text=' {"title": "Red Mug", "aspects": {"Color": "Red", "Shape": "Round"}}',
        )
        for i, item in enumerate(items)
    ]
    store.add(generations)
    return SimpleNamespace(store=store, items=items, generations=generations)


@pytest.fixture
def say(shop):
    """`say("ann", 0, False, color="Blue")`: an answer with corrections is stored."""

    def answer(
        who: str,
        number: int,
        approved: bool | None,
        *,
        about=None,
        after=None,
        before="Red",
        **more,
    ):
        key = f"{who}/{number}/{more.get('against', '')}/{more.get('adjudicates', '')}"
        annotation = Annotation(
            id=key,
            generation=more.pop("generation", f"gen{number}"),
            annotator=who,
            rubric="listing@1",
            approved=approved,
            **more,
        )
        records: list[Annotation | Correction] = [annotation]
        if about is not None:
            records.append(
                Correction(
                    id=f"{key}#{about}",
                    annotation=key,
                    generation=annotation.generation,
                    about=about,
                    before=before,
                    after=after,
                    simulated=annotation.simulated,
                )
            )
        shop.store.add(records)
        return annotation

    return answer
