"""When an instance is idle, when it is not, and when nobody can tell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cloudwarden import days, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.evidence import Answers, Inquiry, Now, Query, Unanswered, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.core.verdict import Cause, Violation
from cloudwarden.library.compute import Idle, idle
from cloudwarden.testing import NOON, instance

BOX = instance()
EXPECTED = 72  # six hours of five minutes
PARAMS = Idle()
CPU, IN, OUT = "CPUUtilization", "NetworkIn", "NetworkOut"
SUM_AT_LIMIT = 1000.0 * 300  # 1,000 bytes/s over five minutes


def steady(value: float, *, count: int = EXPECTED, complete: bool = True) -> Series:
    """The newest `count` datapoints, all alike."""
    moments = tuple(NOON - minutes(5 * (age + 1)) for age in range(count))
    return Series(moments=moments, values=(value,) * count, complete=complete)


def query(metric: str, window: timedelta = PARAMS.window) -> Query[object]:
    """What the rule asks of one metric."""
    return MetricQuery(
        namespace="AWS/EC2",
        metric=metric,
        dimensions=(("InstanceId", BOX.id),),
        statistic="Maximum" if metric == CPU else "Sum",
        period=minutes(5),
        window=window,
    )


def inquire(**metrics: Series | Unreadable) -> Inquiry:
    """An inquiry in which these metrics have been gathered."""
    answers: Answers = {query(metric): answer for metric, answer in metrics.items()}
    return Inquiry(now=NOON, answers=answers)


def judge(inquiry: Inquiry, box: ec2.Instance = BOX, params: Idle = PARAMS) -> Violation | None:
    """What the rule says; raises Unanswered when it cannot say."""
    return idle(box, params, Now(box, inquiry), ec2.Activity(box, inquiry))


def test_quiet_cpu_and_network_for_the_whole_window_are_idle() -> None:
    """All three series full and low."""
    violation = judge(inquire(CPUUtilization=steady(1.0), NetworkIn=steady(0.0), NetworkOut=steady(0.0)))
    assert violation is not None
    assert violation.summary.startswith("idle for 6:00:00: CPU below 5 %")


@pytest.mark.parametrize(
    ("cpu", "received", "sent"),
    [(5.0, 0.0, 0.0), (1.0, SUM_AT_LIMIT, 0.0), (1.0, 0.0, SUM_AT_LIMIT)],
    ids=["CPU", "received", "sent"],
)
def test_whatever_reaches_its_limit_is_busy(cpu: float, received: float, sent: float) -> None:
    """Network limits are bytes a second, and CloudWatch gives bytes a period."""
    heard = inquire(CPUUtilization=steady(cpu), NetworkIn=steady(received), NetworkOut=steady(sent))
    assert judge(heard) is None


def test_one_busy_datapoint_of_few_is_enough_to_be_busy() -> None:
    """Activity is proven by what came, whatever did not."""
    inquiry = inquire(CPUUtilization=steady(90.0, count=1, complete=False))
    assert judge(inquiry) is None
    assert inquiry.holds_until == NOON + PARAMS.window


DENIED = Unreadable(cause=Cause(reason="access-denied", detail="no"))


@pytest.mark.parametrize(
    ("unclear", "reason"),
    [
        (Series(moments=(), values=()), "not-enough-data"),
        (steady(0.0, count=EXPECTED // 2), "not-enough-data"),
        (steady(0.0, complete=False), "not-enough-data"),
        (DENIED, "access-denied"),
    ],
    ids=["silent", "half", "incomplete", "denied"],
)
@pytest.mark.parametrize("metric", [CPU, IN, OUT])
def test_a_metric_that_is_missing_in_part_is_unknown_and_never_idle(
    metric: str, unclear: Series | Unreadable, reason: str
) -> None:
    """Whichever of the three it is."""
    inquiry = inquire(**{CPU: steady(1.0), IN: steady(0.0), OUT: steady(0.0), metric: unclear})
    with pytest.raises(Unanswered):
        judge(inquiry)
    assert inquiry.cause is not None
    assert inquiry.cause.reason == reason
    assert not inquiry.asked


def test_a_metric_in_which_one_datapoint_in_twenty_is_missing_is_still_judged() -> None:
    """A healthy metric loses some."""
    few = steady(0.0, count=EXPECTED - 3)
    assert judge(inquire(CPUUtilization=few, NetworkIn=few, NetworkOut=few)) is not None


def test_a_busy_cpu_makes_the_network_cost_nothing() -> None:
    """Only the CPU is asked for first; the network only of those whose CPU is quiet."""
    first = inquire()
    with pytest.raises(Unanswered):
        judge(first)
    assert first.asked == [query(CPU)]
    second = inquire(CPUUtilization=steady(1.0))
    with pytest.raises(Unanswered):
        judge(second)
    assert second.asked == [query(IN), query(OUT)]


@pytest.mark.parametrize("cpu", [steady(1.0), Series(moments=(), values=()), DENIED], ids=["quiet", "silent", "denied"])
def test_a_busy_network_is_proof_for_as_long_as_the_window_holds_it(cpu: Series | Unreadable) -> None:
    """Whatever the CPU does, and whatever is known of it: of two breaches the one that lasts longer."""
    old = Series(moments=(NOON - hours(5),), values=(SUM_AT_LIMIT,))
    new = Series(moments=(NOON - hours(2),), values=(SUM_AT_LIMIT,))
    inquiry = inquire(CPUUtilization=cpu, NetworkIn=old, NetworkOut=new)
    assert judge(inquiry) is None
    assert inquiry.holds_until == NOON + hours(4) + minutes(5)


@pytest.mark.parametrize(
    "box",
    [
        instance(state="stopped"),
        instance(state="pending"),
        instance(root_device_type="instance-store"),
        instance(lifecycle="spot"),
        instance(lifecycle="capacity-block"),
        instance(tags={"aws:autoscaling:groupName": "workers"}),
    ],
    ids=["stopped", "pending", "instance store", "spot", "capacity block", "auto scaling"],
)
def test_what_does_not_run_or_cannot_be_stopped_is_compliant_without_evidence(box: ec2.Instance) -> None:
    """Nothing is asked, so nothing is paid, and the verdict holds as long as the description does."""
    inquiry = inquire()
    assert judge(inquiry, box) is None
    assert (inquiry.asked, inquiry.readings, inquiry.holds_until) == ([], [], None)


def test_what_has_run_for_less_than_the_window_is_compliant_until_then() -> None:
    """It cannot have been idle for longer than it ran."""
    inquiry = inquire()
    launched = NOON - hours(6) + minutes(1)
    assert judge(inquiry, instance(launched=launched)) is None
    assert inquiry.holds_until == NOON + minutes(1)
    assert not inquiry.asked


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": minutes(14)},
        {"window": days(456)},
        {"max_cpu_percent": 0},
        {"max_cpu_percent": 101},
        {"max_network_bytes_per_second": 0},
        {"hours": 6},
    ],
)
def test_params_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    """With the name of the one at fault."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Idle.model_validate(wrong)


@given(
    levels=st.lists(st.sampled_from([0.0, 4.9, 5.0, 80.0]), min_size=EXPECTED, max_size=EXPECTED),
    present=st.lists(st.booleans(), min_size=EXPECTED, max_size=EXPECTED),
)
def test_an_instance_that_was_busy_is_never_found_idle(levels: list[float], present: list[bool]) -> None:
    """Whatever is missing: a violation is only ever said when every datapoint that came was below the limit."""
    points = [(NOON - minutes(5 * (age + 1)), level) for age, level in enumerate(levels) if present[age]]
    cpu = Series(moments=tuple(at for at, _ in points), values=tuple(level for _, level in points))
    try:
        violation = judge(inquire(CPUUtilization=cpu, NetworkIn=steady(0.0), NetworkOut=steady(0.0)))
    except Unanswered:
        violation = None
    assert violation is None or (all(level < 5.0 for _, level in points) and len(points) >= 0.9 * EXPECTED)
