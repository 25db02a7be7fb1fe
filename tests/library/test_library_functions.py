"""Which functions have a deprecated runtime."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cloudwarden import Policy, days, every
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.library.functions import Runtimes, deprecated_runtime
from cloudwarden.testing import Bench, function


def old(**dates: date) -> AnyPolicy:
    """The rule with dates of one's own over AWS's."""
    return Policy(name="old", rule=deprecated_runtime, params=Runtimes(deprecated=dates), schedule=every(days=1))


def test_a_runtime_is_deprecated_from_its_date_on() -> None:
    """Not a moment before; and until then the verdict holds."""
    bench = Bench(datetime(2027, 4, 29, 0, 0, 1, tzinfo=UTC))
    before = bench.judge(old(), function(runtime="nodejs22.x"))
    assert (before.outcome, before.holds_until) == ("compliant", datetime(2027, 4, 30, tzinfo=UTC))
    verdict = bench.advance(days(1)).judge(old(), function(runtime="nodejs22.x"))
    assert verdict.violation is not None
    assert "nodejs22.x is deprecated, 2027-04-30" in verdict.violation.summary


@pytest.mark.parametrize("runtime", ["python9.99", None], ids=["unknown", "container image"])
def test_of_what_has_no_date_nothing_is_claimed(runtime: str | None) -> None:
    """However late it is."""
    late = Bench(datetime(2200, 1, 1, tzinfo=UTC))
    assert late.judge(old(), function(runtime=runtime)).outcome == "compliant"


def test_dates_of_one_s_own_are_laid_over_those_of_aws() -> None:
    """A date that moved, and a runtime that AWS did not name yet."""
    policy = old(java17=date(2020, 1, 1), python9=date(2020, 1, 1), java8=date(2099, 1, 1))
    outcomes = [Bench().judge(policy, function(runtime=one)).outcome for one in ("java17", "python9", "java8", "go1.x")]
    assert outcomes == ["violation", "violation", "compliant", "violation"]
