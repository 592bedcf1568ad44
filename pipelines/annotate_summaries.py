"""What `workbench annotate push` and `pull` say: as words for people, and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from annotation.label_studio import Project, Pulled, PulledProject, Pushed, PushedProject
from pipelines.store_names import store_option
from workbench.records import Annotation

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSummary:
    """What a push did."""

    audit: str
    what: str
    """In words: what the projects ask."""
    pushed: Pushed
    gold: int
    without_output: int
    """Drawn items without a picture or a listing: there is nothing to ask about them."""
    store: str
    answered: int = 0
    """Drawn items that another audit brought answers about, which count here too: they are not asked again."""
    late_gold: int = 0
    """Gold items that were planted when other tasks were there."""
    shared: bool = False
    """Whether several people answer the same items in one project, where they see each other's answers."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "audit": self.audit,
            "created": self.pushed.created,
            "known": self.pushed.known,
            "gold": self.gold,
            "without_output": self.without_output,
            "late_gold": self.late_gold,
            "answered_before": self.answered,
            "left": self.pushed.left,
            "without_account": list(self.pushed.without_account),
            "elsewhere": [
                {"id": project.id, "url": project.url, "annotator": project.purpose.annotator, "items": items}
                for project, items in self.pushed.elsewhere
            ],
            "projects": [
                {
                    "id": one.project.id, "title": one.project.title, "url": one.project.url,
                    "labelling_url": one.project.labelling_url, "annotator": one.project.purpose.annotator, "blind": one.project.purpose.blind,
                    "created": one.created, "known": one.known, "removed": one.removed,
                }
                for one in self.pushed.projects
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [f"Audit {self.audit[:12]}: {self.what}"]
        for one in self.pushed.projects:
            lines.append(f"  project {one.project.id} for {_whose(one.project)}: {_made(one)}")
            lines.append(f"    {one.project.url}")
            lines.append(f"    to answer at once:  {one.project.labelling_url}")
        for project, items in self.pushed.elsewhere:
            are = "is" if items == 1 else "are"
            audit = project.purpose.audit
            by = "" if audit in {None, self.audit} else f" for audit {str(audit)[:12]}"
            lines.append(
                f"{count(items, 'item')} {are} asked in project {project.id} already{by}, of "
                f"{_whose(project)}:  {project.url}"
            )
        if self.answered:
            was = "was" if self.answered == 1 else "were"
            lines.append(
                f"{count(self.answered, 'item')} {was} answered in another audit, which counts here too, and "
                f"{'is' if self.answered == 1 else 'are'} not asked again."
            )
        if self.without_output:
            lines.append(
                f"{count(self.without_output, 'item')} drawn have no output to ask about, and are left out."
            )
        lines += [f"left out: {key[:12]}: {why}" for key, why in self.pushed.left.items()]
        lines += self._warnings()
        lines += self._next()
        return "\n".join(lines)

    def _warnings(self) -> Iterator[str]:
        if any(p.purpose.adjudicates and not p.purpose.annotator for p in self._targets()):
            yield (
                "Everybody is asked, those who disagree too: let a third person settle it, named with "
                "--annotator."
            )
        if self.late_gold:
            yield (
                f"{count(self.late_gold, 'gold item')} came after the others were there, and can be told "
                "by their place at the end: plant gold items with an audit's first push."
            )
        if self.shared:
            yield (
                "People can see each other's answers in a project for everybody, so how they agree is not "
                "of independent answers: name them with --annotator."
            )
        for login in self.pushed.without_account:
            yield (
                f"{login} has no account yet:  workbench labelstudio invite {shlex.quote(login)}"
                f"{store_option(self.store)}"
            )

    def _targets(self) -> list[Project]:
        """Projects in which people are to answer now."""
        pushed = [one.project for one in self.pushed.projects]
        return pushed or [project for project, _ in self.pushed.elsewhere]

    def _next(self) -> Iterator[str]:
        """Who labels where, and the command after that."""
        for project in self._targets():
            who = project.purpose.annotator or "Everybody"
            yield f"{who} opens project {project.id} in a browser and clicks Label All Tasks."
        yield f"When people have answered:  workbench annotate pull{store_option(self.store)}"


def _whose(project: Project) -> str:
    return project.purpose.annotator or "everybody"


def _made(one: PushedProject) -> str:
    """What became of the tasks of one project."""
    if not one.created:
        return f"all {one.known:,} were there already" if one.known else "nothing to ask"
    there = f", {one.known:,} were there already" if one.known else ""
    return f"{count(one.created, 'task')} made{there}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSummary:
    """What a pull brought."""

    pulled: Pulled
    store: str
    contradictions: tuple[str, ...] = ()
    """What is told of each answer that contradicts itself."""

    @property
    def complete(self) -> bool:
        """Whether everything that people said on the server is in the store."""
        return self.pulled.complete and not self.pulled.left

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "stored": self.pulled.stored,
            "projects": [
                {
                    "id": one.project.id, "title": one.project.title, "new": one.new,
                    "changed": one.changed, "deleted": one.deleted, "skipped": one.skipped,
                    "drafts": one.drafts, "vanished": list(one.vanished),
                }
                for one in self.pulled.projects
            ],
            "left": [asdict(one) for one in self.pulled.left],
            "failed": [
                {"id": one.project.id, "title": one.project.title, "reason": one.reason}
                for one in self.pulled.failed
            ],
            "missing": [asdict(one) for one in self.pulled.missing],
        }  # fmt: skip

    def __str__(self) -> str:
        if not (self.pulled.projects or self.pulled.failed or self.pulled.missing):
            return (
                "Nothing was pushed from this store yet. Push an audit:  "
                f"workbench annotate push{store_option(self.store)}"
            )
        lines: list[str] = []
        for one in self.pulled.projects:
            lines += project_lines(one)
        lines += left_lines(self.pulled)
        lines += [str(one) for one in self.pulled.failed]
        if self.pulled.stored:
            lines.append(f"How people agree:  workbench annotate status{store_option(self.store)}")
        elif self.pulled.projects:
            lines.append(
                "Nothing new since the last pull. How far people are:  "
                f"workbench annotate status{store_option(self.store)}"
            )
        return "\n".join(lines)


def project_lines(one: PulledProject) -> Iterator[str]:
    """What a pull brought from one project."""
    brought = [
        f"{number:,} {what}"
        for number, what in ((one.new, "new"), (one.changed, "changed"), (one.deleted, "deleted"))
        if number
    ]
    more = [f"{one.skipped:,} of them skipped"] if one.skipped else []
    more += [f"{count(one.drafts, 'draft')} not sent yet"] if one.drafts else []
    said = "; ".join([", ".join(brought) or "nothing new", *more])
    yield f"Project {one.project.id}, {one.project.title}: {said}"
    for task in sorted({left.task for left in one.left}):
        held = sum(left.task == task for left in one.left)
        yield f"  {held:,} could not be read:  {one.project.url}?task={task}"
    if one.vanished:
        yield f"  {count(len(one.vanished), 'task')} deleted on the server; the answers stand"


def left_lines(pulled: Pulled) -> Iterator[str]:
    """What a pull could not store, and projects that are not there."""
    for left in pulled.left:
        yield f"not stored: answer {left.annotation} to task {left.task}: {left.reason}"
    for gone in pulled.missing:
        yield (f"not there: the project of {gone.name[:18]} was deleted, or is on another server")


def count(number: int, what: str) -> str:
    """Such as `1 item` and `1,200 items`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def contradictions(store: Store, pulled: Pulled) -> list[str]:
    """What is told of each answer that contradicts itself: who gave it, where it is, and why."""
    found = []
    for one in pulled.projects:
        for wrong in one.contradictory:
            said = store.find(Annotation, f"{one.project.prefix}{wrong.task}/{wrong.annotation}")
            by = f" of {said.annotator}" if said else ""
            found.append(
                f"answer {wrong.annotation}{by} to task {wrong.task} of {one.project.title} contradicts itself: "
                f"{'; '.join(wrong.reasons)}\n    {one.project.url}?task={wrong.task}"
            )
    return found
