"""What exemptions select by and where they come from, pauses of accounts, and from where a proposal was decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add columns and a table; pauses move into a table whose key names an account."""
    for column in (
        sa.Column("tag_key", sa.String(), nullable=True),
        sa.Column("tag_value", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False, server_default="*"),
        sa.Column("region", sa.String(), nullable=False, server_default="*"),
        sa.Column("source", sa.String(), nullable=False, server_default="store"),
        sa.Column("made_by", sa.String(), nullable=False, server_default=""),
        sa.Column("made_from", sa.String(), nullable=False, server_default=""),
        sa.Column("revoked_by", sa.String(), nullable=False, server_default=""),
        sa.Column("revoked_from", sa.String(), nullable=False, server_default=""),
        sa.Column("revoked_reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("told", sa.String(), nullable=True),
    ):
        op.add_column("exemptions", column)
    op.add_column("proposals", sa.Column("decided_from", sa.String(), nullable=True))
    op.create_table(
        "exemptions_files",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_exemptions_files"),
    )
    _pauses()


def _pauses() -> None:
    op.rename_table("pauses", "pauses_before")
    op.create_table(
        "pauses",
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("policy", "account", name="pk_pauses"),
    )
    # The old text says who, when and why; it goes on as the reason.
    op.execute(
        'INSERT INTO pauses (policy, account, "by", at, reason, origin) '
        "SELECT policy, '*', 'somebody', strftime('%Y-%m-%d %H:%M:%f000', 'now'), why, '' FROM pauses_before"
    )
    op.drop_table("pauses_before")
