"""Find what is due without reading every finding."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add an index."""
    op.create_index("ix_findings_state", "findings", ["state"])
