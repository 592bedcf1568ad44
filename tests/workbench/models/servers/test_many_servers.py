"""One model behind several real servers, told by what those that misbehave on purpose saw."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import time

import pytest
from PIL import Image

from workbench.errors import ModelError, ServerError
from workbench.models import Decoding, Prompt, Question, load_text
from workbench.models.openai_server import OpenAIServer
from workbench.models.server_turns import FIRST_LIMIT, Server

YES = Question(text="Is it?", answers=("yes", "no"))


def model_of(*servers, **options):
    return OpenAIServer(",".join(server.url for server in servers), **options)


def ask(model, *texts):
    return model.complete([Prompt(text=text) for text in texts], Decoding())


def texts_at(server):
    """What a server was asked, in order."""
    contents = [body["messages"][-1]["content"] for body in server.bodies]
    return [one if isinstance(one, str) else one[-1]["text"] for one in contents]


def test_servers_share_the_work_and_are_one_model(several_misbehaving):
    one, other = several_misbehaving
    both = load_text(f"openai:{one.url},{other.url}#odd", concurrency=2)
    answers = ask(both, *[f"ok:0.05 n{place}" for place in range(20)])
    assert [answer.error for answer in answers] == [None] * 20
    assert len(one.bodies) + len(other.bodies) == 20
    assert min(len(one.bodies), len(other.bodies)) >= 6
    assert one.most_at_once == other.most_at_once == 2
    assert both.name == f"openai:{one.url},{other.url}#odd"
    assert both.revision == OpenAIServer(one.url).revision, "so nothing is judged again"


def test_room_is_found_out_where_a_server_says_that_it_is_full(several_misbehaving):
    narrow, wide = several_misbehaving
    narrow.room = 2
    both = model_of(narrow, wide)
    answers = ask(both, *[f"ok:0.03 n{place}" for place in range(150)])
    assert [answer.error for answer in answers] == [None] * 150
    assert narrow.refused < 40, "of 150: fewer are sent to it from then on"
    assert wide.most_at_once >= FIRST_LIMIT
    before = len(narrow.bodies) - narrow.refused
    for batch in range(40):  # it rests for up to half a second, longer where that was not enough
        ask(both, *[f"ok:0.03 n{batch}/{place}" for place in range(20)])
        if len(narrow.bodies) - narrow.refused >= before + 5:
            break
        time.sleep(0.2)
    else:
        pytest.fail("a server that was full once is asked no more")


def test_what_fails_at_one_server_is_tried_at_another_at_once(several_misbehaving):
    broken, good = several_misbehaving
    broken.always = "500"
    started = time.monotonic()
    answers = ask(model_of(broken, good, retries=1), *[f"ok n{place}" for place in range(10)])
    assert [answer.error for answer in answers] == [None] * 10
    assert len(set(texts_at(good))) == 10 and len(texts_at(broken)) == len(set(texts_at(broken)))
    assert time.monotonic() - started < 10


def test_the_slowest_request_is_sent_twice_and_counted_twice(several_misbehaving):
    model = model_of(*several_misbehaving, concurrency=4)
    started = time.monotonic()
    slow, *others = ask(model, "hang:30 ok", *[f"ok:0.02 n{place}" for place in range(60)])
    assert slow.error is None and time.monotonic() - started < 15
    assert len(several_misbehaving[0].seen["hang:30 ok"]) == 2
    once, twice = (10 - 4, 3), (10 - 4 + 10, 3 + 3)
    assert (slow.cost.prompt_tokens, slow.cost.completion_tokens) == twice
    counted = [(one.cost.prompt_tokens, one.cost.completion_tokens) for one in others]
    sent = sum(len(server.bodies) for server in several_misbehaving)
    assert set(counted) <= {once, twice} and counted.count(twice) >= sent - 60 - 2
    assert sent <= 61 * 1.1 + 2, "a batch sends few requests twice"


def test_one_server_is_not_asked_twice_for_the_same(misbehaving):
    answers = ask(model_of(misbehaving), *["ok:0.4", *[f"ok:0.01 n{i}" for i in range(40)]])
    assert all(one.error is None for one in answers) and len(misbehaving.bodies) == 41


def test_questions_of_one_context_go_to_one_server_the_first_one_first(several_misbehaving):
    contexts = [Prompt(text=f"ok:0.02 context-{place}.") for place in range(12)]
    questions = [Question(text=f"{n}?", answers=("yes", "no")) for n in range(4)]
    scored = model_of(*several_misbehaving, concurrency=3).score(contexts, [questions] * 12)
    assert all(one.error is None for several in scored for one in several)
    homes = [{text.split()[1] for text in texts_at(server)} for server in several_misbehaving]
    assert homes[0] | homes[1] == {f"context-{place}." for place in range(12)}
    assert not homes[0] & homes[1] and min(map(len, homes)) >= 2
    for server in several_misbehaving:
        for name in {text.split()[1] for text in texts_at(server)}:
            asked = [text.split()[2] for text in texts_at(server) if name in text]
            assert asked[0] == "0?" and sorted(asked) == ["0?", "1?", "2?", "3?"]


def test_prompts_about_one_picture_go_to_one_server_one_after_the_other(several_misbehaving):
    pictures = [Image.new("RGB", (8, 8), (place, 0, 0)) for place in range(6)]
    prompts = [
        Prompt(text=f"ok:0.02 picture-{place} n{n}", images=(pictures[place],))
        for n in range(3)
        for place in range(6)
    ]
    answers = model_of(*several_misbehaving, concurrency=1).complete(prompts, Decoding())
    assert all(one.error is None for one in answers)
    for server in several_misbehaving:
        names = [text.split()[1] for text in texts_at(server)]
        changes = sum(a != b for a, b in itertools.pairwise(names))
        assert names and changes == len(set(names)) - 1


def test_a_server_that_is_not_there_is_left_out_with_a_word(misbehaving, caplog):
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    with caplog.at_level(logging.WARNING):
        (one,) = ask(OpenAIServer(f"{nowhere},{misbehaving.url}"), "ok")
    assert one.error is None and nowhere in caplog.text and "go on without it" in caplog.text
    assert not OpenAIServer(f"{nowhere},{misbehaving.url}").sees, "a picture is no more tokens here"
    with pytest.raises(ServerError, match="no model server answers"):
        ask(OpenAIServer(f"{nowhere},http://127.0.0.1:{free_port()}/v1"), "ok")


def test_servers_of_different_models_are_refused(misbehaving, run_misbehaving):
    different = r"do not serve the same 'odd'.*/w/odd.*/w/other"
    with (
        run_misbehaving(type(misbehaving)(), root="/w/other") as other,
        pytest.raises(ServerError, match=different),
    ):
        ask(model_of(misbehaving, other), "ok")
    with pytest.raises(ModelError, match="each server's address once"):
        OpenAIServer(f"{misbehaving.url},{misbehaving.url}/")


def test_a_server_that_is_restarted_meanwhile_loses_nothing(misbehaving, run_misbehaving):
    """Ended in the middle of answers, away for a second, and back at the same address: twice."""
    state = type(misbehaving)()
    port = free_port()
    running = run_misbehaving(state, port=port)
    running.__enter__()
    model = model_of(state, concurrency=4)
    answered = []

    def restart(_):
        nonlocal running
        answered.append(1)
        if len(answered) in (20, 60):
            running.__exit__(None, None, None)
            time.sleep(1)
            running = run_misbehaving(state, port=port)
            running.__enter__()

    try:
        prompts = [Prompt(text=f"ok:0.05 n{place}") for place in range(100)]
        answers = model.complete(prompts, Decoding(), progress=restart)
    finally:
        running.__exit__(None, None, None)
    assert [one.error for one in answers] == [None] * 100 and len(answered) == 100


def test_a_server_that_stays_away_is_waited_for_so_long_and_no_longer(misbehaving, run_misbehaving):
    state = type(misbehaving)()
    running = run_misbehaving(state)
    running.__enter__()
    model = model_of(state, patience=0.5)
    ended = threading.Event()

    def end(_):
        if not ended.is_set():
            ended.set()
            running.__exit__(None, None, None)

    started = time.monotonic()
    with pytest.raises(ServerError, match=r"went away.*waited 0\.5 s"):
        model.complete([Prompt(text=f"ok:0.1 n{n}") for n in range(40)], Decoding(), progress=end)
    assert time.monotonic() - started < 15


def test_a_judge_hears_of_servers_that_answer_nobody_instead_of_answers_that_say_so(misbehaving):
    model = model_of(misbehaving, patience=0.2, retries=1, timeout=0.2)
    assert model.score([Prompt(text="ok")], [[YES]])[0][0].error is None
    for fault, message in (("503", "has no room"), ("hang:5", "no answer within")):
        misbehaving.always = fault
        with pytest.raises(ServerError, match=message):
            model.score([Prompt(text="ok"), Prompt(text="ok 2")], [[YES]] * 2)


def test_one_question_that_always_fails_does_not_stop_the_others(misbehaving):
    model = model_of(misbehaving, retries=2)
    contexts = [Prompt(text="500 500 500 500"), *[Prompt(text=f"ok:0.2 n{n}") for n in range(24)]]
    (bad,), *others = model.score(contexts, [[YES]] * 25)
    assert "failed 3 times" in bad.error and bad.distribution == ()
    assert all(one.error is None for (one,) in others)


def test_the_limit_grows_by_one_a_round_and_is_halved_once_for_one_jam():
    server = Server("http://host/v1", most=64, slow=10.0)
    assert server.limit == FIRST_LIMIT
    for _ in range(FIRST_LIMIT):
        server.took(0.1, busy=True)
    assert FIRST_LIMIT + 0.9 < server.limit < FIRST_LIMIT + 1
    before = server.limit
    server.took(0.1, busy=False)
    server.took(11.0, busy=True)
    assert server.limit == before, "neither unused room nor slow answers ask for more"
    sent = time.monotonic()
    for _ in range(5):
        server.pushed_back(sent)
    assert server.limit == before / 2
    for _ in range(20):
        server.pushed_back(time.monotonic() + 1)
    assert server.limit == 1
    few = Server("http://host/v1", most=3, slow=10.0)
    for _ in range(100):
        few.took(0.1, busy=True)
    assert few.limit == 3


def test_a_real_server_under_two_addresses_answers_as_under_one(llama_server):
    key = "key-that-nobody-may-see"
    two = f"{llama_server},{llama_server.replace('127.0.0.1', 'localhost')}"
    contexts = [
        Prompt(text=f"A {color} coat.", system="Answer with one word.") for color in ("red", "blue")
    ]
    questions = [
        [Question(text=text, answers=("yes", "no")) for text in ("Is it red?", "Is it a coat?")]
    ] * 2
    scored = [
        OpenAIServer(url, api_key=key, concurrency=2).score(contexts, questions)
        for url in (llama_server, two)
    ]
    for one, other in zip(*scored, strict=True):
        for first, second in zip(one, other, strict=True):
            assert first.error is None
            assert second.distribution == pytest.approx(first.distribution, abs=0.1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
