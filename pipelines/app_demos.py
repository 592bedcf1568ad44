"""What the app lets people try: the pipelines themselves, over a store of trials that nobody's numbers come from."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipelines.category_images import CategoryImagesJob, run_category_images
from pipelines.category_images_start import blind_criteria
from pipelines.judge import judge_listings, load_judge, stored_schema
from pipelines.listings import write_listings
from pipelines.recorder import record
from workbench.calibration.audited import rubric_of
from workbench.errors import CatalogError, StoreError, WorkbenchError
from workbench.evolution import find_rubric
from workbench.models import load_text
from workbench.models.listings import PhotoWriter
from workbench.records import Generation, Item, Problem, Run, RunEvent, Verdict, content_key
from workbench.rubric import Rubric, dump_rubric, load_rubric
from workbench.store import catalog_of

if TYPE_CHECKING:
    from annotation.app import Step, Trial
    from workbench.schema import Schema
    from workbench.store import Store

_LOOK = 0.25
"""Seconds between two looks at what a trial has stored."""
_ITEMS = 60
"""Items of a category that stand for it in a trial, at most."""
_LISTING = "try a photo"
_PICTURE = "run category-images"


@dataclass(frozen=True, kw_only=True)
class StoredCategory:
    """One category of a store, as a catalogue."""

    store: Store
    name: str
    category: str
    schema: Schema
    simulated: bool

    def items(self) -> Iterator[Item | Problem]:
        """Its first items, in the store's order."""
        ids = [str(one) for one in self.store.items(category=self.category)["id"]][:_ITEMS]
        yield from self.store.records(Item, ids)

    def photo(self, address: str) -> bytes:
        """Bytes of one photo.

        Raises:
            CatalogError: The store does not hold it.
        """
        try:
            return self.store.images.get(address)
        except StoreError as error:
            raise CatalogError(str(error)) from error


class PipelineDemos:
    """Trials by the same code as the commands'."""

    def __init__(self, source: Store, trials: Store, *, rubric: str | None = None) -> None:
        """Read categories and items from `source`; write everything into `trials`.

        Args:
            source: The store that the app is about.
            trials: Takes what is tried.
            rubric: By which pictures are judged: a file, a shipped one's name, or one of the source's; None: the
                one that the source kept last, else the shipped one.
        """
        self.store = trials
        self._source, self._pictures_by = source, rubric

    def categories(self) -> Sequence[tuple[str, str]]:
        """Name and id of each category that the store has items of, the largest first."""
        items = self._source.items()
        names = [str(one) for one in items["category"].value_counts().index if one]
        return [(self._name(one), one) for one in names]

    def category(self, category: str, *, image_model: str, judge: str) -> Iterator[Trial]:
        """Attempts at a picture of a category, as they come.

        A criterion that nothing on this machine can look at is left out, and the trial says so.

        Raises:
            WorkbenchError: A model cannot be loaded, or there is no such category.
        """
        from annotation.app import Trial

        catalog = self._catalog(category)
        before = {one.id for one in self.store.records(Run)}
        rubric = self._rubric("image")
        job = CategoryImagesJob(
            catalog=f"trial:{category}", image_model=image_model, judge=judge, rubric=rubric.label,
            without=tuple(blind_criteria(rubric)), categories=(category,), audit=0, seed=len(before),
        )  # fmt: skip
        failed: list[BaseException] = []

        def work() -> None:
            try:
                run_category_images(self.store, catalog, job, quiet=True)
            except BaseException as error:  # noqa: BLE001 - told to whoever tries
                failed.append(error)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        shown: tuple[object, ...] | None = None
        run = None
        while worker.is_alive():
            worker.join(_LOOK)
            run = run or next((r.id for r in self.store.records(Run) if r.id not in before), None)
            if run is None:
                continue
            steps = self._steps(run)
            now = tuple((step.made.key, step.verdict is not None) for step in steps)
            if now != shown:
                shown = now
                yield Trial(id=run, state="running", said=_doing(steps), steps=steps)
        if failed:
            raise failed[0]
        assert run is not None
        found = self.find(run)
        assert found is not None
        yield found

    def photo(self, photo: bytes, category: str, *, model: str, judge: str) -> Iterator[Trial]:
        """A listing of a photo, and what the judge says of it, as they come.

        Raises:
            WorkbenchError: A model cannot be loaded, or sees no photos.
        """
        from annotation.app import Step, Trial

        schema = self._catalog(category).schema
        rubric = self._rubric("listing")
        address = self.store.images.put(photo)
        item = Item(
            id=f"trial/{content_key(address, category)[:16]}", category=category, photos=(address,)
        )
        writer = load_text(model)
        if not writer.sees:
            raise WorkbenchError(f"want a model that sees photos, but {model!r} reads text only")
        self.store.add([item])
        with record(
            self.store, _LISTING, {"item": item.id, "model": model, "judge": judge}, quiet=True
        ) as recorder:
            yield Trial(id=recorder.id, state="running", said="Looking at the photo …")
            made = write_listings(self.store, [item], PhotoWriter(writer, schema), recorder)
            steps = (Step(made=made[0]),)
            yield Trial(id=recorder.id, state="running", said="Being judged …", steps=steps)
            judging = load_judge(
                judge, rubric, store=self.store, schema=schema, train=(), recorder=recorder
            )
            verdict = judge_listings(self.store, judging, made, schema, recorder)[0]
            steps = (Step(made=made[0], verdict=verdict),)
        yield Trial(
            id=recorder.id,
            state="approved" if verdict.approved else "gave up",
            said=_came(steps),
            steps=steps,
        )

    def find(self, trial: str) -> Trial | None:
        """An earlier trial; None where there is none of this name."""
        from annotation.app import Trial

        run = self.store.find(Run, trial)
        if run is None:
            return None
        steps = self._steps(trial)
        events = [one for one in self.store.records(RunEvent) if one.run == trial]
        end = next((one for one in events if one.kind in {"finished", "failed", "stopped"}), None)
        if end is None or end.kind != "finished":
            why = end.note if end else "it did not end"
            return Trial(id=trial, state="failed", said=f"It broke off: {why}", steps=steps)
        good = any(step.verdict is not None and step.verdict.approved for step in steps)
        return Trial(
            id=trial,
            state="approved" if good else "gave up",
            said=_came(steps) + _left_out(run),
            steps=steps,
        )

    # ---- what the trials are made of -------------------------------------------------------------

    def _steps(self, run: str) -> tuple[Step, ...]:
        from annotation.app import Step

        made = self.store.generations(run=run)
        keys = list(made["key"][made["kind"].isin(["image", "listing"])])
        item = self._item_of(run)
        if not keys and item is not None:  # the same photo again: its listing was there
            again = self.store.generations(kind="listing", item=item)
            keys = list(again["key"])[-1:]
        verdicts: dict[str, Verdict] = {}
        for rubric in sorted(set(self.store.verdicts(generation=keys)["rubric"])) if keys else ():
            verdicts |= self.store.latest_verdicts(keys, rubric=rubric)
        return tuple(
            Step(made=g, verdict=verdicts.get(g.key)) for g in self.store.records(Generation, keys)
        )

    def _rubric(self, judges: Literal["image", "listing"]) -> Rubric:
        """The rubric that is meant, kept among the trials too."""
        found = None
        if judges == "image" and self._pictures_by is not None:
            found = find_rubric(self._source, self._pictures_by)
        else:
            kept = self._source.rubrics().sort_values("recorded_at")
            labels = [f"{name}@{v}" for name, v in zip(kept["name"], kept["version"], strict=True)]
            own = (rubric_of(self._source, label) for label in reversed(labels))
            found = next((one for one in own if one is not None and one.judges == judges), None)
        found = found or load_rubric("category-image" if judges == "image" else "listing")
        self.store.add_rubric(found.name, found.version, found.digest, dump_rubric(found))
        return found

    def _item_of(self, run: str) -> str | None:
        found = self.store.find(Run, run)
        return str(found.arguments["item"]) if found and found.command == _LISTING else None

    def _catalog(self, category: str) -> StoredCategory:
        items = self._source.items(category=category)
        if items.empty or not category:
            raise CatalogError(
                f"the store has no items of the category {category[:80]!r}: choose one of its own"
            )
        name = catalog_of(str(items["id"].iat[0]))
        return StoredCategory(
            store=self._source,
            name=name,
            category=category,
            schema=stored_schema(self._source, name),
            simulated=bool(items["simulated"].all()),
        )

    def _name(self, category: str) -> str:
        try:
            schema = self._catalog(category).schema
        except WorkbenchError:
            return category
        return schema.categories[category].name if category in schema.categories else category


def _doing(steps: Sequence[Step]) -> str:
    if not steps:
        return "Writing a prompt and making the first picture …"
    last = steps[-1]
    if last.verdict is None:
        return f"Attempt {last.made.attempt} is being judged …"
    came = "refused" if last.verdict.approved is False else "not decided"
    return f"Attempt {last.made.attempt} was {came}: a better prompt, and another picture …"


def _left_out(run: Run) -> str:
    """Says so where nobody looked at a criterion."""
    without = run.arguments.get("without")
    if not without or not isinstance(without, list | tuple):
        return ""
    names = ", ".join(str(one).replace("_", " ") for one in without)
    return f" Nobody looked at {names}: what looks at it is not installed here, see README."


def _came(steps: Sequence[Step]) -> str:
    if not steps:
        return "Nothing was made."
    good = next((s for s in steps if s.verdict is not None and s.verdict.approved), None)
    if good is None:
        tried = f"{len(steps)} attempts" if len(steps) > 1 else "One attempt"
        return f"{tried}, none approved by the judge. People have the last word."
    if good.made.kind == "listing":
        return "Approved by the judge. People have the last word."
    return f"Approved by the judge at attempt {good.made.attempt}. People have the last word."
