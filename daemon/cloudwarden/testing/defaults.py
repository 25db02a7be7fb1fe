"""What the builders take where a test gives nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A bench's first instant, unless it is given another."""

ACCOUNT = "123456789012"
REGION = "eu-central-1"
LONG_AGO = NOON - timedelta(days=60)
