"""What happens to a small estate: datapoints that come late and change, and steps from sweep to sweep, at random.

Few things happen, so that one does not hide what another would show, and they happen where leases end: on the edges of
windows, periods and moments, a second before and after, and back in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

from cloudwarden import hours, minutes
from cloudwarden.core.metric import Series
from world import NOON

FIVE, WINDOW = minutes(5), minutes(30)
PERIODS = 36
"""Three hours of datapoints, from an hour before noon; a life begins at noon."""

NAMES = ("i-1", "i-2")
METRICS = ("CPUUtilization", "NetworkIn", "Load")
LOUD = 1e9
"""Above every limit, of percent and of bytes."""

NAMED = ("idle", "unowned", "old", "aged", "lazy", "calm")
"""The policies."""


@dataclass(frozen=True, kw_only=True)
class Datapoint:
    """What a period shows when it is `late`, and after so long what a later sample makes of it."""

    value: float
    late: timedelta
    then: float
    corrected: timedelta


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens before a sweep, what goes wrong in it, and which policies are due.

    What is gone is back before the next one, as it was.
    """

    passes: timedelta
    change: str
    fault: str
    due: frozenset[str]


History = Mapping[tuple[str, str], Mapping[int, Datapoint | None]]


def _datapoints(values: Sequence[float], late: Sequence[timedelta]) -> st.SearchStrategy[Datapoint]:
    return st.builds(
        Datapoint,
        value=st.sampled_from(values),
        late=st.sampled_from(late),
        then=st.sampled_from([0.0, 0.0, LOUD]),
        corrected=st.sampled_from([minutes(6), minutes(11), minutes(16), minutes(19), hours(9)]),
    )


NAN = float("nan")
_rising = _datapoints([LOUD, 5.0, 5.0, 4.9, NAN], [minutes(0), minutes(0), minutes(4), minutes(20), minutes(45)])
_falling = _datapoints([LOUD, LOUD, NAN, NAN], [minutes(0), minutes(0), minutes(4), minutes(20)])
_rose = st.dictionaries(st.integers(7, 15), st.one_of(_rising, _rising, _rising, st.none()), max_size=2)
# One alone, for a second one would hide what the first does.
_fell = st.dictionaries(st.integers(8, 13), _falling, min_size=1, max_size=1)
histories = st.fixed_dictionaries(
    {(metric, name): _fell if metric == "Load" else _rose for metric in METRICS for name in NAMES}
)
SECOND = timedelta(seconds=1)
PASSES = (SECOND, FIVE - SECOND, *(FIVE,) * 6, minutes(10), minutes(10), minutes(15), WINDOW, -SECOND, -minutes(40))
CHANGES = (
    *("",) * 8,
    "tag",
    "retag",
    "stop",
    "start",
    "launch",
    "gone",
    "gone",
    "params",
    "params",
    "reload",
    "reload",
)
FAULTS = (*("",) * 8, "listing", "listing", "budget", "throttled", "denied")
lives = st.lists(
    st.builds(
        Step,
        passes=st.sampled_from(PASSES),
        change=st.sampled_from(CHANGES),
        fault=st.sampled_from(FAULTS),
        due=st.one_of(*(st.just(frozenset(NAMED)),) * 4, st.frozensets(st.sampled_from(NAMED), min_size=1)),
    ),
    min_size=4,
    max_size=12,
)


def shown(points: Mapping[int, Datapoint | None], now: datetime, metric: str) -> Series:
    """What CloudWatch shows at an instant: quiet, but for the datapoints of the history."""
    found = list(_shown(points, now, may_fall=metric == "Load"))
    return Series(moments=tuple(moment for moment, _ in found), values=tuple(value for _, value in found))


def _shown(
    points: Mapping[int, Datapoint | None], now: datetime, *, may_fall: bool
) -> Iterator[tuple[datetime, float]]:
    """A late datapoint is not corrected as well; what only rises is not corrected downwards."""
    for number in range(PERIODS):
        moment = NOON - minutes(60) + FIVE * number
        point = points.get(number, Datapoint(value=0.0, late=minutes(0), then=0.0, corrected=minutes(19)))
        if point is None or moment + point.late > now:
            continue
        corrected = now >= moment + point.corrected and point.late < point.corrected
        yield moment, point.then if corrected and (may_fall or not point.value > point.then) else point.value
