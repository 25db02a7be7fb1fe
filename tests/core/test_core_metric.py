"""Metric evidence: what datapoints prove and what they leave open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwarden import days, hours, minutes
from cloudwarden.core.evidence import Inquiry, Query, Unanswered, Unreadable
from cloudwarden.core.metric import Metric, MetricQuery, Series, period_for
from cloudwarden.core.verdict import Cause, Reason

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OVER = hours(1)


def asked(*series: Series | Unreadable) -> Metric:
    """A metric of as many series as given, all answered."""
    names = tuple(f"m{number}" for number in range(len(series)))
    answers: dict[Query[object], object] = {
        MetricQuery(
            namespace="n", metric=name, dimensions=(), statistic="Maximum", period=minutes(5), window=OVER
        ): answer
        for name, answer in zip(names, series, strict=True)
    }
    inquiry = Inquiry(now=NOW, answers=answers)
    return Metric(inquiry=inquiry, name="m", unit="%", namespace="n", metrics=names, dimensions=(), statistic="Maximum")


def points(values: dict[int, float], *, complete: bool = True) -> Series:
    """A series with a value so many periods ago."""
    moments = tuple(NOW - minutes(5 * ago) for ago in values)
    return Series(moments=moments, values=tuple(values.values()), complete=complete)


def full(value: float) -> dict[int, float]:
    """Every datapoint of the window with one value."""
    return dict.fromkeys(range(12), value)


def test_complete_and_low_stayed_below() -> None:
    """All datapoints below the limit prove it."""
    assert asked(points(full(1.0))).stayed_below(5, over=OVER)


def test_one_high_datapoint_disproves_it_whatever_is_missing() -> None:
    """A single datapoint above the limit proves activity, even alone and from an incomplete answer."""
    metric = asked(points({7: 6.0}, complete=False))
    assert not metric.stayed_below(5, over=OVER)
    assert metric.inquiry.holds_until == NOW - minutes(30) + OVER


def test_breach_in_one_series_counts_though_another_is_unreadable() -> None:
    """Network out alone proves that an instance is busy."""
    broken = Unreadable(cause=Cause(reason="throttled", detail="Rate exceeded"))
    assert not asked(broken, points({1: 9.0})).stayed_below(5, over=OVER)


def test_not_a_number_is_not_idle() -> None:
    """A value that cannot be compared never proves idleness."""
    assert not asked(points({**full(1.0), 3: float("nan")})).stayed_below(5, over=OVER)


@pytest.mark.parametrize(
    "series",
    [
        points({}),
        points(dict.fromkeys(range(9), 1.0)),
        points(dict.fromkeys(range(4, 12), 1.0)),
        points(full(1.0), complete=False),
    ],
    ids=["silent", "gaps", "stale", "partial"],
)
def test_missing_datapoints_cannot_tell(series: Series) -> None:
    """Silence, gaps, a stale end and a partial answer are unknown, not idle."""
    metric = asked(series)
    with pytest.raises(Unanswered):
        metric.stayed_below(5, over=OVER)
    assert metric.inquiry.cause is not None
    assert metric.inquiry.cause.reason == Reason.NOT_ENOUGH_DATA


def test_value_at_the_limit_is_not_below() -> None:
    """The limit itself counts as activity."""
    assert not asked(points({**full(1.0), 2: 5.0})).stayed_below(5, over=OVER)


def test_older_than_the_window_does_not_count() -> None:
    """A busy datapoint from before the window proves nothing about it."""
    assert asked(points({**full(1.0), 13: 99.0})).stayed_below(5, over=OVER)


def coarse(window: timedelta, now: datetime, *, newest: datetime, busy: datetime | None = None) -> Metric:
    """A metric without a gap up to its newest datapoint, quiet but for one period."""
    period = period_for(window)
    moments = [newest - number * period for number in range(window // period + 1)]
    query = MetricQuery(namespace="n", metric="m", dimensions=(), statistic="Maximum", period=period, window=window)
    series = Series(moments=tuple(moments), values=[9.0 if moment == busy else 0.0 for moment in moments])
    inquiry = Inquiry(now=now, answers={query: series})
    return Metric(
        inquiry=inquiry, name="m", unit="%", namespace="n", metrics=("m",), dimensions=(), statistic="Maximum"
    )


@pytest.mark.parametrize("window", [hours(6), days(3), days(30)])
def test_the_period_that_the_window_cuts_can_disprove_it(window: timedelta) -> None:
    """What was busy in a day of which some is in the window may have been busy in it, and is asked again at its end."""
    now = NOW + minutes(2)
    period = period_for(window)
    newest = now.replace(minute=0) if period < days(1) else now.replace(hour=0, minute=0)
    cut = newest - window
    metric = coarse(window, now, newest=newest, busy=cut)
    assert not metric.stayed_below(5, over=window)
    assert metric.inquiry.holds_until == cut + period + window
    later = coarse(window, cut + period + window, newest=newest + period, busy=cut)
    assert later.stayed_below(5, over=window)


@pytest.mark.parametrize("window", [hours(6), days(3), days(30)])
def test_what_ended_a_quarter_of_an_hour_ago_must_have_come(window: timedelta) -> None:
    """However coarse the periods are: of the newest hours or days nobody knows that they were quiet."""
    newest = NOW.replace(hour=0)
    latest = newest + period_for(window) + minutes(15)
    assert coarse(window, latest, newest=newest).stayed_below(5, over=window)
    with pytest.raises(Unanswered):
        coarse(window, latest + minutes(1), newest=newest).stayed_below(5, over=window)


@given(st.dictionaries(st.integers(0, 30), st.floats(0, 10)), st.floats(0.1, 9))
def test_dropping_datapoints_never_makes_it_idle(values: dict[int, float], limit: float) -> None:
    """Whatever is lost on the way, an answer may only turn into "cannot tell", never from busy to idle."""
    whole = {**full(0.0), **values}
    busy = any(value >= limit for ago, value in whole.items() if ago <= 12)
    for lost in values:
        kept = {ago: value for ago, value in whole.items() if ago != lost}
        try:
            below = asked(points(kept, complete=False)).stayed_below(limit, over=OVER)
        except Unanswered:
            continue
        assert not below
        assert busy


@pytest.mark.parametrize(("window", "period"), [(hours(6), minutes(5)), (timedelta(days=7), hours(1))])
def test_period_keeps_series_short(window: timedelta, period: timedelta) -> None:
    """A long window is asked for in coarser periods."""
    assert period_for(window) == period
