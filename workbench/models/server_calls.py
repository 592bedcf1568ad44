"""The calls of one batch to its servers: whose turn it is, what is tried again, and what is asked twice."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.models.server_replies import Failure, RequestError
from workbench.models.server_turns import RestingError, Server, Turns

if TYPE_CHECKING:
    from workbench.models.http_calls import Endpoint, Lines

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


class Session:
    """The calls of one batch."""

    def __init__(self, endpoint: Endpoint, lines: Lines, servers: Sequence[Server]) -> None:
        self._endpoint = endpoint
        self._lines = lines
        self._turns = Turns(servers, endpoint.crowd)
        self._began = time.monotonic()
        self._last: asyncio.Event | None = None
        """Set when whoever began last has left `in_order`."""

    def at(self, server: Server) -> Session:
        """The same, with `server` alone."""
        return Session(self._endpoint, self._lines, [server])

    @asynccontextmanager
    async def in_order(self) -> AsyncIterator[None]:
        """What is prepared within, side by side, is left in the order in which it was entered."""
        before, mine = self._last, asyncio.Event()
        self._last = mine
        try:
            yield
            if before is not None:
                await before.wait()
        finally:
            mine.set()

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
                with self._endpoint.crowd.lock:
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
                with self._endpoint.crowd.lock:
                    server.pushed_back(sent, retry_after=outcome.retry_after, gone=gone)
            return outcome
        finally:
            self._turns.give_back(server)


def _is_late(outcome: dict[str, Any] | Failure) -> bool:
    return isinstance(outcome, Failure) and outcome.kind == "late"
