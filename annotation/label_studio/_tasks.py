"""Tasks of a project: found by filters, read a page at a time, imported in batches.

Pages follow the task's number and not the page's: a task that enters or leaves the filter while pages are
read moves no other task past the reader. A server may give fewer tasks a page than were asked for, so the last
page is the one that has all that are left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from annotation.label_studio.client import Client

T = TypeVar("T")

BATCH = 2500
"""Tasks an import; see `benchmarks/label_studio.py`."""
FIRST = 500
"""Tasks of a push's first import."""
_LISTED = 10_000
"""Tasks a page where only numbers and data are asked for."""
_READ = 500
"""Tasks a page where their answers come with them."""
_NAMED = 100
"""Values of one filter: the query is a part of the address, and addresses have limits."""
_BROKEN = 500
"""What the server answers where one of the tasks of a page cannot be written as JSON."""
_SECONDS = 600.0
"""How long one page or one import may take."""
_ANSWERS = (
    "id,data,updated_at,created_at,total_predictions,annotations,drafts,"
    "result,completed_by,updated_by,was_cancelled,lead_time,ground_truth"
)
"""Fields of a task with its answers; the server applies the names to both."""

Condition = Mapping[str, Any]
Row = Mapping[str, Any]


def where(column: str, operator: str, value: object, *, type: str = "String") -> Condition:
    """A condition of Label Studio's Data Manager on one column of a task."""
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": type, "value": value}


ANSWERED = where("total_annotations", "greater", 0, type="Number")
SKIPPED = where("cancelled_annotations", "greater", 0, type="Number")
UNANSWERED = (
    where("total_annotations", "equal", 0, type="Number"),
    where("cancelled_annotations", "equal", 0, type="Number"),
)


def count_tasks(client: Client, project: int, *conditions: Condition) -> int:
    """Number of tasks that fit all conditions."""
    return int(_page(client, project, conditions, include="id", size=1)["total"])


def count_answers(client: Client, project: int) -> int:
    """Number of answers and skipped ones in the project, whatever the counters of its tasks say."""
    doing = f"count the answers of project {project}"
    names = ("total_annotations_number", "skipped_annotations_number")
    shown = client.get(f"/api/projects/{project}", doing=doing, params={"include": ",".join(names)})
    if not isinstance(shown, dict) or not all(isinstance(shown.get(name), int) for name in names):
        raise client.strange(doing, f"numbers as {' and '.join(names)}", shown)
    return sum(int(shown[name]) for name in names)


def newest_change(client: Client, project: int) -> str | None:
    """The latest `updated_at` of all tasks, by the server's clock; None where there is no task."""
    page = _page(client, project, [], include="id,updated_at", size=1, order="-tasks:updated_at")
    tasks: list[Row] = page["tasks"]
    return str(tasks[0]["updated_at"]) if tasks else None


def drafts_open(client: Client, project: int) -> int:
    """Number of tasks on which somebody has begun an answer and not sent it."""
    begun = where("draft_exists", "equal", "true", type="Boolean")
    return int(_page(client, project, [begun], include="id", size=1)["total"])


def list_tasks(
    client: Client, project: int, *conditions: Condition, data: bool = True
) -> Iterator[Row]:
    """Tasks that fit all conditions, by number: `id` and `data`, or `id` and `updated_at`."""
    include = "id,data" if data else "id,updated_at"
    return _pages(client, project, conditions, include=include, size=_LISTED)


def read_tasks(client: Client, project: int, *conditions: Condition) -> Iterator[Row]:
    """Tasks that fit all conditions, by number, with their answers.

    A task that the server cannot show comes as `id`, `annotations` with `id` alone, and `unreadable`: what the
    server said. One answer with half a character is enough for that.

    Raises:
        LabelStudioError: The server cannot even tell the numbers of its tasks and answers.
    """
    last, size = 0, _READ
    while True:
        after = [*conditions, where("id", "greater", last, type="Number")]
        try:
            # A smaller page than the first was refused as a whole: no need to be patient before the last one.
            page = _page(
                client, project, after, include=_ANSWERS, size=size, fields="all",
                patient=size in {1, _READ},
            )  # fmt: skip
            tasks: list[Row] = page["tasks"]
        except LabelStudioError as error:
            if error.status != _BROKEN:
                raise
            if size > 1:
                size //= 2
                continue
            page = _page(client, project, after, include="id,annotations", size=1, fields="all")
            tasks = [{**task, "unreadable": str(error)} for task in page["tasks"]]
        yield from tasks
        if page["total"] <= len(tasks):
            return
        last, size = int(tasks[-1]["id"]), min(2 * size, _READ)


def read_answer_ids(client: Client, project: int, *conditions: Condition) -> Iterator[Row]:
    """Tasks that fit all conditions, by number: `id`, `updated_at`, and `annotations` with these."""
    include = "id,updated_at,annotations"
    return _pages(client, project, conditions, include=include, size=_READ, fields="all")


def tasks_with(
    client: Client, project: int, column: str, values: Iterable[object], *, data: bool = True
) -> Iterator[Row]:
    """Tasks whose `column` is one of `values`."""
    for some in parts(values):
        yield from list_tasks(client, project, where(column, "in_list", some), data=data)


def worked_on(client: Client, project: int, tasks: Iterable[int]) -> set[int]:
    """Which of `tasks` have an answer, a skipped one or a draft."""
    found = set()
    for some in parts(tasks):
        for row in read_tasks(client, project, where("id", "in_list", some)):
            if row.get("annotations") or row.get("drafts") or "unreadable" in row:
                found.add(int(row["id"]))
    return found


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Each value once, in lists that a filter takes."""
    left = iter(dict.fromkeys(values))
    while some := list(islice(left, _NAMED)):
        yield some


def import_tasks(
    client: Client, project: int, tasks: Sequence[Mapping[str, Any]], *, body: bytes | None = None
) -> None:
    """Create tasks in one call: all of them, or none.

    Not repeated where the connection breaks: the call may have been done.

    Args:
        client: The server.
        project: Its number.
        tasks: As `Builder` makes them.
        body: `as_body` of them, where it was written while the server was at work; None: it is now.

    Raises:
        LabelStudioError: The server refuses, or made another number than were sent. `status` is None
            where nobody knows whether it was done.
    """
    made = client.request(
        "POST",
        f"/api/projects/{project}/import",
        doing=f"import {len(tasks)} tasks into project {project}",
        content=as_body(tasks) if body is None else body,
        timeout=_SECONDS,
    )
    sent = {
        "task_count": len(tasks),
        "prediction_count": sum(len(task.get("predictions", ())) for task in tasks),
    }
    wrong = {name: made.get(name) for name, number in sent.items() if made.get(name) != number}
    if wrong:
        raise LabelStudioError(
            f"sent {sent} to project {project}, and the server made {wrong}: the tasks with keys "
            f"{_some(tasks)} are not there as they were sent; look at them in Label Studio"
        )


def as_body(tasks: Sequence[Mapping[str, Any]]) -> bytes:
    """Tasks as the JSON of an import."""
    return json.dumps(
        list(tasks), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def _some(tasks: Sequence[Mapping[str, Any]]) -> str:
    keys = [str(task["data"].get("key"))[:12] for task in tasks]
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _pages(
    client: Client,
    project: int,
    conditions: Sequence[Condition],
    *,
    include: str,
    size: int,
    fields: str | None = None,
) -> Iterator[Row]:
    last = 0
    while True:
        after = where("id", "greater", last, type="Number")
        page = _page(
            client, project, [*conditions, after], include=include, size=size, fields=fields
        )
        tasks: list[Row] = page["tasks"]
        yield from tasks
        if page["total"] <= len(tasks):
            return
        last = int(tasks[-1]["id"])


def _page(
    client: Client,
    project: int,
    conditions: Sequence[Condition],
    *,
    include: str,
    size: int,
    fields: str | None = None,
    order: str = "tasks:id",
    patient: bool = True,
) -> Mapping[str, Any]:
    query = {
        "filters": {"conjunction": "and", "items": list(conditions)},
        "ordering": [order],
    }
    asked = {
        "project": project,
        "include": include,
        "page_size": size,
        # Pictures stay the addresses that were pushed.
        "resolve_uri": "false",
        "query": json.dumps(query, separators=(",", ":")),
    }
    if fields is not None:
        asked["fields"] = fields
    doing = f"read the tasks of project {project}"
    found = client.request(
        "GET", "/api/tasks/", doing=doing, params=asked, repeatable=patient, timeout=_SECONDS
    )
    if not _is_page(found, include.split(",") if fields is None else ["id", "annotations"]):
        raise client.strange(doing, f"`tasks` with {include} each, and their `total`", found)
    page: Mapping[str, Any] = found
    return page


def _is_page(found: object, names: Sequence[str]) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("total"), int):
        return False
    tasks = found.get("tasks")
    # A page without a task, while there are some, would never end.
    return (
        isinstance(tasks, list)
        and (bool(tasks) or not found["total"])
        and all(_is_row(task, names) for task in tasks)
        and all(_is_answers(task["annotations"]) for task in tasks if "annotations" in task)
    )


def _is_answers(found: object) -> bool:
    return isinstance(found, list) and all(_is_row(answer, ["id"]) for answer in found)


def _is_row(row: object, names: Sequence[str]) -> bool:
    return isinstance(row, dict) and row.keys() >= set(names) and isinstance(row.get("id"), int)
