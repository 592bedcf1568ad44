"""The loop of category images: prompt, pictures, verdicts, a better prompt, until every topic has ended.

Topics are worked on together, so that the image model gets full batches although each topic is at an
attempt of its own. Every step asks the store first and stores what it made before the next one begins:
the same loop over the same store comes to the same place, and makes nothing twice. What breaks down is
stored too, as an answer of this run alone, so that another run asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from pipelines.category_images_asking import BROKEN, Asking
from pipelines.category_images_parts import (
    Busy,
    Finished,
    LoopPlan,
    Making,
    Picture,
    Prompts,
    Topic,
)
from pipelines.places import HERE, Place, pieces_of
from pipelines.recorder import Recorder, Stage
from workbench.judging import RubricJudge, judge_all
from workbench.judging.attempts import Attempt, Try, best_try, did_not_answer, ending
from workbench.judging.chains import STAGE, Scope, seed_of
from workbench.models.protocols import ImageModel, ImageRequest
from workbench.records import CriterionScore, Generation, Verdict, content_key

if TYPE_CHECKING:
    from workbench.store import Store

TOGETHER = 32
"""Pictures that are asked for, and stored, together: at most this many are lost to a kill."""
_MORE = 3 * TOGETHER
"""Topics in hand beyond those whose pictures are made next; memory does not grow with how many there are."""
_WAITING = 2
"""Batches that may wait for the judge while further pictures are made."""


@dataclass
class _Chain:
    """One topic while it is worked on."""

    topic: Topic
    attempts: list[Attempt] = field(default_factory=list)
    made: int = 0
    judged: int = 0


@dataclass
class _Stages:
    """What takes turns: each counts its own time."""

    titles: Stage
    prompts: Stage
    images: Stage
    verdicts: Stage
    better: Stage


class CategoryLoop:
    """One run of the loop."""

    def __init__(
        self,
        store: Store,
        *,
        writer: Prompts,
        model: ImageModel,
        judge: RubricJudge,
        plan: LoopPlan,
        recorder: Recorder,
        on: Place = HERE,
    ) -> None:
        """Join those who write, make and judge, and where they do; nothing is done before `run`."""
        self.store, self.recorder, self.plan = store, recorder, plan
        self._asking = Asking(on)
        self._together = TOGETHER * on.at_once
        self._writer, self._model, self._judge = writer, model, judge
        self._cut: set[str] = set()

    def run(self, topics: Iterable[Topic], *, total: int) -> Iterator[Finished]:
        """Work until every topic has ended; each is reported as it ends, and then forgotten.

        Args:
            topics: Read as they are needed.
            total: How many there are, for the progress.
        """
        with ExitStack() as open_stages:
            bar = open_stages.enter_context(self.recorder.stage(STAGE, total, unit="topics"))
            stages = _Stages(
                *(
                    open_stages.enter_context(self.recorder.stage(name, takes_turns=True))
                    for name in ("titles", "first prompts", "images", "verdicts", "better prompts")
                )
            )
            judges = open_stages.enter_context(ThreadPoolExecutor(1)) if self.plan.overlap else None
            prompts: dict[str, list[str]] = {}
            names: dict[str, str] = {}
            leads: dict[str, str] = {}
            try:
                for one in self._work(iter(topics), stages, judges):
                    new = bool(one.made or one.judged)
                    bar.advance(int(new), known=int(not new))
                    prompts[one.topic.id] = [attempt.prompt.key for attempt in one.attempts]
                    names[one.topic.id] = one.topic.name
                    leads[one.topic.id] = one.topic.items[0].id
                    yield one
            finally:
                scope = Scope(
                    prompts=prompts,
                    seed=self.plan.seed,
                    candidates=self.plan.candidates,
                    names=names,
                    leads=leads,
                )
                bar.note = scope.to_json()
                if self._cut:
                    self.recorder.warn(
                        f"{len(self._cut)} {'prompts were' if len(self._cut) > 1 else 'prompt was'} longer "
                        f"than {self._model.name} reads, and cut at the end"
                    )

    def _work(
        self, topics: Iterator[Topic], stages: _Stages, judges: ThreadPoolExecutor | None
    ) -> Iterator[Finished]:
        to_make: list[_Chain] = []
        judging: dict[Future[None], list[_Chain]] = {}
        while True:
            in_hand = len(to_make) + sum(map(len, judging.values()))
            fresh: list[Topic] = []
            room = self._together + _MORE - in_hand
            if len(to_make) < self._together and room > 0:
                fresh = list(islice(topics, min(self._together, room)))
                started = self._start(fresh, stages)
                yield from self._sorted(started, to_make)
            to_judge: list[_Chain] = []
            if to_make and len(judging) < _WAITING:
                size = _chains(self._together, self.plan)
                chains, to_make[:] = to_make[:size], to_make[size:]
                self._make(chains, stages.images)
                to_judge = chains
            if to_judge and judges is not None:
                judging[judges.submit(self._give_verdicts, to_judge, stages.verdicts)] = to_judge
            elif to_judge:
                self._give_verdicts(to_judge, stages.verdicts)
                yield from self._follow(to_judge, to_make, stages.better)
            if judging and (not to_make or len(judging) >= _WAITING):
                wait(judging, return_when=FIRST_COMPLETED)
            for done in [f for f in judging if f.done()]:
                done.result()
                yield from self._follow(judging.pop(done), to_make, stages.better)
            if not (to_make or judging or fresh):
                return

    # ---- the four steps --------------------------------------------------------------------------

    def _start(self, topics: Sequence[Topic], stages: _Stages) -> list[_Chain]:
        """Topics with their first prompts, which are in the store by then."""
        if not topics:
            return []
        prompts = self._writer.first(topics, stages.titles, stages.prompts)
        return [
            _Chain(t, [Attempt(number=1, prompt=p)]) for t, p in zip(topics, prompts, strict=True)
        ]

    def _make(self, chains: Sequence[_Chain], stage: Stage) -> None:
        """Give each chain's last attempt its pictures."""
        wanted = [
            (chain, self._request(chain, candidate))
            for chain in chains
            for candidate in range(self.plan.candidates)
        ]
        keys = [draft.key for _, (draft, _) in wanted]
        with Busy(stage):
            found = {g.key: g for g in self.store.records(Generation, keys)}
            missing = [(c, d, r) for c, (d, r) in wanted if d.key not in found]
            stage.advance(known=len(found))
            if missing:
                made = self._made([(draft, request) for _, draft, request in missing], stage)
                for chain, draft, _ in missing:
                    chain.made += made[draft.key].image is not None
                found |= made
        for chain in chains:
            tries = tuple(
                Try(image=found[d.key], verdict=None) for c, (d, _) in wanted if c is chain
            )
            chain.attempts[-1] = replace(chain.attempts[-1], tries=tries)

    def _give_verdicts(self, chains: Sequence[_Chain], stage: Stage) -> None:
        """Give the pictures of each chain's last attempt their verdicts."""
        images = [t.image for c in chains for t in c.attempts[-1].tries if t.image.image]
        with Busy(stage):
            verdicts = {v.generation: v for v in self._verdicts(images, stage)}
        for chain in chains:
            last = chain.attempts[-1]
            tries = tuple(replace(t, verdict=verdicts.get(t.image.key)) for t in last.tries)
            chain.attempts[-1] = replace(last, tries=tries)
            own = [t.verdict for t in tries if t.verdict and not did_not_answer(t.verdict)]
            chain.judged += sum(one.run == self.recorder.id for one in own)

    def _follow(
        self, chains: Sequence[_Chain], to_make: list[_Chain], stage: Stage
    ) -> Iterator[Finished]:
        """Report what has ended, and write better prompts for the others."""
        going: list[_Chain] = []
        yield from self._sorted(chains, going)
        refused = [(c.attempts[-1], self._refused(c)) for c in going]
        with Busy(stage):
            keys = [self._writer.better_key(*one) for one in refused]
            found = {g.key: g for g in self.store.records(Generation, keys)}
            missing = [one for one, key in zip(refused, keys, strict=True) if key not in found]
            new = self._writer.better(missing) if missing else []
            self.store.add(new)
            stage.advance(known=len(found))
            for prompt in new:
                stage.advance(1, cost=prompt.cost)
        answers = iter(new)
        for chain, key in zip(going, keys, strict=True):
            prompt = found.get(key) or next(answers)
            chain.attempts.append(Attempt(number=len(chain.attempts) + 1, prompt=prompt))
        yield from self._sorted(going, to_make)

    # ---- what the steps are made of --------------------------------------------------------------

    def _sorted(self, chains: Sequence[_Chain], going: list[_Chain]) -> Iterator[Finished]:
        """Report chains that have ended; the others join `going`."""
        for chain in chains:
            end = ending(
                chain.attempts,
                self._judge.rubric,
                limit=self.plan.attempts,
                patience=self.plan.patience,
            )
            if end.state == "open":
                going.append(chain)
                continue
            yield Finished(
                topic=chain.topic,
                ending=end,
                attempts=tuple(chain.attempts),
                made=chain.made,
                judged=chain.judged,
            )

    def _request(self, chain: _Chain, candidate: int) -> tuple[Generation, ImageRequest]:
        """A picture before it is made: its record without pixels, and what the model is asked."""
        last = chain.attempts[-1]
        rendered = self._writer.render(last.prompt)
        seed = seed_of(self.plan.seed, chain.topic.id, last.number, candidate)
        before = best_try(chain.attempts[-2], self._judge.rubric) if last.number > 1 else None
        draft = Generation(
            key=content_key(
                "category image", last.prompt.key, self._model.revision,
                rendered.prompt, rendered.negative, seed,
            ),
            kind="image",
            category=chain.topic.id,
            model=self._model.name,
            revision=self._model.revision,
            prompt=rendered.prompt,
            parameters={"negative_prompt": rendered.negative},
            seed=seed,
            parent=before.image.key if before else None,
            attempt=last.number,
            details={"prompt": last.prompt.key, "candidate": candidate},
            run=self.recorder.id,
            simulated=last.prompt.simulated,
        )  # fmt: skip
        request = ImageRequest(prompt=rendered.prompt, seed=seed, negative_prompt=rendered.negative)
        return draft, request

    def _made(
        self, missing: Sequence[tuple[Generation, ImageRequest]], stage: Stage
    ) -> dict[str, Generation]:
        """The pictures by the keys of their drafts, stored piece by piece; why, where there is none."""
        waiting = {draft.key: draft for draft, _ in missing}
        requests = {draft.key: request for draft, request in missing}
        size = _chains(TOGETHER, self.plan) * self.plan.candidates
        pieces = pieces_of(list(requests.items()), size)
        found: dict[str, Generation] = {}

        def make() -> None:
            for pictures in self._asking.each(Making(self._model), pieces):
                self._cut.update(waiting[one.key].prompt for one in pictures if one.cut)
                made = {one.key: self._kept(waiting.pop(one.key), one) for one in pictures}
                self.store.add(made.values())
                found.update(made)
                for one in pictures:
                    stage.advance(int(one.data is not None), cost=one.cost)

        why = f"none was made, as the judge refused {BROKEN} batches in a row: run again once it answers"
        if not self._asking.is_broken("judge"):
            why = self._asking.asked("image model", make)
        none = {
            key: self._kept(draft, Picture(key=key, data=None, error=why))
            for key, draft in waiting.items()
        }
        self.store.add(none.values())
        return found | none

    def _kept(self, draft: Generation, made: Picture) -> Generation:
        if made.data is None:
            why = made.error or "the image model gave no reason"
            return replace(
                draft,
                key=content_key(draft.key, "failed", self.recorder.id),
                details={**draft.details, "error": why},
                cost=made.cost,
            )
        return replace(draft, image=self.store.images.put(made.data), cost=made.cost)

    def _verdicts(self, images: Sequence[Generation], stage: Stage) -> list[Verdict]:
        keys = [self._judge.key(g) for g in images]
        known = self.store.known(Verdict, keys)
        missing = [g for g, key in zip(images, keys, strict=True) if key not in known]
        ask = partial(self._asking.asked, "judge")
        why = ask(partial(self._judge_all, missing)) if missing else ""
        if why and len(missing) > 1 and self._asking.answers("judge"):
            for some in pieces_of(missing, self._asking.on.at_once):
                ask(partial(self._judge_all, some, chunk=1))  # one alone may have broken its batch
        verdicts = {v.key: v for v in self.store.records(Verdict, keys)}
        for generation, key in zip(images, keys, strict=True):
            if key not in verdicts:
                verdicts[key] = self._broken(generation, key, why)
        self.store.add(v for v in verdicts.values() if did_not_answer(v))
        stage.advance(known=len(known))
        for key, verdict in verdicts.items():
            if key not in known:
                stage.advance(int(not did_not_answer(verdict)), cost=verdict.cost)
        return list(verdicts.values())

    def _judge_all(self, images: Sequence[Generation], *, chunk: int = TOGETHER) -> None:
        store, judge, run = self.store, self._judge, self.recorder.id
        for _ in judge_all(store, judge, images, run=run, chunk=chunk, each=self._asking.each):
            pass

    def _broken(self, generation: Generation, key: str, why: str) -> Verdict:
        """A verdict that says that the judge broke down: of this run alone."""
        return Verdict(
            key=content_key(key, "failed", self.recorder.id),
            generation=generation.key,
            judge=self._judge.name,
            revision=self._judge.revision,
            rubric=self._judge.rubric.label,
            scores=tuple(
                CriterionScore(criterion=c.id, score=None, reason=why)
                for c in self._judge.rubric.criteria
            ),
            run=self.recorder.id,
            simulated=generation.simulated,
        )

    def _refused(self, chain: _Chain) -> Try:
        found = best_try(chain.attempts[-1], self._judge.rubric)
        assert found is not None, "an attempt that goes on has a judged picture"
        return found


def _chains(pictures: int, plan: LoopPlan) -> int:
    """How many topics have so many pictures at an attempt; at least one."""
    return max(1, pictures // plan.candidates)
