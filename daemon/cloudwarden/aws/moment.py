"""Instants as AWS writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from botocore.utils import parse_timestamp


@lru_cache(maxsize=8192)
def moment(value: str | float) -> datetime:
    """An AWS timestamp, ISO 8601 or Unix seconds, as an aware datetime in UTC. Raises ValueError.

    CloudWatch answers in JSON, with Unix seconds, and EC2 in XML, with ISO 8601. botocore's own parser gives the
    former in the machine's local zone, and is slow. Series share their instants, hence the cache.
    """
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = parse_timestamp(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
