"""Judging what the store does not hold a verdict on yet, in chunks that are stored as they are done."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from workbench.judging.judge import RubricJudge, has_output
from workbench.judging.protocols import Subject
from workbench.photos import open_photo
from workbench.records import Generation, Verdict

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.elsewhere import Each
    from workbench.schema import Schema
    from workbench.store import ImageStore, Store

LONGEST_SIDE = 1024
"""Pixels; larger pictures are scaled down before they are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How far `judge_all` has come."""

    verdicts: tuple[Verdict, ...]
    """Those of the latest chunk, stored by now; empty in the first report."""
    known: int
    """Generations on which the store held this judge's verdict already."""
    done: int
    """Generations judged by this call so far."""
    left: int
    """Generations still to be judged."""


def judge_all(
    store: Store,
    judge: RubricJudge,
    generations: Iterable[Generation],
    *,
    schema: Schema | None = None,
    run: str | None = None,
    chunk: int = 32,
    each: Each = map,
) -> Generator[Judged]:
    """Judge generations, skipping those on which the store holds this verdict already.

    Each chunk's verdicts are added in one transaction and then reported, so stopping at any moment loses
    one chunk at most and what is being asked, and calling again goes on from there. A judge whose model is
    behind servers is asked on while chunks are worked on and stored, so that servers are never idle; its
    chunks are verdicts as they come. Close it to call off what is being asked. A changed model, rubric, category or
    instrument gives other keys, and so new verdicts beside the old ones.

    Args:
        store: Holds the pictures, and takes the verdicts.
        judge: Judges them.
        generations: A generation that comes twice is judged once.
        schema: For the categories of the items; None: judged without.
        run: Id of the run that verdicts belong to.
        chunk: Generations judged and stored together.
        each: Who judges the chunks: `map`, this process. Others may be done with them in another order;
            verdicts are stored here, whoever made them. A judge that holds such a model itself needs nobody.

    Yields:
        One report before the first chunk, and one after each.

    Raises:
        JudgingError: A generation is of another kind than the judge's rubric.
        StoreError: A picture is not in the store, or the store refuses.
        PhotoError: A picture cannot be decoded.
    """
    if chunk < 1:
        raise ValueError(f"want a chunk of at least 1 generation, got {chunk!r}")
    categories = schema.categories if schema is not None else {}
    wanted = {judge.key(one, categories.get(one.category)): one for one in generations}
    known = store.known(Verdict, wanted)
    to_do = [one for key, one in wanted.items() if key not in known]
    yield Judged(verdicts=(), known=len(known), done=0, left=len(to_do))
    done = 0
    streamed = judge.judge_each((_subject(store.images, one, schema) for one in to_do), run=run)
    pieces = (to_do[start : start + chunk] for start in range(0, len(to_do), chunk))
    chunks = (
        (verdicts for verdicts in each(_Judging(judge, store.images, schema, run), pieces))
        if streamed is None
        else _in_chunks(streamed, chunk)
    )
    with closing(chunks):
        for verdicts in chunks:
            store.add(verdicts)
            done += len(verdicts)
            left = len(to_do) - done
            yield Judged(verdicts=tuple(verdicts), known=len(known), done=done, left=left)


def _in_chunks(verdicts: Generator[Verdict], size: int) -> Generator[list[Verdict]]:
    """The same, `size` at a time."""
    with closing(verdicts):
        while several := list(islice(verdicts, size)):
            yield several


@dataclass(frozen=True, slots=True)
class _Judging:
    """Judges one chunk, in this process or another: of the store it needs the pictures alone."""

    judge: RubricJudge
    images: ImageStore
    schema: Schema | None
    run: str | None

    def __call__(self, chunk: Sequence[Generation]) -> list[Verdict]:
        subjects = [_subject(self.images, one, self.schema) for one in chunk]
        return self.judge.judge(subjects, run=self.run)


def load_subject(store: Store, generation: Generation, schema: Schema | None = None) -> Subject:
    """One generation with its pictures from the store and its category from the schema.

    Raises:
        StoreError: A picture is not in the store.
        PhotoError: A picture cannot be decoded.
    """
    return _subject(store.images, generation, schema)


def _subject(images: ImageStore, generation: Generation, schema: Schema | None) -> Subject:
    category = schema.categories.get(generation.category) if schema is not None else None
    if not has_output(generation):  # nothing will look at its pictures
        return Subject(generation=generation, category=category)
    return Subject(
        generation=generation,
        photos=tuple(_open(images, address) for address in generation.inputs),
        image=None if generation.image is None else _open(images, generation.image),
        category=category,
    )


def _open(images: ImageStore, address: str) -> Image:
    return open_photo(images.get(address), where=address, max_side=LONGEST_SIDE)
