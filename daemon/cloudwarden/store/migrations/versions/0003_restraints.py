"""What protects a resource, what a policy usually finds, which action undoes which, and who agreed to what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns and a table."""
    op.add_column("actions", sa.Column("undoes", sa.String(), nullable=True))
    op.create_index("ix_actions_undoes", "actions", ["undoes"])
    op.add_column("findings", sa.Column("protected", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("cautious", sa.Text(), nullable=True))
    for name, default in (("quorum", "1"), ("not_by", "[]"), ("assents", "[]"), ("alternatives", "[]")):
        kind = sa.Integer() if name == "quorum" else sa.JSON()
        op.add_column("proposals", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "matches",
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("policy", "at", name="pk_matches"),
    )
