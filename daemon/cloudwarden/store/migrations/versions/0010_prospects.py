"""What a proposal would touch and save, and what a finding would save."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Give what is there no saving and no prospects, which then count as unknown."""
    op.add_column("findings", sa.Column("saving_dollars", sa.Float()))
    op.add_column("findings", sa.Column("saving_basis", sa.Text()))
    op.add_column("proposals", sa.Column("prospects", sa.JSON(), nullable=False, server_default="{}"))
