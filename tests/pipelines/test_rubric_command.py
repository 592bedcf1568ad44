"""`workbench rubric` from end to end on a finished run, with the real judge made of heads."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.calibration.audited import find_audit, rubric_of
from workbench.evolution import Edit, add_proposal, proposal_key
from workbench.records import RubricProposal
from workbench.store import Store


@pytest.fixture
def store(finished, tmp_path, monkeypatch):
    """A copy of the finished run's store, with its cache."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(finished.folder / "cache"))
    shutil.copytree(finished.folder / "store", tmp_path / "store")
    return tmp_path / "store"


def workbench(*words):
    return CliRunner().invoke(app, ["rubric", *map(str, words)])


def stricter(folder):
    """A person's own proposal: the colour has to be surer."""
    import dataclasses

    with Store.open(folder) as opened:
        audit = find_audit(opened)
        rubric = rubric_of(opened, audit.rubric)
        color = dataclasses.replace(rubric.criterion("color"), threshold=1.8)
        proposal = RubricProposal(
            key="", rubric=rubric.label, audit="", kind="changed threshold", about="color",
            edit=Edit(criterion=color).to_dict(), sentence="Be surer of the colour.",
        )  # fmt: skip
        proposal = dataclasses.replace(proposal, key=proposal_key(proposal))
        add_proposal(opened, proposal)
    return proposal.key


def test_propose_decide_prove_use_history(store):
    proposed = workbench("propose", "--store", store, "--json")
    assert proposed.exit_code == 0, proposed.output
    assert "proposals" in json.loads(proposed.stdout)
    key = stricter(store)
    decided = workbench(
        "decide", key[:10], "--accept", "--by", "ada", "--why", "Colours.", "--store", store
    )
    assert decided.exit_code == 0 and "1 of listing@1 stand accepted" in decided.stdout
    proved = workbench("prove", "--by", "ada", "--store", store, "--quiet")
    assert proved.exit_code == 0, (proved.output, proved.exception)
    assert proved.stdout.startswith("listing@2 on ") and "held-out answers" in proved.stdout
    assert max(map(len, proved.stdout.splitlines())) <= 80
    used = CliRunner().invoke(
        app, ["rubric", "use", "listing@2", "--by", "ada", "--why", "x", "--store", str(store)]
    )
    assert used.exit_code != 0 and "listing@2 cannot become current: on " in str(used.exception)
    told = workbench("history", "listing", "--store", store)
    assert max(map(len, told.stdout.splitlines())) <= 80
    for words in ("listing@2 was tested, by ada", "listing@2 was made, by ada", "threshold 1.5 → 1.8",
                  "Colours.", "not proved:"):  # fmt: skip
        assert words in told.stdout
    assert (
        len(
            json.loads(workbench("history", "listing", "--store", store, "--json").stdout)[
                "history"
            ]
        )
        == 3
    )
