"""Every error that the packages raise on purpose, in one tree.

WorkbenchError
├── SettingsError        an environment variable or option cannot be used
├── CatalogError         a source cannot be read at all (a single broken row is a `Problem`, not an error)
│   └── PhotoError       one photo's bytes are no picture that can be shown
├── SchemaError          a schema or a value contradicts it
├── RubricError          a rubric file is wrong; names file, line and key
├── StoreError           the database or the image folder refuses
│   ├── ConflictError    a record with this key is stored already, and says something else
│   └── BusyError        another process holds what only one may hold
├── ModelError           a model cannot be loaded or does not answer
│   ├── MissingExtraError  a library is not installed; names the extra to install
│   └── ServerError      a model server refused or was not there after all retries
├── LearningError        there is too little, or nothing that differs, to learn from
├── JudgingError         a judge cannot judge this (a criterion nobody answers, a wrong scale)
├── CalibrationError     the labels cannot carry the statement that was asked for
├── LabelStudioError     the annotation server refused, or what it holds cannot be used
└── LeakageError         an evaluation item was about to train something

A message says what was wanted, what came (`{value!r}`), where, and what to do.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Base of every error raised on purpose: one clear sentence, shown without a traceback."""


class SettingsError(WorkbenchError):
    """An environment variable or option holds something that cannot be used."""


class CatalogError(WorkbenchError):
    """A source of items cannot be read at all."""


class PhotoError(CatalogError):
    """The bytes of one photo are not a picture that can be shown."""


class SchemaError(WorkbenchError):
    """A schema contradicts itself, or a value contradicts the schema."""


class RubricError(WorkbenchError):
    """A rubric file is wrong; the message names file, line and key."""


class StoreError(WorkbenchError):
    """The database or the image folder refuses."""


class ConflictError(StoreError):
    """A record with this key is stored already, and says something else."""


class BusyError(StoreError):
    """Another process does at this moment what only one may do at a time."""


class ModelError(WorkbenchError):
    """A model cannot be loaded, or does not answer."""


class MissingExtraError(ModelError):
    """A library that this needs is not installed; the message names the extra to install."""

    def __init__(self, *, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library!r}, which is not installed: "
            f"run `pip install 'catalog-workbench[{extra}]'`"
        )


class ServerError(ModelError):
    """A model server refused, or was not there after all retries."""


class LearningError(WorkbenchError):
    """There is too little to learn from, or nothing that differs; the message says what it would take."""


class JudgingError(WorkbenchError):
    """A judge cannot judge this: a criterion that nobody answers, or a scale that does not fit."""


class CalibrationError(WorkbenchError):
    """The labels cannot carry the statement that was asked for; the message says what would."""


class LabelStudioError(WorkbenchError):
    """The annotation server refused or is not there, or what it holds cannot be used."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """What the server answered, such as 401 or 409; None where it did not, or was not asked."""


class LeakageError(WorkbenchError):
    """An evaluation item was about to train something; the message names the items."""


def exit_code(error: WorkbenchError) -> int:
    """What a command that ends with `error` answers: 3 its input, 4 a model or server, 5 the store, 6 its data."""
    if isinstance(error, LabelStudioError | ModelError):
        return 4
    if isinstance(error, StoreError):
        return 5
    if isinstance(error, CalibrationError | JudgingError | LeakageError | LearningError):
        return 6
    return 3
