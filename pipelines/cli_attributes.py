"""The command `workbench run attributes`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import (
    CatalogOption,
    EvalShareOption,
    ImagesOption,
    JsonOption,
    LimitOption,
    QuietOption,
    StoreOption,
    address_of,
    beside_store,
    open_store,
    tell,
)

if TYPE_CHECKING:
    from pipelines.attribute_scores import ModelReport
    from pipelines.attributes import AttributesJob, AttributesSummary
    from workbench.metrics import Estimate
    from workbench.models.attributes import Abstention


def run_attributes_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="The backbone: imagenet:efficientnet-lite0, or an image model that transformers opens, "
            "such as hf:facebook/dinov2-base or dir:FOLDER."
        ),
    ] = "imagenet:efficientnet-lite0",
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Tune the backbone on the training part first; for hf: and dir:, and wants a GPU.",
        ),
    ] = False,
    wanted: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.999, help="Precision of what is stated; less sure values are left out."
        ),
    ] = 0.9,
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Write listings from what may be stated: own (a small decoder that is taught the catalogue's "
            "titles), or any text model, such as gguf:smollm2, hf:NAME or starter:listing."
        ),
    ] = None,
    compare: Annotated[
        int,
        typer.Option(
            min=0,
            help="Train jointly and siloed with this many seeds and compare them, and with --decoder the ways "
            "from photo to title too; 0: no.",
        ),
    ] = 0,
    limit: LimitOption = None,
    eval_share: EvalShareOption = 0.4,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split, the folds and the weights.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder for model, scores, predictions and comparisons; default: attributes in the "
            "store's folder.",
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Photos in; a model that tells attributes and price, with thresholds and scores, out; and listings."""
    from pipelines.attributes import MODEL, OWN, AttributesJob, run_attributes
    from workbench.catalog import open_catalog, whole_address
    from workbench.models.attributes import load_attributes
    from workbench.models.registry import parse_spec

    source = open_catalog(catalog)
    folder = out or beside_store(store, "attributes")
    _check_folder(folder)
    if decoder not in {None, OWN}:
        parse_spec(decoder)  # a misspelt name costs no training
    # Two runs at once would leave the model of one beside the decoder of the other.
    with (
        open_store(store, images, create=True) as opened,
        opened.alone(f"run attributes into {folder.absolute()}"),
    ):
        job = AttributesJob(
            catalog=whole_address(catalog),
            encoder=encoder,
            tune=tune,
            limit=limit,
            eval_share=eval_share,
            wanted=wanted,
            seed=seed,
            compare=compare,
            decoder=decoder,
        )
        summary = run_attributes(opened, source, job, folder, quiet=quiet or as_json)
    for stale in _stale(folder, job):
        typer.echo(f"workbench: {str(stale)!r} is of an earlier run, not of this model", err=True)
    rules = load_attributes(folder / MODEL).abstentions
    tell(as_json, summary.as_dict(), lambda: _words(summary, rules, store=address_of(store)))


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds things, none of which a run leaves, before any work starts."""
    from pipelines.attributes import (
        BACKBONE,
        COMPARED,
        COMPARISONS,
        MODEL,
        PAGE,
        PREDICTIONS,
        SCORES,
    )
    from workbench.errors import SettingsError

    ours = {BACKBONE, COMPARED, COMPARISONS, MODEL, PAGE, PREDICTIONS, SCORES, "checkpoint.pt", "checkpoint.part"}  # fmt: skip
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & ours:
        raise SettingsError(
            f"want a folder for --out that is empty or of an earlier run, but {str(folder)!r} holds "
            f"{min(names)!r}: name another one"
        )


def _stale(folder: Path, job: AttributesJob) -> list[Path]:
    """What lies in the folder of a run and is of an earlier one."""
    from pipelines.attributes import COMPARISONS, MODEL, OWN, PAGE
    from workbench.models.attributes import DECODER

    left = [] if job.compare else [folder / COMPARISONS, folder / PAGE]
    left += [] if job.decoder == OWN else [folder / MODEL / DECODER]
    return [path for path in left if path.exists()]


def _words(summary: AttributesSummary, rules: Sequence[Abstention], *, store: str) -> str:
    """What a run came to, as tables for a terminal, and what can be done next."""
    from workbench.models.attributes import CATEGORY

    report = summary.report
    held = {rule.attribute: rule for rule in rules}
    notes: dict[str, str] = {}
    rows = [
        (
            one.name,
            _figure(one.best_guess.accuracy, notes) if one.best_guess else "several at once",
            _threshold(held.get(one.name)),
            _figure(one.stated, notes),
            _figure(one.stated_precision, notes, none="nothing was stated"),
        )
        for one in report.attributes
    ]
    if report.category:
        rows.append(
            (
                "category",
                _figure(report.category.accuracy, notes),
                _threshold(held[CATEGORY]) if CATEGORY in held else "always",
                _figure(report.category_stated, notes),
                _figure(report.category_precision, notes, none="nothing was stated"),
            )
        )
        rows += _wider_rows(report, rules, notes)
    head = ("", "best guess is right", "stated from", "share stated", "of that right")
    lines = [
        f"Learnt from {_count(summary.trained_on, 'photo')}; measured on {_count(report.items, 'item')} of "
        f"{_count(report.groups, 'group')} that trained nothing.",
        *_table(head, rows),
    ]
    if not report.category:
        lines.append(
            "The category was not learnt, so nothing is stated: fewer than two categories have 3 groups."
        )
    lines += _limits(summary)
    if report.price:
        never = (
            ""
            if summary.prices_worth
            else "; not stated, as photos held out in training were not surely told better than by the mean"
        )
        lines.append(f"price: R² {_figure(report.price.r2, notes)}{never}")
    lines += _reasons(rules, summary.folder)
    for found in summary.comparisons:
        first, second = found.ways
        rows_of = [
            (m.measure, *(_figure(e, notes) for e in (m.first, m.second, m.difference)))
            for m in found.measures
        ]
        lines += ["", found.question, *_table(("", first, second, f"{first} − {second}"), rows_of)]
        lines.append(
            f"{_count(found.seeds, 'seed')}, {_count(found.items, 'held-out item')} of "
            f"{_count(found.groups, 'group')}"
        )
        lines += found.notes
    if notes:
        lines += ["", *(f"{mark} {reason}" for reason, mark in notes.items())]
    if summary.problems:
        lines.append(f"{_count(len(summary.problems), 'row or photo', 'rows or photos')} could not be used; the first:")  # fmt: skip
        lines += [f"  {p}" for p in summary.problems[:3]]
    return "\n".join([*lines, "", *_next(summary, store)])


def _next(summary: AttributesSummary, store: str) -> list[str]:
    """Where things lie, and the commands that go on."""
    from pipelines.attributes import PAGE

    lines = [f"Model, scores and predictions: {summary.folder}"]
    if summary.comparisons:
        lines.append(f"The comparisons as a page: {Path(summary.folder) / PAGE}")
    if summary.written is not None:
        lines += [
            f"{_count(summary.written, 'listing')} written into the store, with what was seen as evidence. Next:",
            f"  workbench judge --store {shlex.quote(store)}",
            f"  workbench audit --store {shlex.quote(store)}",
        ]
    return lines


def _reasons(rules: Sequence[Abstention], folder: str) -> list[str]:
    """Which facts are stated without a promise or never, by why; each one's reason in full is in the card."""
    from pipelines.attributes import MODEL

    told: dict[str, list[str]] = {}
    for rule in rules:
        if not rule.reason:
            continue
        if rule.threshold is not None:
            why = f"Right {rule.wanted:g} of the time on held-out photos, which are too few to promise it"
        elif rule.reason.startswith("guesses of only"):
            why = "Never stated, as held-out guesses of too few products can be checked"
        else:
            why = f"Never stated, as not right {rule.wanted:g} of the time at any threshold"
        told.setdefault(why, []).append(_shown(rule.attribute))
    lines = [f"{why}: {', '.join(names)}." for why, names in told.items()]
    return [*lines, f"Why, for each: {Path(folder) / MODEL / 'README.md'}"] if lines else []


def _limits(summary: AttributesSummary) -> list[str]:
    """What the training photos could not teach, a line each."""
    lines = []
    if summary.sole_values:
        said = ", ".join(f"{name} ({value!r})" for name, value in summary.sole_values.items())
        lines.append(
            f"Not learnt and not stated, as all training items that give it say the same: {said}."
        )
    if summary.too_rare:
        lines.append(
            f"Not learnt and not stated, as no value is given by items of three products: {', '.join(summary.too_rare)}."
        )
    if summary.only_category is not None:
        lines.append(
            f"category: all training items are {summary.only_category!r}, so it is stated unseen of every photo "
            "that looks like theirs"
        )
    if not summary.tells_strange:
        lines.append(
            f"Nothing is stated of any photo: {_count(summary.trained_on, 'training photo')} are too few to tell a "
            "strange one. It takes 19 of several products, or more."
        )
    return lines


def _wider_rows(
    report: ModelReport, rules: Sequence[Abstention], notes: dict[str, str]
) -> list[tuple[str, str, str, str, str]]:
    """What is stated where the category is not: a threshold a step, and what they come to together."""
    from workbench.models.attributes import steps_of

    steps = [rule for rule in rules if steps_of(rule.attribute) is not None]
    if not steps:
        return []
    return [
        *((_shown(rule.attribute), "", _threshold(rule), "", "") for rule in steps),
        (
            "category or wider kind",
            "",
            "",
            _figure(report.kind_stated, notes),
            _figure(report.kind_precision, notes, none="nothing was stated"),
        ),
    ]


def _shown(rule: str) -> str:
    """What a threshold is called for people."""
    from workbench.models.attributes import CATEGORY, steps_of

    steps = steps_of(rule)
    if steps is None:
        return "category" if rule == CATEGORY else rule
    return f"kind, {_count(steps, 'step')} up" if steps else "kind of the same name"


def _threshold(rule: Abstention | None) -> str:
    if rule is None or rule.threshold is None:
        return "never"
    return f"{rule.threshold:.2f}" + (", not promised" if rule.reason else "")


def _figure(figure: Estimate, notes: dict[str, str], *, none: str = "none") -> str:
    """A number with its interval; why there is none goes into `notes`, reason to mark."""
    if figure.value is not None and figure.low is not None and figure.high is not None:
        return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
    if figure.n == 0:
        return none
    mark = notes.setdefault(figure.reason or "", f"[{len(notes) + 1}]")
    return f"{none if figure.value is None else f'{figure.value:.3f}'} {mark}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns are as wide as their longest cell."""
    width = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
