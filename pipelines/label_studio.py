"""A store's Label Studio: started, stopped, named, asked how it is, and people invited to it."""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from annotation.label_studio import (
    Client,
    Credentials,
    add_annotator,
    connect,
    find_server,
    noted_projects,
    read_credentials,
    server_folder,
    start_server,
    stop_server,
    stored_credentials,
    write_credentials,
)
from annotation.label_studio._lists import read_projects
from annotation.label_studio.server import is_own
from pipelines.store_names import shown_store, store_option
from workbench.errors import LabelStudioError, WorkbenchError
from workbench.settings import read_settings
from workbench.store import Store

_COMMAND = re.compile(
    r"`(workbench (?:(?:labelstudio|annotate|run) [a-z]+|audit|judge|calibrate|status))\b([^`]*)`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A server that runs, and where its secrets are. The secrets themselves are in none of these but `password`."""

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
    password: str | None = field(repr=False)
    """Of the login, for the person at the screen; None after the first start. It is in no JSON."""
    overruled_by: str | None
    """The server that WORKBENCH_LABEL_STUDIO_URL names, where that is another one."""
    store: str
    """Its address, the password hidden."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        found = asdict(self)
        del found["password"]
        return found

    def __str__(self) -> str:
        password = self.password or f"in {self.password_in}"
        option, port = store_option(self.store), urlsplit(self.url).port
        lines = [
            f"Label Studio {self.version} is up{' already' if self.found else ''}:  {self.url}",
            f"  log in as  {self.login}",
            f"  password   {password}",
            f"  token      in {self.token_in}; the commands of this store read it there",
            f"  pictures   from folders in {self.media}",
        ]
        if self.overruled_by:
            lines.append(
                f"But WORKBENCH_LABEL_STUDIO_URL is set, and commands talk to {self.overruled_by}: unset it."
            )
        lines += [
            "",
            f"Give a colleague a login:  workbench labelstudio invite EMAIL{option}",
            "Only this machine reaches the server. A colleague with an account here opens a way to it, and then "
            "the same address:",
            f"  ssh -L {port}:127.0.0.1:{port} {platform.node()}",
            f"Stop it:  workbench labelstudio down{option}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """What a stop did."""

    stopped: bool
    """False where the store's own server did not run."""
    answers_in: str | None
    """The team's server, which is not ours to stop; None: the store names none."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if self.answers_in is None:
            return (
                "Label Studio is down; its data stay."
                if self.stopped
                else "Label Studio was down already."
            )
        own = "The store's own server is down. But t" if self.stopped else "Nothing was stopped: t"
        return (
            f"{own}his store's people answer in {self.answers_in}, a team's server, and only its "
            "administrators stop that."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A login for one more person."""

    url: str
    login: str
    password: str = field(repr=False)
    """Kept nowhere else."""
    links: tuple[str, ...] = ()
    """Where this person can answer at once: projects of theirs, else those for everybody."""

    def as_dict(self) -> dict[str, object]:
        """As JSON, the password too."""
        return asdict(self)

    def __str__(self) -> str:
        port = urlsplit(self.url).port
        return (
            f"Tell this to {self.login}; the password is shown this once:\n"
            f"  address   {self.url}\n"
            f"  login     {self.login}\n"
            f"  password  {self.password}\n"
            + "".join(f"  to answer at once  {link}\n" for link in self.links)
            + "Only this machine reaches the server. From another one, this opens a way to it:\n"
            f"  ssh -L {port}:127.0.0.1:{port} {platform.node()}"
        )


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
    """Its address, the password hidden."""

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
        option = store_option(self.store)
        if self.state == "unknown":
            return (
                f"This store has no Label Studio yet. Start one:  workbench labelstudio up{option}"
            )
        if self.state == "down":
            whose = (
                "Label Studio is down" if self.own else "The team's Label Studio does not answer"
            )
            start = f"\nStart it:  workbench labelstudio up{option}" if self.own else ""
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


@contextmanager
def naming(store: str) -> Iterator[None]:
    """Let the commands that an error advises carry the store that was given."""
    try:
        yield
    except WorkbenchError as error:
        option = store_option(store)

        def with_store(found: re.Match[str]) -> str:
            known = " --store " in found[2]
            return found[0] if known else f"`{found[1]}{option}{found[2]}`"

        error.args = (_COMMAND.sub(with_store, str(error)),)
        raise


def server_up(store: str, *, port: int | None, announce: Callable[[str], None]) -> Up:
    """Start the store's server, or find that it runs; the store's commands talk to it from now on.

    Raises:
        StoreError: There is no such store.
        LabelStudioError: It cannot be started, or the store's people answer in a team's server.
    """
    folder, named = _folder_of(store), read_settings().label_studio_url
    team = _team(folder)
    if team is not None:
        raise LabelStudioError(
            f"this store's people answer in {team.url}, and a second server would part their answers; to "
            f"begin one of the store's own, pull what they said (`workbench annotate pull`), remove "
            f"{folder / 'credentials.json'}, and run this again"
        )
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
        password=server.login.password if server.fresh else None,
        overruled_by=named if named and named.rstrip("/") != server.url else None,
        store=shown_store(store),
    )


def server_down(store: str) -> Down:
    """Stop the store's own server, where it runs; its data stay.

    Raises:
        LabelStudioError: It cannot be stopped.
    """
    folder = server_folder(store)
    stopped = stop_server(folder)
    try:
        team = _team(folder)
    except LabelStudioError as error:  # no reason to let a server run
        warnings.warn(str(error), stacklevel=2)
        team = None
    return Down(stopped=stopped, answers_in=team.url if team else None)


def server_status(store: str) -> ServerStatus:
    """Ask the server that the store's commands talk to.

    Raises:
        StoreError: There is no such store.
        LabelStudioError: It answers, and refuses.
    """
    folder = _folder_of(store)
    server = find_server(folder)
    if read_settings().label_studio_url or stored_credentials(folder):
        credentials = read_credentials(folder=folder)
    elif server is not None:
        credentials = server.credentials
    else:
        return ServerStatus(state="unknown", own=True, store=shown_store(store))
    return _status_of(store, folder, credentials)


def _status_of(store: str, folder: Path, credentials: Credentials) -> ServerStatus:
    own = is_own(folder, credentials)
    try:
        client = connect(credentials)
    except LabelStudioError as error:
        if error.status is not None:
            raise
        return ServerStatus(state="down", own=own, url=credentials.url, store=shown_store(store))
    with client:
        return ServerStatus(
            state="up",
            own=own,
            url=client.url,
            version=client.version,
            user=str(client.user["email"]),
            projects=_counts(client),
            store=shown_store(store),
        )


def use_server(store: str, *, url: str, token: str) -> ServerStatus:
    """Let the store's commands talk to a team's own server, once it knows the token.

    Raises:
        StoreError: There is no such store.
        LabelStudioError: It does not answer, or refuses the token; then nothing is stored.
    """
    folder = _folder_of(store)
    credentials = Credentials(url=url, token=token)
    connect(credentials).close()
    write_credentials(folder, credentials)
    named = read_settings().label_studio_url
    if named and named.rstrip("/") != credentials.url:
        warnings.warn(
            f"WORKBENCH_LABEL_STUDIO_URL is set, and commands talk to {named}: unset it",
            stacklevel=2,
        )
    return _status_of(store, folder, credentials)


def invite(store: str, email: str) -> Invited:
    """Make a login for `email` in the store's own server.

    Raises:
        StoreError: There is no such store.
        LabelStudioError: The store's people answer in a team's server, the store's own is not up, or it
            refuses the name.
    """
    folder = _folder_of(store)
    credentials = read_credentials(folder=folder)
    if not is_own(folder, credentials):
        raise LabelStudioError(
            f"this store's people answer in {credentials.url}, a team's server: its administrators invite "
            f"{email!r} there, on its page Organization"
        )
    with connect(credentials) as client:
        links = _links(client, store, email)  # before: the password is told once
        login = add_annotator(client, email)
    return Invited(url=credentials.url, login=login.email, password=login.password, links=links)


def _links(client: Client, store: str, login: str) -> tuple[str, ...]:
    with Store.open(store, images=read_settings().images, create=False) as opened:
        projects = noted_projects(client, opened)
    own = [
        one
        for one in projects
        if (one.purpose.annotator or "").casefold() == login.strip().casefold()
    ]
    everybodys = [one for one in projects if one.purpose.annotator is None]
    return tuple(one.labelling_url for one in own or everybodys)


def _folder_of(store: str) -> Path:
    with Store.open(store, images=read_settings().images, create=False):
        return server_folder(store)


def _team(folder: Path) -> Credentials | None:
    """Those of a team's server, where the store names one."""
    stored = stored_credentials(folder)
    return None if stored is None or is_own(folder, stored) else stored


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
        for project in sorted(read_projects(client), key=lambda p: int(p["id"]))
    )
