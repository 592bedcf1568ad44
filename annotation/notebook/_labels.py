"""One person's answers, stored as they are given: each a revision, none of anybody else's touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.records import Annotation, Audit, Correction, Generation, utcnow

if TYPE_CHECKING:
    from workbench.rubric import Rubric
    from workbench.store import Store

_PREFIX = "notebook:"
_NO_PERSON = ("simulated:", "catalogue-truth")
_LONGEST = 86_400.0
_FIELD = re.compile(r"price|prompt|aspects\.[^\n]{1,120}")
_PRICE = re.compile(r"\d{1,9}(\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of one output."""

    approved: bool | None
    """None: skipped."""
    failure_modes: tuple[str, ...] = ()
    note: str | None = None
    title: str | None = None
    """The better title; None where it stays as it is."""
    fields: Mapping[str, str | None] | None = None
    """What else the person would have otherwise: `price`, `prompt` or `aspects.<name>` to the right text, or to
    None where it has to go. Fields that are not named stay as they are; None: nobody was asked, and what was
    corrected before stands."""
    seconds: float | None = None
    blind: bool = False
    """True where the judge's answer was not shown before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was stored, and who else answered."""

    annotation: Annotation
    corrections: tuple[Correction, ...]
    """What was stored beside it, those taken back among them."""
    others: tuple[str, ...]
    """People who answered about the same output by the same rubric; their answers stand."""


class Labels:
    """Answers of one annotator by one rubric, in a store."""

    def __init__(
        self, store: Store, *, annotator: str, rubric: Rubric, audit: Audit | None
    ) -> None:
        """Answer as `annotator`; answers about what `audit` drew belong to it.

        Raises:
            ValueError: `annotator` is empty, or a name that marks answers of no person.
        """
        name = annotator.strip()
        if not name or name.startswith(_NO_PERSON) or "\n" in name:
            raise ValueError(
                f"an answer wants a person's name, such as 'anna@example.com', got {annotator!r}"
            )
        self.annotator = name
        self.rubric = rubric
        self._store = store
        self._audit = audit
        self._drawn = set() if audit is None else {one.generation for one in audit.drawn}
        self._undo: list[tuple[str, Annotation | None, Mapping[str, Correction]]] = []

    @property
    def audit(self) -> Audit | None:
        """To which answers about what it drew belong; None: to none."""
        return self._audit

    @property
    def undoable(self) -> int:
        """How many answers `undo` can take back."""
        return len(self._undo)

    def mine(self) -> Mapping[str, Annotation]:
        """Generation to what this annotator said of it here; those deleted are left out."""
        names = self._store.annotations(annotator=self.annotator, rubric=self.rubric.label)["id"]
        found = self._store.records(Annotation, [one for one in names if one.startswith(_PREFIX)])
        return {one.generation: one for one in found if one.state != "deleted"}

    def own(self, generation: str) -> Annotation | None:
        """What this annotator said of it here; None where they did not, or took it back."""
        found = self._store.find(Annotation, self._id(generation))
        return None if found is None or found.state == "deleted" else found

    def title(self, generation: str) -> str | None:
        """The better title that this annotator gave; None where none stands."""
        found = self._store.find(Correction, self._correction(generation))
        return None if found is None or found.withdrawn else found.after

    def corrected(self, generation: str) -> Mapping[str, str | None]:
        """What this annotator corrected: field, such as `aspects.color`, to the right text; None: removed."""
        found = self._corrections(generation)
        return {one.about: one.after for one in found.values() if not one.withdrawn}

    def others(self, generation: str) -> list[Annotation]:
        """What other people answered about `generation` by this rubric."""
        names = self._store.annotations(generation=generation, rubric=self.rubric.label)["id"]
        return [
            one
            for one in self._store.records(Annotation, list(dict.fromkeys(names)))
            if one.annotator != self.annotator and one.state == "answered"
        ]

    def save(self, generation: str, word: Word) -> Saved:
        """Store `word`; an earlier one of this annotator becomes an older revision.

        Raises:
            ValueError: The output is not in the store, a failure mode is not in the rubric, or it says
                suitable of what a failure mode refuses.
        """
        made = self._store.find(Generation, generation)
        if made is None:
            raise ValueError(f"the store holds no output {generation!r}: it cannot be answered")
        self._check(word)
        annotation = self._id(generation)
        before = self._store.find(Annotation, annotation)
        was = self._corrections(generation)
        now = utcnow()
        said = Annotation(
            id=annotation,
            generation=generation,
            annotator=self.annotator,
            rubric=self.rubric.label,
            approved=word.approved,
            state="skipped" if word.approved is None else "answered",
            failure_modes=() if word.approved is None else word.failure_modes,
            note=None if word.approved is None else (word.note or None),
            seconds=None if word.seconds is None else min(max(word.seconds, 0.0), _LONGEST),
            # Who saw the judge's answer once has seen it whenever they answer again.
            blind=word.blind and (before is None or before.blind),
            audit=self._audit.id if self._audit and generation in self._drawn else None,
            created_at=now if before is None else before.created_at,
            updated_at=now,
        )
        better = tuple(self._better(made, word, was))
        self._store.add([said, *better])
        self._undo.append((generation, before, was))
        others = sorted({one.annotator for one in self.others(generation)})
        return Saved(annotation=said, corrections=better, others=tuple(others))

    def undo(self) -> str | None:
        """Take the last answer back, and return which output it was about; None where there is none.

        What was said before it counts again; where nothing was, the answer is marked as deleted.

        Raises:
            StoreError: The database refuses; it can be taken back later.
        """
        if not self._undo:
            return None
        last = self._undo.pop()
        try:
            return self._take_back(*last)
        except BaseException:
            self._undo.append(last)
            raise

    def _take_back(
        self, generation: str, before: Annotation | None, was: Mapping[str, Correction]
    ) -> str:
        now = self._store.find(Annotation, self._id(generation))
        assert now is not None
        empty = replace(now, state="deleted", approved=None, failure_modes=(), note=None, scores={})
        back = replace(empty if before is None else before, updated_at=utcnow())
        records: list[Annotation | Correction] = [back]
        for name, written in self._corrections(generation).items():
            if written != was.get(name):
                records.append(was.get(name) or replace(written, withdrawn=True))
        self._store.add(records)
        return generation

    def _check(self, word: Word) -> None:
        modes = {mode.id: mode for mode in self.rubric.failure_modes}
        unknown = [one for one in word.failure_modes if one not in modes]
        if unknown:
            raise ValueError(
                f"rubric {self.rubric.label} has no failure mode {unknown[0]!r}; it has: {', '.join(modes)}"
            )
        strange = [one for one in word.fields or {} if not _FIELD.fullmatch(one)]
        if strange:
            raise ValueError(
                f"want a field such as 'price', 'prompt' or 'aspects.color', got {strange[0]!r:.80}"
            )
        price = ((word.fields or {}).get("price") or "").strip()
        if price and not _PRICE.fullmatch(price):
            raise ValueError(f"a price is a number such as 12.50, got {price!r:.40}")
        blocking = [one for one in word.failure_modes if modes[one].blocks]
        if word.approved and blocking:
            raise ValueError(
                f"suitable and {blocking[0]!r} contradict each other: take the failure mode away, or answer "
                "not suitable"
            )

    def _better(
        self, made: Generation, word: Word, was: Mapping[str, Correction]
    ) -> Iterator[Correction]:
        """What is corrected now, and what was corrected before and is not any more."""
        before = _fields_of(made)
        after = dict(before)
        if "title" in before:
            after["title"] = (word.title or "").strip() or before["title"]
        for about, text in (word.fields or {}).items():
            after[about] = (text or "").strip() or None
        for about in dict.fromkeys((*after, *(one.about for one in was.values()))):
            name = self._correction(made.key, about)
            stood = was.get(name)
            if word.approved is not None and word.fields is None and about != "title":
                continue
            if word.approved is None or after.get(about) == before.get(about):
                if stood is not None and not stood.withdrawn:
                    yield replace(stood, withdrawn=True)
                continue
            yield Correction(
                id=name,
                annotation=self._id(made.key),
                generation=made.key,
                about=about,
                before=before.get(about),
                after=after[about],
                created_at=utcnow() if stood is None else stood.created_at,
            )

    def _id(self, generation: str) -> str:
        return f"{_PREFIX}{self.annotator}/{self.rubric.label}/{generation}"

    def _correction(self, generation: str, about: str = "title") -> str:
        return f"{self._id(generation)}#{about}"

    def _corrections(self, generation: str) -> dict[str, Correction]:
        """What this annotator ever corrected of it here, by id; those taken back are there too."""
        found = self._store.corrections(annotation=self._id(generation), history=True)["id"]
        return {one.id: one for one in self._store.records(Correction, list(dict.fromkeys(found)))}


def price_text(price: float | None) -> str | None:
    """A price as it is shown and corrected; None where there is none."""
    return None if price is None else f"{price:.2f}"


def _fields_of(made: Generation) -> dict[str, str | None]:
    """What of an output can be corrected, as text: of a picture its prompt, of a listing its parts."""
    listing = made.listing
    if listing is None:
        return {"prompt": made.prompt or None} if made.kind == "image" else {}
    aspects = {f"aspects.{name}": ", ".join(values) for name, values in listing.aspects.items()}
    return {"title": listing.title, "price": price_text(listing.price), **aspects}


def read_word(given: Mapping[str, object]) -> Word:
    """What the front end sent, checked.

    Raises:
        ValueError: Something in it is of another type.
    """
    approved, modes = given.get("approved"), given.get("failure_modes", [])
    seconds = given.get("seconds")
    texts = [given.get(name) for name in ("note", "title")]
    if (
        not (approved is None or isinstance(approved, bool))
        or not (isinstance(modes, list) and all(isinstance(one, str) for one in modes))
        or not (seconds is None or isinstance(seconds, int | float))
        or not all(text is None or isinstance(text, str) for text in texts)
    ):
        raise ValueError(f"this is no answer: {given!r:.200}")
    return Word(
        approved=approved,
        failure_modes=tuple(modes),
        note=texts[0],  # type: ignore[arg-type]
        title=texts[1],  # type: ignore[arg-type]
        seconds=None if seconds is None else float(seconds),
        blind=given.get("blind") is True,
    )
