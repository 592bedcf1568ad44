"""Live hints: Label Studio asks our judge for a suggestion on the task that somebody has opened.

This is the server's side of Label Studio's ML backend protocol, as its 1.23.2 speaks it: `GET /health` and
`POST /setup` when a project is connected and before every question, `POST /predict` with the open task. It also
posts every event to `/webhook`, and asks `GET /versions` on the settings page.

A suggestion fills the form in before the annotator has looked, so a blind project has none: `serve_hints`
refuses it, and a project that somebody connects by hand in Label Studio is refused by `/setup` and `/predict`.
Label Studio hands its user's token over in `/setup`; it is not read, kept or logged.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annotation.label_studio._serving import serving
from annotation.label_studio.interfaces import Interface, prediction
from workbench.errors import LabelStudioError, WorkbenchError
from workbench.judging import RubricJudge, load_subject
from workbench.records import Generation, Verdict
from workbench.schema import Schema

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from annotation.label_studio.client import Client
    from workbench.store import Store

TITLE = "workbench judge"
"""Name of the backend in Label Studio's project."""
_LARGEST = 50_000_000  # bytes of a request: a page of tasks is well below
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """One task that Label Studio asked about."""

    task: object
    """Its number, as Label Studio told it."""
    seconds: float
    """From the question to the answer; the wait for tasks asked about before is a part of it."""
    approved: bool | None
    """What the judge says; None where it abstained, and where there is no suggestion."""
    problem: str | None = None
    """Why there is no suggestion; None where there is one."""

    def __str__(self) -> str:
        if self.problem is not None:
            return f"no suggestion for task {self.task}: {self.problem}"
        said = {True: "approve", False: "reject", None: "no verdict"}[self.approved]
        return f"task {self.task}: suggested {said} ({self.seconds:.1f} s)"


def log_problem(one: Suggested) -> None:
    """Log why there is no suggestion, where there is none."""
    if one.problem is not None:
        _log.warning("%s", one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinter:
    """Suggestions for one project."""

    store: Store
    """Holds the generations, pictures and verdicts. It takes no suggestion: the verdicts of a store are what
    audits are drawn from, and one task that somebody opened is no population."""
    judge: RubricJudge
    interface: Interface
    """What the project's page asks; of the judge's rubric."""
    project: int
    """Its id in Label Studio."""
    schema: Schema | None = None
    """For the categories of the items; None: judged without."""
    told: Callable[[Suggested], None] = log_problem
    """Told of every task that was asked about, once it is answered; in threads of the server."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _suggested: dict[str, Verdict] = field(default_factory=dict, repr=False)
    """By key, as long as this is served: nothing is judged twice."""

    @property
    def version(self) -> str:
        """Label Studio keeps one suggestion per task and version."""
        return f"{self.judge.name} {self.judge.revision[:8]}"

    def suggest(self, tasks: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
        """The judge's answer to each task, as Label Studio's predictions: one, or none.

        There is none where the task is not about a generation of the store, was pushed with another rubric, or
        cannot be judged; `told` is told which and why. Label Studio keeps what it gets, and shows the page without
        a suggestion where it gets none.
        """
        return [self._suggestion(task) for task in tasks]

    def _suggestion(self, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        began, number = time.monotonic(), task.get("id")
        approved, problem = None, None
        try:
            generation = self._generation(task)
            verdict = self._verdict(generation)
            found = [prediction(self.interface, verdict, generation, model_version=self.version)]
            approved = verdict.approved
        except WorkbenchError as error:
            found, problem = [], str(error)
        seconds = time.monotonic() - began
        self.told(Suggested(task=number, seconds=seconds, approved=approved, problem=problem))
        return found

    def _verdict(self, generation: Generation) -> Verdict:
        """The store's, else one that is made now and kept here alone."""
        category = self.schema.categories.get(generation.category) if self.schema else None
        key = self.judge.key(generation, category)
        with self._one_at_a_time:  # a model answers one question at a time
            verdict = self._suggested.get(key) or self.store.find(Verdict, key)
            if verdict is None:
                subject = load_subject(self.store, generation, self.schema)
                (verdict,) = self.judge.judge([subject])
            self._suggested[key] = verdict
        return verdict

    def _generation(self, task: Mapping[str, Any]) -> Generation:
        data = task.get("data")
        key = data.get("generation") if isinstance(data, Mapping) else None
        label = data.get("rubric") if isinstance(data, Mapping) else None
        if label != self.judge.rubric.label:
            raise LabelStudioError(
                f"want a task of rubric {self.judge.rubric.label}, got one of {label!r}"
            )
        generation = self.store.find(Generation, key) if isinstance(key, str) else None
        if generation is None:
            raise LabelStudioError(f"want a task about a generation of the store, got {key!r}")
        return generation


def hint_app(hinter: Hinter) -> Starlette:
    """The ML backend as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def refused(status: int, why: str) -> Response:
        return JSONResponse({"error": why}, status_code=status)

    async def asked(request: Request) -> Mapping[str, Any] | Response:
        """The request's object, if it is about our project; else what to answer."""
        length = request.headers.get("content-length")
        if length is not None and not (length.isascii() and length.isdecimal()):
            return refused(400, f"want a number of bytes in Content-Length, got {length!r:.40}")
        # A request that tells no length, or a wrong one, is counted as it comes.
        came = bytearray()
        async for part in request.stream():
            came += part
            if len(came) > _LARGEST:
                return refused(413, f"want a request of at most {_LARGEST} bytes")
        try:
            body = json.loads(came)
        except ValueError:
            return refused(400, "want a JSON object")
        if not isinstance(body, Mapping):
            return refused(400, "want a JSON object")
        if str(body.get("project", "")).partition(".")[0] != str(hinter.project):
            return refused(403, f"these suggestions are for project {hinter.project} alone")
        return body

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "UP", "model_class": TITLE})

    async def setup(request: Request) -> Response:
        body = await asked(request)
        return (
            body
            if not isinstance(body, Mapping)
            else JSONResponse({"model_version": hinter.version})
        )

    async def predict(request: Request) -> Response:
        body = await asked(request)
        if not isinstance(body, Mapping):
            return body
        tasks = body.get("tasks")
        if not isinstance(tasks, list) or not all(isinstance(one, Mapping) for one in tasks):
            return refused(400, "want a list of tasks")
        results = await run_in_threadpool(hinter.suggest, tasks)
        return JSONResponse({"results": results, "model_version": hinter.version})

    async def versions(_request: Request) -> Response:
        return JSONResponse({"versions": [hinter.version]})

    async def ignored(_request: Request) -> Response:
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/", health),
            Route("/health", health),
            Route("/setup", setup, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/versions", versions),
            Route("/webhook", ignored, methods=["POST"]),
        ]
    )


def refuse_blind(project: int, *, blind: bool) -> None:
    """Refuse suggestions in a blind project; `serve_hints` does it too, after a judge was loaded.

    Raises:
        LabelStudioError: The project is blind.
    """
    if blind:
        raise LabelStudioError(
            f"project {project} is blind, and a suggestion would be seen before the answer is given: "
            "push the audit into a project that is not blind to work with suggestions"
        )


@contextmanager
def serve_hints(
    client: Client, hinter: Hinter, *, blind: bool, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve suggestions and connect the project to them, until the end of the `with` block.

    At the end the project is as it was: Label Studio would ask a server that is gone whenever somebody opens a
    task. What it was told is kept there as predictions. A connection that a killed process left is replaced.

    Args:
        client: Of the server that holds the project.
        hinter: Who answers, for which project.
        blind: Whether the project is blind.
        host: Address of this machine at which the Label Studio server reaches it.
        port: To serve at; 0: any free one.

    Yields:
        The address.

    Raises:
        LabelStudioError: The project is blind; the address cannot be served at; or Label Studio does not
            connect (a server of version 1.23 reaches addresses of its own machine only if it was started with
            `ML_BLOCK_LOCAL_IP=false`).
    """
    refuse_blind(hinter.project, blind=blind)
    with serving(hint_app(hinter), host=host, port=port, what="suggestions") as url:
        _disconnect(client, hinter.project)
        path = f"/api/projects/{hinter.project}/"
        shown = client.get(path, doing="read the project")["model_version"] or ""
        try:
            client.request(
                "POST",
                "/api/ml",
                doing="connect the project with our judge",
                json={"project": hinter.project, "url": url, "title": TITLE},
            )
            # Else it is asked about no task to which a prediction was pushed.
            _show(client, hinter.project, TITLE)
            yield url
        finally:
            with suppress(LabelStudioError):  # the Label Studio server may be gone first
                _disconnect(client, hinter.project)
                _show(client, hinter.project, shown)


def _show(client: Client, project: int, version: str) -> None:
    """Say whose predictions the project's pages show: a version, or the judge by its title."""
    client.request(
        "PATCH",
        f"/api/projects/{project}/",
        doing="choose whose predictions are shown",
        json={"model_version": version},
        repeatable=True,
    )


def _disconnect(client: Client, project: int) -> None:
    """Take our connections off, with the webhooks that Label Studio made for them and would keep."""
    asked = {"project": project}
    backends = client.get("/api/ml", doing="list the project's judges", params=asked)
    ours = [one for one in backends if one["title"] == TITLE]
    for one in ours:
        client.request("DELETE", f"/api/ml/{one['id']}", doing="disconnect the judge")
    hooks = {one["url"].rstrip("/") + "/webhook" for one in ours}
    if not hooks:
        return
    for hook in client.get("/api/webhooks/", doing="list the project's webhooks", params=asked):
        if hook["url"] in hooks:
            client.request("DELETE", f"/api/webhooks/{hook['id']}/", doing="take our webhook off")
