"""Upkeep: once a day, a step a turn, and again soon after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cloudwarden.clock import FakeClock
from cloudwarden.core.errors import StoreBusy
from cloudwarden.engine.events import OldRemoved, RetentionFailed
from cloudwarden.upkeep import AGAIN_SECONDS, EVERY_SECONDS, Upkeep
from reports import Reports
from world import NOON


class Work:
    """Two steps a day; or a failure after the first, while `fails`."""

    def __init__(self) -> None:
        self.begun: list[datetime] = []
        self.steps = 0
        self.fails = False
        self.ahead: timedelta | None = timedelta(seconds=-2)

    def batches(self, now: datetime) -> Iterator[OldRemoved]:
        """The day's steps."""
        self.begun.append(now)
        for _ in range(2):
            self.steps += 1
            yield OldRemoved(findings=3)
            if self.fails:
                raise StoreBusy("somebody writes")


def upkeep() -> tuple[Upkeep, Work, FakeClock, Reports]:
    """One with everything that it knows."""
    clock, work, reports = FakeClock(NOON), Work(), Reports()
    return Upkeep(clock=clock, ahead=lambda: work.ahead, reporter=reports, batches=work.batches), work, clock, reports


def test_a_turn_is_one_step() -> None:
    """Sweeps come between the steps; what was removed is told once, at the end."""
    kept, work, _, reports = upkeep()
    kept.turn()
    assert (work.steps, reports.events) == (1, [])
    for _ in range(5):
        kept.turn()
    assert work.steps == 2
    assert reports.events == [OldRemoved(findings=6)]


def test_it_begins_again_after_a_day() -> None:
    """Not before, and whatever happens to the wall clock."""
    kept, work, clock, _ = upkeep()
    for _ in range(3):
        kept.turn()
    clock.jump(timedelta(days=3))
    clock.advance(timedelta(seconds=EVERY_SECONDS - 1))
    kept.turn()
    assert len(work.begun) == 1
    clock.advance(timedelta(seconds=1))
    kept.turn()
    assert len(work.begun) == 2


def test_a_failure_is_told_and_tried_again_within_the_hour() -> None:
    """The daemon goes on; what went before the failure is told too."""
    kept, work, clock, reports = upkeep()
    work.fails = True
    kept.turn()
    kept.turn()
    assert reports.events == [RetentionFailed(detail="somebody writes"), OldRemoved(findings=3)]
    clock.advance(timedelta(seconds=AGAIN_SECONDS))
    kept.turn()
    assert len(work.begun) == 2


def test_all_of_it_is_done_at_once_where_a_process_ends() -> None:
    """And told once; a failure ends it, and is raised to nobody."""
    kept, work, _, reports = upkeep()
    kept.work(seconds=30)
    assert (work.steps, reports.events) == (2, [OldRemoved(findings=6)])
    kept, work, _, reports = upkeep()
    work.fails = True
    kept.work(seconds=30)
    assert [type(one) for one in reports.events] == [RetentionFailed, OldRemoved]


def test_what_takes_too_long_is_left_for_the_next_process() -> None:
    """What was removed until then is told."""
    kept, work, _, reports = upkeep()
    kept.work(seconds=0)
    assert (work.steps, reports.events) == (1, [OldRemoved(findings=3)])


def test_a_clock_that_is_ahead_removes_nothing() -> None:
    """Before AWS has told the time nobody knows; a clock of another year is told of, and looked at again in an hour."""
    kept, work, clock, reports = upkeep()
    work.ahead = None
    kept.turn()
    work.ahead = timedelta(days=400)
    kept.turn()
    kept.turn()
    assert (work.begun, len(reports.events)) == ([], 1)
    assert "400 days" in str(reports.events[0])
    work.ahead = timedelta(seconds=2)
    clock.advance(timedelta(seconds=AGAIN_SECONDS))
    kept.turn()
    assert len(work.begun) == 1
