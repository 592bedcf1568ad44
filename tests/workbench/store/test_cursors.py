"""A cursor moves together with what was read, or neither is stored; a lease is held by one process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from workbench.errors import ConflictError, StoreError
from workbench.records import Item
from workbench.store import Added, Advance, Store, _leases


def step(before, after):
    return Advance(name="shelf", before=before, after=after)


def test_records_and_cursor_are_one_step(store, make):
    assert store.cursor("shelf") is None
    assert store.add([make.item()], advance=step(None, "10")) == Added(new=1, known=0)
    assert store.add([], advance=step("10", "20")) == Added(new=0, known=0)
    assert store.add([make.item()], advance=step("20", "20")) == Added(new=0, known=1)
    assert (store.cursor("shelf"), store.cursor("another")) == ("20", None)


def test_cursors_are_found_by_the_beginning_of_their_name(store):
    for name, steps in (("a/1", ("x", "y")), ("a/2", ("z",)), ("a_2", ("no",)), ("b", ("no",))):
        for before, after in zip((None, *steps), steps, strict=False):
            store.add([], advance=Advance(name=name, before=before, after=after))
    assert store.cursors("a/") == {"a/1": "y", "a/2": "z"}
    assert store.cursors("a_") == {"a_2": "no"}


def test_who_read_from_an_older_place_stores_nothing(store, make):
    store.add([], advance=step(None, "10"))
    for wrong in (None, "9"):
        with pytest.raises(ConflictError, match=r"cursor 'shelf' is at '10', not at .*read again"):
            store.add([make.item(id="shop/2")], advance=step(wrong, "11"))
    assert store.find(Item, "shop/2") is None
    assert store.cursor("shelf") == "10"


def test_a_conflict_of_records_leaves_the_cursor(store, make):
    store.add([make.generation()], advance=step(None, "10"))
    with pytest.raises(ConflictError, match="'g1' is stored already with another text"):
        store.add([make.generation(text="another")], advance=step("10", "20"))
    assert store.cursor("shelf") == "10"


HOLD = """
import sys, time
from workbench.store import Store
with Store.open(sys.argv[1]) as store, store.alone("push"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lease_is_held_by_one_and_ends_with_a_killed_process(address, store, make, monkeypatch):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, address], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        monkeypatch.setattr(_leases, "WAIT_SECONDS", 0.3)
        refused = pytest.raises(StoreError, match="'push' is being done by another process")
        with refused, store.alone("push"):
            pytest.fail("two hold one lease")
        with store.alone("pull"):
            store.add([make.item()])  # a lease hinders no writer
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    monkeypatch.undo()
    began = time.monotonic()
    with store.alone("push"), Store.open(address) as other, other.alone("pull"):
        assert time.monotonic() - began < 30
    with store.alone("push"):
        pass
