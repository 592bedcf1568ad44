"""The better prompt: from what a judge found wrong with a picture to words that ask for its opposite.

The text half of refinement. By rules, each failure mode of the rubric has words of its own; a
vision-language model sees picture, prompt and verdict, and writes the prompt anew
(`workbench.prompting.prompt_model`). Neither repeats a phrase, nor grows past what the image model reads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from workbench._yaml import UnreadableError, read
from workbench.errors import RubricError
from workbench.prompting.prompts import Written, prompt_generation, read_prompt
from workbench.prompting.rendering import ImagePrompt, fits, phrases
from workbench.records import Generation, Verdict, content_key
from workbench.rubric import NO_OUTPUT, Rubric

if TYPE_CHECKING:
    from PIL.Image import Image

REMEDIES = Path(__file__).parent / "remedies.yaml"
"""The words that ship."""
_PARTS = ("background", "style", "composition")
_A_ROUND = 2
"""New phrases that one finding adds to a part, and to the negative prompt, in one round."""
_LONGEST_PHRASE = 6
"""Words of a phrase that is made from a rubric's sentence."""
_EMPTY_WORDS = re.compile(
    r"^(?:(?:the|an?|one|image|picture|product|photo|is|are|has|shows?|there|something|that)\s+)+", re.IGNORECASE
)  # fmt: skip
_COLORS = frozenset({
    "black", "white", "grey", "gray", "beige", "brown", "red", "orange", "yellow", "green", "teal", "blue", "navy",
    "purple", "pink", "gold", "silver", "ivory", "cream", "tan", "khaki", "maroon", "burgundy", "olive", "turquoise",
    "violet", "lilac", "coral", "mint", "charcoal",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a picture."""

    id: str
    """Id of a failure mode or a criterion."""
    kind: Literal["failure mode", "criterion"]
    words: str
    """What the rubric says of it: the mode's description, or the criterion's question."""
    wanted: str = ""
    """What the best point of the criterion's scale says; `""` where the rubric does not word it."""
    reason: str = ""
    """What the judge said; `""` where it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A picture that was judged, and the prompt that it was made from."""

    prompt: Generation
    """Of kind `prompt`."""
    findings: tuple[Finding, ...]
    """What is wrong with the picture, from `findings_of`."""
    picture: Image | None = None
    """None where there is none, or nobody looks at it."""
    picture_key: str = ""
    """`sha256:<hex>` of the picture; part of the content key."""


class PromptImprover(Protocol):
    """Writes a better prompt after a picture was judged."""

    @property
    def name(self) -> str:
        """The string that names it in records."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same attempt could give another prompt."""
        ...

    def improve(self, attempts: Sequence[Attempt], *, image_model: str) -> list[Written]:
        """One prompt per attempt, in order; an unchanged one where nothing better is known."""
        ...


def findings_of(verdict: Verdict, rubric: Rubric) -> tuple[Finding, ...]:
    """What a verdict says is wrong: failure modes first, then failed criteria that no mode speaks for.

    Args:
        verdict: Of a picture.
        rubric: That it was judged by; modes and criteria that the rubric does not know any more are left out.
    """
    modes = {m.id: m for m in rubric.failure_modes if m.id != NO_OUTPUT}
    scores = {s.criterion: s for s in verdict.scores}
    found, spoken_for = [], set()
    for mode in (modes[m] for m in verdict.failure_modes if m in modes):
        score = scores.get(mode.criterion or "")
        found.append(
            Finding(
                id=mode.id,
                kind="failure mode",
                words=mode.description,
                reason=(score.reason or "") if score else "",
            )
        )
        spoken_for.add(mode.criterion)
    for criterion in rubric.criteria:
        score = scores.get(criterion.id)
        if score is None or score.passed is not False or criterion.id in spoken_for:
            continue
        found.append(
            Finding(
                id=criterion.id,
                kind="criterion",
                words=criterion.question,
                wanted=criterion.points[-1] if criterion.points else "",
                reason=score.reason or "",
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class RuleImprover:
    """Adds the words that ask for the opposite of what was found; needs no model.

    Each finding adds up to two phrases a part and round, those first that were not tried yet; what it adds goes to
    the front of its part, so that it counts most, and the oldest phrases go where the image model would not
    read them all. A finding without words of its own is worded from the rubric's description. Where all
    words are used up, the prompt comes back as it was.
    """

    remedies: Path = REMEDIES
    """YAML file of failure modes and their words."""

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @cached_property
    def revision(self) -> str:
        """Content key of the words."""
        return content_key("improve rules", "1", self._words)

    def improve(self, attempts: Sequence[Attempt], *, image_model: str) -> list[Written]:
        """One prompt per attempt, in order."""
        made = []
        for attempt in attempts:
            before = read_prompt(attempt.prompt)
            after = self.better(before, attempt.findings, image_model=image_model)
            note = "" if after != before else "no words are left to try"
            made.append(Written(prompt=after, by=self.name, note=note))
        return made

    def better(
        self, prompt: ImagePrompt, findings: Sequence[Finding], *, image_model: str
    ) -> ImagePrompt:
        """`prompt` with words against `findings`, within what `image_model` reads."""
        color = next((w for w in prompt.subject.casefold().split() if w in _COLORS), None)
        parts = {name: phrases(getattr(prompt, name)) for name in _PARTS}
        negative = list(prompt.negative)
        fresh: set[str] = set()
        for finding in findings:
            words = self._words.get(finding.id) or _own_words(finding)
            for name, text in words.get("instead", {}).items():
                if not _holds(parts[name], text):
                    parts[name] = phrases(text)
            for name in _PARTS:
                said = [s for w in words.get(name, ()) if (s := _filled(w, color))]
                parts[name] = _added(parts[name], said, fresh)
            negative = _added(negative, words.get("negative", ()), fresh)
        better = replace(
            prompt, **{n: ", ".join(p) for n, p in parts.items()}, negative=tuple(negative)
        )
        return shortened_prompt(better, image_model, fresh=fresh)

    @cached_property
    def _words(self) -> dict[str, Any]:
        return read_remedies(self.remedies)


def improve(
    attempts: Sequence[Attempt],
    improver: PromptImprover,
    *,
    image_model: str,
    run: str | None = None,
) -> list[Generation]:
    """Write better prompts: one `Generation` of kind `prompt` per attempt, in order, with the old one as `parent`.

    `details` holds what `write_prompts` says, `findings` (ids), and `changed`: False where nothing better
    was known, so that another round with this prompt would only try another seed.

    Args:
        attempts: Judged pictures with their prompts.
        improver: Who writes.
        image_model: The string of the image model that the prompts are worded for.
        run: Id of the run that writes.
    """
    return [
        prompt_generation(
            written,
            key=improved_key(attempt, improver, image_model),
            category=attempt.prompt.category,
            image_model=image_model,
            writer=improver,
            item=attempt.prompt.item,
            details={
                "titles": attempt.prompt.details.get("titles", []),
                "findings": [f.id for f in attempt.findings],
                "changed": written.prompt != read_prompt(attempt.prompt),
            },
            simulated=attempt.prompt.simulated,
            run=run,
            parent=attempt.prompt,
            inputs=(attempt.picture_key,) if attempt.picture_key else (),
        )
        for attempt, written in zip(
            attempts, improver.improve(attempts, image_model=image_model), strict=True
        )
    ]


def improved_key(attempt: Attempt, improver: PromptImprover, image_model: str) -> str:
    """Content key of the better prompt, known before it is written."""
    return content_key(
        "better prompt",
        attempt.prompt.key,
        attempt.picture_key,
        [asdict(f) for f in attempt.findings],
        improver.revision,
        image_model,
    )


@lru_cache(maxsize=8)
def read_remedies(path: Path) -> dict[str, Any]:
    """Failure mode, or criterion, to its words.

    Raises:
        RubricError: The file is not there, or its shape is another; the message says where.
    """
    try:
        document = read(path.read_text("utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError, UnreadableError) as error:
        raise RubricError(
            f"want a YAML file of failure modes and words, got {str(path)!r}: {error}"
        ) from error
    for mode, words in document.data.items():
        known = {*_PARTS, "negative", "instead"}
        for part, said in words.items() if isinstance(words, Mapping) else [("", words)]:
            listed = isinstance(said, list) and all(isinstance(s, str) for s in said)
            whole = isinstance(said, Mapping) and set(said) <= set(_PARTS)
            if part not in known or not (whole if part == "instead" else listed):
                line = document.line((mode, part) if part else (mode,))
                raise RubricError(
                    f"{path}:{line}: want lists of phrases under {', '.join(sorted(known - {'instead'}))}, "
                    f"got {part!r}: {said!r}"
                )
    return document.data


def _own_words(finding: Finding) -> dict[str, Any]:
    """Words for what no file has words for, from the rubric's own."""
    if finding.kind == "criterion":
        return {"style": [_phrase(finding.wanted)]} if finding.wanted else {}
    return {"negative": [_phrase(finding.words) or finding.id.replace("_", " ")]}


def _phrase(sentence: str) -> str:
    """The beginning of a sentence as a phrase: `dark or shadowy` of `Is dark or shadowy.` in a rubric."""
    clause = re.split(r"[.,;:(]|\bsuch as\b|\balthough\b", sentence.strip(), maxsplit=1)[0]
    return " ".join(_EMPTY_WORDS.sub("", clause).split()[:_LONGEST_PHRASE])


def _filled(phrase: str, color: str | None) -> str | None:
    if "{color}" not in phrase:
        return phrase
    return phrase.replace("{color}", color) if color else None


def _holds(said: Sequence[str], text: str) -> bool:
    return {p.casefold() for p in phrases(text)} <= {p.casefold() for p in said}


def _added(said: list[str], words: Sequence[str], fresh: set[str]) -> list[str]:
    """`said` with the next words that are not among them, in front; `fresh` learns which."""
    there = {s.casefold() for s in said}
    new = [w for w in dict.fromkeys(words) if w and w.casefold() not in there][:_A_ROUND]
    fresh.update(w.casefold() for w in new)
    return [*new, *said]


def shortened_prompt(
    prompt: ImagePrompt, image_model: str, *, fresh: Collection[str] = ()
) -> ImagePrompt:
    """`prompt` without its last phrases, until the image model reads the rest.

    Args:
        prompt: Of any length.
        image_model: The string of the image model.
        fresh: Phrases, case folded, that stay longest.
    """
    parts = {name: phrases(getattr(prompt, name)) for name in _PARTS}
    negative = list(prompt.negative)

    def whole() -> ImagePrompt:
        return replace(
            prompt, **{n: ", ".join(p) for n, p in parts.items()}, negative=tuple(negative)
        )

    for old_only, least in ((True, 1), (False, 1), (False, 0)):
        for said in (parts["composition"], parts["style"], parts["background"], negative):
            for phrase in reversed(list(said)):
                if fits(whole(), image_model):
                    return whole()
                if len(said) > least and not (old_only and phrase.casefold() in fresh):
                    said.remove(phrase)
    return whole()
