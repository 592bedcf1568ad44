"""Lists of a Label Studio: whole, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from annotation.label_studio.client import Client

_TRIES = 5
_PROJECTS = "list the projects"


def read_users(client: Client) -> list[dict[str, Any]]:
    """Everybody who may log in.

    Raises:
        LabelStudioError: What comes is no list of people, or one without us.
    """
    doing = "list the people"
    found = client.get("/api/users/", doing=doing)
    named = isinstance(found, list) and all(
        isinstance(one, dict) and isinstance(one.get("id"), int) for one in found
    )
    if not named or client.user.get("id") not in {one["id"] for one in found}:
        raise client.strange(doing, f"a list of people with {client.user['email']} in it", found)
    people: list[dict[str, Any]] = found
    return people


def read_projects(
    client: Client, params: Mapping[str, Any] | None = None, *, size: int = 100
) -> list[dict[str, Any]]:
    """All projects, as the server tells them under `params`, read again where their list changes meanwhile.

    Raises:
        LabelStudioError: What comes is no such list, or it changes all the time.
    """
    for _ in range(_TRIES):
        rows = _read_once(client, params or {}, size)
        if rows is not None:
            return rows
    raise LabelStudioError(f"cannot {_PROJECTS}: the list changes while it is read; try again")


def _read_once(client: Client, params: Mapping[str, Any], size: int) -> list[dict[str, Any]] | None:
    """All of them; None where the list became shorter or longer, so that a row may have moved past us."""
    names = str(params.get("include", "id")).split(",")
    rows: list[dict[str, Any]] = []
    page, count = 1, None
    while True:
        try:
            asked = {**params, "page": page, "page_size": size}
            found = client.get("/api/projects/", doing=_PROJECTS, params=asked)
        except LabelStudioError as error:
            if page > 1 and error.status == 404:
                return None
            raise
        some = found.get("results") if isinstance(found, dict) else None
        if not isinstance(some, list) or not all(
            isinstance(one, dict) and one.keys() >= set(names) for one in some
        ):
            raise client.strange(_PROJECTS, f"`results` with {', '.join(names)} each", found)
        if page > 1 and found.get("count") != count:
            return None
        rows += some
        if not found.get("next"):
            return rows
        page, count = page + 1, found.get("count")
