"""The whole job on a real PostgreSQL, with photos in a folder of its own."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.errors import StoreError


def test_a_server_holds_what_a_folder_would(postgres_database, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    place = ["--store", postgres_database, "--images", str(tmp_path / "images"), "--json"]

    def command(*words):
        done = CliRunner().invoke(app, [*words, *place])
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout)

    run = ("run", "listings", "--catalog", "drawn:seed=2,items=12,size=48", "--model", "tiny:vlm",
           "--judge", "tiny:vlm")  # fmt: skip
    first = command(*run)
    assert (first["items"], first["written"], first["judged"]) == (12, 12, 12)
    assert (tmp_path / "report.html").is_file()  # a server has no folder: the page is in this one
    again = command(*run)
    assert again["audit"] == first["audit"]
    counts = command("status")["counts"]
    assert (counts["generations"], counts["verdicts"], counts["audits"]) == (12, 12, 1)
    assert command("judge", "--judge", "tiny:vlm")["judged"] == 0
    assert command("calibrate")["audit"] == first["audit"]
    assert command("report", "--out", str(tmp_path / "p.html"))["page"] == str(tmp_path / "p.html")
    with pytest.raises(StoreError, match="without a place for pictures"):
        done = CliRunner().invoke(app, [*run, "--store", postgres_database])
        raise done.exception
