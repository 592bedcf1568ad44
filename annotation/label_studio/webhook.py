"""Webhooks: Label Studio says that something happened, and a pull finds out what.

It calls once, waits one second, tries nothing again, and signs nothing: what it says is a hint. So a call is
answered at once, its content is not read, and a pull follows; pulls come by the clock too, as if no call ever
arrived. The same call twice, late, or in another order changes nothing. A header that only the two of us know
keeps strangers from making us pull all the time.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotation.label_studio._serving import serving
from annotation.label_studio.pull import Pulled
from workbench.errors import LabelStudioError, WorkbenchError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from annotation.label_studio.client import Client
    from annotation.label_studio.projects import Project

HEADER = "X-Workbench-Secret"
PATH = "/label-studio"
ACTIONS = (
    "ANNOTATION_CREATED",
    "ANNOTATION_UPDATED",
    "ANNOTATIONS_DELETED",
    "TASKS_DELETED",
)
_QUIET = 0.3
"""Seconds without a hint after which a pull follows."""
_LATEST = 5.0
"""Seconds after a hint when a pull follows, however many more come."""
_RETRY = 5.0
"""Seconds after a pull that failed when it is tried again; twice as long each time."""
_LOOK = 2.0
"""Seconds between looks for news that no hint tells."""
_PARTING = 1.0
"""Seconds that a pull which runs at the end is waited for."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a receiver has done so far."""

    hints: int
    """Calls that were accepted."""
    pulls: int
    failed: int
    """Pulls that did not succeed, or not of every project; tried again after the next hint or period."""


def _warn(sentence: str) -> None:
    _log.warning("%s", sentence)


class Puller:
    """Runs `pull` in a thread of its own: soon after a hint, and every `period` seconds.

    Hints that come close together are answered by one pull, and those that come while a pull runs by one more.
    A pull that failed is tried again sooner than after `period`, ever later as long as it fails. `news` is asked
    every few seconds in between: True means that there is something to pull which no hint will tell.

    At the end a pull that still runs is waited for a moment; one that hangs is left to itself, see `hangs`.
    """

    def __init__(
        self,
        pull: Callable[[], object],
        *,
        period: float,
        failed: Callable[[str], None] = _warn,
        news: Callable[[], bool] | None = None,
    ) -> None:
        self._pull, self._period, self._tell, self._news = pull, period, failed, news
        self._hinted, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="label studio pull", daemon=True)
        self._hints = self._pulls = self._failed = 0

    def __enter__(self) -> Puller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._hinted.set()
        self._thread.join(_PARTING)

    @property
    def hangs(self) -> bool:
        """Whether a pull still runs after the end."""
        return self._ended.is_set() and self._thread.is_alive()

    @property
    def state(self) -> State:
        """What was done so far."""
        return State(hints=self._hints, pulls=self._pulls, failed=self._failed)

    def hint(self) -> None:
        """Something happened: pull soon. Returns at once."""
        self._hints += 1
        self._hinted.set()

    def _run(self) -> None:
        failures = 0
        while not self._ended.is_set():
            # Before the pull: a hint that comes during it is about something that it may have missed.
            self._hinted.clear()
            failures = 0 if self._succeeds() else failures + 1
            again = _RETRY * 2 ** min(failures - 1, 16) if failures else self._period
            if self._wait(min(again, self._period)):
                self._settle()

    def _wait(self, seconds: float) -> bool:
        """Wait for a hint or news, so many seconds at most; whether a hint came."""
        late = time.monotonic() + seconds
        while (left := late - time.monotonic()) > 0:
            if self._hinted.wait(min(left, _LOOK)):
                return True
            if self._is_news():
                return False
        return False

    def _is_news(self) -> bool:
        try:
            return self._news is not None and self._news()
        except WorkbenchError:  # of the store: the next pull meets it, and tells
            return False

    def _succeeds(self) -> bool:
        """Pull once; whether every project was reached."""
        try:
            found = self._pull()
        except WorkbenchError as error:
            if self._ended.is_set():
                return False
            self._failed += 1
            self._tell(f"a pull from Label Studio did not succeed: {error}")
            return False
        except Exception:  # noqa: BLE001 (a thread that ends in silence would pull nothing any more)
            if self._ended.is_set():  # whoever ended it has closed what it works with
                return False
            self._failed += 1
            _log.exception("a pull from Label Studio met what it does not know")
            return False
        self._pulls += 1
        if isinstance(found, Pulled) and not found.complete:
            self._failed += 1
            reasons = "; ".join(map(str, found.failed))
            self._tell(f"a pull from Label Studio did not reach every project: {reasons}")
            return False
        return True

    def _settle(self) -> None:
        """Wait until no hint came for a moment: whoever labels fast needs no pull for each click."""
        latest = time.monotonic() + _LATEST
        seen = -1
        while seen != self._hints and time.monotonic() < latest:
            seen = self._hints
            if self._ended.wait(_QUIET):
                return


def webhook_app(puller: Puller, secret: str) -> Starlette:
    """The receiver as an ASGI application: `POST /label-studio` with the secret in its header.

    Raises:
        LabelStudioError: The secret can be guessed.
    """
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    if len(secret) < 16:
        raise LabelStudioError("want a secret of 16 characters or more for the webhook")

    async def hinted(request: Request) -> Response:
        came = request.headers.get(HEADER, "")
        if not hmac.compare_digest(came.encode(), secret.encode()):
            return Response(status_code=403)
        puller.hint()
        return Response(status_code=204)

    return Starlette(routes=[Route(PATH, hinted, methods=["POST"])])


@contextmanager
def serve_webhook(
    pull: Callable[[], object],
    *,
    secret: str,
    period: float,
    host: str = "127.0.0.1",
    port: int = 0,
    failed: Callable[[str], None] = _warn,
) -> Iterator[tuple[str, Puller]]:
    """Receive hints, and pull; the receiver's address and its puller, until the block ends.

    Args:
        pull: Called in one thread, never twice at once; such as `lambda: pull(client, store)`.
        secret: What Label Studio sends in `X-Workbench-Secret`.
        period: Seconds after which a pull follows without a hint, above 0.
        host: Address of this machine at which the Label Studio server reaches it.
        port: 0: any that is free.
        failed: Told in a sentence when a pull did not succeed, or not of every project; the default logs it.

    Raises:
        LabelStudioError: The address cannot be served at, or the secret can be guessed.
    """
    puller = Puller(pull, period=period, failed=failed)
    app = webhook_app(puller, secret)
    with serving(app, host=host, port=port, what="the receiver of answers") as url, puller:
        yield url + PATH, puller


def subscribe(client: Client, projects: Iterable[Project], url: str, secret: str) -> None:
    """Have the server call `url` when somebody answers in `projects`; once each, however often it is asked.

    A call with the same secret to another address is taken away: the receiver has moved.

    Raises:
        LabelStudioError: The server refuses. One on this machine calls no loopback address unless it was
            started with `SSRF_PROTECTION_ENABLED=false`, and does not tell: hints stay away, pulls do not.
    """
    for project in projects:
        doing = f"subscribe to project {project.id}"
        there = client.get("/api/webhooks/", doing=doing, params={"project": project.id})
        wanted = {
            "project": project.id,
            "url": url,
            "headers": {HEADER: secret},
            "actions": sorted(ACTIONS),
            "send_payload": False,
            "send_for_all_actions": False,
            "is_active": True,
        }
        found = False
        for one in there:
            same = {**one, "actions": sorted(one["actions"])}
            if not found and all(same.get(name) == value for name, value in wanted.items()):
                found = True
            elif (one.get("headers") or {}).get(HEADER) == secret:
                path = f"/api/webhooks/{one['id']}/"
                client.request("DELETE", path, doing=doing, repeatable=False)
        if not found:
            client.request("POST", "/api/webhooks/", doing=doing, json=wanted)


def unsubscribe(client: Client, projects: Iterable[Project], url: str, secret: str) -> None:
    """Have the server call `url` no more when somebody answers in `projects`.

    Raises:
        LabelStudioError: The server refuses, or is not there.
    """
    for project in projects:
        doing = f"unsubscribe from project {project.id}"
        there = client.get("/api/webhooks/", doing=doing, params={"project": project.id})
        for one in there:
            if one["url"] == url and (one.get("headers") or {}).get(HEADER) == secret:
                path = f"/api/webhooks/{one['id']}/"
                client.request("DELETE", path, doing=doing, repeatable=False)
