"""`workbench rubric`: changes of a rubric are proposed, decided on, tested, taken into use, and told."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import (
    ImagesOption,
    JsonOption,
    QuietOption,
    StoreOption,
    open_store,
    tell,
)

rubric_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Let people's answers change a rubric, and prove each change on answers that did not suggest it.",
)

AuditOption = Annotated[
    str | None,
    typer.Option(help="An audit's id, or its beginning; default: the latest that was answered."),
]
ByOption = Annotated[str, typer.Option("--by", help="Who you are, such as ada@shop.example.")]
WhyOption = Annotated[str, typer.Option("--why", help="Your reason, for those who read it later.")]


@rubric_app.command("propose", epilog="Example:  workbench rubric propose --store shop")
def propose_command(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: AuditOption = None,
    writer: Annotated[
        str | None,
        typer.Option(help="A text model that words the proposals, such as gguf:smollm2."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Suggest changes by one half of an audit's answers. The other half is kept to prove them."""
    from pipelines.rubric_evolution import propose_changes

    with open_store(store, images) as opened:
        summary = propose_changes(opened, audit=audit, writer=writer)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@rubric_app.command(
    "decide",
    epilog='Example:  workbench rubric decide 4f1d --accept --by ada --why "Too many pass." --store shop',
)
def decide_command(
    proposal: Annotated[str, typer.Argument(help="A proposal's key, or its beginning.")],
    by: ByOption,
    why: WhyOption,
    accept: Annotated[bool, typer.Option("--accept/--refuse", help="What you decide.")],
    edit: Annotated[
        Path | None,
        typer.Option(help="JSON file: the edit that you accept instead of the proposed one."),
    ] = None,
    store: StoreOption = None,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a proposal, accept it edited, or refuse it. The last decision counts."""
    from pipelines.rubric_evolution import decide_on

    with open_store(store, images) as opened:
        said = decide_on(opened, proposal, accept=accept, by=by, why=why, edit=edit)
    tell(as_json, {"decided": said.splitlines()[0]}, lambda: said)


@rubric_app.command("prove", epilog="Example:  workbench rubric prove --by ada --store shop")
def prove_command(
    by: ByOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: AuditOption = None,
    judge: Annotated[
        str | None, typer.Option(help="Judges both versions; default: the judge of the audit.")
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a version of what is accepted, and test it on the answers that suggested nothing."""
    from pipelines.rubric_evolution import prove_accepted

    with open_store(store, images) as opened:
        summary = prove_accepted(opened, by=by, audit=audit, judge=judge, quiet=quiet or as_json)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@rubric_app.command(
    "use",
    epilog='Example:  workbench rubric use listing@2 --by ada --why "Proved." --store shop',
)
def use_command(
    version: Annotated[str, typer.Argument(help="NAME@VERSION; one that was in use goes back.")],
    by: ByOption,
    why: WhyOption,
    store: StoreOption = None,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a proved version into use, or go back to an earlier one."""
    from pipelines.rubric_evolution import use_version

    with open_store(store, images) as opened:
        said = use_version(opened, version, by=by, why=why)
    tell(as_json, {"in_use": version}, lambda: said)


@rubric_app.command("history", epilog="Example:  workbench rubric history listing --store shop")
def history_command(
    name: Annotated[str, typer.Argument(help="A rubric's name.")] = "listing",
    store: StoreOption = None,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """What happened to a rubric: who, when, why, and what was measured. The latest comes first."""
    from pipelines.rubric_evolution import tell_history
    from workbench.evolution import history

    with open_store(store, images) as opened:
        data = {"history": [asdict(entry) for entry in history(opened, name)]} if as_json else {}
        said = tell_history(opened, name)
    tell(as_json, data, lambda: said)
