"""A copied or restored server: its projects look like those that were pulled before, and their answers are others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from workbench.errors import LabelStudioError
from workbench.records import Annotation

SKEW = timedelta(seconds=60)
"""How much a server's clock may have been set back."""


def refuse_copy(
    number: int,
    stored: Mapping[str, datetime],
    given: Iterable[Annotation],
    missing: Collection[str],
    touched: Mapping[int, datetime],
) -> None:
    """Check that a project's answers continue those that the store holds of it.

    Both copies of a server's data give the same numbers to what is answered in them afterwards: stored as one
    project, one's answers would overwrite the other's, or count as deleted.

    Args:
        number: Of the project.
        stored: Id to `created_at` of each answer that stands in the store; neither changes on one server.
        given: Answers as they are on the server now.
        missing: Ids of those in the store that the server does not show, while it has their tasks.
        touched: Task number to its `updated_at` on the server, of the tasks of `missing`; a deletion moves it.

    Raises:
        LabelStudioError: The server is not the one that was pulled before.
    """
    numbers = {name.rpartition("/")[2]: (name, made) for name, made in stored.items()}
    for one in given:
        name, made = numbers.get(one.id.rpartition("/")[2], (one.id, one.created_at))
        if (name, made) != (one.id, one.created_at):
            raise _refused(number, one.id, f"was given at {_at(one.created_at)} here", made)
    for name in missing:
        task = int(name.split("/")[-2])
        if task in touched and touched[task] < stored[name] - SKEW:
            last = f"is not here, where its task was last changed at {_at(touched[task])}"
            raise _refused(number, name, last, stored[name])


def _refused(number: int, name: str, found: str, made: datetime) -> LabelStudioError:
    return LabelStudioError(
        f"answer {name.rpartition('/')[2]} {found}, and one of {_at(made)} has its number in the store: this server "
        "is a copy or an old backup of the one that was pulled before, so nothing of the project was stored; pull "
        f"from that server, or delete project {number} here and push again"
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
