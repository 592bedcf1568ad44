"""More people for a Label Studio: who joins by its invitation works with a login of their own."""

from __future__ import annotations

import contextlib
import re
import secrets
from html import unescape

from annotation.label_studio._folder import Login
from annotation.label_studio.client import Client
from workbench.errors import LabelStudioError

_REASONS = (
    ("already exists", "somebody has this login already; choose another, or ask them for theirs"),
    ("valid email", "it is no e-mail address such as ada@example.com"),
    ("invalid email", "it is no e-mail address such as ada@example.com"),
    ("email is too long", "the address is longer than 255 characters"),
    ("enter a password", "a password has 8 to 128 characters"),
)
"""What the server's form says, and what we say."""


def invitation(client: Client) -> str:
    """The page on which a person makes a login; whoever has the address may join."""
    doing = "ask for the invitation"
    found = client.get("/api/invite", doing=doing)
    if not isinstance(found, dict) or not isinstance(found.get("invite_url"), str):
        raise client.strange(doing, "an `invite_url`", found)
    return client.url + str(found["invite_url"])


def add_annotator(client: Client, email: str, *, password: str | None = None) -> Login:
    """Make a login for `email` through the server's own invitation, as a person would.

    Args:
        client: Of someone who may invite.
        email: Such as `ada@example.com`; taken names are refused.
        password: At least 8 characters; None: one that nobody can guess.

    Raises:
        LabelStudioError: The server refuses the name or the password.
    """
    password = password or secrets.token_urlsafe(12)
    page = invitation(client)
    with client.errors("add an annotator"), client.connection() as browser:
        form = browser.get(page)
        hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        answer = browser.post(
            page,
            data={
                "email": email,
                "password": password,
                "csrfmiddlewaretoken": hidden.group(1) if hidden else "",
            },
            headers={"Referer": page},
        )
        if not answer.is_redirect:
            raise LabelStudioError(
                f"Label Studio at {client.url} makes no login for {email!r}: "
                f"{client.credentials.hide(_reason(answer.text).replace(password, '…'))}",
                status=answer.status_code,
            )
        kept = browser.get(f"{client.url}/api/current-user/token")
    token = None
    with contextlib.suppress(ValueError, KeyError, TypeError):
        token = kept.json()["token"]
    if not isinstance(token, str):
        raise LabelStudioError(
            f"Label Studio at {client.url} made a login for {email!r} and tells no token of it",
            status=kept.status_code,
        )
    return Login(email=email, password=password, token=token)


def _reason(page: str) -> str:
    """Why the form came back, in our words where we know what it says."""
    said = [unescape(one).strip() for one in re.findall(r"(?s)<li>(.*?)</li>", _errors(page))]
    known = [ours for theirs, ours in _REASONS if any(theirs in one.lower() for one in said)]
    if known:
        return "; ".join(known)
    return "; ".join(said)[:200] or "it does not say why"


def _errors(page: str) -> str:
    return " ".join(re.findall(r'(?s)<ul class="field_errors">(.*?)</ul>', page))
