"""Run by Alembic; the connection comes from `workbench.store._schema`, inside its transaction."""

from __future__ import annotations

from alembic import context

from workbench.store._schema import VERSION_TABLE
from workbench.store._tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
