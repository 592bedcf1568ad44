"""How a run of category images starts: alone in its store, by a rubric that can approve, and saying what it loads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.one_at_a_time import alone
from workbench.errors import JudgingError
from workbench.judging import Subject
from workbench.judging.instruments import INSTRUMENTS
from workbench.records import Generation
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

COMMAND = "run category-images"


@contextmanager
def alone_in(store: Store, *, catalog: str, image_model: str, seed: int) -> Iterator[None]:
    """Hold the making of these pictures in this store: two runs at once would pay for each of them twice.

    Held by the operating system or the database server, it ends with the process, however that ends.

    Args:
        store: Takes the pictures.
        catalog: Its name.
        image_model: The string that loads it.
        seed: Another one gives other pictures, which may be made at the same time.

    Raises:
        BusyError: Another run holds it; the message says which, and what to do.
    """
    same = {"name": catalog, "image_model": image_model, "seed": seed}
    with alone(store, COMMAND, makes="makes the same pictures", same=same):
        yield


@contextmanager
def telling(what: str, *, quiet: bool) -> Iterator[None]:
    """Say on standard error what is done meanwhile, such as `loading judge NAME`, and how long it took."""
    if quiet:
        yield
        return
    started = time.perf_counter()
    _say(f"{what} ...")
    try:
        yield
    except BaseException:
        _say("\n")
        raise
    _say(f" {time.perf_counter() - started:.0f} s\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def blind_criteria(rubric: Rubric) -> dict[str, str]:
    """Deciding criteria that no instrument of this machine can look at, and why not."""
    from PIL import Image

    subject = Subject(
        generation=Generation(key="", kind="image", category="", model="", revision="", prompt=""),
        image=Image.effect_noise((64, 64), 60).convert("RGB"),
    )
    found = {}
    for criterion in rubric.criteria:
        instrument = INSTRUMENTS.get(criterion.by.removeprefix("instrument:"))
        if not criterion.decides or criterion.by == "model" or instrument is None:
            continue  # an unknown instrument is refused where the judge is made
        reading = instrument.read(subject)
        if reading.quality is None:
            found[criterion.id] = str(reading.reason)
    return found


def require_instruments(rubric: Rubric) -> None:
    """Refuse, before anything is made, a rubric by which nothing could be approved on this machine."""
    for criterion, reason in blind_criteria(rubric).items():
        raise JudgingError(
            f"no picture could be approved: criterion {criterion!r} of rubric {rubric.label} decides, but "
            f"{reason}; or leave it out with `--without {criterion}`"
        )
