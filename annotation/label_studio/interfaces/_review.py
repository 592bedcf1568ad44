"""The questions that a rubric asks of any output: verdict, criteria, failure modes, note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._keys import Keys, silent
from annotation.label_studio.interfaces._records import Answer, Interface
from annotation.label_studio.interfaces._regions import Fields
from annotation.label_studio.interfaces._xml import shown_when, static, tag
from workbench.rubric import NO_OUTPUT, Criterion, FailureMode, Rubric

APPROVED, REJECTED = "approved", "rejected"
VERDICT, MODES, NOTE = "verdict", "failure_modes", "note"
_OTHER, _OTHER_WORDS = "something-else", "other_words"
"""No rubric has a failure mode with a hyphen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a question."""

    value: str
    """As results name it."""
    label: str
    """As the page shows it."""
    key: str
    hint: str | None = None
    """Shown where the pointer rests."""


def choices(
    name: str,
    to_name: str,
    options: Sequence[Option],
    *,
    multiple: bool = False,
    required: str | None = None,
) -> Element:
    """A question with choices; `required` is the sentence that an open one is refused with."""
    return tag(
        "Choices",
        *(
            tag("Choice", value=static(o.label), alias=o.value, hotkey=o.key, hint=_hint(o.hint))
            for o in options
        ),
        name=name,
        toName=to_name,
        choice="multiple" if multiple else "single-radio",
        layout="inline",
        required=None if required is None else "true",
        requiredMessage=None if required is None else static(required),
    )


def text_area(
    name: str,
    to_name: str,
    *,
    placeholder: str,
    value: str | None = None,
    rows: int = 1,
    several: bool = False,
    required: str | None = None,
) -> Element:
    """A field for text; `value` names the task's text that it begins with.

    Label Studio keeps a draft of what was added, not of what is being typed: so the button that adds is shown,
    and a field of one row is left by Enter, which adds its text and gives the keys back to the choices.
    """
    return tag(
        "TextArea",
        name=name,
        toName=to_name,
        value=value,
        placeholder=placeholder,
        rows=str(rows),
        editable="true",
        showSubmitButton="true",
        maxSubmissions=None if several else "1",
        required=None if required is None else "true",
        requiredMessage=required,
    )


def classes(name: str, keys: Iterable[str]) -> str:
    """CSS classes of a view around a question with these keys."""
    return f"{name} wb-silent" if silent(keys) else name


def heading(words: str) -> Element:
    """A question's words above it."""
    return tag("Header", value=static(words), size="5")


def verdict_view(
    to_name: str,
    *more: Element,
    approve: str = "Approve",
    reject: str = "Reject",
    ask: str = "Your verdict",
) -> Element:
    """Approve or reject: `y` and `n`. It stays in sight, and so does what `more` asks."""
    options = [
        Option(value=APPROVED, label=approve, key="y"),
        Option(value=REJECTED, label=reject, key="n"),
    ]
    question = choices(VERDICT, to_name, options, required=f"Choose: {approve} or {reject}.")
    return tag("View", heading(ask), question, *more, className="wb-verdict")


def criteria_views(rubric: Rubric, to_name: str, keys: Keys) -> Iterator[Element]:
    """A question a criterion: those that a model answers must be answered, measured ones can be."""
    measured = [one for one in rubric.criteria if not _asked(one)]
    for criterion in filter(_asked, rubric.criteria):
        yield _criterion(criterion, to_name, keys)
    if measured:
        yield tag(
            "View",
            heading("Optional: answer these only if you are sure"),
            *(_criterion(one, to_name, keys) for one in measured),
            className="wb-measured",
        )


def modes_view(rubric: Rubric, to_name: str, keys: Keys) -> Iterator[Element]:
    """The failure modes that can be seen, asked of whoever rejects; nothing where the rubric names none."""
    modes = _seen(rubric)
    if modes:
        options = [
            Option(
                value=mode.id,
                label=_words(mode.id) + (" (refuses)" if mode.blocks else ""),
                hint=mode.description,
                key=key,
            )
            for mode, key in zip(modes, keys.take(len(modes)), strict=True)
        ]
        options.append(Option(value=_OTHER, label="Something else", key=keys.take(1)[0]))
        question = choices(
            MODES, to_name, options, multiple=True, required="Rejected: name what is wrong with it."
        )
        words = text_area(
            _OTHER_WORDS,
            to_name,
            placeholder="What else is wrong, then Enter",
            required="Something else is wrong: say what.",
        )
        yield shown_when(
            VERDICT,
            REJECTED,
            heading("What is wrong with it?"),
            question,
            shown_when(MODES, _OTHER, words),
            name=classes("wb-modes", [one.key for one in options]),
        )


def note_view(to_name: str) -> Element:
    """A field for whatever the questions leave out."""
    field = text_area(NOTE, to_name, placeholder="A note (optional), then Enter")
    return tag("View", field, className="wb-note")


def read_review(interface: Interface, fields: Fields) -> Answer:
    """Verdict, scores, failure modes and note, and where they do not fit each other."""
    rubric = interface.rubric
    approved = fields[VERDICT][0] == APPROVED
    scores = {
        one.id: float(fields[name][0])
        for one in rubric.criteria
        if (name := control_of(one)) in fields
    }
    said = fields.get(MODES, ())
    notes = [*fields.get(NOTE, ()), *(() if approved else fields.get(_OTHER_WORDS, ()))]
    modes = [mode for mode in rubric.failure_modes if mode.id in said]
    return Answer(
        approved=approved,
        scores=scores,
        failure_modes=tuple(mode.id for mode in modes),
        note="\n".join(notes) or None,
        contradictions=tuple(_contradictions(rubric, approved, scores, modes)),
    )


def review_fields(interface: Interface, answer: Answer) -> Fields:
    """What `read_review` reads as `answer`."""
    fields: Fields = {
        control_of(one): (str(int(answer.scores[one.id])),)
        for one in interface.rubric.criteria
        if one.id in answer.scores
    }
    if answer.approved is not None:
        fields[VERDICT] = (APPROVED if answer.approved else REJECTED,)
    if answer.note:
        fields[NOTE] = (answer.note,)
    return fields | {MODES: answer.failure_modes}


def control_of(criterion: Criterion) -> str:
    """Name of the question that asks for `criterion`."""
    return f"score_{criterion.id}"


def _contradictions(
    rubric: Rubric, approved: bool, scores: Mapping[str, float], modes: Sequence[FailureMode]
) -> Iterator[str]:
    low = [
        one
        for one in rubric.criteria
        if one.decides and one.id in scores and scores[one.id] < one.threshold
    ]
    if approved:
        for mode in modes:
            if mode.blocks:
                yield f"approved with failure mode {mode.id!r}, which refuses whatever else is said"
        for one in low:
            yield (
                f"approved with {one.id!r} at {scores[one.id]:g}, under its threshold "
                f"{one.threshold:g}, although it decides"
            )
    for mode in modes:
        name = mode.criterion
        if name is not None and name in scores and scores[name] >= rubric.criterion(name).threshold:
            yield f"failure mode {mode.id!r} is named, but its criterion {name!r} passes at {scores[name]:g}"


def _criterion(criterion: Criterion, to_name: str, keys: Keys) -> Element:
    points = len(criterion.scale)
    options = [
        Option(value=str(number), label=word[:1].upper() + word[1:], hint=meaning, key=key)
        for number, word, meaning, key in zip(
            range(1, points + 1),
            criterion.scale,
            criterion.points or [None] * points,
            keys.points(points),
            strict=True,
        )
    ]
    question = choices(
        control_of(criterion),
        to_name,
        options,
        required=f"Not answered yet: {criterion.question}" if _asked(criterion) else None,
    )
    name = classes("wb-criterion", [one.key for one in options])
    return tag("View", heading(criterion.question), question, className=name)


def _asked(criterion: Criterion) -> bool:
    return criterion.by == "model"


def _seen(rubric: Rubric) -> list[FailureMode]:
    """Without the one that says that there is nothing to see."""
    return [mode for mode in rubric.failure_modes if mode.id != NO_OUTPUT]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _hint(text: str | None) -> str | None:
    return None if text is None else static(text)
