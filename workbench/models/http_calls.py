"""Model servers over HTTP: how they are reached, many requests at once, synchronous on the outside.

The requests of one batch run in an event loop of their own, in a thread of their own (`streaming`). What
becomes of each is in `server_calls`, how many each server gets in `server_turns`. Several threads may ask at
once: they share the servers' room, and what was learnt of how fast they answer.
"""

from __future__ import annotations

import asyncio
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
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.models.protocols import Progress
from workbench.models.server_calls import Answered, Session
from workbench.models.server_replies import AwayError, Failure, read_reply
from workbench.models.server_turns import Crowd, Server, checked_address
from workbench.models.streaming import Input, Result, as_they_come

if TYPE_CHECKING:
    import ssl

    import httpx

_CONNECT_SECONDS = 10.0


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
        with self.crowd.lock:
            under_way = [*self._under_way.items()]
        for task, loop in under_way:
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
        with self.crowd.lock:
            self._under_way[task] = asyncio.get_running_loop()
        try:
            async with AsyncExitStack() as stack:
                yield Session(self, Lines(stack, client), self.servers)
        finally:
            with self.crowd.lock:
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
