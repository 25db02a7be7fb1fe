"""Exported segments of the journal, and a trigger that lets only exported entries go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; entries that a segment holds may now be deleted, and no others."""
    op.create_table(
        "journal_segments",
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("first_seq", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("exported_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("last_seq", name="pk_journal_segments"),
    )
    op.execute("DROP TRIGGER journal_refuses_delete")
    op.execute(
        "CREATE TRIGGER journal_refuses_delete BEFORE DELETE ON journal "
        "WHEN OLD.seq > coalesce((SELECT max(last_seq) FROM journal_segments), 0) "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    )
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER journal_segments_refuses_{change.lower()} BEFORE {change} ON journal_segments "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        )
