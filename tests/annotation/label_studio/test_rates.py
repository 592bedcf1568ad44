"""The rates that Label Studio's round trip is held to, at 10,000 tasks on a real server."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from workbench.store import Store


@pytest.fixture
def benchmark(repository):
    name = "benchmarks_label_studio"
    spec = importlib.util.spec_from_file_location(name, repository / "benchmarks/label_studio.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_tasks_cost_what_the_server_takes_for_them(client, tmp_path, benchmark):
    with Store.open(tmp_path / "store") as store:
        found = benchmark.measure(client, store, 10_000, 100)
    assert found["push_of_raw"] >= benchmark.PUSH_OF_RAW, found
    assert found["push_again_seconds"] < benchmark.AGAIN_SECONDS, found
    assert found["pull_changed_seconds"] < benchmark.CHANGED_SECONDS, found
