"""What went wrong with a call, as one sentence without a secret.

`str()` of the SDK's errors prints headers with the session's cookie; httpx's errors hold the request, and
tracebacks the frames, with the token. So no error of theirs leaves this package, and what hangs on one
of ours as its context was emptied before.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

from annotation.label_studio.environment import SERVER_VERSION
from workbench.errors import LabelStudioError


class CleanErrors:
    """A `with` block that raises `LabelStudioError` where the SDK or httpx would raise theirs."""

    def __init__(self, doing: str, *, url: str, hide: Callable[[str], str]) -> None:
        """`hide` takes the secrets out of a text."""
        self._doing = doing
        self._url = url
        self._hide = hide

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del traceback  # its frames hold requests
        clean = self._clean(error)
        if clean is not None:
            _empty(error)
            raise clean from None

    def refused(self, status: int, body: object) -> LabelStudioError:
        """What an answer of 400 or more means."""
        told = said(body)
        if status in {401, 403} and "do not have permission" not in told:
            problem = (
                f"Label Studio at {self._url} refuses the token ({status}: {told}); copy one from its "
                "Account & Settings, and store it with `workbench labelstudio use`"
            )
        else:
            problem = f"Label Studio at {self._url} answers {status}: {told}"
            path = urlsplit(self._url).path
            if status == 404 and path and not _is_json(body):
                problem += f"; is the path {path} right, behind the server's name?"
        return self._said(problem, status=status)

    def _said(self, problem: str, *, status: int | None = None) -> LabelStudioError:
        return LabelStudioError(self._hide(f"cannot {self._doing}: {problem}"), status=status)

    def _clean(self, error: BaseException | None) -> LabelStudioError | None:
        if error is None or isinstance(error, LabelStudioError | Warning):
            return None
        import httpx

        kind = type(error).__name__
        status = getattr(error, "status_code", None)
        if isinstance(status, int) and hasattr(error, "body"):  # the SDK's ApiError and its kind
            return self.refused(status, error.body)
        if isinstance(error, httpx.ConnectError):
            return LabelStudioError(
                f"nothing answers at {self._url}, so this program cannot {self._doing}; start a server "
                "with `workbench labelstudio up`, or name yours with `workbench labelstudio use --url …`"
            )
        if isinstance(error, httpx.TimeoutException):
            problem = f"Label Studio at {self._url} did not answer in time; run this again"
        elif isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            problem = (
                f"the connection to Label Studio at {self._url} broke ({kind}); run this again"
            )
        elif type(error).__module__.startswith(("label_studio_sdk", "pydantic", "jwt")):
            problem = (
                f"what Label Studio at {self._url} answered cannot be understood ({kind}); "
                f"is it version {SERVER_VERSION}?"
            )
        else:
            return None
        return self._said(problem)


def said(body: object) -> str:
    """What an answer's body tells a person, on one line."""
    found = body
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            if "<html" in found[:500].lower():
                found = "a page of HTML"
    if isinstance(found, dict):
        told = found.get("validation_errors") or found.get("detail") or found
        found = told if isinstance(told, str) else json.dumps(told, default=str)
    text = " ".join(str(found).split())
    return text if len(text) <= 400 else text[:400] + "…"


def _is_json(body: object) -> bool:
    if not isinstance(body, str):
        return True  # the SDK read it
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _empty(error: BaseException | None) -> None:
    """Take request, headers and frames off an error and what it was raised from: they hold secrets."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen or isinstance(one, LabelStudioError):
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        one.__traceback__ = None
        one.args = ()
        for name in ("headers", "body", "_request", "request", "response", "doc", "object"):
            if name in getattr(one, "__dict__", {}):
                one.__dict__[name] = None


class _WithoutSecrets(logging.Filter):
    """httpcore logs the headers of answers, with the session's cookie; httpx each address, with an invitation."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = re.sub(r"(?i)(b'(?:set-cookie|cookie|authorization)', b)'[^']*'", r"\1'…'", message)
        clean = re.sub(r"(?i)([?&]token=)[^&\s\"']+", r"\1…", clean)
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_WITHOUT_SECRETS = _WithoutSecrets()


def hide_in_logs() -> None:
    """Let httpx and httpcore log no header and no address that holds a secret, at any level."""
    for name in ("httpx", "httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_WITHOUT_SECRETS)
