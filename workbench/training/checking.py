"""Bad rows, named one by one before training starts; how long the good ones are; whether formats agree."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import LearningError, PhotoError, StoreError
from workbench.training.examples import Example, Pair
from workbench.training.plan import TrainingPlan
from workbench.training.reading import ExampleRow, PairRow, Reader

_SHOWN = 20
"""Rows that an error names."""
_PLACEHOLDERS = ("<image>", "<|image_pad|>", "<IMG_CONTEXT>", "<video>", "<audio>")
"""Where processors put photos, films and sounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with one row."""

    row: int
    """From 1, in the order given."""
    item: str | None
    where: str | None
    """Where the row was read; None: from no file."""
    what: str
    """In a few words: `photo missing`, `truncated JSON` …"""
    detail: str
    """What was found, and what to do."""

    def __str__(self) -> str:
        known = ", ".join(one for one in (self.item, self.where) if one)
        about = f" ({known})" if known else ""
        return f"row {self.row}{about}: {self.what}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReport:
    """How many tokens rows have."""

    rows: int
    shortest: int
    median: int
    longest: int
    percentile_95: int
    photo_tokens: int
    """Of all tokens, those of photos."""
    learnt_tokens: int
    """Of all tokens, those that are learnt."""
    tokens: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, {self.tokens:,} tokens ({self.photo_tokens / self.tokens:.0%} photos, "
            f"{self.learnt_tokens / self.tokens:.0%} learnt); a row has {self.shortest:,} to {self.longest:,}, "
            f"half of them {self.median:,} or less, 95% {self.percentile_95:,} or less"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Rows that can be trained on."""

    rows: tuple[Any, ...]
    """`ExampleRow`s or `PairRow`s, in the order given."""
    tokens: TokenReport


def check_rows(
    rows: Sequence[Example | Pair],
    reader: Reader,
    plan: TrainingPlan,
    *,
    what: str = "rows",
) -> Checked:
    """Read every row as the model will, and refuse all bad ones in one error.

    Looked at are: photos that are missing, are no pictures or are larger than the plan allows; answers that are
    empty, or begin as JSON and do not end as such; chosen answers that are the rejected ones to the tokenizer;
    placeholders of photos in texts, and places of photos that are not as many as the photos; rows longer than
    the plan allows; answers that the chat template does not write as they are.

    Args:
        rows: Examples or pairs.
        reader: The model's.
        plan: Its limits.
        what: What the rows are called in an error, such as `held-out examples`.

    Raises:
        LearningError: There is no row, or some are bad: the first twenty are named, the others counted.
    """
    if not rows:
        raise LearningError(f"there are no {what} to learn from")
    found: list[Fault] = []
    read: list[ExampleRow | PairRow] = []
    known: dict[str, tuple[str, str] | None] = {}
    for number, row in enumerate(rows, 1):
        faults = list(_faults(row, reader, plan, known))
        if not faults:
            try:
                tokens = reader.example(row) if isinstance(row, Example) else reader.pair(row)
            except ValueError as error:  # of the processor, which counts photos and their places
                faults = [("image tokens", f"{len(row.photos)} photos have other places: {error}")]
            else:
                read.append(tokens)
                faults = list(_of_tokens(tokens, reader, plan))
        found += [
            Fault(
                row=number,
                item=row.item,
                where=getattr(row, "where", None),
                what=name,
                detail=detail,
            )
            for name, detail in faults
        ]
    if found:
        raise LearningError(_sentence(found, len(rows), what))
    return Checked(rows=tuple(read), tokens=token_report(read, reader))


def token_report(rows: Sequence[ExampleRow | PairRow], reader: Reader) -> TokenReport:
    """How many tokens rows have, the prompt of a pair counted once."""
    lengths, photos, learnt = [], 0, 0
    for row in rows:
        if isinstance(row, ExampleRow):
            lengths.append(len(row.ids))
            photos += int((row.ids == reader.photo_id).sum())
            learnt += int(row.learnt.sum())
        else:
            answers = len(row.chosen) + len(row.rejected)
            lengths.append(len(row.prompt) + answers)
            photos += int((row.prompt == reader.photo_id).sum())
            learnt += answers
    return TokenReport(
        rows=len(rows),
        shortest=min(lengths),
        median=int(np.median(lengths)),
        longest=max(lengths),
        percentile_95=int(np.percentile(lengths, 95)),
        photo_tokens=photos,
        learnt_tokens=learnt,
        tokens=sum(lengths),
    )


def check_format(rows: Sequence[Example | Pair], reader: Reader) -> None:
    """Refuse a chat template or answers that differ from what constrained decoding lets a model write.

    A grammar that differs from the trained format by one space leaves every answer valid and most of them wrong.
    Decoding starts with `{`, or a space and `{`, right after the prompt, and spaces as `json.dumps` does.

    Raises:
        LearningError: The template puts something else between prompt and answer, or answers are JSON of another
            spacing; the message shows both.
    """
    for number, row in enumerate(rows, 1):
        question = row.prompt[-1].text if isinstance(row, Example) else row.prompt
        answer = row.answer if isinstance(row, Example) else row.chosen
        try:
            value = json.loads(answer)
        except ValueError:
            continue  # a text, which no grammar holds
        if not isinstance(value, dict):
            continue
        asked = reader.chat.render_talk([("user", question)], photos=len(row.photos))
        talk = [("user", question), ("assistant", answer)]
        whole = reader.chat.render_talk(talk, photos=len(row.photos), answered=True)
        begins = whole.removeprefix(asked).lstrip(" ") if whole.startswith(asked) else ""
        if not begins.startswith("{") or len(whole) - len(asked) - len(begins) > 1:
            raise LearningError(
                "the chat template writes an answer otherwise than decoding does, which starts with '{' after "
                f"{asked[-30:]!r}: it writes {whole[-len(answer) - 40 :][:60]!r}. Mend the template of the model"
            )
        usual = json.dumps(value)
        plain = json.dumps(value, ensure_ascii=False)
        if answer.strip(" ") not in {usual, plain}:
            raise LearningError(
                f"row {number}: the answer is JSON of other spacing than decoding writes: want {usual[:60]!r}, "
                f"got {answer[:60]!r}. Write answers with `json.dumps`"
            )


_Found = tuple[str, str]


def _faults(
    row: Example | Pair, reader: Reader, plan: TrainingPlan, known: dict[str, _Found | None]
) -> Iterator[_Found]:
    """What is wrong with a row before it is tokenised: (what, detail)."""
    for address in row.photos:
        if address not in known:
            known[address] = _photo_fault(address, reader, plan)
        if (fault := known[address]) is not None:
            yield fault
    if isinstance(row, Example):
        roles = [turn.role for turn in row.turns]
        if len(roles) < 2 or roles != ["user", "assistant"] * (len(roles) // 2):
            yield (
                "turns",
                f"want user and assistant in turn, the assistant last; got {' '.join(roles) or 'none'}",
            )
            return
        texts = {
            "prompt": [t.text for t in row.turns[::2]],
            "answer": [t.text for t in row.turns[1::2]],
        }
    else:
        texts = {"prompt": [row.prompt], "chosen": [row.chosen], "rejected": [row.rejected]}
    for name, several in texts.items():
        for text in several:
            yield from _text_faults(name, text, learnt=name in {"answer", "chosen"})


def _text_faults(name: str, text: str, *, learnt: bool) -> Iterator[_Found]:
    if not text.strip():
        yield f"{name} empty", "there is nothing to read; leave the row out"
    stray = next((one for one in _PLACEHOLDERS if one in text), None)
    if stray is not None:
        yield (
            "image tokens",
            f"{name} holds {stray!r}, which stands for a photo; photos are given apart, take it out",
        )
    if learnt and text.lstrip().startswith(("{", "[")):
        try:
            json.loads(text)
        except ValueError as error:
            yield (
                "truncated JSON",
                f"{name} ends as {text[-30:]!r} ({error}); write it again, or leave it out",
            )


def _photo_fault(address: str, reader: Reader, plan: TrainingPlan) -> _Found | None:
    from PIL import Image, UnidentifiedImageError

    try:
        data = reader.photos(address)
    except (OSError, StoreError) as error:
        return (
            "photo missing",
            f"{address!r} is not there ({type(error).__name__}); bring it, or leave the row out",
        )
    try:
        with Image.open(io.BytesIO(data)) as opened:
            pixels = opened.width * opened.height
    except UnidentifiedImageError:
        return (
            "photo unreadable",
            f"{address!r} is no picture, it begins with {data[:12]!r}; put another in its place, or leave the row out",
        )
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return (
            "photo unreadable",
            f"{address!r}: {error}; put another in its place, or leave the row out",
        )
    if pixels > plan.max_megapixels * 1e6:
        return (
            "photo too large",
            f"{address!r} has {pixels / 1e6:.1f} megapixels, the plan allows {plan.max_megapixels:g}; scale it "
            "down, or raise `max_megapixels`",
        )
    try:
        reader.size(address)
    except PhotoError as error:
        return "photo unreadable", f"{error}; put another in its place, or leave the row out"
    return None


def _of_tokens(row: ExampleRow | PairRow, reader: Reader, plan: TrainingPlan) -> Iterator[_Found]:
    """What is wrong with a row once it is tokenised."""
    prompt = row.ids if isinstance(row, ExampleRow) else row.prompt
    taken = int((prompt == reader.photo_id).sum())
    wanted = sum(
        int((reader.prompt(str(reader.processor.image_token), [one]) == reader.photo_id).sum())
        for one in row.photos
    )
    if taken != wanted:
        yield (
            "image tokens",
            f"{len(row.photos)} photos take {wanted} tokens, the prompt has {taken}; the chat template does not "
            "place photos as the processor counts them",
        )
    if isinstance(row, PairRow) and np.array_equal(row.chosen, row.rejected):
        yield (
            "same",
            f"chosen and rejected are the same {len(row.chosen)} tokens; leave the pair out",
        )
    if plan.max_length is not None and len(row) > plan.max_length:
        learnt = (
            int(row.learnt.sum()) if isinstance(row, ExampleRow) else len(row) - len(row.prompt)
        )
        longer = "the answer alone is longer" if learnt > plan.max_length else "nothing is cut"
        yield (
            "too long",
            f"{len(row):,} tokens, the plan allows {plan.max_length:,}, and {longer}; leave it out, or raise "
            "`max_length`",
        )


def _sentence(found: Sequence[Fault], rows: int, what: str) -> str:
    """All faults in one message: how many of each kind, then row by row."""
    bad = len({one.row for one in found})
    counts = Counter(one.what for one in found)
    kinds = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    lines = [f"{bad:,} of {rows:,} {what} cannot be trained on ({kinds}):"]
    lines += [f"  {one}" for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN:,} more")
    return "\n".join(lines)
