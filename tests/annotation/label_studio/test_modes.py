"""An audit is asked blind or with the judge's answers: one push at a time, and the other mode when all is answered."""

from __future__ import annotations

import pytest

from annotation.label_studio import Purpose, Question, push
from annotation.label_studio._sharing import lease_of
from workbench.errors import LabelStudioError


def test_both_modes_of_an_audit_hold_one_lease():
    def lease(**said):
        return lease_of(
            Purpose(**({"kind": "image", "rubric": "r@1", "name": "n", "blind": True} | said))
        )

    assert lease(audit="a") == lease(audit="a", blind=False) == lease(audit="a", annotator="x")
    assert lease(audit="a") != lease(audit="b")
    assert lease() == lease(annotator="x") != lease(name="other")


def test_a_task_is_finished_when_it_has_all_its_answers(desk):
    at = desk(8, 4, per_item=2)
    asked = [Question(generation=g.key) for g in at.audit.generations]

    def ask():
        return push(at.client, at.store, asked, **at.options | {"blind": False})

    for task in at.tasks:
        at.say(task)
    at.say(at.tasks[0], by=at.second, cancelled=True)
    with pytest.raises(LabelStudioError, match=rf"4 of its tasks wait .*withdraw {at.project.id}`"):
        ask()
    for task in at.tasks:
        at.say(task, by=at.second)
    done = ask()
    assert done.created == 4
    at.client.delete_project(done.projects[0].project.id)
