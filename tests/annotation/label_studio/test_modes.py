"""An output is asked about blind or with the judge's answers, whichever audits drew it, and by nobody twice."""

from __future__ import annotations

import pytest

from annotation.label_studio import Question, push
from pipelines.annotate import Connected, PushJob, push_audit
from workbench.calibration.audited import draw_from, grow_from
from workbench.calibration.audits.population import latest_selection
from workbench.errors import LabelStudioError


def test_a_task_is_finished_when_it_has_all_its_answers(desk):
    at = desk(8, 4, per_item=2)
    asked = [Question(generation=g.key) for g in at.audit.generations]

    def ask():
        return push(at.client, at.store, asked, **at.options | {"blind": False})

    for task in at.tasks:
        at.say(task)
    at.say(at.tasks[0], by=at.second, cancelled=True)
    with pytest.raises(
        LabelStudioError, match=rf"about 4 of the same outputs blind.*withdraw {at.project.id}`"
    ):
        ask()
    for task in at.tasks:
        at.say(task, by=at.second)
    done = ask()
    assert done.created == 4
    at.client.delete_project(done.projects[0].project.id)


@pytest.fixture
def ask(client, media):
    """Pushes an audit, by its record; the projects are removed."""
    made = {}

    def push_one(store, audit, **job):
        store.add([audit])
        studio = Connected(client=client, media=media, store="shop")
        summary = push_audit(store, studio, PushJob(audit=audit.id, **job))
        made.update((one.project.id, one) for one in summary.pushed.projects)
        return summary

    yield push_one
    for number in made:
        client.delete_project(number)


def other_audit(at, *, size, seed):
    return draw_from(at.store, latest_selection(at.store, part=None), size=size, seed=seed)


def test_a_grown_audit_is_not_asked_in_the_other_mode(pictures, ask):
    at = pictures(16, 4)
    grown = grow_from(at.store, at.audit, size=6)
    ask(at.store, at.audit, blind=False)
    with pytest.raises(LabelStudioError, match="shows the judge's answers about 4 of the same"):
        ask(at.store, grown)


def test_the_judge_is_not_shown_where_a_grown_audit_waits_for_blind_answers(pictures, ask):
    at = pictures(16, 4)
    grown = grow_from(at.store, at.audit, size=6)
    ask(at.store, grown)
    with pytest.raises(LabelStudioError, match="asks about 4 of the same outputs blind"):
        ask(at.store, at.audit, blind=False)


def test_two_audits_without_a_common_output_are_asked_in_both_modes(pictures, ask):
    at = pictures(24, 4)
    ours = {item.generation for item in at.audit.drawn}
    others = (other_audit(at, size=4, seed=seed) for seed in range(2, 200))
    apart = next(one for one in others if not ours & {item.generation for item in one.drawn})
    assert ask(at.store, at.audit).pushed.created == 4
    assert ask(at.store, apart, blind=False).pushed.created == 4
    others = (other_audit(at, size=4, seed=seed) for seed in range(200, 400))
    both = next(one for one in others if len(ours & {item.generation for item in one.drawn}) == 1)
    with pytest.raises(LabelStudioError, match="about 1 of the same outputs blind"):
        ask(at.store, both, blind=False)


def test_what_an_open_project_asks_is_not_asked_again_for_a_grown_audit(pictures, ask):
    at = pictures(16, 4)
    first = ask(at.store, at.audit).pushed.projects[0].project
    grown = grow_from(at.store, at.audit, size=6)
    told = ask(at.store, grown)
    assert told.pushed.created == 2
    assert f"4 items are asked in project {first.id} already for audit {at.audit.id[:12]}" in str(
        told
    )
    assert ask(at.store, grown).pushed.created == 0
    twice = ask(at.store, grown, per_item=2)
    assert twice.pushed.created == 4, "one more of each, in the project of the grown audit"
