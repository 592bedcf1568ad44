"""Projects: found again by a key of our own, whoever made them and wherever a run was killed.

The key is in the last line of a project's description, and the store notes which project has it. Either of
the two is enough: a run that was killed before it noted a project finds the line, and a project whose
description somebody rewrote is found by the note.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from annotation.label_studio._lists import read_projects
from workbench.errors import ConflictError
from workbench.records import content_key

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from annotation.label_studio.interfaces import Interface, Kind
    from workbench.store import Store

_LINE = re.compile(r"^catalog-workbench: (\{.*\})\s*$", re.MULTILINE)
_NOTE = "label_studio/project/"
_WITHDRAWN = "label_studio/withdrawn/"
_LONGEST_TITLE = 50
_BEGINS = re.compile(r"\A[\d,]+ \w+ to \w+ by rubric .*$", re.MULTILINE)
"""What `description_of` writes."""
_WHAT: Mapping[Kind, tuple[str, str, str]] = {
    "image": ("image", "images", "check"),
    "listing": ("listing", "listings", "check"),
    "pair": ("pair", "pairs", "compare"),
    "correction": ("output", "outputs", "correct"),
    "alignment": ("listing", "listings", "compare"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a project is for; two pushes with equal ones mean the same project."""

    kind: Kind
    rubric: str
    """`<name>@<version>`."""
    name: str
    """Such as `audit <id>`; two purposes with different names never share a project."""
    blind: bool
    """True where nobody sees the judge's answer."""
    audit: str | None = None
    adjudicates: bool = False
    """True where the answers count instead of those that they settle."""
    annotator: str | None = None
    """Whom the project is for; None: for everybody."""
    catalog: str | None = field(default=None, compare=False)
    """Catalogue of the items, whose schema the page follows; no part of what the project is for."""

    @property
    def key(self) -> str:
        """64 hex digits."""
        said = asdict(self)
        del said["catalog"]
        return content_key("label studio project", said)

    def line(self) -> str:
        """The line that a project's description carries."""
        return f"catalog-workbench: {json.dumps(asdict(self), sort_keys=True)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of ours on a server."""

    id: int
    fingerprint: str
    """Tells it from a project with the same number on another server: 12 hex digits, from the moment at
    which the server made it. It stays when a server moves to another address."""
    title: str
    purpose: Purpose
    url: str
    """Where people work on it."""

    @property
    def labelling_url(self) -> str:
        """Where the first open task of the project is answered at once."""
        return f"{self.url}?labeling=1"

    @property
    def prefix(self) -> str:
        """How the ids of its annotations begin."""
        return f"label_studio:{self.fingerprint}/{self.id}/"


def noted_projects(client: Client, store: Store) -> tuple[Project, ...]:
    """Projects on this server that were pushed from `store`, in the order of their numbers.

    Raises:
        LabelStudioError: The server refuses.
    """
    notes = _notes(store)
    listed = ((shown, notes.get(fingerprint_of(shown))) for shown in _listed(client))
    return tuple(_project(client, shown, purpose) for shown, purpose in listed if purpose)


def noted_names(store: Store) -> frozenset[str]:
    """A name for every project that was ever pushed from `store`; asks no server."""
    return frozenset(store.cursors(_NOTE))


def standing_projects(store: Store) -> tuple[tuple[Purpose, bool], ...]:
    """The purpose of every project that was ever pushed from `store`, and whether it was not withdrawn since.

    Asks no server: one that somebody deleted there stands.
    """
    gone = _withdrawn(store)
    return tuple((purpose, name not in gone) for name, purpose in _notes(store).items())


def find_projects(client: Client, store: Store) -> tuple[Project, ...]:
    """Projects of ours on this server, in the order of their numbers: noted in `store`, or marked by their line."""
    notes = _notes(store)
    found = []
    for shown in _listed(client):
        said = notes.get(fingerprint_of(shown)) or _read(shown.get("description") or "")
        if said is not None:
            found.append(_project(client, shown, said))
    return tuple(found)


def find_project(client: Client, store: Store, purpose: Purpose) -> Project | None:
    """The project with this purpose, noted or marked; None where the server has none."""
    return next((one for one in find_projects(client, store) if one.purpose == purpose), None)


def missing_projects(client: Client, store: Store) -> tuple[Purpose, ...]:
    """Purposes that the store notes and this server has no project for: deleted, or on another server.

    Those that were withdrawn are not missed.
    """
    there = {fingerprint_of(shown) for shown in _listed(client)}
    there |= _withdrawn(store)
    return tuple(purpose for name, purpose in _notes(store).items() if name not in there)


def title_of(purpose: Purpose, interface: Interface, *, others: Collection[str] = ()) -> str:
    """A new project's title: at most 50 characters, and no word is cut while there is another way.

    Args:
        purpose: What the project is for.
        interface: Its page, whose title says what people do there.
        others: Logins of everybody who is asked; where two begin alike, titles have them whole.
    """
    what = interface.title.rpartition(" · ")[2]
    audit = "" if purpose.audit is None else purpose.audit[:6]
    now = datetime.now(UTC)
    who = whole = purpose.annotator or ""
    begin = who.partition("@")[0]
    if sum(other.partition("@")[0] == begin for other in others) < 2:
        who = begin
    who = who[:1].upper() + who[1:]
    judged = [
        "" if purpose.blind else said for said in (" with the judge's answers", " with judge")
    ]
    day = f"{now.day} {now:%b}"
    tried = [
        [who, what + judged[0], day, audit], [who, what + judged[0], audit],
        [who, what + judged[1], audit], [who, what.split(" ")[-1] + judged[1], audit],
        [whole[:12] + "…", what.split(" ")[-1] + judged[1], audit],
    ]  # fmt: skip
    titles = [" · ".join(part for part in parts if part) for parts in tried]
    title = next((one for one in titles if len(one) <= _LONGEST_TITLE), titles[-1])
    return title[:1].upper() + title[1:]


def description_of(purpose: Purpose, tasks: int) -> str:
    """The first line of a project's description: what people do there."""
    one, many, do = _WHAT[purpose.kind]
    if purpose.adjudicates:
        one, many, do = "dispute", "disputes", "settle"
    rubric, _, version = purpose.rubric.rpartition("@")
    return f"{tasks:,} {one if tasks == 1 else many} to {do} by rubric {rubric} {version}."


def ensure_project(
    client: Client, store: Store, purpose: Purpose, *, title: str, words: str
) -> Project:
    """The project with this purpose, made where the server has none, and noted in the store.

    It has no page yet where it was made now, so that pictures can be uploaded: see `configure`. The caller
    holds a lease, so that two of ours do not make it at the same time.

    Args:
        client: The server.
        store: Takes the note.
        purpose: What it is for.
        title: 3 to 50 characters, for a new one.
        words: How the description of a new one begins.

    Raises:
        LabelStudioError: The server refuses.
    """
    project = find_project(client, store, purpose)
    if project is None:
        made = client.create_project(
            {
                "title": title,
                "description": f"{words}\n\nMade by Catalog Workbench: {purpose.name}"
                f"{f', for {purpose.annotator}' if purpose.annotator else ''}. "
                f"The last line tells it which project this is; leave it here.\n\n{purpose.line()}",
                "enable_empty_annotation": False,
                "show_collab_predictions": not purpose.blind,
                "show_instruction": True,
            }
        )
        project = _project(client, made, purpose)
    _note(store, project)
    return project


def configure(
    client: Client,
    project: Project,
    interface: Interface,
    *,
    words: str,
    per_item: int,
    about: str,
) -> None:
    """Give the project its page, its instructions (HTML `words`) and its overlap, where it has others.

    Its description begins with `about` from now on, unless somebody has rewritten how it begins.

    Raises:
        LabelStudioError: The server refuses the page: answers are there that it could not have brought.
    """
    wanted: dict[str, object] = {
        "label_config": interface.config,
        "expert_instruction": words,
        "maximum_annotations": per_item,
    }
    shown = client.get(f"/api/projects/{project.id}", doing=f"read project {project.id}")
    description = shown.get("description") or ""
    if _BEGINS.match(description):
        wanted["description"] = _BEGINS.sub(lambda _: about, description, count=1)
    if changed := {name: value for name, value in wanted.items() if shown.get(name) != value}:
        client.request(
            "PATCH",
            f"/api/projects/{project.id}",
            doing=f"give project {project.id} its page",
            json=changed,
            repeatable=True,
        )


def fingerprint_of(shown: Mapping[str, Any]) -> str:
    """See `Project.fingerprint`."""
    return content_key("label studio", shown["id"], shown["created_at"])[:12]


def note_withdrawn(client: Client, store: Store, project: Project, *, gone: bool) -> None:
    """Keep that the project is being withdrawn; where it is `gone` by that, it is missed no more."""
    from workbench.store import Advance

    said = json.dumps(
        {
            "project": project.id,
            "title": project.title,
            "server": client.fingerprint,
            "gone": gone,
        }
    )
    name = _WITHDRAWN + project.fingerprint
    with contextlib.suppress(ConflictError):  # somebody else noted the same
        store.add([], advance=Advance(name=name, before=store.cursor(name), after=said))


def end_withdrawal(client: Client, store: Store, number: int) -> str | None:
    """Title of the latest project of this number that was withdrawn from this server, and is missed no more.

    None where there is none. A number is never given twice: where the server has a project of it, the one that
    was withdrawn was another server's.
    """
    from workbench.store import Advance

    if any(int(shown["id"]) == number for shown in _listed(client)):
        return None
    for name, text in reversed(list(store.cursors(_WITHDRAWN).items())):
        said = json.loads(text)
        server = said.get("server", client.fingerprint)
        if said["project"] == number and server == client.fingerprint:
            ended = json.dumps(said | {"gone": True})
            with contextlib.suppress(ConflictError):  # somebody else ended it too
                store.add([], advance=Advance(name=name, before=text, after=ended))
            return str(said["title"])
    return None


def _withdrawn(store: Store) -> set[str]:
    """Fingerprints of the projects that a withdrawal took off their servers."""
    return {
        name.removeprefix(_WITHDRAWN)
        for name, said in store.cursors(_WITHDRAWN).items()
        if json.loads(said).get("gone", True)
    }


def _note(store: Store, project: Project) -> None:
    from workbench.store import Advance

    name = _NOTE + project.fingerprint
    step = Advance(name=name, before=store.cursor(name), after=project.purpose.line())
    with contextlib.suppress(ConflictError):  # somebody else noted the same
        store.add([], advance=step)


def _notes(store: Store) -> dict[str, Purpose]:
    """Fingerprint to purpose of every project that the store ever noted."""
    read = {name: _read(line) for name, line in store.cursors(_NOTE).items()}
    return {name.removeprefix(_NOTE): purpose for name, purpose in read.items() if purpose}


def _listed(client: Client) -> list[Mapping[str, Any]]:
    """Every project of the server, the oldest first: of two with one purpose, all who ask mean the first."""
    asked = {"include": "id,title,description,created_at"}
    found = read_projects(client, asked)
    return sorted(found, key=lambda shown: int(shown["id"]))


def _read(text: str) -> Purpose | None:
    """The purpose that a line of `text` tells; None where there is none of ours, or a damaged one."""
    line = _LINE.search(text)
    if line is None:
        return None
    with contextlib.suppress(ValueError, TypeError):
        return Purpose(**json.loads(line[1]))
    return None


def _project(client: Client, shown: Mapping[str, Any], purpose: Purpose) -> Project:
    number = int(shown["id"])
    return Project(
        id=number,
        fingerprint=fingerprint_of(shown),
        title=str(shown["title"]),
        purpose=purpose,
        url=f"{client.url}/projects/{number}/data",
    )
