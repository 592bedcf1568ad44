"""Bring a database to the tables of this version, whoever opens it first.

Alembic is imported only where there is something to migrate.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from workbench.errors import StoreError
from workbench.store._engine import Location, reading, writing

HEAD = "0003"
"""The newest migration; a test compares it with the folder."""

VERSION_TABLE = "workbench_schema"
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(engine: Engine, location: Location, *, create: bool) -> None:
    """Migrate where the database is new or behind.

    Raises:
        StoreError: It holds no store and `create` is False, holds something else, or is newer.
    """
    if location.file is not None:
        _prepare_folder(location.file, create=create)
    with reading(engine, location) as connection:
        found = _version(connection)
    if found == HEAD:
        return
    if found is None and not create:
        raise StoreError(_no_store(location.shown))
    with writing(engine, location) as connection:
        found = _version(connection)  # again: another process may have been faster
        if found == HEAD:
            return
        _refuse_strangers(connection, found, location)
        _upgrade(connection)


def _prepare_folder(file: Path, *, create: bool) -> None:
    if file.parent.exists() and not file.parent.is_dir():
        raise StoreError(f"a store wants a folder, but {str(file.parent)!r} is a file")
    if file.is_dir():
        raise StoreError(f"a store wants a database file, but {str(file)!r} is a folder")
    if file.exists():
        return
    if not create:
        raise StoreError(_no_store(str(file.parent)))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {str(file.parent)!r} for the store cannot be made ({error.strerror}): "
            "name a folder that this user may write in"
        ) from error


def _no_store(where: str) -> str:
    command = f"workbench init {shlex.quote(where)}"
    return f"there is no store at {where!r}: make one with `{command}`, or name another place"


def _version(connection: Connection) -> str | None:
    """The last migration that was run; None where there is no store."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num"))
    found: str | None = connection.scalar(sa.select(table.c.version_num))
    return found


def _refuse_strangers(connection: Connection, found: str | None, location: Location) -> None:
    if found is None:
        others = sorted(sa.inspect(connection).get_table_names())
        if others:
            raise StoreError(
                f"the database {location.shown} holds other tables ({', '.join(others[:3])}, …) "
                "and no store: name an empty one"
            )
        return
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if found not in known:
        raise StoreError(
            f"the store {location.shown} was written by a newer version (schema {found!r}, "
            f"this one knows up to {HEAD!r}): upgrade catalog-workbench"
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # `%` begins an interpolation in Alembic's configuration.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
