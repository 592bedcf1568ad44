"""Answers whose parts do not fit each other: stored as given, counted and shown by the pull that brings them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.records import Annotation


@pytest.fixture
def pulled(monkeypatch, server):
    """What `workbench annotate pull` prints."""
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)

    def run(at, *options):
        store = at.store.url.removesuffix("/workbench.db").removeprefix("sqlite:///")
        done = CliRunner().invoke(app, ["annotate", "pull", "--store", store, *options])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    return run


def blocking(at):
    """A failure mode that refuses whatever else is said."""
    modes = (m.id for m in at.audit.rubric.failure_modes if m.blocks and m.id in at.modes)
    return next(modes)


def test_an_answer_that_contradicts_itself_is_stored_and_told(desk):
    at = desk()
    strange, plain, skipped = at.tasks[:3]
    mode = blocking(at)
    number = at.say(strange, failure_modes=(mode,))
    at.say(plain)
    at.say(skipped, cancelled=True, failure_modes=(mode,))
    found = at.pull()
    assert (found.new, found.left) == (3, ())
    (one,) = found.contradictory
    assert (one.project, one.task, one.annotation) == (at.project.id, strange["id"], number)
    assert f"approved with failure mode {mode!r}" in one.reasons[0]
    assert at.store.find(Annotation, at.id(strange, number)).failure_modes == (mode,)
    assert at.pull().contradictory == (), "told once"
    at.change(strange, number, approved=True)
    found = at.pull()
    assert (found.changed, found.contradictory) == (1, ())


def test_the_command_says_how_many_contradict_themselves_and_shows_the_first(desk, pulled):
    at = desk()
    mode = blocking(at)
    assert "contradict" not in pulled(at)
    number = at.say(at.tasks[0], failure_modes=(mode,))
    assert "1 answer contradicts itself; it is stored as given:\n" in pulled(at)
    at.change(at.tasks[0], number, failure_modes=(mode,), note="again")
    for task in at.tasks[1:]:
        at.say(task, failure_modes=(mode,))
    lines = pulled(at).splitlines()
    place = lines.index("4 answers contradict themselves; they are stored as given:")
    told = lines[place + 1 : place + 7]
    assert all(
        "  answer " in line and f"approved with failure mode {mode!r}" in line for line in told[::2]
    )
    assert all(f"of {at.client.user['email']} to task" in line for line in told[::2])
    assert all(at.project.title in line for line in told[::2])
    assert told[1].strip() == f"{at.project.url}?task={at.tasks[0]['id']}"
    assert lines[place + 7] == "  and 1 more (--json lists them)"
    at.change(at.tasks[0], number, failure_modes=(mode,), note="and again")
    (one,) = json.loads(pulled(at, "--json"))["contradictory"]
    assert (one["annotation"], one["task"]) == (number, at.tasks[0]["id"])
