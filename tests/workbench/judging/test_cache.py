"""Work that is in the store is not done again, and half of a chunk is never seen."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from workbench.errors import JudgingError, StoreError
from workbench.judging import ModelAnswerer, RubricJudge, judge_all, load_subject
from workbench.records import Verdict
from workbench.rubric import load_rubric
from workbench.schema import Schema
from workbench.store import Store

LISTING = load_rubric("listing")


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def schema(make_subject):
    category = make_subject().category
    return Schema(name="shop", version="1", categories={category.id: category})


def stored(store, subjects):
    """The generations of `subjects`, with their photos and themselves in the store."""
    generations = []
    for subject in subjects:
        addresses = []
        for photo in subject.photos:
            data = io.BytesIO()
            photo.save(data, "PNG")
            addresses.append(store.images.put(data.getvalue()))
        generations.append(dataclasses.replace(subject.generation, inputs=tuple(addresses)))
    store.add(generations)
    return generations


def many(make_subject, n):
    colors = ("Red", "Green", "Blue")
    return [make_subject(colors[i % 3], colors[i % 2], number=i) for i in range(n)]


def test_everything_is_judged_once(store, schema, scorer, make_subject):
    generations = stored(store, many(make_subject, 7))
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))
    reports = list(judge_all(store, judge, generations, schema=schema, run="r", chunk=3))
    assert [(one.known, one.done, one.left, len(one.verdicts)) for one in reports] == [
        (0, 0, 7, 0),
        (0, 3, 4, 3),
        (0, 6, 1, 3),
        (0, 7, 0, 1),
    ]
    verdicts = {one.generation: one for one in store.records(Verdict)}
    assert len(verdicts) == 7
    assert verdicts[generations[0].key].approved is True
    assert verdicts[generations[1].key].approved is True
    assert verdicts[generations[2].key].failure_modes[:2] == ("wrong_product", "wrong_color")
    asked = sum(scorer.score_calls)
    (again,) = judge_all(store, judge, generations, schema=schema, chunk=3)
    assert (again.known, again.left) == (7, 0)
    assert sum(scorer.score_calls) == asked, "the model was not asked again"


def test_a_run_that_was_stopped_goes_on_where_it_was(store, schema, scorer, make_subject):
    generations = stored(store, many(make_subject, 6))
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))

    class Stopped(type(scorer)):
        def score(self, contexts, questions, *, progress=None):
            if len(self.score_calls) == 2:
                raise KeyboardInterrupt
            return super().score(contexts, questions)

    broken = RubricJudge(LISTING, ModelAnswerer(Stopped()))
    with pytest.raises(KeyboardInterrupt):
        list(judge_all(store, broken, generations, schema=schema, chunk=2))
    assert store.counts()["verdicts"] == 4
    first, *_ = judge_all(store, judge, generations, schema=schema, chunk=2)
    assert (first.known, first.left) == (4, 2)


def test_a_chunks_size_changes_no_verdict(store, schema, scorer, make_subject, tmp_path):
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))

    def verdicts(place, chunk):
        with Store.open(tmp_path / place) as other:
            generations = stored(other, many(make_subject, 5))
            made = [
                verdict
                for report in judge_all(other, judge, generations, schema=schema, chunk=chunk)
                for verdict in report.verdicts
            ]
        return [(one.key, one.scores, one.approved, one.confidence) for one in made]

    assert verdicts("one", 1) == verdicts("five", 5)


def test_another_rubric_schema_or_model_judges_anew(store, schema, scorer, make_subject):
    generations = stored(store, many(make_subject, 2))
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))
    list(judge_all(store, judge, generations, schema=schema))
    stricter = dataclasses.replace(LISTING, version=2)
    others = [
        (RubricJudge(stricter, ModelAnswerer(scorer)), schema),
        (RubricJudge(LISTING, ModelAnswerer(dataclasses.replace(scorer, revision="2"))), schema),
        (judge, None),
    ]
    for other, its_schema in others:
        first, *_ = judge_all(store, other, generations, schema=its_schema)
        assert (first.known, first.left) == (0, 2)
    assert store.counts()["verdicts"] == 8


def test_a_generation_that_comes_twice_is_judged_once(store, schema, scorer, make_subject):
    generations = stored(store, many(make_subject, 2))
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))
    *_, last = judge_all(store, judge, [*generations, *generations], schema=schema)
    assert last.done == 2


def test_what_has_no_output_needs_no_pictures(store, schema, scorer, make_subject):
    generation = dataclasses.replace(
        make_subject(said=None).generation, inputs=("sha256:" + "0" * 64,)
    )
    store.add([generation])
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))
    *_, last = judge_all(store, judge, [generation], schema=schema)
    assert last.verdicts[0].failure_modes == ("no_output",)
    assert store.find(Verdict, last.verdicts[0].key) == last.verdicts[0]


def test_a_picture_that_is_not_in_the_store_is_an_error(store, schema, make_subject):
    generation = dataclasses.replace(make_subject().generation, inputs=("sha256:" + "0" * 64,))
    with pytest.raises(StoreError):
        load_subject(store, generation, schema)


def test_pictures_come_as_they_were_shown(store, schema, make_subject):
    shown = make_subject("Blue")
    (generation,) = stored(store, [shown])
    subject = load_subject(store, generation, schema)
    assert subject.photos[0].tobytes() == shown.photos[0].tobytes()
    assert subject.image is None
    assert subject.category == shown.category
    unknown = dataclasses.replace(generation, category="Hats")
    assert load_subject(store, unknown, schema).category is None


def test_wrong_input_is_named(store, scorer, make_subject):
    judge = RubricJudge(LISTING, ModelAnswerer(scorer))
    with pytest.raises(ValueError, match="at least 1 generation, got 0"):
        list(judge_all(store, judge, [], chunk=0))
    made = dataclasses.replace(make_subject().generation, kind="image", image=None)
    store.add([made])
    with pytest.raises(JudgingError, match="judges generations of kind 'listing'"):
        list(judge_all(store, judge, [made]))
