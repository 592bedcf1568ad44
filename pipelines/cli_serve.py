"""`workbench serve`: a model behind an address, by an engine that is installed."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Annotated

import typer

from pipelines.cli_options import JsonOption
from workbench.errors import SettingsError

SERVE_EPILOG = (
    "\b\nExamples:\n  workbench serve starter:listing\n"
    "  workbench serve starter:judge --python /opt/vllm/bin/python --port 8001\n"
    "  workbench serve hf:Qwen/Qwen2.5-VL-7B-Instruct -- --tensor-parallel-size 4"
)


def serve_command(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="starter:NAME, hf:NAME, dir:FOLDER or gguf:FILE.")],
    host: Annotated[
        str, typer.Option(help="To bind to; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    python: Annotated[
        str | None,
        typer.Option(
            help="Python of vLLM's own environment; default: the one beside `vllm` on the path."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve a model over the OpenAI API until Ctrl-C, and say as which model to use it.

    vLLM serves where it is installed, else `transformers serve`; llama.cpp serves gguf: models. What
    follows -- goes to that server.
    """
    from workbench.models.serving import look_at, plan_server, serving

    port = _free_port(host, port)
    plan = plan_server(model, host=host, port=port, python=python, more=context.args)
    typer.echo(f"Starting {plan.engine} for {model} …", err=True)
    with serving(plan) as process:
        able = look_at(plan.name)
        if as_json:
            told = {
                "model": plan.name,
                "address": plan.address,
                "engine": plan.engine,
                "sees": able.sees,
                "gives_probabilities": able.gives_probabilities,
            }
            typer.echo(json.dumps(told))
        else:
            typer.echo(
                describe_server(
                    plan.name,
                    plan.engine,
                    model,
                    able.sees,
                    host=host,
                    scores=able.gives_probabilities,
                )
            )
        with contextlib.suppress(KeyboardInterrupt):  # the way in which it is meant to end
            process.wait()


def describe_server(
    name: str, engine: str, model: str, sees: bool, *, host: str, scores: bool
) -> str:
    """What a person wants to know once a server answers."""
    lines = [
        f"{model} answers, served by {engine} until Ctrl-C. As a model it is called",
        "",
        f"  {name}",
        "",
    ]
    lines.append("It sees photos." if sees else "It reads text only.")
    if scores:
        lines[-1] += " It gives probabilities, so it can judge (--judge) and write (--model)."
    else:
        lines[-1] += (
            " It gives no probabilities, which judging reads: it can write (--model), and refuses to judge. "
            f"To judge, use --judge {model}, in the process that judges; or serve it with vLLM (--python)."
        )
    if host not in ("127.0.0.1", "localhost", "::1"):
        lines.append(f"Everybody who reaches {host} can use it.")
    lines.append(
        "Servers of one model work together: their addresses with commas, openai:URL,URL#NAME."
    )
    return "\n".join(lines)


def _free_port(host: str, port: int) -> int:
    """`port`, or any free one for 0.

    Raises:
        SettingsError: It is taken, or the host is not this machine's.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise SettingsError(
            f"cannot serve at {host}:{port}: {error.strerror or error}; choose another with --port, or 0 "
            "for any free one"
        ) from error
