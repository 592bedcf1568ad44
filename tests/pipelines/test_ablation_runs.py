"""The whole ablation from end to end with the starter model, a step an arm: stopped, gone on with, done once."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.ablation_arms import ARMS
from pipelines.cli import app
from workbench.records import PreferencePair
from workbench.store import Store


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_one_command_trains_every_arm_once_and_leaves_a_page(tmp_path):
    store = tmp_path / "store"
    arguments = [
        "listings", "ablate", "-c", "drawn:seed=7,items=32,size=64", "-s", str(store), "--steps", "1",
        "--more-steps", "1", "--batch", "4", "--seeds", "1", "--json",
    ]  # fmt: skip
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout[told.stdout.index("{") :])
    trained = set(result["arms"]["held out"]) - {"retrieval", "start"}
    assert trained == {arm.id for arm in ARMS}
    assert result["arms"]["held out"]["dpo"]["aspect_f1"]["reason"].startswith("only one seed")
    assert (store / "ablation" / "ablation.html").is_file()
    with Store.open(store) as opened:
        counts = dict(opened.counts())
        assert counts["pairs"] == len(list(opened.records(PreferencePair))) == sum(result["pairs"])
    done = {p: p.stat().st_mtime_ns for p in store.glob("ablation/seed-0/*/trained.json")}
    assert len(done) == len(ARMS)
    lineage = (store / "ablation/seed-0/dpo/lineage.jsonl").read_text().splitlines()
    assert all(json.loads(line)["made_from"] for line in lineage)

    # One arm is lost: it alone is trained again, to the same figures.
    (store / "ablation/seed-0/mace/trained.json").unlink()
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.output
    data = json.loads(again.stdout[again.stdout.index("{") :])
    assert data["arms"] == result["arms"]
    kept = {p: p.stat().st_mtime_ns for p in done}
    assert [p.parent.name for p in done if kept[p] != done[p]] == ["mace"]
    with Store.open(store) as opened:
        after = opened.counts()
        assert after["pairs"] == counts["pairs"]
        # Only the arm that was trained again is another folder, and answers once more.
        assert after["generations"] - counts["generations"] in {0, result["held_out"]}
