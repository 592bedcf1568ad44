"""The verdict that was stored last, without a table of all."""

from __future__ import annotations

import subprocess
import sys

from workbench.records import Generation, Verdict
from workbench.store import Store


def verdict(key, generation, rubric="listing@1"):
    return Verdict(
        key=key, generation=generation, judge="j", revision="1", rubric=rubric,
        approved=True, confidence=None, scores=(),
    )  # fmt: skip


def test_the_verdict_that_was_stored_last_stands(tmp_path):
    made = [
        Generation(key=k, kind="image", category="mugs", model="m", revision="1", prompt="p")
        for k in "abcd"
    ]
    with Store.open(tmp_path / "store") as store:
        store.add([*made, verdict("2", "a"), verdict("3", "b"), verdict("4", "c", "listing@2")])
        store.add([verdict("1", "a")])
        found = store.latest_verdicts(["b", "a", "c", "d", "a"], rubric="listing@1")
        assert {name: one.key for name, one in found.items()} == {"a": "1", "b": "3"}
        frame = store.decisions(generation=["a", "b", "c", "d"], rubric="listing@1")
        assert dict(zip(frame["generation"], frame["key"], strict=True)) == {"a": "1", "b": "3"}
        assert store.latest_verdicts([], rubric="listing@1") == {}


def test_no_table_library_is_loaded_for_it(tmp_path):
    code = (
        "import sys; from workbench.store import Store\n"
        "with Store.open(sys.argv[1]) as store: store.latest_verdicts(['a'], rubric='r@1')\n"
        "print('pandas' in sys.modules)"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "store")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"
