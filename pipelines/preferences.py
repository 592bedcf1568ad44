"""What people corrected and preferred, as pairs that a trainer reads: built, checked, stored, exported."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder, record
from workbench.errors import LearningError
from workbench.preferences import (
    PICTURES,
    Format,
    Lineage,
    PairReader,
    PairsReport,
    build_pairs,
    check,
    export_pairs,
    held_out_of,
    lineage,
    load_reader,
    photo_prints,
)
from workbench.records import PreferencePair, Run
from workbench.schema import Schema
from workbench.store import catalog_of, schemas_of
from workbench.training.run import read_trained

if TYPE_CHECKING:
    from workbench.preferences import Built, Pair
    from workbench.store import Store

_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsJob:
    """What to export, and for whom."""

    out: Path
    format: Format
    model: str | None = None
    """The model that will be trained, whose tokenizer the pairs are read with; None: not tokenised."""
    max_length: int | None = None
    """Tokens at which its trainer cuts; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsSummary:
    """What was exported, and the report."""

    report: PairsReport
    folder: Path
    format: Format
    exported: int
    others: int
    """Kept pairs of the other kind, pictures beside texts or texts beside pictures: in the store, not exported."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "folder": str(self.folder),
            "format": self.format,
            "exported": self.exported,
            "others": self.others,
            **self.report.as_dict(),
        }

    def __str__(self) -> str:
        lines = [str(self.report)]
        kept = self.report.checked.kept
        sources = Counter(str(pair.source) for pair in kept)
        by = ", ".join(f"{count:,} {name}" for name, count in sorted(sources.items()))
        simulated = sum(pair.simulated for pair in kept)
        lines.append(f"Kept by source: {by}.")
        if simulated:
            lines.append(
                f"{simulated:,} of {len(kept):,} come from simulated answers: no person gave them."
            )
        if self.others:
            kind = "texts" if self.format == PICTURES else "pictures"
            lines.append(f"{self.others:,} pairs of {kind} are in the store and not in the export.")
        told = [_in_columns(line) for text in lines for line in text.splitlines()]
        # The folder stays in one piece, to be copied.
        return "\n".join([*told, f"{self.exported:,} pairs for {self.format} in {self.folder}"])


def _in_columns(line: str) -> str:
    """A line in 80 columns, what does not fit below it and further in."""
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(
        textwrap.wrap(
            line.strip(), _COLUMNS, initial_indent=indent, subsequent_indent=indent + "    ",
            break_long_words=False, break_on_hyphens=False,
        )
    )  # fmt: skip


def export_from(store: Store, job: PairsJob, *, quiet: bool = False) -> PairsSummary:
    """Build the pairs that the answers in `store` support, keep those that are fit, and export them.

    Kept pairs are stored too, so that a trained one is walked back. Run again, it replaces its export.

    Raises:
        LearningError: No pair is left.
        ModelError: The model's processor is not there.
        SettingsError: The folder holds something else.
        StoreError: A photo is not in the store.
    """
    reader = None if job.model is None else load_reader(job.model, max_length=job.max_length)
    arguments = {"out": str(job.out), "format": job.format, "model": job.model}
    with record(store, "pairs", arguments, quiet=quiet) as run:
        report = build_and_check(store, run, reader=reader)
        checked = report.checked
        kind = "image" if job.format == PICTURES else "text"
        chosen = [pair for pair in checked.kept if pair.kind == kind]
        if not chosen:
            named = "pictures" if kind == "image" else "texts"
            raise LearningError(f"there is no pair of {named} to export. {_why_none(report)}")
        with run.stage("export", len(chosen), unit="pairs") as stage:
            folder = export_pairs(
                job.out, chosen, store, format=job.format, report=report.as_dict()
            )
            store.add(pair.record() for pair in checked.kept)
            stage.advance(len(chosen))
    return PairsSummary(
        report=report,
        folder=folder,
        format=job.format,
        exported=len(chosen),
        others=len(checked.kept) - len(chosen),
    )


def build_and_check(
    store: Store,
    recorder: Recorder,
    *,
    reader: PairReader | None = None,
    audits: Collection[str] | None = None,
) -> PairsReport:
    """The pairs that answers support, and which of them are fit; nothing is stored.

    Args:
        store: Holds the answers.
        recorder: The run that this belongs to.
        reader: Reads pairs with a tokenizer; None: they are not tokenised.
        audits: Ids of the audits whose answers count; None: all.
    """
    with recorder.stage("build", unit="pairs") as stage:
        built = build_pairs(store, audits=audits)
        stage.advance(len(built.pairs))
    with recorder.stage("check", len(built.pairs), unit="pairs") as stage:
        shown = {photo for pair in built.pairs for photo in _pictures(pair)}
        checked = check(
            built.pairs,
            reader=reader,
            prints=photo_prints(sorted(shown), store.images.get),
            held_out=held_out_of(store, prints=bool(shown)),
            schemas=_schemas(store, built),
        )
        stage.advance(len(built.pairs))
    return PairsReport(built=built, checked=checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntBy:
    """A training that read a pair."""

    run: str
    """Id of the run that the store knows it by."""
    folder: str
    """Of the training."""
    method: str
    """`sft` or `dpo`."""
    part: str
    """`learnt`, or `held out`: it chose the weights."""
    model: str
    """The string of the model that came of it; `""` where the training is not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Where a pair came from, and what learnt from it."""

    back: Lineage
    forward: tuple[LearntBy, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self.back) | {"learnt_by": [asdict(one) for one in self.forward]}

    def __str__(self) -> str:
        lines = [
            f"  {one.part} by {one.method} of run {one.run}: {one.model or 'not done, in ' + one.folder}"
            for one in self.forward
        ]
        return "\n".join([str(self.back), *(lines or ["  learnt by no training of this store"])])


def trace_pair(store: Store, key: str) -> Traced:
    """The way back of the stored pair whose key begins with `key`, and forward to the models that read it.

    Trainings are looked for in the folders that the store's runs name; one that was deleted is not found.

    Raises:
        LearningError: None, or several, begin so.
        StoreError: What it was made from is not in the store.
    """
    found = [one for one in store.pairs()["key"] if one.startswith(key)]
    if len(found) != 1:
        many = f"{len(found)} pairs begin" if found else "no pair begins"
        raise LearningError(f"want the beginning of one pair's key, but {many} with {key!r}")
    (pair,) = store.records(PreferencePair, found)
    return Traced(back=lineage(store, pair), forward=tuple(_learnt_by(store, pair.key)))


def _learnt_by(store: Store, pair: str) -> Iterator[LearntBy]:
    for run, folder in sorted(_trainings(store).items(), key=lambda one: one[1]):
        path, done = folder / "lineage.jsonl", read_trained(folder)
        if not path.is_file():
            continue
        rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
        part = next((row["part"] for row in rows if pair in row["made_from"]), None)
        if part is not None:
            yield LearntBy(
                run=run[0],
                folder=str(folder),
                method=folder.name if done is None else done.method,
                part=str(part),
                model="" if done is None else done.model,
            )


def _trainings(store: Store) -> dict[tuple[str, Path], Path]:
    """Run and folder to the folder of each training that the store knows of, the first run of each."""
    found: dict[Path, str] = {}
    for run in sorted(store.records(Run), key=lambda one: one.created_at):
        if run.command in {"train sft", "train dpo"}:
            found.setdefault(Path(str(run.arguments["out"])), run.id)
        if run.command == "loop round" and str(run.arguments["model"]).startswith("dir:"):
            place = Path(str(run.arguments["model"]).removeprefix("dir:")).parent.parent
            for method in ("sft", "dpo"):
                found.setdefault(place / method, run.id)
    return {(run, folder): folder for folder, run in found.items()}


def _pictures(pair: Pair) -> tuple[str, ...]:
    return (*pair.photos, pair.chosen, pair.rejected) if pair.kind == "image" else pair.photos


def _schemas(store: Store, built: Built) -> dict[str, Schema]:
    return schemas_of(store, {catalog_of(p.item) for p in built.pairs if p.item is not None})


def _why_none(report: PairsReport) -> str:
    """The reasons in one sentence."""
    reasons = [*report.built.left_out, *report.checked.left_out]
    if not reasons:
        return "Nobody corrected or compared anything yet: `workbench annotate pull` brings answers"
    told = "; ".join(f"{one.count:,} {one.name} ({one.reason})" for one in reasons)
    return f"What there is was left out: {told}"
