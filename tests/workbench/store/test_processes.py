"""Many writers lose nothing, and a killed one leaves nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from workbench.records import Item
from workbench.store import Store

WRITER = """
import sys
from workbench.records import CriterionScore, Item, Verdict
from workbench.store import Store
address, me = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
new = 0
with Store.open(address) as store:
    for batch in range(10):
        # Half of every batch is also written by the neighbour.
        verdicts = [
            Verdict(
                key=f"v{number}", generation=f"g{number}", judge="j", revision="r", rubric="listing@1",
                scores=(CriterionScore(criterion="c", score=1.0),), failure_modes=("blurred",),
            )
            for number in range(20 * batch + 1000 * me, 20 * batch + 1000 * me + 10)
        ] + [
            Verdict(key=f"shared{number}", generation="g", judge="j", revision="r", rubric="listing@1",
                    scores=())
            for number in (range(20 * batch, 20 * batch + 10))[:: 1 if me % 2 else -1]
        ]
        new += store.add([*verdicts, Item(id="shop/1", category="mugs", price=1.0 * (100 * me + batch))]).new
print(new)
"""

KILLED = """
import sys
import sqlalchemy as sa
from workbench.records import CriterionScore, Item, Verdict
from workbench.store import Store
store = Store.open(sys.argv[1])

@sa.event.listens_for(store._engine, "after_cursor_execute")
def _wait(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO verdict_failure_mode"):
        print("in the middle", flush=True)
        sys.stdin.readline()

items = [Item(id=f"shop/{number}", category="mugs") for number in range(2000)]
verdict = Verdict(key="v1", generation="g1", judge="j", revision="r", rubric="listing@1",
                  scores=(), failure_modes=("blurred",))
print(store.add([*items, verdict]).new)
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_four_writers_lose_nothing(address):
    Store.open(address).close()
    writers = [start(WRITER, address, str(number)) for number in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    new = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    with Store.open(address, create=False) as store:
        verdicts = store.verdicts()
        assert sum(verdicts["key"].str.startswith("shared")) == 100
        assert len(verdicts) == 100 + 4 * 100
        assert len(store.verdicts(failure_mode="blurred")) == 4 * 100
        prices = store.items(history=True)
        assert prices["revision"].tolist() == list(range(1, 41))
        assert sorted(prices["price"]) == [
            100 * writer + batch for writer in range(4) for batch in range(10)
        ]
        assert sum(new) == len(verdicts) + len(prices), "each row was new to one writer"


def test_a_killed_writer_leaves_nothing_half_written(address):
    writer = start(KILLED, address)
    assert writer.stdout.readline() == "in the middle\n"
    with Store.open(address, create=False) as store:
        assert sum(store.counts().values()) == 0, "a reader sees nothing of it, and does not wait"
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert writer.returncode == -signal.SIGKILL
        assert sum(store.counts().values()) == 0
        assert len(store.verdicts(failure_mode="blurred")) == 0
        # The same work, done again, is done wholly.
        again = start(KILLED, address)
        assert again.stdout.readline() == "in the middle\n"
        assert again.communicate("go on\n", timeout=60)[0] == "2001\n"
        assert store.counts()["items"] == 2000
        assert len(store.verdicts(failure_mode="blurred")) == 1


def test_threads_share_a_store(store, make):
    def work(thread):
        for number in range(5):
            store.add(
                [make.generation(key=f"g{number}"), make.item(price=float(10 * thread + number))]
            )
            assert store.find(Item, "shop/1") is not None

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts()["generations"] == 5
    assert store.items(history=True)["revision"].tolist() == list(range(1, 21))


def test_a_forked_child_has_connections_of_its_own(address, tmp_path):
    """In a process of its own, because pytest's threads and forks do not go together."""
    code = """
import os, sys
from workbench.records import Item
from workbench.store import Store
with Store.open(sys.argv[1]) as store:
    store.add([Item(id="parent/1", category="mugs")])
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            try:
                for turn in range(5):
                    store.add([Item(id=f"child/{number}/{turn}", category="mugs")])
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    for turn in range(5):
        store.add([Item(id=f"parent/{turn}", category="mugs")])
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert store.counts()["items"] == 20, store.counts()
"""
    subprocess.run([sys.executable, "-c", code, address], check=True, timeout=120)
