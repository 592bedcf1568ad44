"""Who may read and who may write: people with passwords, people whom a proxy vouches for, one at this machine."""

from __future__ import annotations

import ipaddress
import re
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Literal

from workbench.errors import SettingsError

Role = Literal["nobody", "reader", "writer"]
"""`nobody` sees the page of the login alone; a `reader` looks and tries; a `writer` corrects and decides, too."""

COOKIE = "workbench_session"
VISITOR = "workbench_visitor"
"""Tells a browser from others before anybody signs in, so that what it was shown is known."""
_HOURS_12 = 12 * 3600.0
_TRIES, _PAUSE = 5, 30.0
"""After so many wrong passwords for one name, so many seconds in which none is looked at."""
_NAME = re.compile(r"[^\s:#]{1,120}")
_NO_PERSON = ("simulated:", "catalogue-truth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks."""

    name: str | None
    """None: nobody who signed in."""
    role: Role

    @property
    def writes(self) -> bool:
        """Whether corrections and decisions are theirs to make."""
        return self.role == "writer" and self.name is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One line of the file of users."""

    name: str
    role: Literal["reader", "writer"]
    hashed: str | None
    """Argon2; None for somebody whom only the proxy vouches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sso:
    """A proxy that signs people in, and the header in which it names them."""

    header: str
    proxies: tuple[str, ...]
    """Addresses or networks from which alone the header is believed, such as `10.0.0.5` or `10.0.0.0/24`."""

    def __post_init__(self) -> None:
        """Refuse what would believe anybody.

        Raises:
            SettingsError: There is no proxy, or it is no address.
        """
        if not self.proxies:
            raise SettingsError(
                f"the header {self.header!r} is believed from a named proxy alone: name it with --proxy ADDRESS"
            )
        for one in self.proxies:
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise SettingsError(
                    f"want a proxy's address, such as 10.0.0.5, got {one!r}"
                ) from error

    def believes(self, client: str) -> bool:
        """Whether a request that comes from `client` may say who asks."""
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(one) for one in self.proxies)


def read_users(path: Path) -> dict[str, User]:
    """People by name, from lines of name, role and hash with white space between; `-` for no password.

    Raises:
        SettingsError: The file is not there, or a line cannot be read; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the file of users {str(path)!r} cannot be read ({error}): `workbench app adduser` makes one"
        ) from error
    users: dict[str, User] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or words[1] not in ("reader", "writer"):
            raise SettingsError(
                f"{path}, line {number}: want NAME, reader or writer, and a hash or `-`, got {len(words)} words"
            )
        name, role, hashed = words
        if hashed != "-" and not hashed.startswith("$argon2"):
            raise SettingsError(
                f"{path}, line {number}: want an Argon2 hash or `-`, not a password: `workbench app adduser` writes it"
            )
        users[checked_name(name)] = User(
            name=name,
            role="writer" if role == "writer" else "reader",
            hashed=None if hashed == "-" else hashed,
        )
    return users


def write_user(path: Path, user: User) -> None:
    """Add a user to the file, or change them; nobody but its owner may read it.

    Raises:
        SettingsError: The file there cannot be read, or cannot be written.
    """
    users = read_users(path) if path.exists() else {}
    users[checked_name(user.name)] = user
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch(mode=0o600)
        part.write_text("".join(f"{u.name} {u.role} {u.hashed or '-'}\n" for u in users.values()))
        part.replace(path)
    except OSError as error:
        raise SettingsError(
            f"the file of users {str(path)!r} cannot be written: {error.strerror}"
        ) from error


def checked_name(name: str) -> str:
    """A person's name as answers carry it.

    Raises:
        SettingsError: It is empty, holds white space or what nobody sees, or marks answers of no person.
    """
    if not _is_name(name):
        raise SettingsError(
            f"want a person's name without spaces, such as ada@shop.example, got {name!r:.80}"
        )
    return name


def _is_name(name: str) -> bool:
    """Whether it can be a person's: letters that turn or hide others would let one pass for somebody else."""
    return (
        _NAME.fullmatch(name) is not None and name.isprintable() and not name.startswith(_NO_PERSON)
    )


def hash_password(password: str) -> str:
    """An Argon2id hash, with its salt in it.

    Raises:
        SettingsError: It is too short to keep anybody out.
    """
    from argon2 import PasswordHasher

    if len(password) < 10:
        raise SettingsError(f"want a password of 10 characters at least, got {len(password)}")
    return PasswordHasher().hash(password)


@dataclass
class Gate:
    """Says who asks. Sessions live as long as the server, twelve hours at most."""

    users: Mapping[str, User] = field(default_factory=dict)
    sso: Sso | None = None
    sole: str | None = None
    """The one person at this machine, who signs in by the address that is printed; None: there is none."""
    open_reading: bool = True
    """Whether somebody who did not sign in may look."""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """What that address carries."""

    def __post_init__(self) -> None:
        """Nobody is signed in yet."""
        self._sessions: dict[str, tuple[str, float]] = {}
        self._wrong: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def identify(self, headers: Mapping[str, str], client: str) -> Person:
        """Who a request comes from; headers are called by their names in lower case."""
        name = self._vouched(headers, client) or self._signed_in(headers.get("cookie", ""))
        if name is None:
            return Person(name=None, role="reader" if self.open_reading else "nobody")
        if name == self.sole:
            return Person(name=name, role="writer")
        user = self.users.get(name)
        return Person(name=name, role=user.role if user else "reader")

    def sign_in(self, name: str, password: str) -> str | None:
        """A session's token; None where name and password do not fit, or there were too many tries."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._lock:
            wrong, until = self._wrong.get(name, (0, 0.0))
            if wrong >= _TRIES and time.monotonic() < until:
                return None
            if len(self._wrong) > 10_000:
                self._wrong.clear()
        user = self.users.get(name)
        try:
            # A name that is not there takes as long as one that is.
            fits: bool = PasswordHasher().verify(
                user.hashed if user and user.hashed else _NOBODY, password
            )
        except (VerificationError, InvalidHashError):
            fits = False
        with self._lock:
            if not fits or user is None or user.hashed is None:
                self._wrong[name] = (wrong + 1, time.monotonic() + _PAUSE)
                return None
            self._wrong.pop(name, None)
        return self._begin(name)

    def sign_in_by_key(self, key: str) -> str | None:
        """A session of the one person at this machine; None where the key is another."""
        if self.sole is None or not secrets.compare_digest(key.encode(), self.key.encode()):
            return None
        return self._begin(self.sole)

    def sign_out(self, cookies: str) -> None:
        """End the session that these cookies carry."""
        with self._lock:
            self._sessions.pop(_token(cookies), None)

    def _begin(self, name: str) -> str:
        token, now = secrets.token_urlsafe(32), time.monotonic()
        with self._lock:
            self._sessions = {t: s for t, s in self._sessions.items() if s[1] > now}
            self._sessions[token] = (name, now + _HOURS_12)
        return token

    def _signed_in(self, cookies: str) -> str | None:
        with self._lock:
            name, until = self._sessions.get(_token(cookies), (None, 0.0))
        return name if time.monotonic() < until else None

    def _vouched(self, headers: Mapping[str, str], client: str) -> str | None:
        if self.sso is None or not self.sso.believes(client):
            return None
        name = headers.get(self.sso.header.lower(), "").strip()
        with suppress(UnicodeError):  # headers are read as Latin-1; proxies send names in UTF-8
            name = name.encode("latin-1").decode("utf-8")
        return name if _is_name(name) else None


def visitor_of(cookies: str) -> str:
    """The browser that these cookies come from; empty where they do not say."""
    found = _cookie(cookies, VISITOR)
    return found if re.fullmatch(r"[\w-]{16,64}", found, re.ASCII) else ""


def _token(cookies: str) -> str:
    return _cookie(cookies, COOKIE)


def _cookie(cookies: str, name: str) -> str:
    try:
        found = SimpleCookie(cookies).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$nFv5faoJNwzk5Oef3WIM4A$/2wq5umQ9F+044JOLEXEqxTxwACiw2oGZLe0ZaoUIeQ"
"""The hash of a password that nobody knows."""
