"""Compares this machine's clock with AWS's, at every answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient

from cloudwarden.aws.refusals import SKEW


class ClockWatch:
    """Remembers how far this machine's clock is ahead of the latest answer's Date, which is in whole seconds.

    An answer that is an error carries it too, so that a refused signature can say that the clock is why.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.ahead: timedelta | None = None
        """None before any answer; negative when the clock is behind."""

    def watch(self, client: BaseClient) -> None:
        """Listen to a client from now on."""
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"after-call.{name}", self.answered)

    def answered(self, http_response: AWSResponse, parsed: dict[str, Any], **_: object) -> None:
        """One answer came."""
        try:
            date = _date(http_response.headers.get("date", ""))
        except (TypeError, ValueError):
            return
        self.ahead = self.now() - date
        if "Error" in parsed:
            parsed["Error"][SKEW] = self.ahead.total_seconds()


@lru_cache(maxsize=8)
def _date(text: str) -> datetime:
    """An answer's Date, which many answers of one second share. Raises TypeError or ValueError."""
    date = parsedate_to_datetime(text)
    # A Date that names no zone is in UTC: HTTP knows no other.
    return date if date.tzinfo else date.replace(tzinfo=UTC)
