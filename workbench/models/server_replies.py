"""What a model server's answers and refusals mean: for this request, for the server, for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import ServerError
from workbench.models.server_turns import LONGEST_REST_SECONDS, pause

if TYPE_CHECKING:
    import httpx

_CONCERNS_ALL = {401, 403}
"""Refusals that every other request would meet as well."""
_PUSHES_BACK = {429, 503}
"""What a server says that has no room now."""
_RETRIED_BELOW_500 = {408, 425}


class RequestError(ServerError):
    """One request failed for good; its neighbours may do well."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing
        """True where the servers were at fault, not the request: later it may be answered."""


class NotServedError(ServerError):
    """The server knows no such address or model (404)."""


class AwayError(ServerError):
    """Nothing answers at the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt that may be repeated."""

    reason: str
    kind: Literal["odd", "full", "gone", "late", "broken"] = "odd"
    """`full`: no room now; `gone`: no connection; `late`: no answer in time; `broken`: off in the middle;
    `odd`: says nothing of the server, perhaps this request is at fault."""
    retry_after: float | None = None

    def pause(self, retry: int) -> float | None:
        """Seconds before the next attempt, never less than asked for; None: too long to wait for."""
        asked = self.retry_after or 0.0
        return None if asked > LONGEST_REST_SECONDS else asked + pause(retry)

    def final(self, where: str, *, attempts: int, passing: bool = False) -> RequestError:
        """The error to raise where it is not repeated any more."""
        waits = f"; the server asks to wait {self.retry_after:g} s" if self.retry_after else ""
        times = "once" if attempts == 1 else f"{attempts} times"
        text = f"{where} failed {times}, at last with: {self.reason}{waits}"
        return RequestError(text, passing=passing)

    def no_answer(self, where: str, patience: float) -> ServerError:
        """The error to raise where no server has answered anything for so many seconds."""
        what = "went away" if self.kind == "gone" else "has no room"
        return ServerError(
            f"the model server {what}: {where}: {self.reason}; waited {patience:g} s for it"
        )


def read_reply(
    reply: httpx.Response, where: str, *, secret: str | None
) -> dict[str, Any] | Failure:
    """The JSON object that `where` answered, or why there is none.

    Args:
        reply: Read to its end.
        where: The address that was asked.
        secret: Struck out of what the server says, should it echo it; None: there is none.

    Raises:
        RequestError: It refuses this request.
        ServerError: It refuses everything.
    """
    if reply.is_success:
        return _parsed(reply)
    said = _message(reply)
    if secret:
        said = said.replace(secret, "***")
    refused = f"{reply.status_code} {reply.reason_phrase}: {said}"
    if reply.status_code in _CONCERNS_ALL:
        raise ServerError(
            f"{where} refuses every request: {refused}. "
            "Check the key (WORKBENCH_API_KEY) and what it allows"
        )
    if reply.status_code == 404:
        raise NotServedError(
            f"{where} serves nothing: {refused}. "
            "Check the model's name, and that the address ends in the version, such as /v1"
        )
    if reply.status_code in _PUSHES_BACK:
        return Failure(reason=refused, kind="full", retry_after=retry_after_of(reply))
    if reply.status_code >= 500 or reply.status_code in _RETRIED_BELOW_500:
        return Failure(reason=refused, retry_after=retry_after_of(reply))
    raise RequestError(f"{where} refuses the request: {refused}")


def _parsed(reply: httpx.Response) -> dict[str, Any] | Failure:
    try:
        value = reply.json()
    except ValueError:
        return Failure(reason=f"the answer is no JSON: {reply.text[:80]!r}")
    if not isinstance(value, dict):
        return Failure(reason=f"the answer is no JSON object: {reply.text[:80]!r}")
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


def retry_after_of(reply: httpx.Response) -> float | None:
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
