"""Threads that ask the same servers share their room, and pieces of a run are asked about together."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.places import make_missing
from pipelines.recorder import record
from workbench.errors import ModelError
from workbench.models import Decoding, Prompt
from workbench.models.openai_server import OpenAIServer
from workbench.models.server_turns import Crowd, Server, Turns
from workbench.records import Generation, RunEvent
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def ask(model, *texts):
    return model.complete([Prompt(text=text) for text in texts], Decoding())


def asking(model):
    """Work on a piece of texts: a listing of each, and of a text `broken` an error."""

    def work(texts):
        if "broken" in texts:
            raise ModelError("broken on purpose")
        return [
            Generation(
                key=text, kind="listing", item=text, category="Tees", model="test", revision="1",
                prompt=text, text=answer.text, cost=answer.cost,
            )
            for text, answer in zip(texts, ask(model, *texts), strict=True)
        ]  # fmt: skip

    return work


def test_threads_share_the_room_of_their_servers(several_misbehaving):
    one, other = several_misbehaving
    model = OpenAIServer(f"{one.url},{other.url}", "odd", concurrency=3)
    assert model.model == "odd"
    began = time.perf_counter()
    with ThreadPoolExecutor(5) as pool:
        batches = [[f"ok:0.03 {n}/{place}" for place in range(14)] for n in range(5)]
        answers = [
            a for several in pool.map(lambda texts: ask(model, *texts), batches) for a in several
        ]
    passed = time.perf_counter() - began
    assert [answer.error for answer in answers] == [None] * 70
    assert len(one.bodies) + len(other.bodies) == 70
    assert (one.most_at_once, other.most_at_once) == (3, 3)
    # Seconds in which several batches were under way are shared, not counted for each.
    assert 0.5 * passed < sum(answer.cost.seconds for answer in answers) <= passed


def test_a_thread_that_waits_hears_of_room_that_another_leaves(misbehaving):
    model = OpenAIServer(misbehaving.url, "odd", concurrency=1)
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(lambda n: ask(model, f"ok:0.05 {n}"), range(40)):
            assert answers[0].error is None
    assert misbehaving.most_at_once == 1


def test_a_server_that_was_full_for_one_thread_rests_for_all(misbehaving):
    misbehaving.room = 2
    model = OpenAIServer(misbehaving.url, "odd")
    with ThreadPoolExecutor(4) as pool:
        texts = [[f"ok:0.02 {n}/{place}" for place in range(25)] for n in range(4)]
        answers = [a for several in pool.map(lambda t: ask(model, *t), texts) for a in several]
    assert [answer.error for answer in answers] == [None] * 100
    assert misbehaving.refused < 60, "of 100: fewer are sent from then on"


def test_the_slowest_is_sent_twice_although_each_batch_is_small(several_misbehaving):
    one, other = several_misbehaving
    model = OpenAIServer(f"{one.url},{other.url}", "odd", concurrency=4)
    for batch in range(6):
        ask(model, *[f"ok:0.01 {batch}/{place}" for place in range(5)])
    began = time.monotonic()
    (answer,) = ask(model, "hang:20 ok:0.01")
    assert answer.error is None and time.monotonic() - began < 10
    assert answer.cost.completion_tokens == 6, "what the one that lost may have written counts"


def test_what_other_threads_ask_can_be_called_off(misbehaving):
    model = OpenAIServer(misbehaving.url, "odd")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, model, *["hang:60 ok"] * 4)
        while misbehaving.at_once < 1:
            time.sleep(0.01)
        model.call_off()
        assert isinstance(asked.exception(10), asyncio.CancelledError)
    assert ask(model, "ok")[0].error is None, "and it can be asked again"


def test_a_rest_that_ends_while_places_are_dealt_is_not_slept_through(monkeypatch):
    """Another thread may be given the processor between looking at the clock and setting the alarm."""
    set_alarm = Turns._wake_up_later
    monkeypatch.setattr(
        Turns, "_wake_up_later", lambda *given: (time.sleep(0.05), set_alarm(*given))
    )

    async def take():
        server = Server("http://host/v1", most=4, slow=1.0)
        server.rests_until = time.monotonic() + 0.02
        async with asyncio.timeout(5):
            assert await Turns([server], Crowd()).take(home=None, avoid=()) is server

    asyncio.run(take())


def test_who_waits_for_a_server_goes_elsewhere_when_another_thread_sees_it_rest():
    crowd = Crowd()
    home, other = (Server(f"http://{name}/v1", most=4, slow=1.0) for name in ("home", "other"))
    given, waits = [], threading.Event()

    async def wait_for_home():
        turns = Turns([home, other], crowd)
        task = asyncio.create_task(turns.take(home=home, avoid=()))
        await asyncio.sleep(0)
        waits.set()
        given.append(await task)

    async def see_it_rest():
        turns = Turns([home, other], crowd)
        for _ in range(home.most):
            assert await turns.take(home=home, avoid=()) is home
        thread.start()
        waits.wait(10)
        home.pushed_back(time.monotonic(), retry_after=60)
        turns.give_back(home)  # which leaves it with more than it may have now

    home.limit = float(home.most)
    thread = threading.Thread(target=lambda: asyncio.run(wait_for_home()), daemon=True)
    asyncio.run(see_it_rest())
    thread.join(10)
    assert given == [other]


def test_pieces_are_asked_about_together(misbehaving, store):
    model = OpenAIServer(misbehaving.url, "odd")
    texts = [f"ok:0.05 {number}" for number in range(60)]
    with (
        record(store, "test", {}, quiet=True) as recorder,
        recorder.stage("write", len(texts)) as stage,
    ):
        make_missing(store, asking(model), texts, stage, size=3, asks=model)
    assert {one.text for one in store.records(Generation, texts)} == {"fine"}
    assert misbehaving.most_at_once > 6, "more than two pieces"
    assert len(misbehaving.bodies) == 60
    (event,) = [one for one in store.records(RunEvent) if one.stage == "write"]
    assert event.cost.completion_tokens == 180


def test_a_piece_that_breaks_down_takes_nothing_with_it_and_nobody_waits(misbehaving, store):
    model = OpenAIServer(misbehaving.url, "odd")
    texts = [
        *[f"ok {number}" for number in range(8)],
        "broken",
        *[f"hang:60 {n}" for n in range(3)],
    ]
    began = time.monotonic()
    with (
        record(store, "test", {}, quiet=True) as recorder,
        recorder.stage("write", len(texts)) as stage,
        pytest.raises(ModelError, match="broken on purpose"),
    ):
        make_missing(store, asking(model), texts, stage, size=1, asks=model)
    assert time.monotonic() - began < 20
    known = store.known(Generation, texts)
    assert known <= set(texts[:8]) and len(known) >= 4
