"""The words of category images: titles made short, first prompts, better prompts; each stored before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from pipelines.category_images_parts import Busy, Rendered, Topic
from pipelines.learning import photo_at
from pipelines.places import HERE, Place, pieces_of
from pipelines.recorder import Stage
from workbench.errors import WorkbenchError
from workbench.judging.attempts import Attempt, Try
from workbench.judging.chains import SAME_AS
from workbench.prompting import Attempt as JudgedPicture
from workbench.prompting import (
    Brief,
    ModelImprover,
    ModelPromptWriter,
    ModelSimplifier,
    PromptImprover,
    PromptWriter,
    TitleSimplifier,
    Written,
    findings_of,
    improve,
    improved_key,
    prompt_key,
    read_prompt,
    read_rendered,
    simplify,
    title_key,
    write_prompts,
)
from workbench.records import Generation, Item, content_key
from workbench.rubric import Rubric
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.store import ImageStore, Store


S = TypeVar("S")
Ask = Callable[[Sequence[S]], list[Generation]]
"""Asks for several at once."""
_ASKED = 256
"""Titles or prompts that are asked for together: titles are those of 32 topics."""


class SamePrompt:
    """Writes nothing better: the same prompt again, so that only the seed differs. What refining is measured against."""

    name = revision = "none"

    def improve(self, attempts: Sequence[JudgedPicture], *, image_model: str) -> list[Written]:
        """The prompts as they were."""
        return [Written(prompt=read_prompt(a.prompt), by=self.name) for a in attempts]


@dataclass(frozen=True, kw_only=True)
class CategoryPrompts:
    """Writes the prompts of topics, and what leads to them."""

    store: Store
    rubric: Rubric
    simplifier: TitleSimplifier
    writer: PromptWriter
    improver: PromptImprover
    improver_sees: bool
    """True where the improver wants to look at pictures."""
    image_model: str
    """The string of the image model that prompts are worded for."""
    names: Mapping[str, str]
    """Category id to its name in words."""
    run: str
    on: Place = HERE
    """Where models write; rules write here."""

    def first(self, topics: Sequence[Topic], titles: Stage, prompts: Stage) -> list[Generation]:
        """A prompt for each topic, in order; one that cannot be written has `details["error"]`."""
        with Busy(titles):
            short = self._titles({i.id: i for t in topics for i in t.items if i.title}, titles)
        briefs = [self._brief(topic, short) for topic in topics]
        keys = [self._key(t, b) for t, b in zip(topics, briefs, strict=True)]
        with Busy(prompts):
            found = {g.key: g for g in self.store.records(Generation, keys)}
            missing = [
                (key, topic, brief)
                for key, topic, brief in zip(keys, topics, briefs, strict=True)
                if key not in found
            ]
            prompts.advance(known=len(found))
            for (key, _, _), prompt in zip(
                missing, self._as_before(self._written(missing)), strict=True
            ):
                found[key] = prompt
                prompts.advance(1, cost=prompt.cost)
            self.store.add(found[key] for key, _, _ in missing)
            same = {str(p.details[SAME_AS]) for p in found.values() if SAME_AS in p.details}
            before = {g.key: g for g in self.store.records(Generation, sorted(same))}
        return [before.get(str(found[key].details.get(SAME_AS)), found[key]) for key in keys]

    def _as_before(self, written: Sequence[Generation]) -> list[Generation]:
        """First prompts, each naming the one of an earlier run that has its words, where there is one.

        Other items often lead to the same words: what was made and judged by them is then not made again.
        """
        topics = sorted({p.category for p in written})
        known = self.store.generations(kind="prompt", category=topics)["key"] if topics else ()
        before: dict[tuple[object, ...], str] = {}
        for one in self.store.records(Generation, list(known)):
            if one.parent is None and one.item and not {"error", SAME_AS} & one.details.keys():
                before.setdefault(self._words(one), one.key)
        return [
            replace(p, details={**p.details, SAME_AS: same})
            if "error" not in p.details and (same := before.get(self._words(p)))
            else p
            for p in written
        ]

    def _words(self, prompt: Generation) -> tuple[object, ...]:
        """What makes two first prompts the same: catalogue, topic and words, and for whom those are chosen."""
        rendered = self.render(prompt)
        return (
            catalog_of(prompt.item or ""), prompt.category, rendered.prompt, rendered.negative,
            prompt.details.get("image_model"), prompt.simulated,
        )  # fmt: skip

    def better_key(self, attempt: Attempt, refused: Try) -> str:
        """Key of the prompt that follows `attempt`, known before it is written."""
        return improved_key(self._judged(attempt, refused), self.improver, self.image_model)

    def better(self, refused: Sequence[tuple[Attempt, Try]]) -> list[Generation]:
        """A better prompt for each refused attempt, by its best picture, in order."""
        ask: Ask[JudgedPicture] = partial(
            improve, improver=self.improver, image_model=self.image_model, run=self.run
        )
        if self.improver_sees:
            ask = _Looking(ask, self.store.images)
        made = self._each(self.improver, ask, [self._judged(a, t) for a, t in refused])
        return [
            replace(one, details={**one.details, "verdict": _verdict_of(tried)})
            if isinstance(one, Generation)
            else self._failed(
                one, key=self.better_key(attempt, tried), topic=attempt.prompt.category,
                simulated=attempt.prompt.simulated, before=attempt.prompt,
            )
            for one, (attempt, tried) in zip(made, refused, strict=True)
        ]  # fmt: skip

    def render(self, prompt: Generation) -> Rendered:
        """As the image model takes it."""
        words = read_rendered(prompt)
        return Rendered(prompt=words.prompt, negative=words.negative_prompt)

    def _titles(self, items: Mapping[str, Item], stage: Stage) -> dict[str, str]:
        """Item to its short title; items whose title could not be made short keep their own."""
        keys = {
            title_key(i, self.simplifier, category=self.names.get(i.category, i.category)): i
            for i in items.values()
        }
        found = {g.key: g for g in self.store.records(Generation, keys)}
        stage.advance(known=len(found))
        missing = [item for key, item in keys.items() if key not in found]
        ask = partial(simplify, simplifier=self.simplifier, categories=self.names, run=self.run)
        made = self._each(self.simplifier, ask, missing)
        new = [one for one in made if isinstance(one, Generation)]
        self.store.add(new)
        for one in new:
            stage.advance(1, cost=one.cost)
        short = {str(g.item): g.text for g in (*found.values(), *new)}
        return {name: short.get(name) or item.title or "" for name, item in items.items()}

    def _brief(self, topic: Topic, short: Mapping[str, str]) -> Brief:
        """What the first prompt is written from: the first item leads, in the words of its category."""
        lead = topic.items[0]
        titles = tuple(dict.fromkeys(filter(None, (short.get(i.id) for i in topic.items))))
        return Brief(
            category=lead.category or topic.id,
            name=self.names.get(lead.category, topic.name),
            titles=titles,
            aspects={**lead.aspects, **topic.aspects},
            item=lead.id,
            simulated=any(i.simulated for i in topic.items),
        )

    def _key(self, topic: Topic, brief: Brief) -> str:
        return content_key(prompt_key(brief, self.writer, self.image_model), topic.id)

    def _written(self, missing: Sequence[tuple[str, Topic, Brief]]) -> list[Generation]:
        ask = partial(write_prompts, writer=self.writer, image_model=self.image_model, run=self.run)
        made = self._each(self.writer, ask, [brief for _, _, brief in missing])
        return [
            replace(one, key=key, category=topic.id)
            if isinstance(one, Generation)
            else self._failed(one, key=key, topic=topic.id, simulated=brief.simulated)
            for one, (key, topic, brief) in zip(made, missing, strict=True)
        ]

    def _each(self, who: object, ask: Ask[S], several: Sequence[S]) -> list[Generation | str]:
        """One answer for each, in order, or why there is none; models answer where they are."""
        model = isinstance(who, ModelSimplifier | ModelPromptWriter | ModelImprover)
        place = self.on if model else HERE
        answers: dict[int, Generation | str] = {}
        for some in place.each(_Asking(ask), pieces_of(list(enumerate(several)), _ASKED)):
            answers.update(some)
        return [answers[number] for number in range(len(several))]

    def _judged(self, attempt: Attempt, refused: Try) -> JudgedPicture:
        assert refused.verdict is not None, "only what was judged is improved"
        return JudgedPicture(
            prompt=attempt.prompt,
            findings=findings_of(refused.verdict, self.rubric),
            picture_key=str(refused.image.image),
        )

    def _failed(
        self, why: str, *, key: str, topic: str, simulated: bool, before: Generation | None = None
    ) -> Generation:
        """A prompt that was not written, and why: of this run alone, so that another one asks again."""
        who = self.improver if before else self.writer
        return Generation(
            key=content_key(key, "failed", self.run),
            kind="prompt",
            category=topic,
            model=who.name,
            revision=who.revision,
            prompt="",
            parent=before.key if before else None,
            attempt=before.attempt + 1 if before else 1,
            details={"error": why},
            run=self.run,
            simulated=simulated,
        )


@dataclass(frozen=True, slots=True)
class _Looking:
    """Asks with the pictures themselves, from the store."""

    ask: Ask[JudgedPicture]
    images: ImageStore

    def __call__(self, several: Sequence[JudgedPicture]) -> list[Generation]:
        return self.ask(
            [replace(one, picture=photo_at(self.images, one.picture_key)) for one in several]
        )


@dataclass(frozen=True, slots=True)
class _Asking(Generic[S]):
    """Asks for one piece, in this process or another; answers come by the numbers of what was asked."""

    ask: Ask[S]

    def __call__(self, piece: Sequence[tuple[int, S]]) -> list[tuple[int, Generation | str]]:
        answers = self._answers([one for _, one in piece])
        return [(number, answer) for (number, _), answer in zip(piece, answers, strict=True)]

    def _answers(self, several: Sequence[S]) -> list[Generation | str]:
        """One for each, or why there is none: where asking for all fails, each is asked alone."""
        try:
            return list(self.ask(several))
        except WorkbenchError as error:
            if len(several) == 1:
                return [str(error)]
        return [answer for one in several for answer in self._answers([one])]


def _verdict_of(tried: Try) -> str:
    return tried.verdict.key if tried.verdict else ""
