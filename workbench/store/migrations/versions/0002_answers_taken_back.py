"""Answers can be skipped or deleted, corrections are revised, and cursors say how far was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill the new columns from what the old ones say; digests stay, so that nothing looks new."""
    with op.batch_alter_table("annotation") as table:
        table.add_column(sa.Column("state", sa.Text(), nullable=True))
        table.add_column(sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    # Until now an answer without an approval was a skipped one.
    op.execute(
        "UPDATE annotation SET state = CASE WHEN approved IS NULL THEN 'skipped' ELSE 'answered' END"
    )
    with op.batch_alter_table("annotation") as table:
        table.alter_column("state", existing_type=sa.Text(), nullable=False)

    with op.batch_alter_table("correction") as table:
        table.add_column(sa.Column("revision", sa.Integer(), nullable=True))
        table.add_column(sa.Column("withdrawn", sa.Boolean(), nullable=True))
        table.add_column(sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE correction SET revision = 1, withdrawn = false, recorded_at = created_at")
    with op.batch_alter_table("correction") as table:
        table.alter_column("revision", existing_type=sa.Integer(), nullable=False)
        table.alter_column("withdrawn", existing_type=sa.Boolean(), nullable=False)
        table.alter_column("recorded_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        table.drop_constraint(op.f("uq_correction_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_correction_id_revision"), ["id", "revision"])

    op.create_table(
        "cursor",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_cursor")),
    )
    op.create_index(op.f("ix_cursor_name"), "cursor", ["name"])
