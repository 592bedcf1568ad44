"""Servers are asked on while their answers are worked on, no further ahead than they need, and not after the end."""

from __future__ import annotations

import dataclasses
import io
import time
from contextlib import closing

import pytest
from PIL import Image

from workbench.errors import StoreError
from workbench.judging import ModelAnswerer, RubricJudge, judge_all, load_subject
from workbench.models import Prompt, Question
from workbench.models.costs import SharedSeconds
from workbench.models.openai_server import OpenAIServer
from workbench.records import Generation, Verdict
from workbench.rubric import NO_OUTPUT, Criterion, FailureMode, Rubric
from workbench.store import Store

YES = Question(text="Is it?", answers=("yes", "no"))
RUBRIC = Rubric(
    name="plain",
    version=1,
    judges="image",
    criteria=tuple(
        Criterion(id=name, question=f"{name}?", scale=("no", "yes"), threshold=1.5)
        for name in ("whole", "sharp", "alone")
    ),
    failure_modes=(FailureMode(id=NO_OUTPUT, description="There is none.", blocks=True),),
)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def pictures(store, count):
    """Pictures that some model made, in the store."""
    made = []
    for number in range(count):
        data = io.BytesIO()
        Image.new("RGB", (8, 8), (number, 0, 0)).save(data, "PNG")
        made.append(
            Generation(
                key=f"picture {number}", kind="image", category="Tees", model="test", revision="1",
                prompt="a tee", image=store.images.put(data.getvalue()),
            )
        )  # fmt: skip
    store.add(made)
    return made


def judge_by(server, **options):
    return RubricJudge(RUBRIC, ModelAnswerer(OpenAIServer(server.url, **options)))


def test_contexts_are_taken_as_there_is_room_and_no_more_after_closing(misbehaving):
    taken = []

    def contexts():
        for number in range(500):
            taken.append(number)
            yield Prompt(text=f"ok:0.02 n{number}"), [YES]

    model = OpenAIServer(misbehaving.url, concurrency=2)
    with closing(model.score_each(contexts())) as answers:
        places = {next(answers)[0] for _ in range(5)}
        time.sleep(0.5)  # nobody takes an answer meanwhile
        assert len(places) == 5 and 5 < len(taken) <= 5 + 2 + 1
    asked, had = len(misbehaving.bodies), len(taken)
    time.sleep(0.2)
    assert (len(misbehaving.bodies), len(taken)) == (asked, had)


def test_the_next_chunk_is_asked_before_the_last_is_stored(misbehaving, store):
    misbehaving.always = "ok:0.02"
    ahead = [
        len(misbehaving.bodies) - 3 * report.done
        for report in judge_all(store, judge_by(misbehaving), pictures(store, 40), chunk=4)
        if report.done and report.left >= 16
    ]
    assert len(ahead) == 6 and min(ahead) >= 3, "of chunks to come at least one picture"


def test_streamed_verdicts_are_those_of_batches(misbehaving, store):
    made = pictures(store, 9)
    nothing = dataclasses.replace(made[0], key="nothing", image=None)
    store.add([nothing])
    judge = judge_by(misbehaving)
    reports = list(judge_all(store, judge, [nothing, *made], run="r", chunk=4))
    assert [(one.done, one.left) for one in reports] == [(0, 10), (4, 6), (8, 2), (10, 0)]
    batch = RubricJudge(RUBRIC, Batches(judge.answerer))
    (again,) = judge_all(store, batch, [nothing, *made])
    assert again.known == 10, "they have the same keys"
    kept = {one.generation: one for one in store.records(Verdict)}
    for verdict in batch.judge([load_subject(store, one) for one in [nothing, *made]], run="r"):
        told = kept[verdict.generation]
        when = {"created_at": told.created_at, "cost": told.cost}
        assert dataclasses.replace(verdict, **when) == told
        assert verdict.cost.prompt_tokens == told.cost.prompt_tokens
    assert kept["nothing"].failure_modes == (NO_OUTPUT,)


class Batches:
    """An answerer that is asked in batches only."""

    def __init__(self, answerer):
        self._answerer = answerer
        self.name, self.revision, self.answers = answerer.name, answerer.revision, answerer.answers
        self.answer = answerer.answer


def test_a_stopped_run_goes_on_with_what_was_not_stored(misbehaving, store):
    misbehaving.always = "ok:0.01"
    made = pictures(store, 90)  # 10 that are taken, and no more than 64 that are asked ahead
    with closing(judge_all(store, judge_by(misbehaving), made, chunk=5)) as reports:
        assert [next(reports).done for _ in range(3)] == [0, 5, 10]
    time.sleep(0.1)
    asked = len(misbehaving.bodies)
    time.sleep(0.2)
    assert len(misbehaving.bodies) == asked < 3 * 90, "nothing is asked any more"
    first, *_, last = judge_all(store, judge_by(misbehaving), made, chunk=5)
    assert (first.known, last.done, store.counts()["verdicts"]) == (10, 80, 90)


def test_a_picture_that_is_missing_stops_with_its_own_error(misbehaving, store):
    made = pictures(store, 12)
    made[7] = dataclasses.replace(made[7], key="gone", image="sha256:" + "0" * 64)
    with pytest.raises(StoreError):
        list(judge_all(store, judge_by(misbehaving), made, chunk=2))


def test_shared_seconds_add_up_to_those_that_passed():
    clock = SharedSeconds()
    began = time.perf_counter()
    with clock.share() as one:
        time.sleep(0.03)
        with clock.share() as other:
            time.sleep(0.04)
            short = other()
        time.sleep(0.02)
        long = one()
    passed = time.perf_counter() - began
    time.sleep(0.02)  # nothing is under way
    with clock.share() as last:
        assert last() < 0.01
    assert short + long == pytest.approx(passed, abs=0.002)
    assert short == pytest.approx(0.02, abs=0.01)
