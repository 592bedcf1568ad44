"""Documents are tests: a command that a page shows exists, a file that it links is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [*sorted(path.name for path in REPOSITORY.glob("*.md")), "benchmarks/README.md"]
WANTED = {
    "README.md",
    "ARCHITECTURE.md",
    "DECISIONS.md",
    "CHANGELOG.md",
    "BENCHMARKS.md",
    "CONTRIBUTING.md",
}


def _commands(page: str) -> list[list[str]]:
    """The words of every command in the shell blocks and the inline code of a page."""
    text = (REPOSITORY / page).read_text()
    blocks = re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += re.findall(r"`((?:make|workbench) [^`]+)`", prose)
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    for line in words:
        while line and re.fullmatch(r"[A-Z_]+=.*", line[0]):
            line.pop(0)
    return [[Path(line[0]).name, *line[1:]] for line in words if line]


def test_the_documents_are_there():
    assert set(PAGES) >= WANTED


@pytest.mark.parametrize("page", PAGES)
def test_make_commands_exist(page):
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    assert targets >= {"demo", "test", "check"}
    for command in _commands(page):
        if command[0] == "make":
            named = [word for word in command[1:] if "=" not in word]
            assert set(named) <= targets, f"{page} shows {' '.join(command)!r}"


@pytest.mark.parametrize("page", PAGES)
def test_workbench_commands_and_their_options_exist(page):
    shown = [command for command in _commands(page) if command[0] == "workbench"]
    if shown:
        import typer.main

        from pipelines.cli import app

        root = typer.main.get_command(app)
        for command in shown:
            _follow(root, command[1:], f"{page} shows {' '.join(command)!r}")


def _follow(command, words: list[str], where: str) -> None:
    """Walk down the sub-commands that `words` name; then every option must be one of the last's."""
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{where}: no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    known |= {name for parameter in command.params for name in parameter.secondary_opts}
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used <= known, f"{where}: no option {used - known}"


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    text = (REPOSITORY / page).read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    folder = (REPOSITORY / page).parent
    assert [link for link in links if not (folder / link).exists()] == []
