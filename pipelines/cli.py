"""The `workbench` command: it composes the packages and prints what came of it.

Exit codes: 0 done; 1 a mistake of ours (with a traceback); 2 wrong usage; 3 the input cannot be used;
4 something is not installed or not reachable; 5 the store refused; 6 the data cannot carry the answer;
130 stopped by the user (run the same command again and it goes on).
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_alignment import (
    LACU_EPILOG,
    MACE_EPILOG,
    run_lacu_command,
    run_mace_command,
)
from pipelines.cli_annotate import annotate_app
from pipelines.cli_app import again_command, app_app
from pipelines.cli_attributes import run_attributes_command
from pipelines.cli_category_images import (
    CATEGORY_IMAGES_EPILOG,
    run_category_images_command,
)
from pipelines.cli_label_studio import labelstudio_app
from pipelines.cli_listings import listings_app
from pipelines.cli_loop import LOOP_EPILOG, loop_command
from pipelines.cli_migrate import MIGRATE_EPILOG, migrate_command
from pipelines.cli_options import (
    CatalogOption,
    EvalShareOption,
    ImagesOption,
    JsonOption,
    JudgeOption,
    LimitOption,
    OnOption,
    RubricOption,
    StoreOption,
    beside_store,
    open_store,
    tell,
)
from pipelines.cli_plan import PLAN_EPILOG, plan_command
from pipelines.cli_preferences import (
    PAIRS_EPILOG,
    TRACE_EPILOG,
    pairs_command,
    trace_command,
)
from pipelines.cli_rubric import rubric_app
from pipelines.cli_serve import SERVE_EPILOG, serve_command
from pipelines.cli_titles import titles_app
from pipelines.cli_training import train_app
from workbench import __version__
from workbench.errors import WorkbenchError, exit_code

STOPPED = 130
"""Exit code of a command that the user stopped; see the module's docstring."""

app = typer.Typer(
    name="workbench",
    help="Generate, judge, audit and correct e-commerce content.",
    epilog="\b\nStart here:\n  workbench run listings --catalog drawn:seed=7,items=240 --store demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Run a pipeline from start to end."
)
app.add_typer(run_app, name="run")
app.add_typer(labelstudio_app, name="labelstudio")
app.add_typer(annotate_app, name="annotate")
app.add_typer(rubric_app, name="rubric")
app.add_typer(titles_app, name="titles")
app.add_typer(train_app, name="train")
app.add_typer(listings_app, name="listings")
app.add_typer(app_app, name="app")
run_app.command("again", epilog="Example:  workbench run again 3f2a81 --store shop")(again_command)
run_app.command("mace", epilog=MACE_EPILOG)(run_mace_command)
run_app.command("lacu", epilog=LACU_EPILOG)(run_lacu_command)
run_app.command("category-images", epilog=CATEGORY_IMAGES_EPILOG)(run_category_images_command)
app.command("loop", epilog=LOOP_EPILOG)(loop_command)
app.command("serve", epilog=SERVE_EPILOG, context_settings={"allow_extra_args": True})(
    serve_command
)
app.command("migrate", epilog=MIGRATE_EPILOG)(migrate_command)
app.command("plan", epilog=PLAN_EPILOG)(plan_command)
app.command("pairs", epilog=PAIRS_EPILOG)(pairs_command)
app.command("trace", epilog=TRACE_EPILOG)(trace_command)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command(
    epilog="Example:  workbench init spring-catalogue",
)
def init(
    store: Annotated[str, typer.Argument(help="The folder to make, or a database URL.")],
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an empty store, with copies of the shipped rubrics to edit."""
    from pipelines.init import make_workspace
    from workbench.settings import read_settings

    made = make_workspace(store, images=images or read_settings().images)
    tell(
        as_json,
        {"store": store, "rubrics": [str(p) for p in made.rubrics]},
        lambda: (
            (
                f"The store in {store} holds {made.items:,} items.\n"
                if made.items
                else f"Made a store in {store}.\n"
            )
            + "".join(f"  rubric to edit: {p}\n" for p in made.rubrics)
            + f"Next:  workbench run listings --catalog folder:PHOTOS --store {shlex.quote(store)}"
        ),
    )


@run_app.command(
    "listings",
    epilog="\b\nExamples:\n  workbench run listings --catalog magento:exports/shop --store shop\n"
    "  workbench run listings --catalog drawn:seed=7,items=240 --store demo",
)
def run_listings_command(
    catalog: CatalogOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    model: Annotated[
        str,
        typer.Option(
            help="Who writes. A text model gets the facts that attribute heads read from the "
            "photo; a vision-language model sees the photo itself."
        ),
    ] = "gguf:smollm2",
    judge: JudgeOption = "heads:efficientnet-lite2",
    rubric: RubricOption = "listing",
    limit: LimitOption = None,
    eval_share: EvalShareOption = 0.4,
    audit: Annotated[
        int,
        typer.Option(
            min=4,
            help="How many judged listings are drawn for the audit, two approvals and two "
            "rejections at least.",
        ),
    ] = 120,
    promise: Annotated[
        float,
        typer.Option(min=0.01, max=0.999, help="Precision that the threshold has to promise."),
    ] = 0.9,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split, the fit and the draw.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The page; default: report.html in the store's folder."),
    ] = None,
    on: OnOption = "local",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Photos in; listings, verdicts, an audit and a page out. Stopped, it goes on where it was."""
    from pipelines.listings import ListingsJob, run_listings
    from pipelines.places import open_place
    from reports.listings import write_page
    from workbench.catalog import open_catalog, whole_address

    source = open_catalog(catalog)
    with open_store(store, images, create=True) as opened, open_place(on) as place:
        job = ListingsJob(
            catalog=whole_address(catalog),
            model=model,
            judge=judge,
            rubric=rubric,
            limit=limit,
            eval_share=eval_share,
            audit=audit,
            promise=promise,
            seed=seed,
        )
        summary = run_listings(opened, source, job, on=place, quiet=quiet or as_json)
        page = write_page(opened, out or beside_store(store, "report.html"), audit=summary.audit)
    tell(as_json, {**summary.as_dict(), "page": str(page)}, lambda: f"{summary}\nPage: {page}")


run_app.command(
    "attributes",
    epilog="\b\nExamples:\n  workbench run attributes --catalog magento:exports/shop --store shop\n"
    "  workbench run attributes --catalog drawn:seed=7,items=240 --store demo --compare 5",
)(run_attributes_command)


@app.command(
    epilog="\b\nExamples:\n  workbench judge --store shop --rubric shop/rubrics/listing.yaml\n"
    "  workbench judge --store shop --judge starter:judge --on ray:workers=2"
)
def judge(
    store: StoreOption = None,
    images: ImagesOption = None,
    rubric: RubricOption = "listing",
    judge: JudgeOption = "heads:efficientnet-lite2",
    part: Annotated[
        Literal["train", "eval"] | None, typer.Option(help="Only items of this part.")
    ] = None,
    on: OnOption = "local",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Judge what is in the store, with another rubric or another judge. Nothing is judged twice."""
    from pipelines.judge import judge_store
    from pipelines.places import open_place

    with open_store(store, images) as opened, open_place(on) as place:
        summary = judge_store(
            opened, rubric=rubric, judge=judge, part=part, on=place, quiet=quiet or as_json
        )
    tell(as_json, summary.as_dict(), lambda: str(summary))


@app.command(
    epilog="\b\nExamples:\n  workbench audit --store shop --plan\n"
    "  workbench audit --store shop --size 200 --design neyman\n"
    "  workbench audit --store shop --size 400 --grow 3f2a81\n"
    "  workbench audit --store demo --size 100 --part train --simulate .1"
)
def audit(
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many judged generations are drawn; plans, of which 100, 200 and 400 are the default, "
            "are of this size, twice and four times it.",
        ),
    ] = None,
    store: StoreOption = None,
    images: ImagesOption = None,
    design: Annotated[
        Literal["uniform", "stratified", "near-threshold", "neyman"],
        typer.Option(
            help="uniform; stratified by verdict; denser near a threshold of confidence; or Neyman's "
            "allocation, where answers are hardest to foresee."
        ),
    ] = "stratified",
    by_category: Annotated[
        bool, typer.Option("--by-category", help="Strata are verdict × category.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The confidence that near-threshold is about."),
    ] = None,
    learn_from: Annotated[
        str | None,
        typer.Option(
            help="An audit whose answers say what the judge's confidence is worth; for neyman and plans."
        ),
    ] = None,
    grow: Annotated[
        str | None,
        typer.Option(help="An audit to enlarge to --size: all that it drew stay drawn."),
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Only say what this size, and larger ones, would buy."),
    ] = False,
    promise: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="Precision that a plan shall promise.")
    ] = 0.9,
    judge: Annotated[
        str | None, typer.Option(help="Whose verdicts; default: those stored last.")
    ] = None,
    rubric: Annotated[str | None, typer.Option(help="By which rubric; default: the last.")] = None,
    model: Annotated[
        str | None, typer.Option(help="On whose outputs; default: the last model's.")
    ] = None,
    part: Annotated[
        Literal["train", "eval"], typer.Option(help="Of which part; eval items never train.")
    ] = "eval",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the draw.")] = 0,
    simulate: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            help="Have it answered and corrected at once by a simulated annotator who knows the catalogue and is "
            "wrong so often; every record says so.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw judged generations for people, or say what a number of answers would buy."""
    from pipelines.audit import AuditJob, audit_store, plan_store
    from pipelines.audit_answers import answer_by_simulation

    if size is None and not plan:
        raise typer.BadParameter("want --size, how many to draw; only --plan does without")
    job = AuditJob(
        size=size or 100, design=design, part=part, seed=seed, judge=judge, rubric=rubric, model=model,
        by_category=by_category, threshold=threshold, learn_from=learn_from, grow=grow,
        promise=promise,
    )  # fmt: skip
    with open_store(store, images) as opened:
        if plan:
            planned = plan_store(opened, job)
            tell(as_json, planned.as_dict(), lambda: str(planned))
            return
        summary = audit_store(opened, job)
        if simulate is not None:
            answered = answer_by_simulation(opened, summary.audit, error=simulate, quiet=as_json)
            summary = replace(summary, unanswered=summary.unanswered - answered)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@app.command(
    epilog="\b\nExamples:\n  workbench calibrate --store shop --promise .9 --out calibration.html\n"
    "  workbench calibrate --store shop --compare listing@2"
)
def calibrate(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: Annotated[
        str | None, typer.Option(help="An audit's id; default: the latest with answers.")
    ] = None,
    promise: Annotated[
        float,
        typer.Option(min=0.01, max=0.999, help="Precision that the threshold has to promise."),
    ] = 0.9,
    compare: Annotated[
        str | None,
        typer.Option(
            help="A rubric such as listing@2, or a judge, whose verdicts on the same outputs are stored."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page with figures here, too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What the judge's approvals are worth, from the answers that an audit brought."""
    from pipelines.calibrate import calibrate_store

    with open_store(store, images) as opened:
        found = calibrate_store(opened, audit=audit, promise=promise, compare=compare)
    page = None
    if out is not None:
        from reports.calibration import write_calibration_page

        page = str(write_calibration_page(out, found.audited, comparison=found.comparison))
    tell(
        as_json,
        found.as_dict() | {"page": page},
        lambda: str(found) + (f"\n\nPage: {page}" if page else ""),
    )


@app.command(
    epilog="\b\nExamples:\n  workbench report --store shop\n  workbench report --store shop --serve"
)
def report(
    store: StoreOption = None,
    images: ImagesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The page; default: report.html in the store's folder."),
    ] = None,
    audit: Annotated[
        str | None, typer.Option(help="An audit's id; default: the latest with answers.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then serve the page on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to serve at; 0: any free one.")
    ] = 8765,
    as_json: JsonOption = False,
) -> None:
    """Write the page: photos, listings, scores, failures, calibration, cost. One file, no network.

    Beside it: category images, models against each other, a card of each model and one of the data.
    """
    from pipelines.category_images_diversity import measure_narrowing
    from reports.pages import write_pages

    with open_store(store, images) as opened:
        page, *more = write_pages(
            opened,
            out or beside_store(store, "report.html"),
            audit=audit,
            narrowing=measure_narrowing,
        )
    tell(
        as_json,
        {"page": str(page), "more": [str(one) for one in more]},
        lambda: f"Page: {page}" + "".join(f"\n      {one}" for one in more),
    )
    if serve:
        from pipelines.serve import serve_file

        serve_file(page, port=port, announce=lambda url: typer.echo(f"Serving at {url}", err=True))


@app.command(epilog="Example:  workbench status --store shop --json")
def status(
    store: StoreOption = None, images: ImagesOption = None, as_json: JsonOption = False
) -> None:
    """What is in a store, and how its runs ended."""
    from pipelines.status import describe_status, read_status

    with open_store(store, images) as opened:
        found = read_status(opened)
    tell(as_json, found, lambda: describe_status(found))


@app.command(epilog="Example:  workbench doctor")
def doctor(as_json: JsonOption = False) -> None:
    """What this machine can do: accelerator, memory, engines, models found; what to install."""
    from pipelines.doctor import describe_checks, examine

    checks = examine()
    tell(as_json, {c.name: c.as_dict() for c in checks}, lambda: describe_checks(checks))


def main() -> None:
    """Entry point: an error raised on purpose is one sentence and an exit code, not a traceback."""
    try:
        app(standalone_mode=True)
    except WorkbenchError as error:
        typer.echo(f"workbench: {error}", err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(STOPPED)
    except SystemExit as end:  # typer turns an interrupted command into this code, without a word
        if end.code == STOPPED:
            _say_stopped()
        raise


def _say_stopped() -> None:
    typer.echo(
        "workbench: stopped; run the same command again and it goes on where it was", err=True
    )


if __name__ == "__main__":
    main()
