"""Durations as settings write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden.core.durations import duration, written_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("15m", 900), ("6h", 21_600), ("14d", 1_209_600), ("1h30m", 5_400), ("0.5s", 0.5), ("1h 30m", 5_400)],
)
def test_a_duration_reads_as_it_is_written(text: str, seconds: float) -> None:
    """And is shown as it could be written."""
    assert duration(text) == timedelta(seconds=seconds)
    assert duration(written_duration(duration(text))) == duration(text)


@pytest.mark.parametrize("text", ["", "5", "h", "-5m", "5 minutes", "1e3s", "5M", "365001d", "99999999999999d"])
def test_a_duration_without_a_unit_or_sense_is_refused(text: str) -> None:
    """A bare number would be minutes to one reader and seconds to the next."""
    with pytest.raises(ValueError, match="write a"):
        duration(text)
