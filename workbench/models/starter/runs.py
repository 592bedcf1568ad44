"""The folder of a training run: whose it is, what is kept in it, and how finished things come into it.

A run may be killed at any moment. So nothing is written in place: it is written beside and renamed. And a
folder belongs to one run: other settings, another model or a second process are refused in a sentence.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import LearningError, SettingsError
from workbench.models.holding import held

CLAIM = "run.json"
"""Says which run a folder belongs to: the kind of model, and the settings that its weights depend on."""
_TRACES = ("model", "log.jsonl", "*.pt")
"""What a folder without a claim must not hold, because a run would write it."""


@contextmanager
def claimed(folder: Path, kind: str, settings: Mapping[str, object]) -> Iterator[None]:
    """Hold `folder` for a run of `kind` with `settings`, making it where it is not there.

    The lock ends with the process, however that ends; the claim stays.

    Args:
        folder: Of the run.
        kind: What is trained, such as `starter:image`.
        settings: What the run's weights depend on (JSON types).

    Raises:
        SettingsError: `folder` is no folder, or nothing can be written there.
        LearningError: It belongs to another run, or a run is at work in it now.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except OSError as error:
            raise _not_writable(folder, error) from error
        _claim(folder, {"kind": kind, "settings": json.loads(json.dumps(dict(settings)))})
        yield


def _claim(folder: Path, run: dict[str, Any]) -> None:
    file = folder / CLAIM
    if not file.exists():
        there = sorted({path.name for trace in _TRACES for path in folder.glob(trace)})
        if there:
            raise LearningError(
                f"want an empty folder for a new run, but {str(folder)!r} holds {', '.join(there)} and no {CLAIM} "
                "that says whose they are: name another folder"
            )
        try:
            write_text(file, json.dumps(run, indent=1) + "\n")
        except OSError as error:
            raise _not_writable(folder, error) from error
        return
    try:
        held = json.loads(file.read_text())
        kind, settings = held["kind"], dict(held["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearningError(
            f"{str(file)!r}, which says whose this folder is, cannot be read: name another folder"
        ) from error
    if kind != run["kind"]:
        raise LearningError(
            f"{str(folder)!r} holds a run of {kind!r}, and this is one of {run['kind']!r}: name another folder"
        )
    held_flat, wanted = _flat(settings), _flat(run["settings"])
    differing = [
        f"{name} {held_flat.get(name)!r} there and {wanted.get(name)!r} here"
        for name in sorted(held_flat.keys() | wanted.keys())
        if held_flat.get(name) != wanted.get(name)
    ]
    if differing:
        raise LearningError(
            f"{str(folder)!r} holds a run with other settings ({'; '.join(differing)}): repeat its settings, or "
            "name another folder"
        )


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `folder` once it is whole; on an error all stays as it was."""
    half, old = (folder.with_name(f"{folder.name}.{word}") for word in ("half", "old"))
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    yield half
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    half.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_text(file: Path, text: str) -> None:
    """Write `text` beside `file` and put it in its place."""
    half = file.with_name(f"{file.name}.half")
    half.write_text(text)
    half.replace(file)


def kept_array(
    file: Path, shape: tuple[int, ...], make: Callable[[], npt.NDArray[np.uint8]]
) -> npt.NDArray[np.uint8]:
    """The array in `file`, mapped and not read; made and kept there where there is none.

    Args:
        file: `.npy`, in the run's folder.
        shape: That it must have.
        make: Called where there is no file.

    Raises:
        LearningError: The file holds something else, or cannot be written.
    """
    if not file.exists():
        half = file.with_suffix(".half.npy")
        try:
            np.save(half, make())
            half.replace(file)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise LearningError(
                f"{str(file)!r} cannot be written: {error.strerror or error}"
            ) from error
    try:
        found: npt.NDArray[np.uint8] = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise LearningError(
            f"{str(file)!r} is damaged ({' '.join(str(error).split())}): remove it, and it is drawn anew"
        ) from error
    if found.shape != shape or found.dtype != np.uint8:
        raise LearningError(
            f"want {shape} of uint8 in {str(file)!r}, got {found.shape} of {found.dtype}: remove it, and it is "
            "drawn anew"
        )
    return found


def _not_writable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"want a folder that can be written to, got {str(folder)!r}: {error.strerror or error}"
    )
