"""What tells a finding's resource from another one that is given its id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Nobody knows until the next sweep."""
    op.add_column("findings", sa.Column("identity", sa.String(), nullable=True))
