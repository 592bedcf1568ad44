"""Every call to a Label Studio: repeated where that is safe, and no token in any word of an error."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from annotation.label_studio._clean import CleanErrors, hide_in_logs
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
_SECONDS = 900.0
"""How long the server may take to remove 10,000 tasks."""
PASSING = frozenset({429, 500, 502, 503, 504})
"""Answers that another try may change; 500 is what a locked SQLite database looks like."""


class Client:
    """A Label Studio, asked as one of its users. Safe to share between threads."""

    def __init__(self, credentials: Credentials, *, timeout: float = 60.0) -> None:
        """`timeout` in seconds, of each single call. Nothing is asked yet; see `connect`."""
        self.credentials = credentials
        self._timeout = timeout
        self._access = ("", 0.0)
        self._refreshing = threading.Lock()
        self._date = ""

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self.credentials.url

    @property
    def server_now(self) -> datetime | None:
        """The server's clock at its last answer, in whole seconds; None where it does not tell."""
        with contextlib.suppress(ValueError):
            return parsedate_to_datetime(self._date).astimezone(UTC)
        return None

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
                api_key="of the connection",  # `_http` signs every request itself
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
        return self._object("/api/current-user/whoami", doing="ask who we are", wanted="email")

    @functools.cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that stay with the server's data, whatever its address becomes."""
        number = self.user.get("active_organization")
        made = self._object(
            f"/api/organizations/{number}", doing="ask for the organization", wanted="created_at"
        )
        return hashlib.sha256(f"{number} {made['created_at']}".encode()).hexdigest()[:12]

    def get(self, path: str, *, doing: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """GET `path` and read JSON, repeated where the server is out of breath; see `request`."""
        return self.request("GET", path, doing=doing, params=params)

    def _object(self, path: str, *, doing: str, wanted: str) -> dict[str, Any]:
        found = self.get(path, doing=doing)
        if not isinstance(found, dict) or wanted not in found:
            raise LabelStudioError(
                f"cannot {doing}: what answers at {self.url}{path} says no {wanted}; "
                "is that address a Label Studio's?"
            )
        return found

    def strange(self, doing: str, wanted: str, came: object) -> LabelStudioError:
        """The error for JSON of another shape than Label Studio's."""
        return LabelStudioError(
            f"cannot {doing}: want {wanted}, got {self._hidden(repr(came)):.80} from {self.url}; "
            "is that address a Label Studio's?"
        )

    def create_project(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A new project, as the server describes it. Titles have 3 to 50 characters."""
        made: dict[str, Any] = self.request(
            "POST", "/api/projects/", doing="create a project", json=fields
        )
        return made

    def delete_project(self, number: int) -> None:
        """Remove a project with everything that people answered in it; one that is gone is as good.

        Not repeated: before another try, whoever asks looks whether somebody answered meanwhile.
        """
        try:
            self.request(
                "DELETE",
                f"/api/projects/{number}/",
                doing=f"remove project {number}",
                timeout=_SECONDS,
            )
        except LabelStudioError as error:
            if error.status != 404:
                raise

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
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
            content: The body, as JSON that was written before.
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
                params=params,
                json=json,
                content=content,
                headers=None if content is None else {"Content-Type": "application/json"},
                data=data,
                files=files,
                timeout=timeout or self._timeout,
            )
            self._date = answer.headers.get("Date", "")
            if answer.status_code >= 400:
                raise self.errors(doing).refused(answer.status_code, answer.text)
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
            function: What it raises of `httpx` or the SDK becomes a clean error; one of ours stays.
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
            if problem.status is not None and problem.status not in PASSING:
                break
        raise problem

    def errors(self, doing: str) -> CleanErrors:
        """A `with` whose block may use `sdk` and `httpx`: what goes wrong there becomes clean.

        Args:
            doing: What the block is for, as an error says it: "create a project".

        Raises:
            LabelStudioError: Instead of an error of the SDK or of httpx.
        """
        return CleanErrors(doing, url=self.url, hide=self._hidden)

    def connection(self) -> httpx.Client:
        """A connection without a token and with cookies of its own, as a browser has one."""
        import httpx

        hide_in_logs()
        here = urlsplit(self.url).hostname in {"localhost", "127.0.0.1", "::1"}
        return httpx.Client(
            timeout=self._timeout,
            # A proxy of the environment is no way to this machine itself.
            trust_env=not here,
            # The server sends an answer's body once its head is acknowledged, which the kernel puts off by
            # 40 ms on a connection that was used before; a new one to this machine costs nothing.
            limits=httpx.Limits(max_keepalive_connections=0 if here else 20),
        )

    @functools.cached_property
    def _http(self) -> httpx.Client:
        client = self.connection()
        client.auth = self._signed
        client.event_hooks = {"response": [self._stay]}
        # A session beside the token would be a second secret, and would want CSRF tokens.
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return client

    def _stay(self, answer: httpx.Response) -> None:
        """A token goes to no other address than the one that it was given for."""
        if not answer.has_redirect_location:
            return
        place = urlsplit(urljoin(self.url, answer.headers["Location"]))
        target = f"{place.scheme}://{place.netloc.rpartition('@')[2]}"
        mine = urlsplit(self.url)
        if target == f"{mine.scheme}://{mine.netloc}":
            problem = f"sends us on to its page {place.path}; is that address a Label Studio's?"
        else:
            problem = (
                f"sends us on to {target}, and the token goes nowhere but where it was given for; if that "
                f"is the server, name it: `workbench labelstudio use --url {target}`"
            )
        raise LabelStudioError(f"what answers at {self.url} {problem}", status=answer.status_code)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        """With the token, or what it is exchanged for: no variable here holds it, since frames are printed."""
        if _expiry(self.credentials.token) is None:
            request.headers["Authorization"] = f"Token {self.credentials.token}"
            return request
        with self._refreshing:
            if time.time() > self._access[1] - 30:
                self._exchange()
            request.headers["Authorization"] = f"Bearer {self._access[0]}"
        return request

    def _exchange(self) -> None:
        """A personal access token is exchanged for one that lives minutes."""
        import httpx

        answer = self._http.post(
            f"{self.url}/api/token/refresh",
            json={"refresh": self.credentials.token},
            auth=httpx.Auth(),  # this call is not signed
        )
        if answer.status_code >= 400:
            clean = self.errors("exchange the personal access token")
            raise clean.refused(answer.status_code, answer.text)
        until = None
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            until = _expiry(answer.json()["access"]) or time.time() + 60
        if until is None:
            raise LabelStudioError(
                f"cannot exchange the personal access token: what answers at {self.url} gave none for it; "
                "is that address a Label Studio's?",
                status=answer.status_code,
            )
        self._access = (str(answer.json()["access"]), until)

    def _hidden(self, text: str) -> str:
        access = self._access[0]
        return self.credentials.hide(text.replace(access, "…") if access else text)


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
