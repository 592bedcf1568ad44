"""Whose turn it is: how many requests each server takes at once, and which server is asked next.

A server says little of how it bears up. It may answer 429 or 503, let a request time out, or break the
connection; most only queue. So the number of requests that one may have in flight is found out: it
grows by one with every round of answers and is halved when the server pushes back, as in congestion
control (Chiu and Jain 1989, "Analysis of the increase and decrease algorithms").
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.errors import ModelError

FIRST_LIMIT = 8
"""Requests in flight at a server of which nothing is known yet."""
LONGEST_REST_SECONDS = 300.0
"""A server that asks for a longer wait is not waited for."""
_FIRST_PAUSE_SECONDS = 0.5
"""The first pause at most; doubled with every failure that follows."""
_LONGEST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_WHEN_GONE_SECONDS = 2.0
"""Asking whether a server is there again costs nobody anything."""
_jitter = random.SystemRandom()


def pause(failures: int, *, longest: float = _LONGEST_PAUSE_SECONDS) -> float:
    """Seconds to wait after `failures` earlier ones: exponential backoff with full jitter.

    Anything up to the limit, so that clients that failed together do not return together.
    """
    return _jitter.uniform(0.0, min(longest, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 20)))


class Server:
    """One address, and what its answers have told so far."""

    def __init__(self, url: str, *, most: int, slow: float) -> None:
        """Remember; nothing is sent.

        Args:
            url: Up to and including the version.
            most: Requests in flight at most, whatever the server bears.
            slow: Seconds; while answers take longer, no more requests are tried at once. A server
                that queues never pushes back, it only gets slower until requests time out.
        """
        self.url = url
        self.most = most
        """Requests in flight at most."""
        self.limit = float(min(most, FIRST_LIMIT))
        """Requests that it may have in flight now, at least 1; the fraction counts answers towards the next."""
        self.answered = False
        """True once it has answered anything."""
        self.in_flight = 0
        """Requests that it has now."""
        self.gone = False
        """True while it accepts no connection."""
        self.rests_until = 0.0
        """Moment (`time.monotonic`) before which it is not asked."""
        self._slow = slow
        self._failures = 0
        self._cut_at = 0.0

    def took(self, seconds: float, *, busy: bool) -> None:
        """It has answered in so many seconds; `busy` where it had as many requests as it may have."""
        self.answered = True
        self.gone = False
        self._failures = 0
        if busy and seconds <= self._slow:
            self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def pushed_back(
        self, sent_at: float, *, retry_after: float | None = None, gone: bool = False
    ) -> None:
        """It refused for want of room, timed out or broke off: half as many requests, after a rest.

        Requests that were in flight together fail together; they halve the limit once.

        Args:
            sent_at: When the request was sent (`time.monotonic`).
            retry_after: Seconds that the server asks to wait; None: it does not say.
            gone: True where no connection came about.
        """
        now = time.monotonic()
        self.gone = gone
        asked = retry_after or 0.0
        self.rests_until = max(self.rests_until, now + asked)
        if sent_at < self._cut_at:
            return
        longest = _LONGEST_PAUSE_WHEN_GONE_SECONDS if gone else _LONGEST_PAUSE_SECONDS
        rest = asked + pause(self._failures, longest=longest)
        self.rests_until = max(self.rests_until, now + rest)
        self.limit = max(1.0, self.limit / 2)
        self._failures += 1
        self._cut_at = now


class Crowd:
    """All who ask the same servers, each in an event loop of its own: they count requests in flight together."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held while requests are counted."""
        self._waiting: dict[Turns, asyncio.AbstractEventLoop] = {}

    def waits(self, turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        """`turns`, of that loop, has requests that wait for a place."""
        with self.lock:
            self._waiting[turns] = loop

    def waits_no_more(self, turns: Turns) -> None:
        """It has none."""
        with self.lock:
            self._waiting.pop(turns, None)

    def wake(self, *, but: Turns) -> None:
        """Let the others look for places."""
        with self.lock:
            others = [(turns, loop) for turns, loop in self._waiting.items() if turns is not but]
        for turns, loop in others:
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(turns.deal)


class RestingError(Exception):
    """Every server asks for a longer wait than anybody waits; `seconds` is the shortest."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(eq=False, slots=True)
class _Waiting:
    place: asyncio.Future[Server]
    home: Server | None
    avoid: Collection[Server]


class Turns:
    """Deals the requests of one batch to its servers, as the crowd leaves room; lives in one event loop."""

    def __init__(self, servers: Sequence[Server], crowd: Crowd) -> None:
        self.servers = tuple(servers)
        self._crowd = crowd
        self._waiting: list[_Waiting] = []
        self._alarm: asyncio.TimerHandle | None = None

    async def take(self, *, home: Server | None, avoid: Collection[Server]) -> Server:
        """Wait for a place at a server; `give_back` it.

        Args:
            home: Where the beginning of this request was read before, and is waited for unless it
                rests; such requests go first. None: the server with most room.
            avoid: Servers that failed this request; asked again only where no other is awake.

        Raises:
            RestingError: All servers ask for a longer wait than `LONGEST_REST_SECONDS`.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(loop.create_future(), home, avoid)
        self._waiting.append(waiting)
        self._crowd.waits(self, loop)
        self.deal()
        try:
            return await waiting.place
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self.deal()
            elif not waiting.place.cancelled() and waiting.place.exception() is None:
                self.give_back(waiting.place.result())
            raise

    def take_now(self, *, but: Server) -> Server | None:
        """A place at another server than `but`, where one is free at this moment and nobody waits."""
        if self._waiting:
            return None
        with self._crowd.lock:
            server = self._with_room([one for one in self._awake() if one is not but])
            if server is not None:
                server.in_flight += 1
        return server

    def busy(self, server: Server) -> bool:
        """Whether `server` has as many requests in flight as it may have."""
        return server.in_flight >= int(server.limit)

    def give_back(self, server: Server) -> None:
        """Leave a place to whoever waits, here first."""
        with self._crowd.lock:
            server.in_flight -= 1
        self.deal()
        # Whoever waits for one that begins to rest may go elsewhere.
        if not self.busy(server) or server.rests_until > time.monotonic():
            self._crowd.wake(but=self)

    def deal(self) -> None:
        """Give free places to those who wait in this loop, in which it is to be called."""
        began = time.monotonic()
        with self._crowd.lock:
            self._deal()
        if not self._waiting:
            self._crowd.waits_no_more(self)
        self._wake_up_later(began)

    def _deal(self) -> None:
        rest = min(server.rests_until for server in self.servers) - time.monotonic()
        if rest > LONGEST_REST_SECONDS:
            for waiting in self._waiting:
                if not waiting.place.done():
                    waiting.place.set_exception(RestingError(rest))
            self._waiting.clear()
        # Those who wait for a certain server go first: what it has read for them is still in its cache.
        for waiting in sorted(self._waiting, key=lambda one: one.home is None):
            if all(map(self.busy, self.servers)):
                break
            server = None if waiting.place.done() else self._choose(waiting)
            if server is not None:
                self._waiting.remove(waiting)
                server.in_flight += 1
                waiting.place.set_result(server)

    def _choose(self, waiting: _Waiting) -> Server | None:
        awake = self._awake()
        if waiting.home in awake and waiting.home not in waiting.avoid:
            return self._with_room([waiting.home])
        return self._with_room([s for s in awake if s not in waiting.avoid] or awake)

    def _awake(self) -> list[Server]:
        now = time.monotonic()
        return [server for server in self.servers if server.rests_until <= now]

    def _with_room(self, servers: Sequence[Server]) -> Server | None:
        free = [server for server in servers if not self.busy(server)]
        return min(free, key=lambda one: one.in_flight / one.limit, default=None)

    def _wake_up_later(self, since: float) -> None:
        """Deal again at the end of the next rest, one that ended after `since` included: nobody was dealt it."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        ends = [server.rests_until for server in self.servers if server.rests_until > since]
        if self._waiting and ends:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(0.0, min(ends) - time.monotonic()) + 0.001, self.deal)


def checked_address(url: str) -> str:
    """`url` without a slash at its end.

    Raises:
        ModelError: It is no URL, or carries a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"want a URL such as 'http://localhost:8000/v1', got {url!r}")
    if parts.username is not None or parts.password is not None:
        raise ModelError(
            f"the URL of the server at {parts.hostname!r} carries a user name or password, which "
            "would be stored with every record: give it as `api_key` (WORKBENCH_API_KEY)"
        )
    return url.rstrip("/")
