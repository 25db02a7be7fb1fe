"""Which daemon an unfinished action belongs to, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; what is unfinished belongs to nobody, and is taken over at once."""
    op.add_column("actions", sa.Column("owner", sa.String(), nullable=False, server_default=""))
    op.add_column("actions", sa.Column("lease_until", sa.DateTime(), nullable=True))
