"""What a server's faults do to a batch, told by what a server that misbehaves on purpose saw."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from workbench.errors import ModelError, ServerError
from workbench.models import Decoding, Prompt, parse_spec
from workbench.models.openai_server import OpenAIServer, load_text
from workbench.models.server_replies import Failure, retry_after_of

KEY = "key-that-nobody-may-see"


def ask(server, *texts, **options):
    model = OpenAIServer(server.url, "odd", api_key=KEY, **{"retries": 3, **options})
    return model.complete([Prompt(text=text) for text in texts], Decoding())


def test_answers_come_in_order_with_the_tokens_that_were_read(misbehaving):
    told = []
    model = OpenAIServer(misbehaving.url, "odd", concurrency=4)
    prompts = [Prompt(text=f"ok:{wait}") for wait in (0.2, 0.0, 0.1, 0.05)]
    answers = model.complete(prompts, Decoding(), progress=told.append)
    assert [one.text for one in answers] == ["fine"] * 4 and sum(told) == 4
    assert [one.cost.prompt_tokens for one in answers] == [6] * 4, "4 of 10 came from the cache"
    assert [one.cost.completion_tokens for one in answers] == [3] * 4
    assert 0.15 < sum(one.cost.seconds for one in answers) < 5
    assert answers[0].cost.seconds > answers[1].cost.seconds


def test_no_more_requests_than_allowed_are_in_flight(misbehaving):
    ask(misbehaving, *[f"ok:0.05{i}" for i in range(12)], concurrency=3)
    assert misbehaving.most_at_once == 3


def test_a_wait_that_the_server_asks_for_is_kept(misbehaving):
    (one,) = ask(misbehaving, "429:1 ok")
    first, second = misbehaving.seen["429:1 ok"]
    assert one.text == "fine" and second - first >= 1.0


@pytest.mark.parametrize("fault", ["500", "503", "408", "drop", "garbage"])
def test_what_may_pass_is_tried_again(misbehaving, fault):
    (one,) = ask(misbehaving, f"{fault} {fault} ok")
    assert one.text == "fine" and len(misbehaving.seen[f"{fault} {fault} ok"]) == 3


def test_an_answer_that_does_not_come_is_given_up_and_asked_for_again(misbehaving):
    started = time.monotonic()
    (one,) = ask(misbehaving, "hang:60 ok", timeout=0.3)
    assert one.text == "fine" and time.monotonic() - started < 5


def test_a_request_that_fails_for_good_does_not_stop_its_neighbours(misbehaving):
    bad, good, refused = ask(misbehaving, "500", "ok", "400", retries=1)
    assert good.text == "fine" and good.error is None
    assert bad.text == "" and "failed 2 times" in bad.error and "500 on purpose" in bad.error
    assert "400 on purpose" in refused.error
    assert len(misbehaving.seen["500"]) == 2
    assert len(misbehaving.seen["400"]) == 1, "a refusal is not asked for again"


def test_a_wait_of_an_hour_is_not_waited(misbehaving):
    (one,) = ask(misbehaving, "429:3600")
    assert "asks to wait 3600 s" in one.error and len(misbehaving.seen["429:3600"]) == 1


def test_a_wrong_key_stops_the_batch_at_once_and_is_not_shown(misbehaving):
    with pytest.raises(ServerError, match="WORKBENCH_API_KEY") as raised:
        ask(misbehaving, "401", *["ok"] * 20, concurrency=1)
    assert KEY not in str(raised.value) and "***" in str(raised.value)
    assert sum(map(len, misbehaving.seen.values())) == 1
    assert misbehaving.keys == {f"Bearer {KEY}"}


def test_a_server_that_is_not_there_is_named_promptly():
    port = free_port()
    started = time.monotonic()
    with pytest.raises(ServerError, match=rf"http://127\.0\.0\.1:{port}/v1.*check that it runs"):
        OpenAIServer(f"http://127.0.0.1:{port}/v1", "m").complete([Prompt(text="Hi")], Decoding())
    assert time.monotonic() - started < 5


def test_waits_grow_and_are_drawn_anew_each_time():
    for retry, limit in enumerate((0.5, 1.0, 2.0, 4.0)):
        waits = [Failure(reason="").pause(retry) for _ in range(200)]
        assert 0 <= min(waits) < limit / 4 and limit * 3 / 4 < max(waits) <= limit
    assert max(Failure(reason="").pause(20) for _ in range(50)) <= 30
    assert 7 <= Failure(reason="", retry_after=7).pause(0) <= 7.5


def test_a_date_to_wait_for_is_understood(misbehaving):
    import httpx

    def asked(text):
        return retry_after_of(httpx.Response(429, headers={"Retry-After": text} if text else {}))

    assert asked(format_datetime(datetime.now(UTC) + timedelta(seconds=20))) == pytest.approx(
        20, abs=2
    )
    assert asked("2.5") == 2.5 and asked("-3") == 0
    assert asked("soon") is None and asked("") is None


def test_it_works_where_an_event_loop_already_runs(misbehaving):
    async def cell():
        return ask(misbehaving, "ok")

    assert asyncio.run(cell())[0].text == "fine"


def test_an_interrupt_cancels_what_is_in_flight(misbehaving):
    def stop(_):
        raise KeyboardInterrupt

    model = OpenAIServer(misbehaving.url, "odd", concurrency=2)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.complete([Prompt(text="ok"), Prompt(text="hang:30")], Decoding(), progress=stop)
    assert time.monotonic() - started < 5


def test_the_revision_says_which_model_and_not_when(misbehaving):
    one, other = OpenAIServer(misbehaving.url), OpenAIServer(misbehaving.url, "odd")
    assert one.model == other.model == "odd"
    assert one.revision == other.revision != OpenAIServer(misbehaving.url, "even").revision
    assert one.name == f"openai:{misbehaving.url}"
    assert other.name == f"openai:{misbehaving.url}#odd"


def test_the_key_comes_from_the_environment(misbehaving, monkeypatch):
    monkeypatch.setenv("WORKBENCH_API_KEY", KEY)
    model = load_text(parse_spec(f"openai:{misbehaving.url}#odd"))
    assert model.complete([Prompt(text="ok")], Decoding())[0].text == "fine"
    assert misbehaving.keys == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("localhost:8000", {}, "want a URL"),
        ("http://me:secret@host/v1", {}, "user name or password"),
        ("http://host/v1", {"concurrency": 0}, "concurrency"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(url, options, message):
    with pytest.raises(ModelError, match=message) as raised:
        OpenAIServer(url, **options)
    assert "secret" not in str(raised.value)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
