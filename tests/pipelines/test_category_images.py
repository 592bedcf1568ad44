"""The loop is honest: it stops where it says, approves only what was approved, and makes nothing twice."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.category_images_loop import TOGETHER, CategoryLoop
from pipelines.category_images_parts import LoopPlan, Topic
from pipelines.category_images_writing import CategoryPrompts
from pipelines.judge import JudgeSummary, judge_store, unanswered
from pipelines.recorder import record
from workbench.errors import JudgingError, ServerError
from workbench.judging import Answered, Finding, RubricJudge
from workbench.judging.attempts import ending
from workbench.judging.chains import ChainsOf, read_chains
from workbench.models.protocols import MadeImage
from workbench.prompting import RuleImprover, RulePromptWriter, RuleSimplifier
from workbench.records import Cost, CriterionScore, Generation, Item, Verdict
from workbench.rubric import dump_rubric, parse_rubric
from workbench.store import Store

SAMPLES = Path(__file__).parents[1] / "samples"
RUBRIC = (SAMPLES / "plain.yaml").read_text()
MEASURED = (SAMPLES / "measured.yaml").read_text()


class Painter:
    """An image model that paints noise of the seed on white; it remembers what it was asked."""

    name, revision = "painter", "painter-1"

    def __init__(self, *, breaks=lambda request: None):
        self.asked = []
        self.sizes = []
        self.breaks = breaks

    def make(self, requests, *, progress=None):
        self.sizes.append(len(requests))
        made = []
        for request in requests:
            self.asked.append((request.prompt, request.seed))
            if why := self.breaks(request):
                made.append(MadeImage(image=None, error=why))
                continue
            made.append(MadeImage(image=paint(request.seed), cost=Cost(seconds=0.01, images=1)))
        return made


def paint(seed):
    pixels = np.full((16, 16, 3), 250, np.uint8)
    pixels[4:12, 4:12] = np.random.default_rng(seed).integers(0, 255, (8, 8, 3))
    return Image.fromarray(pixels)


class Says:
    """A judge that gives the point that `point(generation)` says; an error is raised."""

    name, revision = "says", "says-1"

    def __init__(self, point):
        self.point = point
        self.judged = []

    def answers(self, criterion):
        return criterion.by == "model"

    def answer(self, subjects, asked, *, progress=None):
        answers = []
        for subject in subjects:
            self.judged.append(subject.generation.key)
            point = self.point(subject.generation)
            if isinstance(point, Exception):
                raise point
            spread = tuple(float(k == point) for k in range(1, 6))
            answers.append(Answered(findings=(Finding(distribution=spread),)))
        return answers


def topics(count):
    return [
        Topic(
            id=f"kind-{k}",
            name=f"Kind {k}",
            items=(Item(id=f"shop/{k}", category=f"kind-{k}", title=f"Red Kind {k}"),),
        )
        for k in range(count)
    ]


@contextmanager
def looping(folder, judge, *, painter=None, attempts=4, patience=2, candidates=1, overlap=False):
    """A loop over a store in `folder`, and the painter that it asks."""
    rubric = parse_rubric(RUBRIC, where="test")
    painter = painter or Painter()
    with Store.open(folder) as store, record(store, "test", {}, quiet=True) as recorder:
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        prompts = CategoryPrompts(
            store=store,
            rubric=rubric,
            simplifier=RuleSimplifier(),
            writer=RulePromptWriter(),
            improver=RuleImprover(),
            improver_sees=False,
            image_model="painter",
            names={},
            run=recorder.id,
        )
        plan = LoopPlan(
            attempts=attempts, patience=patience, candidates=candidates, seed=0, overlap=overlap
        )
        yield (
            CategoryLoop(
                store,
                writer=prompts,
                model=painter,
                judge=RubricJudge(rubric, judge),
                plan=plan,
                recorder=recorder,
            ),
            painter,
        )


def run(folder, judge, count=3, **options):
    with looping(folder, judge, **options) as (loop, painter):
        return list(loop.run(topics(count), total=count)), painter


# ---- it stops where it says ----------------------------------------------------------------------


def test_a_judge_that_always_fails_approves_nothing_and_stops_at_the_limit(tmp_path):
    ended, painter = run(tmp_path, Says(lambda g: 1), attempts=4, patience=0)
    assert [e.ending.state for e in ended] == ["gave up"] * 3
    assert all("the limit of 4 attempts" in e.ending.reason for e in ended)
    assert all("fails fidelity (1.0 of 5, 4 wanted)" in e.ending.reason for e in ended)
    assert len(painter.asked) == 3 * 4
    with Store.open(tmp_path) as store:
        assert not any(v.approved for v in store.records(Verdict))


def test_two_attempts_that_bring_nothing_end_it_before_the_limit(tmp_path):
    ended, painter = run(tmp_path, Says(lambda g: 2), attempts=9, patience=2)
    assert all("no progress in 2 attempts" in e.ending.reason for e in ended)
    assert len(painter.asked) == 3 * 3


def test_a_score_that_rises_goes_on_to_the_limit_and_the_best_is_kept(tmp_path):
    points = {1: 1, 2: 3, 3: 2}
    ended, _ = run(tmp_path, Says(lambda g: points[g.attempt]), attempts=3, patience=1)
    assert {e.ending.best.image.attempt for e in ended} == {2}
    assert all(e.ending.score == 0.5 for e in ended)


def test_no_pictures_are_paid_for_that_nobody_will_judge(tmp_path):
    ended, painter = run(tmp_path, Says(lambda g: ServerError("the judge is away")), count=150)
    assert len(painter.asked) == 3 * TOGETHER
    assert {e.ending.state for e in ended} == {"failed"} and len(ended) == 150
    reasons = {e.ending.reason for e in ended}
    assert any("none was made, as the judge refused 3 batches in a row" in why for why in reasons)
    ended, painter = run(tmp_path, Says(lambda g: 5), count=150)
    assert {e.ending.state for e in ended} == {"approved"}
    assert len(painter.asked) == 150 - 3 * TOGETHER


def test_a_judge_that_always_passes_makes_one_attempt(tmp_path):
    ended, painter = run(tmp_path, Says(lambda g: 5))
    assert [(e.ending.state, len(e.attempts)) for e in ended] == [("approved", 1)] * 3
    assert len(painter.asked) == 3


def test_attempts_are_chained_and_each_prompt_is_stored_before_its_pictures(tmp_path):
    run(tmp_path, Says(lambda g: 5 if g.attempt == 3 else g.attempt), count=1, candidates=2)
    with Store.open(tmp_path) as store:
        prompts = [g for g in store.records(Generation) if g.kind == "prompt"]
        images = [g for g in store.records(Generation) if g.kind == "image"]
        order = [g.key for g in store.records(Generation)]
    assert [p.attempt for p in prompts] == [1, 2, 3]
    assert [p.parent for p in prompts] == [None, prompts[0].key, prompts[1].key]
    assert [i.attempt for i in images] == [1, 1, 2, 2, 3, 3]
    assert [i.parent for i in images][:2] == [None, None]
    assert images[2].parent in {i.key for i in images[:2]}
    assert all(order.index(str(i.details["prompt"])) < order.index(i.key) for i in images)
    assert len({i.seed for i in images}) == 6


def test_the_image_model_gets_full_batches_from_topics_at_different_attempts(tmp_path):
    slow = Says(lambda g: 5 if int(g.category[5:]) % 2 else g.attempt)
    _, painter = run(tmp_path, slow, count=3 * TOGETHER, attempts=3, patience=0)
    assert sum(painter.sizes) == 3 * TOGETHER * 2
    assert all(size == TOGETHER for size in painter.sizes[:-2])


# ---- it makes nothing twice, and the store alone tells its state -----------------------------------


def test_run_again_everything_is_found(tmp_path):
    judge = Says(lambda g: 5 if g.attempt > 1 else 2)
    first, _ = run(tmp_path, judge, count=5)
    with Store.open(tmp_path) as store:
        before = store.counts()["generations"], store.counts()["verdicts"]
    again, painter = run(tmp_path, judge, count=5)
    assert painter.asked == []
    assert [e.made for e in again] == [0] * 5
    assert [(e.topic.id, e.ending.reason) for e in again] == [
        (e.topic.id, e.ending.reason) for e in first
    ]
    with Store.open(tmp_path) as store:
        assert before == (store.counts()["generations"], store.counts()["verdicts"])


def test_the_state_is_derived_from_the_store_alone(tmp_path):
    judge = Says(lambda g: {"kind-0": 5, "kind-1": 5 if g.attempt == 2 else 1}.get(g.category, 2))
    ended, painter = run(tmp_path, judge, count=4, candidates=2)
    rubric = parse_rubric(RUBRIC, where="test")
    whose = ChainsOf(
        model_revision=painter.revision,
        judge="says",
        judge_revision=RubricJudge(rubric, judge).revision,
    )
    with Store.open(tmp_path) as store:
        chains = {c.category: c for c in read_chains(store, whose, rubric)}
    for one in ended:
        found = ending(chains[one.topic.id].attempts, rubric, limit=4, patience=2)
        assert (found.state, found.reason) == (one.ending.state, one.ending.reason)
        assert found.best.image.key == one.ending.best.image.key


def test_only_a_topic_whose_items_changed_is_made_again(tmp_path):
    judge = Says(lambda g: 5)
    run(tmp_path, judge, count=3)
    changed = topics(3)
    new = replace(changed[1].items[0], title="Blue Kind 1")
    changed[1] = replace(changed[1], items=(new,))
    with looping(tmp_path, judge) as (loop, painter):
        ended = {e.topic.id: e.made for e in loop.run(changed, total=3)}
    assert ended == {"kind-0": 0, "kind-1": 1, "kind-2": 0}
    assert len(painter.asked) == 1


def test_a_judge_in_a_thread_of_its_own_comes_to_the_same(tmp_path):
    def judge():
        return Says(lambda g: 5 if g.seed % 3 == 0 else g.seed % 4)

    calm, _ = run(tmp_path / "calm", judge(), count=70)
    apart, _ = run(tmp_path / "apart", judge(), count=70, overlap=True)
    assert len(apart) == 70
    told = [{e.topic.id: (e.ending.state, e.ending.reason) for e in some} for some in (calm, apart)]
    assert told[0] == told[1]


# ---- what breaks down for one topic stops no other -------------------------------------------------


def test_a_picture_that_cannot_be_made_fails_its_topic_alone_and_is_tried_again(tmp_path):
    broken = Painter(breaks=lambda r: "out of ink" if "kind 1" in r.prompt.lower() else None)
    ended, _ = run(tmp_path, Says(lambda g: 5), painter=broken)
    states = {e.topic.id: (e.ending.state, e.ending.reason) for e in ended}
    assert states["kind-1"] == ("failed", "no picture at attempt 1: out of ink")
    assert {states["kind-0"][0], states["kind-2"][0]} == {"approved"}
    again, painter = run(tmp_path, Says(lambda g: 5))
    assert {e.ending.state for e in again} == {"approved"}
    assert len(painter.asked) == 1


def test_a_judge_that_breaks_down_leaves_its_reason_and_is_asked_again(tmp_path):
    def breaks(generation):
        return ServerError("the judge is away") if generation.category == "kind-1" else 5

    ended, _ = run(tmp_path, Says(breaks))
    assert all(e.ending.state == "failed" for e in ended)  # one batch, one server
    assert all("the judge is away" in e.ending.reason for e in ended)
    again, painter = run(tmp_path, Says(lambda g: 5))
    assert {e.ending.state for e in again} == {"approved"}
    assert painter.asked == []


def test_a_judge_that_cannot_judge_one_picture_judges_its_neighbours(tmp_path):
    def breaks(generation):
        return JudgingError("too odd") if generation.category == "kind-1" else 5

    ended, _ = run(tmp_path, Says(breaks))
    states = {e.topic.id: e.ending.state for e in ended}
    assert states == {"kind-0": "approved", "kind-1": "failed", "kind-2": "approved"}


def test_a_server_that_is_gone_is_not_asked_for_ever(tmp_path):
    class Gone(Painter):
        def make(self, requests, *, progress=None):
            self.sizes.append(len(requests))
            raise ServerError("nobody answers")

    ended, painter = run(tmp_path, Says(lambda g: 5), count=6 * TOGETHER, painter=Gone())
    assert len(ended) == 6 * TOGETHER
    assert {e.ending.state for e in ended} == {"failed"}
    assert len(painter.sizes) == 3
    assert "was not asked again" in ended[-1].ending.reason


@pytest.fixture
def measured(tmp_path):
    """A rubric that asks no model."""
    file = tmp_path / "measured.yaml"
    file.write_text(MEASURED)
    return str(file)


# ---- `workbench judge` on pictures that describe no item ---------------------------------------------


def test_pictures_without_an_item_are_judged_by_the_command(tmp_path, measured):
    run(tmp_path, Says(lambda g: 5), count=3)
    with Store.open(tmp_path) as store:
        summary = judge_store(store, rubric=measured, judge="instruments", quiet=True)
        assert (summary.judged, summary.known, summary.approved) == (3, 0, 3)
        again = judge_store(store, rubric=measured, judge="instruments", quiet=True)
        assert (again.judged, again.known) == (0, 3)
        assert "`workbench audit` with the same store" in str(again)


def test_a_criterion_that_leaves_pictures_undecided_is_named_with_the_reason():
    rubric = parse_rubric(RUBRIC, where="plain.yaml")
    (first, *_) = [c.id for c in rubric.criteria if c.decides]
    scores = (CriterionScore(criterion=first, score=None, reason="nobody looked"),)
    verdict = Verdict(
        key="v", generation="g", judge="j", revision="1", rubric=rubric.label, scores=scores
    )
    told = unanswered(rubric, [verdict])
    assert told == {first: "nobody looked"}
    assert unanswered(rubric, [replace(verdict, approved=False)]) == {}
    said = JudgeSummary(
        judge="j", rubric="r@1", judged=1, known=0, approved=0, undecided=1, judges="image", unanswered=told
    )  # fmt: skip
    assert f"1 undecided\n  {first!r} decides: nobody looked\n" in str(said)


def test_heads_are_no_judge_of_pictures_without_an_item(tmp_path, measured):
    run(tmp_path, Says(lambda g: 5), count=1)
    with Store.open(tmp_path) as store, pytest.raises(Exception, match="learns from items"):
        judge_store(store, rubric=measured, judge="heads:efficientnet-lite0", quiet=True)


# ---- what the image model did not read -----------------------------------------------------------


def test_how_many_prompts_were_cut_is_said_once_in_one_sentence(tmp_path, capfd):
    class Short(Painter):
        """Cuts the prompts of topics 0 and 1."""

        def make(self, requests, *, progress=None):
            made = super().make(requests, progress=progress)
            return [
                replace(m, cut="2" not in r.prompt) for r, m in zip(requests, made, strict=True)
            ]

    run(tmp_path, Says(lambda _: 5), painter=Short(), candidates=3)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "workbench: 2 prompts were longer than painter reads, and cut at the end"
    ]
    run(tmp_path / "whole", Says(lambda _: 5))
    assert capfd.readouterr().err == ""
