"""`workbench app`: the app in a browser, and who may use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_options import (
    ImagesOption,
    QuietOption,
    StoreOption,
    address_of,
    beside_store,
    open_store,
)

app_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)

UsersOption = Annotated[
    Path | None,
    typer.Option(
        help="File of people and hashed passwords; default: WORKBENCH_APP_USERS, else app-users in the store's folder."
    ),
]


@app_app.callback(
    epilog="\b\nExamples:\n  workbench app --store shop\n  workbench app --store shop --as ada@shop.example\n"
    "  workbench app adduser ada@shop.example --role writer --store shop"
)
def app_command(
    context: typer.Context,
    store: StoreOption = None,
    images: ImagesOption = None,
    host: Annotated[
        str, typer.Option(help="To bind to; anything but this machine alone wants a login.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 7860,
    sole: Annotated[
        str | None,
        typer.Option(
            "--as", help="You, alone at this machine: the address that is printed signs you in."
        ),
    ] = None,
    users: UsersOption = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="How people reach it through a proxy, such as https://workbench.shop.example."
        ),
    ] = None,
    header: Annotated[
        str | None,
        typer.Option(
            "--sso-header", help="In which the proxy names who asks, such as X-Forwarded-User."
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network from which alone that header is believed; repeatable."
        ),
    ] = None,
    image_model: Annotated[
        str, typer.Option(help="Makes the pictures that people try, unless a writer names another.")
    ] = "starter:image",
    writer: Annotated[
        str, typer.Option(help="Describes the photos that people try.")
    ] = "starter:listing",
    judge: Annotated[str, typer.Option(help="Judges what people try.")] = "starter:judge",
    rubric: Annotated[
        str | None,
        typer.Option(
            help="By which tried pictures are judged: a file, or a name; default: the one that the store kept last."
        ),
    ] = None,
) -> None:
    """Try, look, correct and decide in a browser. Whoever did not sign in, looks and tries."""
    if context.invoked_subcommand is not None:
        return
    from annotation.app import Place
    from pipelines.app import AppJob, gate_of, run_app
    from workbench.settings import read_settings

    gate = gate_of(
        host_alone=Place(host=host).alone,
        users=_users(users, store),
        sole=sole,
        header=header,
        proxies=proxy or (),
    )
    job = AppJob(
        host=host, port=port, store=address_of(store), images=images or read_settings().images, address=address,
        image_model=image_model, judge=judge, writer=writer, rubric=rubric,
    )  # fmt: skip
    with open_store(store, images) as opened:
        run_app(opened, job, gate=gate, announce=lambda url: typer.echo(f"Open {url}", err=True))


def again_command(
    run: Annotated[
        str, typer.Argument(help="A run's id, or its beginning; `workbench status` lists them.")
    ],
    store: StoreOption = None,
    images: ImagesOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run a stopped or failed run once more with its own arguments: nothing is made twice."""
    import signal

    from pipelines.again import run_again

    # A process that a server starts may ignore the signal by which Ctrl-C, and the app, stop it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open_store(store, images) as opened:
        typer.echo(run_again(opened, run, quiet=quiet))


@app_app.command(
    "adduser", epilog="Example:  workbench app adduser ada@shop.example --role writer --store shop"
)
def adduser_command(
    name: Annotated[str, typer.Argument(help="As answers will carry it.")],
    role: Annotated[
        Literal["reader", "writer"],
        typer.Option(help="A reader looks and tries; a writer corrects and decides, too."),
    ] = "reader",
    password: Annotated[
        bool,
        typer.Option(
            "--password/--sso", help="Asks for a password; --sso: only the proxy vouches for them."
        ),
    ] = True,
    users: UsersOption = None,
    store: StoreOption = None,
) -> None:
    """Let somebody sign in, or change their role or password. Restart the app afterwards."""
    from annotation.app import User, checked_name, hash_password, write_user
    from workbench.settings import read_settings

    user = checked_name(name)
    hashed = None
    if password:
        hashed = hash_password(
            typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
    path = users or read_settings().app_users or beside_store(store, "app-users")
    write_user(path, User(name=user, role=role, hashed=hashed))
    typer.echo(f"{user} is a {role}, in {path}")


def _users(named: Path | None, store: str | None) -> Path | None:
    from workbench.settings import read_settings

    path = named or read_settings().app_users
    if path is not None or "://" in address_of(store):
        return path
    beside = beside_store(store, "app-users")
    return beside if beside.exists() else None
