"""Every call to a Label Studio: clean errors, repeated where that is safe, and no token in any word.

`str()` of the SDK's errors prints headers with the session's cookie, and httpx's errors hold the request
with the token; so no error of theirs leaves this module.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import logging
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from annotation.label_studio.credentials import Credentials
from annotation.label_studio.environment import SERVER_VERSION
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    import httpx
    from label_studio_sdk import LabelStudio

T = TypeVar("T")

_TRIES = 5
_PAUSE = 0.2
"""Seconds before the second try; each later one waits twice as long."""
_PASSING = frozenset({429, 500, 502, 503, 504})
"""Answers that another try may change; 500 is what a locked SQLite database looks like."""


class Client:
    """A Label Studio, asked as one of its users. Safe to share between threads."""

    def __init__(self, credentials: Credentials, *, timeout: float = 60.0) -> None:
        """`timeout` in seconds, of each single call. Nothing is asked yet; see `connect`."""
        self.credentials = credentials
        self._timeout = timeout
        self._access = ("", 0.0)
        self._refreshing = threading.Lock()

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self.credentials.url

    def __repr__(self) -> str:
        return f"Client(url={self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        if "_http" in self.__dict__:
            self._http.close()

    @functools.cached_property
    def sdk(self) -> LabelStudio:
        """The SDK's client, for rarer calls: `with client.errors("create a project"): …`.

        Its own retries are off: it would repeat calls that create something.
        """
        from label_studio_sdk import LabelStudio

        with self.errors("read the token"):
            return LabelStudio(
                base_url=self.url,
                api_key=self.credentials.token,
                httpx_client=self._http,
                timeout=self._timeout,
                max_retries=0,
            )

    @functools.cached_property
    def version(self) -> str:
        """The server's, such as `1.23.2`."""
        found = self.request("GET", "/api/version", doing="ask for the version", repeatable=False)
        if not isinstance(found, dict) or "release" not in found:
            raise LabelStudioError(f"what answers at {self.url} is no Label Studio")
        return str(found["release"])

    @functools.cached_property
    def user(self) -> dict[str, Any]:
        """Whose token it is: `id`, `email` and more."""
        found: dict[str, Any] = self.get("/api/current-user/whoami", doing="ask who we are")
        return found

    @functools.cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that stay with the server's data, whatever its address becomes."""
        number = self.user["active_organization"]
        made = self.get(f"/api/organizations/{number}", doing="ask for the organization")
        return hashlib.sha256(f"{number} {made['created_at']}".encode()).hexdigest()[:12]

    def get(self, path: str, *, doing: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """GET `path` and read JSON, repeated where the server is out of breath; see `request`."""
        return self.request("GET", path, doing=doing, params=params)

    def pages(
        self, path: str, *, doing: str, params: Mapping[str, Any] | None = None, size: int = 100
    ) -> Iterator[Any]:
        """Rows of every page of a list, which the server gives under `results` or bare."""
        page = 1
        while True:
            asked = {**(params or {}), "page": page, "page_size": size}
            found = self.get(path, doing=doing, params=asked)
            if not isinstance(found, dict):
                yield from found
                return
            yield from found["results"]
            if not found.get("next"):
                return
            page += 1

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        data: Mapping[str, Any] | None = None,
        files: Sequence[tuple[str, Any]] | None = None,
        repeatable: bool | None = None,
        timeout: float | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Call the server's API and read the JSON that it answers; None where it answers nothing.

        Args:
            method: Such as `POST`.
            path: From the server's root, such as `/api/projects`.
            doing: What the call is for, as an error says it: "import tasks".
            params: Of the query.
            json: The body, as JSON.
            data: The body, as a form.
            files: The body's files, as httpx takes them.
            repeatable: Whether doing it twice is as good as once; None: only GET is.
            timeout: Seconds; None: the client's.

        Raises:
            LabelStudioError: The server refused, was not there, or answered no JSON. `status` is what
                it answered; None where the connection broke: then the call may or may not have been done.
        """
        repeatable = method == "GET" if repeatable is None else repeatable

        def call() -> object:
            answer = self._http.request(
                method,
                self.url + path,
                headers=self._authorization(),
                params=params,
                json=json,
                data=data,
                files=files,
                timeout=timeout or self._timeout,
            )
            if answer.status_code >= 400:
                raise self._refused(doing, answer.status_code, answer.text)
            if not answer.content:
                return None
            try:
                return answer.json()
            except ValueError:
                raise LabelStudioError(
                    f"cannot {doing}: what answers at {self.url}{path} sent no JSON; "
                    "is that address a Label Studio's?",
                    status=answer.status_code,
                ) from None

        return self.call(doing, call, repeatable=repeatable)

    def call(self, doing: str, function: Callable[[], T], *, repeatable: bool = False) -> T:
        """`function()` with clean errors, tried again where that is safe and may help.

        Args:
            doing: What the call is for, as an error says it: "list the tasks".
            function: Uses `sdk`.
            repeatable: Whether doing it twice is as good as once.

        Raises:
            LabelStudioError: As for `request`.
        """
        for attempt in range(_TRIES if repeatable else 1):
            if attempt:
                time.sleep(_PAUSE * 2 ** (attempt - 1))
            try:
                with self.errors(doing):
                    return function()
            except LabelStudioError as error:
                problem = error
            if problem.status is not None and problem.status not in _PASSING:
                break
        raise problem

    def errors(self, doing: str) -> _Errors:
        """A `with` whose block may use `sdk` and `httpx`: what goes wrong there becomes clean.

        Args:
            doing: What the block is for, as an error says it: "create a project".

        Raises:
            LabelStudioError: Instead of an error of the SDK or of httpx.
        """
        return _Errors(self, doing)

    @functools.cached_property
    def _http(self) -> httpx.Client:
        import httpx

        _hide_in_logs()
        client = httpx.Client(
            timeout=self._timeout,
            follow_redirects=True,
            # A proxy of the environment is no way to this machine itself.
            trust_env=urlsplit(self.url).hostname not in {"localhost", "127.0.0.1", "::1"},
        )
        # A session beside the token would be a second secret, and would want CSRF tokens.
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return client

    def _authorization(self) -> dict[str, str]:
        """The header of one call. A personal access token is exchanged for one that lives minutes."""
        token = self.credentials.token
        if _expiry(token) is None:
            return {"Authorization": f"Token {token}"}
        with self._refreshing:
            access, until = self._access
            if time.time() > until - 30:
                answer = self._http.post(f"{self.url}/api/token/refresh", json={"refresh": token})
                if answer.status_code >= 400:
                    raise self._refused("exchange the token", answer.status_code, answer.text)
                access = str(answer.json()["access"])
                self._access = (access, _expiry(access) or time.time() + 60)
        return {"Authorization": f"Bearer {access}"}

    def _refused(self, doing: str, status: int, body: object) -> LabelStudioError:
        said = _said(body)
        if status in {401, 403} and not said.lower().startswith("you do not have permission"):
            message = (
                f"cannot {doing}: Label Studio at {self.url} refuses the token ({status}: {said}); "
                "copy one from its Account & Settings, and store it with `workbench labelstudio use`"
            )
        else:
            message = f"cannot {doing}: Label Studio at {self.url} answers {status}: {said}"
        return LabelStudioError(self._hidden(message), status=status)

    def _hidden(self, text: str) -> str:
        access = self._access[0]
        return self.credentials.hide(text.replace(access, "…") if access else text)


class _Errors:
    """See `Client.errors`."""

    def __init__(self, client: Client, doing: str) -> None:
        self._client = client
        self._doing = doing

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        clean = self._clean(error)
        del traceback
        if clean is not None:
            _empty(error)
            raise clean from None

    def _clean(self, error: BaseException | None) -> LabelStudioError | None:
        if error is None or isinstance(error, LabelStudioError):
            return None
        import httpx

        client, kind = self._client, type(error).__name__
        status = getattr(error, "status_code", None)
        if isinstance(status, int) and hasattr(error, "body"):  # the SDK's ApiError and its kind
            return client._refused(self._doing, status, error.body)
        if isinstance(error, httpx.ConnectError):
            problem = (
                f"nothing answers at {client.url}; start a server with `workbench labelstudio up`, "
                "or name yours with `workbench labelstudio use --url …`"
            )
        elif isinstance(error, httpx.TimeoutException):
            problem = f"Label Studio at {client.url} did not answer in time; run this again"
        elif isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            problem = (
                f"the connection to Label Studio at {client.url} broke ({kind}); run this again"
            )
        elif type(error).__module__.startswith(("label_studio_sdk", "pydantic", "jwt")):
            problem = (
                f"what Label Studio at {client.url} answered cannot be understood ({kind}); "
                f"is it version {SERVER_VERSION}?"
            )
        else:
            return None
        return LabelStudioError(f"cannot {self._doing}: {problem}")


def connect(credentials: Credentials, *, timeout: float = 60.0) -> Client:
    """A client whose server answers and knows the token.

    Warns:
        UserWarning: The server is of another version than this program was tried with.

    Raises:
        LabelStudioError: Nothing answers, what answers is no Label Studio, or it refuses the token.
    """
    client = Client(credentials, timeout=timeout)
    try:
        version, _ = client.version, client.user
    except LabelStudioError:
        client.close()
        raise
    if version != SERVER_VERSION:
        warnings.warn(
            f"Label Studio at {client.url} is version {version}; this program was tried with "
            f"{SERVER_VERSION}, and other versions may answer otherwise",
            stacklevel=2,
        )
    return client


def _expiry(token: str) -> float | None:
    """When a personal access token, or one that was got for it, ends; None: `token` is none of these."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None


def _said(body: object) -> str:
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
    """httpcore logs, at level DEBUG, the headers of answers: with the session's cookie."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = re.sub(r"(?i)(b'(?:set-cookie|cookie|authorization)', b)'[^']*'", r"\1'…'", message)
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_WITHOUT_SECRETS = _WithoutSecrets()


def _hide_in_logs() -> None:
    for name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_WITHOUT_SECRETS)
