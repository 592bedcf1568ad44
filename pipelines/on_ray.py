"""Work on Ray Data: pieces stream through workers, here or on a cluster, and what they make comes back to be stored.

Workers see neither the database nor this process: a worker that is killed is started again, and its pieces are done
again by another. Only this process writes to the store, so nothing is stored twice and nothing is lost with a worker.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.places import RayAddress
from workbench.errors import MissingExtraError, ModelError, SettingsError, WorkbenchError
from workbench.models.devices import usable_cores
from workbench.models.elsewhere import Made, ModelElsewhere, Piece, Said, said_by
from workbench.models.registry import Kind

if TYPE_CHECKING:
    import pyarrow as pa

_DEATHS = 5
"""Workers that one piece may lose before it is held to be what kills them."""
_ROUND = 16
"""Pieces that a worker is to have in a round: each round starts workers anew, and they load their models."""
_STARTS = 3
"""Times that Ray is started here: it gives up after half a minute, which a busy machine needs."""
_AGENT_MILLISECONDS = 120_000
"""How long Ray waits for its own agents, which load much of what is installed."""


@contextmanager
def open_ray(address: RayAddress) -> Iterator[OnRay]:
    """Ray at `address`; one that was started here ends afterwards.

    Raises:
        MissingExtraError: Ray is not installed.
        ModelError: It does not start, or the cluster is not there.
        SettingsError: More GPUs are asked for than there are.
    """
    # Said of workers that end, which is what is made good here; read when Ray is loaded.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(
            library=error.name or "ray", extra="ray", purpose="working on Ray"
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        if address.cluster:
            _connect(address.cluster)
        else:
            _start(address)
        with redirect_stdout(sys.stderr):  # what Ray says of workers is not the command's answer
            yield OnRay(workers=_workers(address), gpus=address.gpus)
    finally:
        with redirect_stdout(sys.stderr):  # where it says the last of it
            ray.shutdown()


def _connect(cluster: str) -> None:
    import ray

    # Not through Ray's own client (`ray://HOST:10001` in its words), on which Ray Data 2.60 does not run.
    try:
        ray.init(cluster.removeprefix("ray://"), log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of any kind
        if "AuthToken" in str(error.__cause__):  # Ray sends none to an address that it is told
            raise ModelError(
                f"the Ray at {cluster!r} asks for a token: set RAY_AUTH_MODE=token to send it the one in "
                "~/.ray/auth_token, or in RAY_AUTH_TOKEN"
            ) from error
        raise ModelError(
            f"no Ray answers at {cluster!r}: {_first_line(error)}; want the address that `ray start --head` tells, and "
            "to be on a machine of that cluster"
        ) from error


def _start(address: RayAddress) -> None:
    import ray

    for left in reversed(range(_STARTS)):
        try:
            ray.init(
                "local",  # never one that happens to run here
                num_cpus=address.workers or usable_cores(),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _system_config={
                    "worker_niceness": 0,  # they work as this process would
                    "agent_register_timeout_ms": _AGENT_MILLISECONDS,
                },
            )
        except Exception as error:  # Ray raises no other kind
            ray.shutdown()
            if not left:
                raise ModelError(
                    f"Ray did not start on this machine: {_first_line(error)}"
                ) from error
        else:
            return


def _workers(address: RayAddress) -> int:
    """How many there are to be.

    Raises:
        SettingsError: There are not the GPUs for one of them.
    """
    import ray

    there = ray.cluster_resources()
    gpus = there.get("GPU", 0)
    if gpus < address.gpus:
        raise SettingsError(
            f"want {address.gpus:g} GPUs for each worker, but Ray finds {gpus:g}: ask for fewer, or for none (gpus=0)"
        )
    if address.gpus:
        room = int(gpus / address.gpus)
        return room if address.workers is None else min(room, address.workers)
    return address.workers or max(1, int(there["CPU"]))


@dataclass(frozen=True, slots=True)
class OnRay:
    """A `Place`: workers of a Ray that is connected."""

    workers: int
    gpus: float
    """Of each worker."""

    @property
    def at_once(self) -> int:
        """Enough that loading models is little beside the work."""
        return _ROUND * self.workers

    def each(self, work: Callable[[Piece], Made], pieces: Iterable[Piece], /) -> Iterator[Made]:
        """What `work` makes of each piece, as soon as a worker has made it.

        Raises:
            WorkbenchError: As `work` raised it.
            ModelError: Workers died again and again.
        """
        import pyarrow as pa
        import ray
        from ray.data import ActorPoolStrategy, from_arrow_refs
        from ray.exceptions import RayError, RayTaskError
        from ray.util.annotations import RayDeprecationWarning

        # One block a piece: it is what a worker is given, and given again.
        blocks = [ray.put(pa.table({"piece": [_packed(piece)]})) for piece in pieces]
        if not blocks:
            return
        with warnings.catch_warnings():
            # Ray 2.60 has no other way to bound retries, and says that this one will go.
            warnings.filterwarnings("ignore", category=RayDeprecationWarning)
            made = from_arrow_refs(blocks).map_batches(
                _Worker,
                fn_constructor_args=(_packed(work),),
                batch_size=None,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(
                    min_size=1, max_size=self.workers, initial_size=min(self.workers, len(blocks))
                ),
                num_cpus=1,
                num_gpus=self.gpus or None,
                max_task_retries=_DEATHS,
            )
        try:
            for block in made.iter_batches(
                batch_size=None, batch_format="pyarrow", prefetch_batches=0
            ):
                yield from map(_unpacked, block["made"].to_pylist())
        except RayTaskError:  # a fault of ours, with its own traceback
            raise
        except RayError as error:
            raise ModelError(
                f"a worker of Ray ended and could not be made good: {_first_line(error)}; what was made is stored, and "
                "the same command goes on from there"
            ) from error

    def scorer(self, name: str) -> ModelElsewhere:
        """The scorer called `name`, which workers load; one of them says what it is.

        Raises:
            ModelError: It cannot be loaded there.
        """
        return ModelElsewhere(self._said("scorer", name))

    def text(self, name: str) -> ModelElsewhere:
        """The text model called `name`; as `scorer`."""
        return ModelElsewhere(self._said("text", name))

    def image(self, name: str) -> ModelElsewhere:
        """The image model called `name`; as `scorer`."""
        return ModelElsewhere(self._said("image", name))

    def _said(self, kind: Kind, name: str) -> Said:
        import ray

        asked = ray.remote(_tried).options(num_cpus=1, num_gpus=self.gpus or None)
        said: Said = _unpacked(ray.get(asked.remote(said_by, kind, name)))
        return said


class _Worker:
    """Does the work on blocks of pieces; Ray keeps one in each of its processes."""

    def __init__(self, work: bytes) -> None:
        self._work = pickle.loads(work)  # noqa: S301 our own process wrote it

    def __call__(self, block: pa.Table) -> pa.Table:
        import pyarrow as pa

        pieces = map(pickle.loads, block["piece"].to_pylist())
        return pa.table(
            {"made": pa.array([_tried(self._work, one) for one in pieces], pa.binary())}
        )


def _tried(work: Callable[..., object], *arguments: object) -> bytes:
    """What came of it, or the sentence that was raised on purpose."""
    try:
        made: object = work(*arguments)
    except WorkbenchError as error:
        return _packed((type(error), str(error)))
    return _packed((None, made))


def _packed(thing: object) -> bytes:
    """As bytes, functions inside functions too, which instruments have."""
    from ray.cloudpickle import dumps

    packed: bytes = dumps(thing)
    return packed


def _unpacked(answer: bytes) -> Any:  # noqa: ANN401 whatever work makes
    """What `_tried` was given back.

    Raises:
        WorkbenchError: It was raised there.
    """
    kind, made = pickle.loads(answer)  # noqa: S301 our own workers wrote it
    if kind is not None:
        error = kind.__new__(kind)
        error.args = (made,)
        raise error
    return made


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
