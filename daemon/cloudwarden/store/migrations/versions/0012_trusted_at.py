"""When a version was trusted, so that one that another took the place of can be forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the instant; of what was trusted before nobody knows it."""
    op.add_column("trust", sa.Column("trusted_at", sa.DateTime(), nullable=True))
