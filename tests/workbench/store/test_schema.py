"""Migrations make the tables that the code declares, whoever opens a store first."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from workbench.errors import StoreError
from workbench.records import Annotation, Correction
from workbench.store import Added, Store
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


WRITTEN = datetime(2026, 5, 4, 3, 2, 1, 500, tzinfo=UTC)
OLD_ANNOTATIONS = """
n1|1|1|cf41a8736d0d1c2839f37f578ddbe85f70f60945ac17094115736887795b72de|{"scores":{"fidelity":4.0},"failure_modes":[],"note":null,"seconds":null}
n2|1||0016900980af6996b1c5620f09e1107c7bca5a331df71104c7743d24e21d2e5c|{"scores":{},"failure_modes":[],"note":null,"seconds":null}
n1|2|0|aa89bced05ee3bcc345c948fff4d6d8da932f05422c007d5f4dbe1e84f9bdae2|{"scores":{"fidelity":2.0},"failure_modes":["blurred"],"note":null,"seconds":null}
"""
"""id, revision, approved, digest and body, as the version with the first tables wrote them."""
OLD_CORRECTION = {
    "id": "c1",
    "annotation": "n1",
    "generation": "g1",
    "about": "title",
    "simulated": False,
    "created_at": WRITTEN,
    "digest": "57fe8f0a829a3a4dd932e4acac3bef8ad357235733d921893ec67aee7bca5259",
    "body": '{"before":"Mug in blue","after":"Blue mug"}',
}


def old_store(address):
    """A store of the first version, with answers in it."""
    with Store.open(address) as store:
        engine = store._engine
        with engine.begin() as connection:
            for table in (*metadata.tables, VERSION_TABLE):
                connection.execute(sa.text(f'DROP TABLE "{table}"'))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            kept = sa.MetaData()
            kept.reflect(connection)
            for line in OLD_ANNOTATIONS.strip().splitlines():
                key, revision, approved, digest, body = line.split("|")
                row = {
                    "id": key, "revision": int(revision), "generation": "g1", "annotator": "ada",
                    "rubric": "listing@1", "approved": bool(int(approved)) if approved else None,
                    "blind": True, "simulated": False, "created_at": WRITTEN,
                    "recorded_at": WRITTEN, "digest": digest, "body": body,
                }  # fmt: skip
                connection.execute(sa.insert(kept.tables["annotation"]).values(row))
            connection.execute(sa.insert(kept.tables["correction"]).values(OLD_CORRECTION))


def test_a_store_of_the_first_version_is_upgraded_with_what_is_in_it(address):
    old_store(address)
    with Store.open(address, create=False) as store:
        context = {"version_table": VERSION_TABLE, "compare_type": True}
        with store._engine.connect() as connection:
            made = MigrationContext.configure(connection, opts=context)
            assert compare_metadata(made, metadata) == []
        about = {"generation": "g1", "annotator": "ada", "rubric": "listing@1"}
        first = Annotation(
            id="n1", approved=True, scores={"fidelity": 4.0}, created_at=WRITTEN, **about
        )
        second = Annotation(
            id="n1",
            approved=False,
            scores={"fidelity": 2.0},
            failure_modes=("blurred",),
            created_at=WRITTEN,
            **about,
        )
        skipped = Annotation(id="n2", approved=None, state="skipped", created_at=WRITTEN, **about)
        corrected = Correction(
            id="c1",
            annotation="n1",
            generation="g1",
            about="title",
            before="Mug in blue",
            after="Blue mug",
            created_at=WRITTEN,
        )
        assert list(store.records(Annotation)) == [skipped, second]
        assert store.annotations(history=True)["approved"].tolist()[0] is True
        assert list(store.records(Correction)) == [corrected]
        assert store.add([second, corrected]) == Added(new=0, known=2), "nothing looks new"
        assert store.add([first]) == Added(new=1, known=0)
        assert store.annotations(history=True)["revision"].tolist() == [1, 1, 2, 3]


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
