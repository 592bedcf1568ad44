"""Migrations make the tables that the code declares, whoever opens a store first."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from workbench.errors import StoreError
from workbench.store import Store
from workbench.store._schema import HEAD, MIGRATIONS, VERSION_TABLE
from workbench.store._tables import metadata


def test_the_migrated_schema_is_the_declared_one(store):
    with store._engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        names = set(sa.inspect(connection).get_table_names())
    assert names == set(metadata.tables) | {VERSION_TABLE}


def test_the_code_knows_its_newest_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_an_open_store_is_not_migrated_again(address, store):
    """Alembic takes a good part of a second to import: it is only for migrating."""
    code = (
        "import sys; from workbench.store import Store; Store.open(sys.argv[1], create=False);"
        "assert 'alembic' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, address], check=True)


def test_a_newer_store_is_left_alone(address, store):
    with store._engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    message = rf"newer version \(schema '9999', this one knows up to '{HEAD}'\): upgrade"
    with pytest.raises(StoreError, match=message):
        Store.open(address)


def test_a_database_of_something_else_is_left_alone(address, tmp_path):
    url = address if "://" in address else f"sqlite:///{tmp_path}/other.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE orders (id INTEGER)"))
    with pytest.raises(StoreError, match=r"holds other tables \(orders.*name an empty one"):
        Store.open(url)
    assert sa.inspect(engine).get_table_names() == ["orders"]
    engine.dispose()


def test_several_processes_open_a_new_store_at_once(address):
    code = "import sys; from workbench.store import Store; Store.open(sys.argv[1]).counts()"
    openers = [
        subprocess.Popen([sys.executable, "-c", code, address], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [opener.communicate(timeout=120)[1] for opener in openers]
    assert [opener.returncode for opener in openers] == [0] * 4, "\n".join(said)
    with Store.open(address, create=False) as store:
        assert sum(store.counts().values()) == 0
