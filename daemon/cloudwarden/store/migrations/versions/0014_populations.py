"""How many resources a policy judges in each scope."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Nobody knows until the next sweep."""
    op.add_column("run_scopes", sa.Column("population", sa.Integer(), nullable=True))
