"""Calls to a model server over HTTP: bounded concurrency, retries, and synchronous on the outside.

The requests of one batch run in an event loop of their own, in a thread of their own, so that callers
need not be asynchronous and may already be inside a loop, as a notebook is.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from workbench.errors import ModelError, ServerError
from workbench.models.protocols import Progress

if TYPE_CHECKING:
    import httpx

Input = TypeVar("Input")
Result = TypeVar("Result")

_CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
"""Before the first retry at most this long; doubled with every retry."""
_LONGEST_PAUSE_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 300.0
"""A server that asks for a longer wait is not waited for."""
_CONCERNS_ALL = {401, 403}
"""Refusals that every other request would meet as well."""
_RETRIED_BELOW_500 = {408, 425, 429}
_jitter = random.SystemRandom()


class RequestError(ServerError):
    """One request failed for good; its neighbours may do well."""


class NotServedError(ServerError):
    """The server knows no such address or model (404)."""


class Endpoint:
    """One server's address, and how it is called."""

    def __init__(
        self, url: str, *, api_key: str | None, concurrency: int, timeout: float, retries: int
    ) -> None:
        """Remember; nothing is sent.

        Args:
            url: Up to and including the version, such as `http://gpu-7:8000/v1`.
            api_key: Sent as a bearer token, and struck out of every message; None: none is sent.
            concurrency: Requests in flight at most.
            timeout: Seconds for one answer, from sending the request to its last byte.
            retries: How often a request is repeated after 408, 425, 429, 5xx, a timeout, a broken
                connection or an answer that is no JSON.

        Raises:
            ModelError: An argument is out of range, or the URL carries a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ModelError(f"want a URL such as 'http://localhost:8000/v1', got {url!r}")
        if parts.username is not None or parts.password is not None:
            raise ModelError(
                f"the URL of the server at {parts.hostname!r} carries a user name or password, which "
                "would be stored with every record: give it as `api_key` (WORKBENCH_API_KEY)"
            )
        if concurrency < 1 or timeout <= 0 or retries < 0:
            raise ModelError(
                "want concurrency of at least 1, timeout over 0 and retries of at least 0, "
                f"got {concurrency=}, {timeout=}, {retries=}"
            )
        self.url = url.rstrip("/")
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout = timeout
        self._retries = retries
        self._answered = False

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
        failures: list[BaseException] = []
        ticks: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
        started = threading.Event()

        async def all_of_them() -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append((asyncio.get_running_loop(), task))
            started.set()
            waiting = iter(enumerate(inputs))
            async with self._client() as client:
                session = Session(self, client, asyncio.Semaphore(self._concurrency))

                async def take_turns() -> None:
                    for place, one in waiting:
                        results[place] = await work(session, one)
                        ticks.put(weight(one))

                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._concurrency, len(inputs))):
                        group.create_task(take_turns())

        def in_a_loop() -> None:
            try:
                asyncio.run(all_of_them())
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                failures.append(error)
            finally:
                started.set()
                ticks.put(None)

        thread = threading.Thread(target=in_a_loop, name="model-server", daemon=True)
        thread.start()
        try:
            while (tick := ticks.get()) is not None:
                if progress is not None:
                    progress(tick)
        except BaseException:
            started.wait()
            for loop, task in tasks:
                loop.call_soon_threadsafe(task.cancel)
            raise
        finally:
            thread.join()
        if failures:
            raise _first(failures[0])
        return [results[place] for place in range(len(inputs))]

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._api_key}"} if self._api_key else {},
            timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
            limits=httpx.Limits(max_connections=self._concurrency),
        )

    def without_key(self, text: str) -> str:
        """`text` with the API key struck out, should a server have echoed it."""
        return text.replace(self._api_key, "***") if self._api_key else text

    async def _attempt(
        self, client: httpx.AsyncClient, method: str, path: str, body: Mapping[str, object] | None
    ) -> dict[str, Any] | _Failure:
        import httpx

        try:
            async with asyncio.timeout(self._timeout):
                reply = await client.request(method, f"{self.url}{path}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not self._answered:
                raise ServerError(
                    f"no model server answers at {self.url} ({type(error).__name__}): check that it "
                    "runs, that address and port are right and that a firewall lets them through"
                ) from None
            return _Failure(reason="the connection is refused", gone=True)
        except (httpx.TimeoutException, TimeoutError):
            return _Failure(reason=f"no answer within {self._timeout:g} s")
        except httpx.TransportError as error:
            return _Failure(reason=f"the connection broke ({type(error).__name__})")
        self._answered = True
        if reply.is_success:
            return _parsed(reply)
        said = self.without_key(_message(reply))
        refused = f"{reply.status_code} {reply.reason_phrase}: {said}"
        if reply.status_code in _CONCERNS_ALL:
            raise ServerError(
                f"{self.url}{path} refuses every request: {refused}. "
                "Check the key (WORKBENCH_API_KEY) and what it allows"
            )
        if reply.status_code == 404:
            raise NotServedError(
                f"{self.url}{path} serves nothing: {refused}. "
                "Check the model's name, and that the address ends in the version, such as /v1"
            )
        if reply.status_code >= 500 or reply.status_code in _RETRIED_BELOW_500:
            return _Failure(reason=refused, retry_after=_retry_after(reply))
        raise RequestError(f"{self.url}{path} refuses the request: {refused}")


class Session:
    """The calls of one batch."""

    def __init__(
        self, endpoint: Endpoint, client: httpx.AsyncClient, slots: asyncio.Semaphore
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._slots = slots

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`, after retries; raises as `post` does."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The server's JSON answer to `body`, after retries.

        A request keeps its place while it waits to be repeated, so that a server that is short of
        breath gets fewer requests, not more.

        Raises:
            RequestError: This request failed for good.
            ServerError: The server is not there, or refuses everything.
        """
        return await self._call("POST", path, body)

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> dict[str, Any]:
        endpoint = self._endpoint
        retry = 0
        async with self._slots:
            while isinstance(
                outcome := await endpoint._attempt(self._client, method, path, body), _Failure
            ):
                pause = outcome.pause(retry)
                if retry == endpoint._retries or pause is None:
                    raise outcome.final(f"{endpoint.url}{path}", attempts=retry + 1)
                await asyncio.sleep(pause)
                retry += 1
        return outcome


class _Failure:
    """An attempt that may be repeated."""

    def __init__(
        self, *, reason: str, retry_after: float | None = None, gone: bool = False
    ) -> None:
        self.reason = reason
        self.retry_after = retry_after
        self.gone = gone

    def pause(self, retry: int) -> float | None:
        """Seconds to wait before the next attempt; None: the server asks for too long a wait.

        Exponential backoff with full jitter: anything up to the limit, so that clients that failed
        together do not return together. Never less than the server asked for.
        """
        asked = self.retry_after or 0.0
        if asked > _LONGEST_RETRY_AFTER_SECONDS:
            return None
        limit = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**retry)
        return asked + _jitter.uniform(0.0, limit)

    def final(self, where: str, *, attempts: int) -> ServerError:
        """The error to raise where it is not repeated any more."""
        if self.gone:
            return ServerError(f"the model server went away: {where}: {self.reason}")
        waits = f"; the server asks to wait {self.retry_after:g} s" if self.retry_after else ""
        times = "once" if attempts == 1 else f"{attempts} times"
        return RequestError(f"{where} failed {times}, at last with: {self.reason}{waits}")


def _parsed(reply: httpx.Response) -> dict[str, Any] | _Failure:
    try:
        value = reply.json()
    except ValueError:
        return _Failure(reason=f"the answer is no JSON: {reply.text[:80]!r}")
    if not isinstance(value, dict):
        return _Failure(reason=f"the answer is no JSON object: {reply.text[:80]!r}")
    return value


def _message(reply: httpx.Response) -> str:
    """What the server says, in the forms that servers use; at most 300 characters."""
    try:
        value = reply.json()
    except ValueError:
        value = reply.text
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return " ".join(str(value).split())[:300] or "no message"


def _retry_after(reply: httpx.Response) -> float | None:
    """Seconds that `Retry-After` asks for, given as a number or as a date; None where it is absent."""
    text = reply.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _first(error: BaseException) -> BaseException:
    """The first single error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
