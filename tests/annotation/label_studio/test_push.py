"""Questions become tasks of real projects, each once, whatever is pushed how often."""

from __future__ import annotations

import pytest

from annotation.label_studio import _tasks
from annotation.label_studio.interfaces import build_interface
from annotation.label_studio.push import Question, push


@pytest.fixture
def pushed(client, pictures, media):
    """`pushed(judged, drawn, **options)`: an audit as projects, which are removed."""
    made = []

    def make(judged=8, drawn=5, *, of=None, **options):
        audit = of or pictures(judged, drawn)
        given = {
            "name": f"audit {audit.audit.id}",
            "interface": build_interface("image", audit.rubric),
            "audit": audit.audit.id,
            "media": media,
        } | options
        questions = options.pop("questions", None) or [
            Question(generation=g.key) for g in audit.generations
        ]
        given.pop("questions", None)
        done = push(client, audit.store, questions, **given)
        made.extend(one.project.id for one in done.projects)
        return audit, done

    yield make
    for number in dict.fromkeys(made):
        client.request("DELETE", f"/api/projects/{number}", doing="remove a project")


def tasks_of(client, project):
    return list(_tasks.read_tasks(client, project))


def test_an_audit_becomes_a_project_once(client, pushed):
    audit, done = pushed()
    (one,) = done.projects
    assert (done.created, done.known, one.removed) == (5, 0, 0)
    assert {t["data"]["generation"] for t in tasks_of(client, one.project.id)} == {
        g.key for g in audit.generations
    }
    _, again = pushed(of=audit)
    assert (again.created, again.known) == (0, 5)
    assert again.projects[0].project == one.project
