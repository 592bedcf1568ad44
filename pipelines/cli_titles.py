"""`workbench titles`: titles made short, measured against marked ones, fitted to one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import (
    ImagesOption,
    JsonOption,
    LimitOption,
    QuietOption,
    StoreOption,
    open_store,
    tell,
)

if TYPE_CHECKING:
    from workbench.prompting import Simplified

titles_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make titles short: what a product is, without brand, size, model number and promotion.",
)

_BY = "tagger (ships), tagger:FILE (your own), rules, or a text model such as gguf:smollm2."


@titles_app.command(
    "simplify",
    epilog='\b\nExamples:\n  workbench titles simplify "Florsheim Men\'s Milano Loafer, Burgundy, 10 D US" --category Shoes\n'
    "  workbench titles simplify --catalog drawn:seed=7,items=240 --store demo",
)
def simplify_command(
    titles: Annotated[
        list[str] | None, typer.Argument(help="Titles; or none of them and --catalog.")
    ] = None,
    catalog: Annotated[
        str | None,
        typer.Option(
            "--catalog",
            "-c",
            help="Make all titles of a catalogue short, such as table:FILE?title=COLUMN, and store them.",
        ),
    ] = None,
    store: StoreOption = None,
    images: ImagesOption = None,
    by: Annotated[str, typer.Option(help=f"Who answers: {_BY}")] = "tagger",
    category: Annotated[
        str, typer.Option(help="What kind of product the titles name, in words, such as Shoes.")
    ] = "",
    limit: LimitOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make titles short, and say what was removed, and as what."""
    if bool(titles) == bool(catalog):
        raise typer.BadParameter("give titles, or --catalog, and not both")
    if catalog is None:
        from pipelines.titles import load_simplifier
        from workbench.prompting import TitleQuestion

        asked = [TitleQuestion(title=t, category=category) for t in titles or ()]
        found = load_simplifier(by).simplify(asked)
        tell(
            as_json,
            {"titles": [_as_dict(s) for s in found]},
            lambda: "\n\n".join(map(_in_words, found)),
        )
        return
    from pipelines.titles import TitlesJob, run_titles
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    with open_store(store, images, create=True) as opened:
        job = TitlesJob(catalog=whole_address(catalog), by=by, limit=limit)
        summary = run_titles(opened, source, job, quiet=quiet or as_json)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@titles_app.command(
    "measure",
    epilog="Example:  workbench titles measure test.jsonl --brands-from train.jsonl --by rules --by tagger",
)
def measure_command(
    marked: Annotated[
        Path,
        typer.Argument(
            help="Titles that people marked: a CSV file with columns title, category, brand, size, model "
            "(several values divided by |), or lines of JSON with the same keys."
        ),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(help=f"Who is measured, once for each: {_BY} Default: rules and tagger."),
    ] = None,
    brands_from: Annotated[
        Path | None,
        typer.Option(help="Other marked titles, whose brands are known beforehand."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Only this many titles, spread over the file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Precision, recall and F1 of what is removed, for each kind, with intervals."""
    from pipelines.titles import measure_titles

    found = measure_titles(marked, by or ["rules", "tagger"], brands_from=brands_from, limit=limit)
    tell(as_json, found.as_dict(), lambda: str(found))


@titles_app.command("fit", epilog="Example:  workbench titles fit marked.csv --out ours.npz")
def fit_command(
    marked: Annotated[Path, typer.Argument(help="Titles that people marked, as for `measure`.")],
    out: Annotated[Path, typer.Option(help="The weights to write, such as ours.npz.")],
    as_json: JsonOption = False,
) -> None:
    """Fit the tagger to titles of your own; measure it on others than those it learned from."""
    from pipelines.titles import fit_titles

    titles, marks = fit_titles(marked, out)
    tell(
        as_json,
        {"weights": str(out), "titles": titles, "marks": marks},
        lambda: (
            f"Learned from {marks:,} marks in {titles:,} titles: {out}\n"
            f"Next:  workbench titles measure OTHER_TITLES --by tagger:{out}"
        ),
    )


def _as_dict(one: Simplified) -> dict[str, object]:
    return {
        "original": one.original,
        "title": one.title,
        "removed": [{"text": r.text, "kind": r.kind, "start": r.start} for r in one.removed],
        "by": one.by,
        "note": one.note,
    }


def _in_words(one: Simplified) -> str:
    lines = [one.original, f"→ {one.title}"]
    lines += [f"  {r.kind:<10} {r.text}" for r in one.removed]
    if one.note:
        lines.append(f"  ({one.note})")
    return "\n".join(lines)
