"""What the latest sweep read says no longer when: that is the sweep's own instant, and most rows can stay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Of what the latest sweep read, the instant is the sweep's."""
    op.add_column("run_scopes", sa.Column("in_latest", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE run_scopes SET in_latest = 1, read_at = NULL WHERE read_at = "
        "(SELECT started_at FROM runs WHERE runs.policy = run_scopes.policy)"
    )
