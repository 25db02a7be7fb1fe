"""How far the journal was shipped, and restorations from a backup."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make both tables; restorations are only ever added."""
    op.create_table(
        "shipments",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("target", name="pk_shipments"),
    )
    op.create_table(
        "restorations",
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_restorations"),
    )
