"""When each scope was last read, and how much was found in it; which version of a policy swept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Take the latest sweep to have read all its scopes, as until now; which version it was nobody knows."""
    op.add_column("run_scopes", sa.Column("read_at", sa.DateTime(), nullable=True))
    op.add_column("run_scopes", sa.Column("matches", sa.Integer(), nullable=True))
    op.execute("UPDATE run_scopes SET read_at = (SELECT started_at FROM runs WHERE runs.policy = run_scopes.policy)")
    op.add_column("runs", sa.Column("fingerprint", sa.String(), nullable=True))
    op.drop_column("runs", "cautious")
