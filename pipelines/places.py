"""Where the work of a command is done: in this process, or on Ray. What a user changes is an address.

A pipeline cuts what is missing into pieces and hands them to `Place.each` with the work to do on them: models and pictures
in, records out, no store. What comes back it stores itself, so keys, leases and resuming are the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from workbench.errors import SettingsError
from workbench.models import load_image, load_scorer, load_text
from workbench.models.elsewhere import Made, Piece
from workbench.models.protocols import Served
from workbench.records import Generation

if TYPE_CHECKING:
    from pipelines.recorder import Stage
    from workbench.models.protocols import ImageModel, Scorer, TextModel
    from workbench.store import Store

Thing = TypeVar("Thing")

LOCAL = "local"
_FORMS = "local; ray or ray:workers=2,gpus=1 (this machine); ray://HOST:6379?workers=8,gpus=1 (the cluster of this machine)"
_ADDRESS = re.compile(r"ray(?P<cluster>://[^/?\s]+)?(?:[:?](?P<options>\S+))?")


class Place(Protocol):
    """Who does the work on pieces, and who holds the models for it."""

    @property
    def at_once(self) -> int:
        """Pieces that it is to be given together by a pipeline that works in rounds."""
        ...

    def each(self, work: Callable[[Piece], Made], pieces: Iterable[Piece], /) -> Iterator[Made]:
        """What `work` makes of each piece (`workbench.models.elsewhere.Each`)."""
        ...

    def scorer(self, name: str) -> Scorer:
        """The scorer called `name`, for work that is done here."""
        ...

    def text(self, name: str) -> TextModel:
        """The text model called `name`, for work that is done here."""
        ...

    def image(self, name: str) -> ImageModel:
        """The image model called `name`, for work that is done here."""
        ...


class Here:
    """This process."""

    at_once = 1

    def each(self, work: Callable[[Piece], Made], pieces: Iterable[Piece], /) -> Iterator[Made]:
        """In order, each one when it is asked for."""
        return map(work, pieces)

    def scorer(self, name: str) -> Scorer:
        """Loaded now."""
        return load_scorer(name)

    def text(self, name: str) -> TextModel:
        """Loaded now."""
        return load_text(name)

    def image(self, name: str) -> ImageModel:
        """Loaded now."""
        return load_image(name)


HERE = Here()
_PIECES_EACH = 4
"""Pieces for each server of a model that are worked on together: 64 listings, as many as a server is asked at most."""


def pieces_of(things: Sequence[Thing], size: int) -> list[Sequence[Thing]]:
    """`things` in pieces of `size`, the last one of what is left."""
    return [things[start : start + size] for start in range(0, len(things), size)]


def make_missing(
    store: Store,
    work: Callable[[Sequence[Thing]], Sequence[Generation]],
    missing: Sequence[Thing],
    stage: Stage,
    *,
    size: int,
    asks: object = None,
    on: Place = HERE,
) -> None:
    """Make what the store does not hold, and store each piece as soon as it is made.

    Args:
        store: Takes what is made.
        work: Makes the records of one piece; where `on` is another place, it is pickled.
        missing: What they are made of.
        stage: Is told of each record.
        size: Of a piece: at most the pieces that are worked on together are lost to a kill.
        asks: The model that does most of the work; one behind servers is asked about several pieces at once, so that
            its servers have as many questions as they bear. None: no model.
        on: Where they are made.
    """
    pieces = pieces_of(missing, size)
    if served := _served(on, asks):
        with closing(_together(work, pieces, served)) as several:
            _keep(store, several, stage)
    else:
        _keep(store, on.each(work, pieces), stage)


def each_made(
    store: Store,
    work: Callable[[Sequence[Thing]], Sequence[Generation]],
    things: Iterable[Thing],
    key: Callable[[Thing], str],
    stage: Stage,
    *,
    size: int,
    asks: object = None,
    on: Place = HERE,
) -> Iterator[tuple[Thing, Generation]]:
    """Each of `things` with what is made of it, in order; as many are read at once as are worked on together.

    Args:
        store: Holds what was made before, and takes what is missing.
        work: See `make_missing`, as for the others.
        things: Any number; read as needed.
        key: Content key of what is made of a thing.
        stage: Is told of each record, and of those that were there.
        size: Of a piece.
        asks: The model that does most of the work; None: no model.
        on: Where they are made.
    """
    waiting = iter(things)
    served = _served(on, asks)
    at_once = _pieces_at(served) if served else on.at_once
    while chunk := list(islice(waiting, size * at_once)):
        keys = [key(one) for one in chunk]
        known = store.known(Generation, keys)
        missing = [one for one, its in zip(chunk, keys, strict=True) if its not in known]
        stage.advance(known=len(chunk) - len(missing))
        make_missing(store, work, missing, stage, size=size, asks=asks, on=on)
        yield from zip(chunk, store.records(Generation, keys), strict=True)


def _served(on: Place, asks: object) -> Served | None:
    """`asks`, where it is behind servers and asked from this process."""
    return asks if on is HERE and isinstance(asks, Served) else None


def _pieces_at(served: Served) -> int:
    return _PIECES_EACH * served.servers


def _keep(store: Store, several: Iterable[Sequence[Generation]], stage: Stage) -> None:
    for made in several:
        store.add(made)
        for one in made:
            stage.advance(1, cost=one.cost)


def _together(
    work: Callable[[Sequence[Thing]], Sequence[Generation]],
    pieces: Sequence[Sequence[Thing]],
    asks: Served,
) -> Generator[Sequence[Generation]]:
    """What `work` makes of each piece, as it becomes ready; a few pieces are worked on in threads meanwhile.

    Where one breaks down, or nobody wants more, what the others ask is called off.
    """
    at_once = _pieces_at(asks)
    waiting = iter(pieces)
    with ThreadPoolExecutor(at_once, thread_name_prefix="piece") as pool:
        begun = {pool.submit(work, piece) for piece in islice(waiting, at_once)}
        try:
            while begun:
                done, begun = wait(begun, return_when=FIRST_COMPLETED)
                broken = [one for one in done if one.exception() is not None]
                if not broken:
                    begun |= {pool.submit(work, piece) for piece in islice(waiting, len(done))}
                # What is there is stored before the error of another piece is heard.
                for one in [*done.difference(broken), *broken]:
                    yield one.result()
        finally:
            for one in begun:
                one.cancel()
            while begun:  # one that still reads photos asks later
                asks.call_off()
                _, begun = wait(begun, timeout=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class RayAddress:
    """A Ray to work on."""

    cluster: str | None = None
    """Such as `ray://head:6379`; None: one is started on this machine, and ends with the command."""
    workers: int | None = None
    """Processes that work; None: as many as there are cores, or GPUs where `gpus` is not 0."""
    gpus: float = 0
    """GPUs of each worker; .5: two workers share one."""


def read_address(text: str) -> RayAddress | None:
    """Take the address of a place apart; None stands for this process.

    Raises:
        SettingsError: It is none.
    """
    if text == LOCAL:
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise SettingsError(f"want a place to work as one of {_FORMS}; got {text!r}")
    options = dict[str, str]()
    for option in filter(None, re.split("[,&]", found["options"] or "")):
        name, _, value = option.partition("=")
        options[name] = value
    workers, gpus = options.pop("workers", None), options.pop("gpus", "0")
    right = workers is None or re.fullmatch(r"[1-9]\d*", workers)
    if options or not right or not re.fullmatch(r"\d+|0?\.\d+", gpus):
        raise SettingsError(
            f"want workers as a number from 1, gpus as how many each worker gets (0, .5, 1 …), and nothing else, in "
            f"{text!r}"
        )
    cluster = found["cluster"]
    return RayAddress(
        cluster=f"ray{cluster}" if cluster else None,
        workers=int(workers) if workers else None,
        gpus=float(gpus),
    )


@contextmanager
def open_place(address: str) -> Iterator[Place]:
    """The place that `address` names; what was started for it is ended afterwards.

    Raises:
        SettingsError: It is no address, or asks for GPUs that are not there.
        MissingExtraError: Ray is not installed.
        ModelError: Ray does not start, or its cluster is not there.
    """
    asked = read_address(address)
    if asked is None:
        yield HERE
        return
    from pipelines.on_ray import open_ray

    with open_ray(asked) as place:
        yield place
