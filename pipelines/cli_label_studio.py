"""`workbench labelstudio`: the server in which people answer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines.cli_options import JsonOption, StoreOption, address_of, tell, with_words

labelstudio_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The Label Studio in which people answer: one of the store's own, or a team's.",
)


@labelstudio_app.command(epilog="Example:  workbench labelstudio up --store shop")
def up(
    store: StoreOption = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port on 127.0.0.1; default: the last one, else any free."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the store's own server on this machine. The first time it is installed, which takes minutes."""
    from pipelines.label_studio import server_up

    with with_words(store):
        found = server_up(address_of(store), port=port, announce=_announce)
    tell(as_json, found.as_dict(), lambda: str(found))


@labelstudio_app.command(epilog="Example:  workbench labelstudio down --store shop")
def down(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Stop the store's own server; what people answered stays."""
    from pipelines.label_studio import server_down

    with with_words(store):
        found = server_down(address_of(store))
    tell(as_json, found.as_dict(), lambda: str(found))


@labelstudio_app.command(
    epilog="Example:  workbench labelstudio invite ada@example.com --store shop"
)
def invite(
    email: Annotated[str, typer.Argument(help="The person's login, such as ada@example.com.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a login in the store's own server, and print its password, once."""
    from pipelines.label_studio import invite as invite_person

    with with_words(store):
        found = invite_person(address_of(store), email)
    tell(as_json, found.as_dict(), lambda: str(found))


@labelstudio_app.command(epilog="Example:  workbench labelstudio status --store shop --json")
def status(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Whether the server answers, and what its projects hold."""
    from pipelines.label_studio import server_status

    with with_words(store):
        found = server_status(address_of(store))
    tell(as_json, found.as_dict(), lambda: str(found))


@labelstudio_app.command(
    epilog="\b\nExamples:\n  workbench labelstudio use --store shop --url https://labels.example.com\n"
    "  workbench labelstudio use --url https://labels.example.com < token.txt"
)
def use(
    url: Annotated[str, typer.Option(help="The team's server.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let this store's people answer in a team's own server.

    The token is read from WORKBENCH_LABEL_STUDIO_TOKEN, else from standard input; on a terminal it is
    asked for. It is no option: a shell would keep it in its history.
    """
    from pipelines.label_studio import use_server
    from workbench.settings import read_settings

    token = read_settings().label_studio_token
    if token is None and sys.stdin.isatty():
        token = str(typer.prompt(f"Token for {url} (it is not shown)", hide_input=True, err=True))
    with with_words(store):
        found = use_server(address_of(store), url=url, token=token or sys.stdin.read())
    tell(as_json, found.as_dict(), lambda: str(found))


@labelstudio_app.command(epilog="Example:  workbench labelstudio install")
def install(as_json: JsonOption = False) -> None:
    """Install the server's environment, about 1 GB, and start nothing. `up` does it too."""
    from annotation.label_studio import SERVER_VERSION, install_server

    made = install_server(announce=_announce)
    tell(
        as_json,
        {"version": SERVER_VERSION, "program": str(made.program)},
        lambda: f"Label Studio {SERVER_VERSION} is installed: {made.program}",
    )


def _announce(words: str) -> None:
    typer.echo(words, err=True)
