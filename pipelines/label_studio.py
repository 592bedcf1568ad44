"""A store's Label Studio: started, stopped, named, and asked how it is."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from annotation.label_studio import (
    Client,
    Credentials,
    connect,
    find_server,
    read_credentials,
    server_folder,
    start_server,
    stop_server,
    stored_credentials,
    write_credentials,
)
from workbench.errors import LabelStudioError
from workbench.settings import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A server that runs, and where its secrets are. The secrets themselves are in none of these."""

    url: str
    found: bool
    """Whether it ran before."""
    version: str
    login: str
    password_in: str
    """A file that only its owner may read, as the next one."""
    token_in: str
    media: str
    """The folder whose subfolders' pictures it can show."""
    instead_of: str | None
    """The team's server that this store's commands talked to until now."""
    overruled_by: str | None
    """The server that WORKBENCH_LABEL_STUDIO_URL names, where that is another one."""
    store: str

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"Label Studio {self.version} is up{' already' if self.found else ''}:  {self.url}",
            f"  log in as  {self.login}, with the password in {self.password_in}",
            f"  token      in {self.token_in}; the commands of this store read it there",
            f"  pictures   from folders in {self.media}",
        ]
        if self.instead_of:
            lines.append(f"This store's commands talk to it now, and no more to {self.instead_of}.")
        if self.overruled_by:
            lines.append(
                f"But WORKBENCH_LABEL_STUDIO_URL is set, and commands talk to {self.overruled_by}: unset it."
            )
        lines.append(f"Stop it:  workbench labelstudio down --store {shlex.quote(self.store)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCounts:
    """One project, in numbers."""

    id: int
    title: str
    tasks: int
    finished: int
    """Tasks with as many answers as were asked for."""
    annotations: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """How the server is that a store's commands talk to."""

    state: Literal["up", "down", "unknown"]
    """`down`: it does not answer; `unknown`: none was ever started or named."""
    own: bool
    """Whether it is the one beside the store, and no team's."""
    url: str | None = None
    version: str | None = None
    user: str | None = None
    projects: tuple[ProjectCounts, ...] = ()
    store: str

    @property
    def tasks(self) -> int:
        """Of all projects."""
        return sum(project.tasks for project in self.projects)

    @property
    def annotations(self) -> int:
        """Of all projects."""
        return sum(project.annotations for project in self.projects)

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self) | {"tasks": self.tasks, "annotations": self.annotations}

    def __str__(self) -> str:
        option = f"--store {shlex.quote(self.store)}"
        if self.state == "unknown":
            return (
                f"This store has no Label Studio yet. Start one:  workbench labelstudio up {option}"
            )
        if self.state == "down":
            whose = (
                "Label Studio is down" if self.own else "The team's Label Studio does not answer"
            )
            start = f"\nStart it:  workbench labelstudio up {option}" if self.own else ""
            return f"{whose}; it was at {self.url}.{start}"
        lines = [
            f"Label Studio {self.version} is up:  {self.url}",
            f"  asked as   {self.user}",
            f"  projects   {len(self.projects):,}, with {self.tasks:,} tasks and "
            f"{self.annotations:,} answers",
        ]
        if self.projects:
            wide = max(len(project.title) for project in self.projects)
            lines += ["", f"  {'':{wide}}    tasks  finished  answers  skipped"]
            lines += [
                f"  {p.title:{wide}}  {p.tasks:>7,}  {p.finished:>8,}  {p.annotations:>7,}  {p.skipped:>7,}"
                for p in self.projects
            ]
        return "\n".join(lines)


def server_up(store: str, *, port: int | None, announce: Callable[[str], None]) -> Up:
    """Start the store's server, or find that it runs; the store's commands talk to it from now on.

    Raises:
        LabelStudioError: It cannot be started.
    """
    folder = server_folder(store)
    before, named = stored_credentials(folder), read_settings().label_studio_url
    server = start_server(folder, port=port, announce=announce)
    with connect(server.credentials) as client:
        version = client.version
    return Up(
        url=server.url,
        found=server.found,
        version=version,
        login=server.login.email,
        password_in=str(folder / "server.json"),
        token_in=str(folder / "credentials.json"),
        media=str(folder / "media"),
        instead_of=before.url if before and not _is_here(before) else None,
        overruled_by=named if named and named.rstrip("/") != server.url else None,
        store=store,
    )


def server_down(store: str) -> bool:
    """Stop the store's server; its data stay. False where none ran.

    Raises:
        LabelStudioError: It cannot be stopped.
    """
    return stop_server(server_folder(store))


def server_status(store: str) -> ServerStatus:
    """Ask the server that the store's commands talk to.

    Raises:
        LabelStudioError: It answers, and refuses.
    """
    folder = server_folder(store)
    server = find_server(folder)
    if read_settings().label_studio_url or stored_credentials(folder):
        credentials = read_credentials(folder=folder)
    elif server is not None:
        credentials = server.credentials
    else:
        return ServerStatus(state="unknown", own=True, store=store)
    own = server.url == credentials.url if server else _is_here(credentials)
    try:
        client = connect(credentials)
    except LabelStudioError as error:
        if error.status is not None:
            raise
        return ServerStatus(state="down", own=own, url=credentials.url, store=store)
    with client:
        return ServerStatus(
            state="up",
            own=own,
            url=client.url,
            version=client.version,
            user=str(client.user["email"]),
            projects=_counts(client),
            store=store,
        )


def use_server(store: str, *, url: str, token: str) -> ServerStatus:
    """Let the store's commands talk to a team's own server, once it knows the token.

    Raises:
        LabelStudioError: It does not answer, or refuses the token; then nothing is stored.
    """
    credentials = Credentials(url=url, token=token)
    connect(credentials).close()
    write_credentials(server_folder(store), credentials)
    return server_status(store)


def _is_here(credentials: Credentials) -> bool:
    return credentials.url.startswith("http://127.0.0.1:")


def _counts(client: Client) -> tuple[ProjectCounts, ...]:
    return tuple(
        ProjectCounts(
            id=int(project["id"]),
            title=str(project["title"]),
            tasks=int(project["task_number"] or 0),
            finished=int(project["finished_task_number"] or 0),
            annotations=int(project["total_annotations_number"] or 0),
            skipped=int(project["skipped_annotations_number"] or 0),
        )
        for project in sorted(
            client.pages("/api/projects/", doing="list the projects"), key=lambda p: int(p["id"])
        )
    )
