"""Calls to model servers over HTTP: several at once, retries, and synchronous on the outside.

The requests of one batch run in an event loop of their own, in a thread of their own (`streaming`). How
many requests each server gets is in `server_turns`. Several threads may ask at once: they share the
servers' room, and what was learnt of how fast they answer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError
from workbench.models.protocols import Progress
from workbench.models.server_replies import AwayError, Failure, RequestError, read_reply
from workbench.models.server_turns import Crowd, RestingError, Server, Turns, checked_address
from workbench.models.streaming import Input, Result, as_they_come

if TYPE_CHECKING:
    import ssl

    import httpx

_CONNECT_SECONDS = 10.0
_MOST_REFUSALS = 50
"""A request that is refused for want of room so often while others are answered is given up."""
_HEDGE_AT = 95
"""Percentile of the latest answer times after which another server is asked too."""
_LATEST = 256
"""Answer times that are kept."""
_LEAST_TO_HEDGE = 20
"""Answers that are waited for before that percentile is read."""
_MOST_HEDGED = 0.1
"""Share of the requests that may be sent twice, so that a bad hour is not made worse."""
_LOOK_AGAIN_SECONDS = 0.2
"""How often a request looks whether it may be sent twice, once it is slow."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered."""

    body: dict[str, Any]
    """The JSON object."""
    unused: int = 0
    """Requests that were sent besides, each of which a server may have worked on to its end: hedges that
    lost, and answers that did not come in time."""


class Home:
    """The server that has read the beginning that several requests share."""

    def __init__(self) -> None:
        self.server: Server | None = None
        """None: none has yet."""


class Answered:
    """When servers answered last, and how long they took, whoever asked them."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        """Moment of the last answer."""
        self._lock = threading.Lock()
        self._seconds: deque[float] = deque(maxlen=_LATEST)
        self._count = self._hedges = 0

    def took(self, seconds: float) -> None:
        """A server has answered in so many seconds."""
        with self._lock:
            self.at = time.monotonic()
            self._seconds.append(seconds)
            self._count += 1

    def hedged(self) -> None:
        """A request was sent twice."""
        with self._lock:
            self._hedges += 1

    def slow(self) -> float | None:
        """Seconds after which a request is one of the slowest; None: cannot be told, or too many were sent twice."""
        with self._lock:
            if self._count < _LEAST_TO_HEDGE or self._hedges >= _MOST_HEDGED * self._count:
                return None
            return float(np.percentile(self._seconds, _HEDGE_AT))


class Endpoint:
    """One or several servers of one model, and how they are called."""

    def __init__(
        self,
        urls: str,
        *,
        api_key: str | None,
        concurrency: int,
        timeout: float,
        retries: int,
        patience: float,
    ) -> None:
        """Remember; nothing is sent.

        Args:
            urls: Up to and including the version, such as `http://gpu-7:8000/v1`; several with commas.
            api_key: Sent as a bearer token, and struck out of every message; None: none is sent.
            concurrency: Requests in flight at each server at most.
            timeout: Seconds for one answer, from sending the request to its last byte.
            retries: How often a request is repeated after 408, 425, a 5xx, a timeout, a broken
                connection or an answer that is no JSON; at another server where there is one.
            patience: Seconds without any answer for which servers that were there are waited for,
                while they refuse connections or say 429 or 503.

        Raises:
            ModelError: An argument is out of range, or a URL carries a password or comes twice.
        """
        addresses = [checked_address(url.strip()) for url in urls.split(",")]
        if len(set(addresses)) < len(addresses):
            raise ModelError(f"want each server's address once, got {urls!r}")
        if concurrency < 1 or timeout <= 0 or retries < 0 or patience < 0:
            raise ModelError(
                "want concurrency of at least 1, timeout over 0, retries and patience of at least 0, "
                f"got {concurrency=}, {timeout=}, {retries=}, {patience=}"
            )
        self.servers = [Server(url, most=concurrency, slow=timeout / 4) for url in addresses]
        """Those that are asked."""
        self.crowd = Crowd()
        self.answered = Answered()
        self._under_way: dict[asyncio.Task[Any], asyncio.AbstractEventLoop] = {}
        self._api_key = api_key
        self._timeout = timeout
        self.retries = retries
        self.patience = patience

    @property
    def url(self) -> str:
        """The addresses, with commas between them."""
        return ",".join(server.url for server in self.servers)

    def run(
        self,
        inputs: Sequence[Input],
        work: Callable[[Session, Input], Awaitable[Result]],
        progress: Progress | None = None,
        *,
        weight: Callable[[Input], int] = lambda _: 1,
    ) -> list[Result]:
        """Results of `work` in input order.

        `progress` is called in the caller's own thread, with the `weight` of each input answered. An
        interrupt, or an error out of `work` or `progress`, cancels the requests in flight.
        """
        results: dict[int, Result] = {}
        with closing(self.stream(inputs, work)) as answers:
            for place, result in answers:
                results[place] = result
                if progress is not None:
                    progress(weight(inputs[place]))
        return [results[place] for place in range(len(inputs))]

    def call_off(self) -> None:
        """End all that is being asked, in whichever threads: there `asyncio.CancelledError` is raised."""
        for task, loop in list(self._under_way.items()):
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(task.cancel)

    def stream(
        self, inputs: Iterable[Input], work: Callable[[Session, Input], Awaitable[Result]]
    ) -> Generator[tuple[int, Result]]:
        """Place and result of `work` on each input as they come, while the servers answer others.

        Twice as many inputs are under way as the servers take requests now, and not more than they take at most, so
        that the next one is ready.
        Close it, or take all: what is in flight is cancelled with it.
        """
        return as_they_come(self._opened(), work, inputs, room=Session.room)

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """Read once for all: that takes longer than many a request."""
        import httpx

        return httpx.create_ssl_context()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Session]:
        import httpx

        client = partial(
            httpx.AsyncClient,
            headers={"Authorization": f"Bearer {self._api_key}"} if self._api_key else {},
            timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
            limits=httpx.Limits(max_connections=1),
            verify=self._certificates,
        )
        task = asyncio.current_task()
        assert task is not None
        self._under_way[task] = asyncio.get_running_loop()
        try:
            async with AsyncExitStack() as stack:
                yield Session(self, Lines(stack, client), self.servers)
        finally:
            del self._under_way[task]

    async def attempt(
        self,
        lines: Lines,
        server: Server,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
    ) -> dict[str, Any] | Failure:
        """One request to one server, once.

        Raises:
            RequestError: It refuses this request.
            ServerError: It refuses everything, or has never been there.
        """
        import httpx

        where = f"{server.url}{path}"
        try:
            async with asyncio.timeout(self._timeout), lines.to(server) as client:
                reply = await client.request(method, where, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not server.answered:
                raise AwayError(
                    f"no model server answers at {server.url} ({type(error).__name__}): check that it "
                    "runs, that address and port are right and that a firewall lets them through"
                ) from None
            return Failure(reason="the connection is refused", kind="gone")
        except (httpx.TimeoutException, TimeoutError):
            return Failure(reason=f"no answer within {self._timeout:g} s", kind="late")
        except httpx.TransportError as error:
            return Failure(reason=f"the connection broke ({type(error).__name__})", kind="broken")
        return read_reply(reply, where, secret=self._api_key)


class Lines:
    """Clients of one connection each, as many as there were requests in flight at once.

    A client of many looks at all of its connections for every request: at 64 that took four times as long as
    the request itself.
    """

    def __init__(self, stack: AsyncExitStack, new: Callable[[], httpx.AsyncClient]) -> None:
        self._stack = stack
        self._new = new
        self._free: dict[Server, list[httpx.AsyncClient]] = {}

    @asynccontextmanager
    async def to(self, server: Server) -> AsyncIterator[httpx.AsyncClient]:
        """One that nobody else uses meanwhile."""
        free = self._free.setdefault(server, [])
        client = free.pop() if free else await self._stack.enter_async_context(self._new())
        try:
            yield client
        finally:
            free.append(client)


class Session:
    """The calls of one batch."""

    def __init__(self, endpoint: Endpoint, lines: Lines, servers: Sequence[Server]) -> None:
        self._endpoint = endpoint
        self._lines = lines
        self._turns = Turns(servers, endpoint.crowd)
        self._began = time.monotonic()

    def at(self, server: Server) -> Session:
        """The same, with `server` alone."""
        return Session(self._endpoint, self._lines, [server])

    def room(self) -> int:
        """Inputs that may be under way."""
        return sum(min(2 * int(server.limit), server.most) for server in self._turns.servers)

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`, after retries; raises as `post` does."""
        return (await self._call("GET", path, None, None, hedged=False)).body

    async def post(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        home: Home | None = None,
        hedged: bool = False,
    ) -> Reply:
        """The answer to `body`, after retries.

        Args:
            path: Behind the address, such as `/chat/completions`.
            body: Sent as JSON.
            home: Shared by requests that begin alike: they go to one server while it is well, whose
                cache then holds their beginning.
            hedged: Ask a second server that has room to spare where the first one takes longer than
                95% of the latest answers took; the first answer counts (Dean and Barroso 2013, "The
                tail at scale").

        Raises:
            RequestError: This request failed for good.
            ServerError: No server is there, or one refuses everything.
        """
        return await self._call("POST", path, body, home, hedged=hedged)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        home: Home | None,
        *,
        hedged: bool,
    ) -> Reply:
        endpoint = self._endpoint
        began = time.monotonic()
        avoid: set[Server] = set()
        retry = refusals = unused = 0
        said = ""
        while True:
            try:
                server = await self._turns.take(home=home.server if home else None, avoid=avoid)
            except RestingError as rest:
                waits = f"{endpoint.url}{path} asks to wait {rest.seconds:.0f} s{said}"
                raise RequestError(waits, passing=True) from None
            server, outcome, lost = await self._raced(server, method, path, body, hedged=hedged)
            unused += lost
            if not isinstance(outcome, Failure):
                if home is not None:
                    home.server = server
                return Reply(body=outcome, unused=unused)
            where, said = f"{server.url}{path}", f": {outcome.reason}"
            avoid.add(server)
            everywhere = avoid.issuperset(self._turns.servers)
            if outcome.kind in ("full", "gone"):
                refusals += 1
                if time.monotonic() - self._answered_at() > endpoint.patience:
                    raise outcome.no_answer(where, endpoint.patience)
                if refusals == _MOST_REFUSALS:
                    raise outcome.final(where, attempts=retry + refusals)
            else:
                # A server that was late or broke off rests by itself; an odd answer concerns this request.
                wait = outcome.pause(retry) if everywhere and outcome.kind == "odd" else 0.0
                if retry == endpoint.retries or wait is None:
                    passing = self._answered_at() < began
                    raise outcome.final(where, attempts=retry + 1, passing=passing)
                await asyncio.sleep(wait)
                retry += 1
            if everywhere:
                avoid.clear()

    async def _raced(
        self,
        server: Server,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        *,
        hedged: bool,
    ) -> tuple[Server, dict[str, Any] | Failure, int]:
        """Who answered first, what, and how many requests were given up for it."""
        if not hedged or len(self._turns.servers) == 1:
            outcome = await self._try(server, method, path, body)
            return server, outcome, int(_is_late(outcome))
        first = asyncio.create_task(self._try(server, method, path, body))
        racing = {first: server}
        sent = time.monotonic()
        lost = 0
        try:
            while not first.done():
                left = self._until_hedge(sent)
                other = self._turns.take_now(but=server) if left <= 0 else None
                if other is not None:
                    self._endpoint.answered.hedged()
                    racing[asyncio.create_task(self._try(other, method, path, body))] = other
                    break
                await asyncio.wait(racing, timeout=left if left > 0 else _LOOK_AGAIN_SECONDS)
            while True:
                done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    outcome, asked = task.result(), racing.pop(task)
                    failed = isinstance(outcome, Failure)
                    if not failed or not racing:
                        return asked, outcome, lost + len(racing) + _is_late(outcome)
                    lost += _is_late(outcome)  # and the other one may still answer
        finally:
            for task in racing:
                task.cancel()
            await asyncio.gather(*racing, return_exceptions=True)

    def _until_hedge(self, sent: float) -> float:
        """Seconds until a second server should be asked what was sent at `sent`, or until that can be told."""
        slow = self._endpoint.answered.slow()
        return _LOOK_AGAIN_SECONDS if slow is None else sent + slow - time.monotonic()

    def _answered_at(self) -> float:
        """When a server answered last, or this began."""
        return max(self._began, self._endpoint.answered.at)

    async def _try(
        self, server: Server, method: str, path: str, body: Mapping[str, object] | None
    ) -> dict[str, Any] | Failure:
        """One attempt, and what it tells of the server, whose place is left."""
        sent = time.monotonic()
        try:
            outcome = await self._endpoint.attempt(self._lines, server, method, path, body)
            now = time.monotonic()
            if not isinstance(outcome, Failure):
                server.took(now - sent, busy=self._turns.busy(server))
                self._endpoint.answered.took(now - sent)
            elif outcome.kind != "odd":
                gone = outcome.kind == "gone"
                if gone and not server.gone:
                    _log.warning(
                        "%s went away; it is asked again for %g s",
                        server.url,
                        self._endpoint.patience,
                    )
                server.pushed_back(sent, retry_after=outcome.retry_after, gone=gone)
            return outcome
        finally:
            self._turns.give_back(server)


def _is_late(outcome: dict[str, Any] | Failure) -> bool:
    return isinstance(outcome, Failure) and outcome.kind == "late"
