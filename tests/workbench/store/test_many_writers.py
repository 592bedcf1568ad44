"""Eight processes write 5,000 verdicts each into one store, as a judge on eight machines would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.store import Store

pytestmark = pytest.mark.slow

WRITERS, VERDICTS, CHUNK = 8, 5000, 50
WRITER = f"""
import sys
from workbench.records import CriterionScore, Verdict
from workbench.store import Store
address, me = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
new = known = 0

def verdict(key):
    return Verdict(key=key, generation="g" + key, judge="j", revision="r", rubric="listing@1",
                   scores=(CriterionScore(criterion="c", score=1.0, distribution=(0.0, 1.0)),),
                   failure_modes=("blurred",), approved=False, confidence=0.25)

with Store.open(address) as store:
    for start in range(0, {VERDICTS}, {CHUNK}):
        # A tenth of every chunk is the neighbour's work too: both were given the same items.
        keys = [f"{{me}}/{{n}}" for n in range(start, start + {CHUNK})]
        shared = [f"{{(me + 1) % {WRITERS}}}/{{n}}" for n in range(start, start + {CHUNK} // 10)]
        added = store.add(verdict(key) for key in [*keys, *shared])
        new, known = new + added.new, known + added.known
print(new, known)
"""


def test_all_are_there_and_none_twice(address):
    Store.open(address).close()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, address, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=900)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    new, known = (sum(int(one[place]) for one in said) for place in (0, 1))
    with Store.open(address, create=False) as store:
        keys = store.verdicts()["key"]
        assert set(keys) == {f"{me}/{n}" for me in range(WRITERS) for n in range(VERDICTS)}
        assert len(keys) == WRITERS * VERDICTS == new, "each was new to exactly one writer"
        assert known == WRITERS * VERDICTS // 10
        assert len(store.verdicts(failure_mode="blurred")) == WRITERS * VERDICTS
