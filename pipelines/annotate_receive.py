"""Answers come in as people give them: Label Studio hints, and a pull follows; one follows by the clock too."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from annotation.label_studio import Left, Project, Pulled, noted_projects, pull, subscribe
from annotation.label_studio._serving import serving
from annotation.label_studio.projects import noted_names
from annotation.label_studio.webhook import PATH, Puller, unsubscribe, webhook_app
from pipelines.annotate import Connected
from pipelines.annotate_summaries import PullSummary, contradictions, left_lines, project_lines
from workbench.errors import LabelStudioError, WorkbenchError
from workbench.records import utcnow

if TYPE_CHECKING:
    from workbench.store import Store

MINUTES = 5.0
"""After which a pull follows without a hint."""
_DAY = 24 * 60
_PARTING = 2.0
"""Seconds that the server has at the end to hear that it need not call us any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Something that a receiver has to tell: answers that came in, or what is wrong."""

    moment: datetime
    summary: PullSummary | None
    """What the pull brought; None where it did not succeed."""
    problem: str | None = None
    """What is wrong, in a sentence; None where nothing is."""

    def as_dict(self) -> dict[str, object]:
        """As JSON: `moment` (UTC, ISO 8601), `problem`, and what `PullSummary.as_dict` has, or null."""
        return {
            "moment": self.moment.isoformat(),
            "problem": self.problem,
            "pulled": None if self.summary is None else self.summary.as_dict(),
        }

    def __str__(self) -> str:
        clock = f"{self.moment.astimezone():%H:%M:%S}"
        return "\n".join(f"{clock}  {line}" for told in self._lines() for line in told.split("\n"))

    def _lines(self) -> Iterator[str]:
        if self.summary is not None:
            pulled = self.summary.pulled
            for one in pulled.projects:
                if one.new or one.changed or one.deleted or one.left or one.vanished:
                    yield from project_lines(one)
            yield from left_lines(pulled)
            yield from self.summary.contradictions
        if self.problem is not None:
            yield self.problem


def receive(
    store: Store,
    studio: Connected,
    *,
    minutes: float = MINUTES,
    host: str = "127.0.0.1",
    port: int = 0,
    announce: Callable[[str], None],
    told: Callable[[Received], None],
    wait: Callable[[], object],
) -> None:
    """Pull answers soon after they are given, in all projects pushed from `store`, until `wait` returns.

    Label Studio calls us when somebody answers; a pull follows, and one follows every `minutes` whatever it
    calls. Where the server is away, the pull is tried again until it is back: nothing is lost, because a pull asks
    for everything since the last one that was stored. Projects that are pushed in the meantime are taken in.

    Args:
        store: Takes the answers.
        studio: The server.
        minutes: After which a pull follows without a hint, above 0 and up to a day.
        host: Address of this machine at which the Label Studio server reaches it.
        port: To be called at; 0: any free one.
        announce: Told the address once it is served at; nothing was pulled yet.
        told: Told what came in, and what went wrong; in a thread of its own, one call after another.
        wait: Returns, or is interrupted, when it is enough.

    Raises:
        LabelStudioError: The address cannot be served at, or `minutes` is out of its range.
    """
    if not 0 < minutes <= _DAY:
        raise LabelStudioError(
            f"want minutes between pulls above 0 and up to {_DAY} (a day), got {minutes!r}"
        )
    # The same whenever we start: the call that a killed receiver left is found and replaced.
    token = studio.client.credentials.token.encode()
    secret = hmac.new(token, b"catalog workbench receiver", hashlib.sha256).hexdigest()
    receiver = _Receiver(store=store, studio=studio, secret=secret, told=told)
    puller = Puller(
        receiver.pull, period=60 * minutes, failed=receiver.fail, news=receiver.pushed_since
    )
    app, what = webhook_app(puller, secret), "the receiver of answers"
    with serving(app, host=host, port=port, what=what) as address:
        receiver.puller, receiver.url = puller, address + PATH
        announce(receiver.url)
        try:
            with puller:
                wait()
        finally:
            receiver.part()


@dataclass(slots=True, kw_only=True)
class _Receiver:
    """What is told already, and where the server calls us."""

    store: Store
    studio: Connected
    secret: str = field(repr=False)
    told: Callable[[Received], None]
    url: str = ""
    puller: Puller | None = None
    _subscribed: dict[str, Project] = field(default_factory=dict)
    _left: set[Left] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    _problem: str | None = None
    """What was told last, and is still wrong."""
    _pulls: int = 0
    _unreached: bool = False
    """Whether it was told that no call arrives."""
    _parted: bool = False
    """Whether it was told what may be left on the server."""
    _noted: frozenset[str] = frozenset()
    """Projects that the store knew of at the last pull."""

    def pull(self) -> Pulled:
        """Pull, and tell what is new; before that, have the server call us about every project."""
        client = self.studio.client
        self._noted = noted_names(self.store)
        projects = noted_projects(client, self.store)
        fresh = [one for one in projects if one.fingerprint not in self._subscribed]
        subscribe(client, fresh, self.url, self.secret)
        self._subscribed |= {one.fingerprint: one for one in fresh}
        found = pull(client, self.store)
        self._tell_back(found)
        self._tell_new(found)
        self._pulls += 1
        return found

    def fail(self, sentence: str) -> None:
        """Tell what is wrong, once as long as it stays the same."""
        self._subscribed.clear()  # a server that was away may be another one when it is back
        if sentence != self._problem:
            self._problem = sentence
            self._tell(problem=f"{sentence}; it is tried again")

    def pushed_since(self) -> bool:
        """Whether the store knows of projects that the last pull did not; asks no server."""
        return noted_names(self.store) != self._noted

    def part(self) -> None:
        """Have the server call us no more, and tell what is left undone: a server that hangs is not waited for."""
        if self.puller is not None and self.puller.hangs:
            self._tell(
                problem="a pull was left in the middle, because the server takes long to answer: the next one "
                "brings what it would have brought"
            )
        parting = threading.Thread(target=self._unsubscribe, daemon=True)
        parting.start()
        parting.join(_PARTING)
        if parting.is_alive():
            self._left_call("it takes long to answer")

    def _unsubscribe(self) -> None:
        try:
            client = self.studio.client
            projects = list(self._subscribed.values()) or noted_projects(client, self.store)
            unsubscribe(client, projects, self.url, self.secret)
        except WorkbenchError as error:
            self._left_call(str(error))

    def _left_call(self, why: str) -> None:
        if not self._parted:
            self._parted = True
            self._tell(
                problem=f"the server may still call {self.url} when somebody answers ({why}); that does no harm, "
                "and the next receiver takes it over"
            )

    def _tell_back(self, found: Pulled) -> None:
        if found.complete and self._problem is not None:
            self._problem = None
            self._tell(problem="every project is pulled again")

    def _tell_new(self, found: Pulled) -> None:
        """Tell what was not told before."""
        projects = tuple(
            replace(one, left=tuple(left for left in one.left if left not in self._left))
            for one in found.projects
        )
        missing = tuple(one for one in found.missing if one.name not in self._missing)
        # An answer that could be stored at last, and then could not again, is told again.
        self._left = set(found.left)
        self._missing = {one.name for one in found.missing}
        fresh = replace(found, projects=projects, missing=missing)
        if fresh.stored or fresh.left or missing or any(one.vanished for one in projects):
            told = tuple(contradictions(self.store, fresh))
            self._tell(
                summary=PullSummary(pulled=fresh, store=self.studio.store, contradictions=told)
            )
        if found.stored and self._pulls and not self._hints() and not self._unreached:
            self._unreached = True
            self._tell(
                problem=f"these came by the clock: the server did not call {self.url} about them. One on another "
                "machine needs an address of this one (`host`), one on this machine a start with "
                "SSRF_PROTECTION_ENABLED=false"
            )

    def _hints(self) -> int:
        return 0 if self.puller is None else self.puller.state.hints

    def _tell(self, *, summary: PullSummary | None = None, problem: str | None = None) -> None:
        self.told(Received(moment=utcnow(), summary=summary, problem=problem))
