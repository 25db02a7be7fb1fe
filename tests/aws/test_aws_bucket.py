"""The arithmetic of token buckets, in simulated time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwarden.aws.bucket import CLIMB_PER_SECOND, FALL, FLOOR, Bucket
from cloudwarden.aws.quotas import Quota
from throttling_aws import DESCRIBE, AwsBucket, Sweep

METRICS = Quota(name="get-metric-data", burst=50, rate=50)


def spent(quota: Quota = DESCRIBE) -> Bucket:
    """A bucket that owes the tokens of several seconds, at 0 seconds."""
    bucket = Bucket(quota, 0.0)
    bucket.take(0.0, tokens=int(bucket.tokens + 5 * quota.rate))
    return bucket


def refused(bucket: Bucket, now: float) -> bool:
    """Whether the throttle of a call that is sent now lowers something."""
    return bucket.throttled(bucket.take(now), now)


@pytest.mark.parametrize("by_the_second", [False, True])
@pytest.mark.parametrize("calls", [300, 1000, 3000])
def test_a_sweep_meets_the_documented_bucket_without_a_throttle(calls: int, *, by_the_second: bool) -> None:
    """Within 1.2 times what the bucket allows, whichever way AWS refills it."""
    aws = AwsBucket(DESCRIBE.burst, DESCRIBE.rate, by_the_second=by_the_second)
    swept = Sweep(ours=Bucket(DESCRIBE, 0.0), aws=aws, calls=calls).run()
    assert swept.throttled == 0
    assert swept.times_bound < 1.2


def test_a_quota_without_a_store_is_met_too() -> None:
    """GetMetricData's calls per second, with nothing saved up from before."""
    swept = Sweep(ours=Bucket(METRICS, 0.0), aws=AwsBucket(50, 50, by_the_second=True), calls=2000).run()
    assert swept.throttled == 0
    assert swept.times_bound < 1.2


@pytest.mark.parametrize("by_the_second", [False, True])
@pytest.mark.parametrize("phase", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("calls", "share"), [(300, 0.065), (1000, 0.025), (3000, 0.01), (10000, 0.005)])
def test_half_the_documented_bucket_is_learned(calls: int, share: float, phase: float, *, by_the_second: bool) -> None:
    """One burst of refusals, as many as there are threads, and then hardly any."""
    aws = AwsBucket(DESCRIBE.burst / 2, DESCRIBE.rate / 2, by_the_second=by_the_second, phase=phase)
    swept = Sweep(ours=Bucket(DESCRIBE, 0.0), aws=aws, calls=calls).run()
    assert swept.share_throttled < share
    assert swept.times_bound < 1.2


def test_the_next_sweep_remembers() -> None:
    """A daemon that learned in one sweep is throttled in less than one call of a hundred in the next ones."""
    ours, aws = Bucket(DESCRIBE, 0.0), AwsBucket(DESCRIBE.burst / 2, DESCRIBE.rate / 2)
    Sweep(ours=ours, aws=aws, calls=1000).run()
    later = [Sweep(ours=ours, aws=aws, calls=1000, began=900.0 * number).run() for number in (1, 2, 3)]
    assert all(swept.share_throttled < 0.01 and swept.times_bound < 1.2 for swept in later)


def test_one_congestion_lowers_once() -> None:
    """Requests under way when the rate fell were sent at the old one: their refusal is no news."""
    bucket = spent()
    turns = [bucket.take(0.0) for _ in range(16)]
    assert [bucket.throttled(turn, 0.1) for turn in turns] == [True] + [False] * 15
    assert bucket.rate == DESCRIBE.rate * FALL


def test_a_throttle_after_the_fall_lowers_again() -> None:
    """What was sent at the new rate and refused says that it is still too high."""
    bucket = spent()
    assert refused(bucket, 0.1)
    assert refused(bucket, 0.2)
    assert bucket.rate == DESCRIBE.rate * FALL**2


def test_a_refusal_out_of_the_store_lowers_the_store() -> None:
    """AWS had less saved up than we thought; of its refill that says nothing."""
    bucket = Bucket(DESCRIBE, 0.0)
    assert refused(bucket, 0.0)
    assert (bucket.rate, bucket.store) == (20.0, 40.0)


def test_after_a_throttle_nothing_is_in_store() -> None:
    """AWS has no token left and may add some in a second only, so the next call waits for that."""
    bucket = Bucket(DESCRIBE, 0.0)
    refused(bucket, 0.0)
    assert bucket.wait_seconds(0.0) == pytest.approx(1 + 1 / 20)


def test_success_mends_slowly() -> None:
    """Each second with calls in it adds a hundredth."""
    bucket = spent()
    refused(bucket, 0.0)
    for tenth in range(1, 101):
        bucket.succeeded(tenth / 10)
    assert bucket.rate == pytest.approx(DESCRIBE.rate * FALL * (1 + CLIMB_PER_SECOND / 10) ** 100)


def test_silence_mends_nothing() -> None:
    """An hour without calls is worth a second."""
    bucket = spent()
    refused(bucket, 0.0)
    bucket.succeeded(3600.0)
    assert bucket.rate == pytest.approx(DESCRIBE.rate * FALL * (1 + CLIMB_PER_SECOND))


def test_the_rate_never_reaches_zero() -> None:
    """Somebody who takes every token does not stop us for ever."""
    bucket = spent()
    for thousandth in range(1, 100):
        refused(bucket, thousandth / 1000)
    assert bucket.rate == DESCRIBE.rate * FLOOR


def test_more_tokens_than_fit_wait_for_a_full_store() -> None:
    """Stopping more instances at once than AWS's bucket holds is AWS's to refuse, not ours to wait for forever."""
    bucket = Bucket(DESCRIBE, 0.0)
    assert bucket.wait_seconds(0.0, tokens=5000) == 0.0
    bucket.take(0.0, tokens=5000)
    assert bucket.wait_seconds(0.0) == pytest.approx((5000 - 80 + 1) / 20)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "throttled", "succeeded"]), st.floats(min_value=0.0, max_value=30.0))
    ),
    quota=st.builds(
        Quota,
        name=st.just("any"),
        burst=st.floats(min_value=1.0, max_value=1000.0),
        rate=st.floats(min_value=0.1, max_value=500.0),
    ),
)
def test_no_history_exceeds_the_documented_bucket(steps: list[tuple[str, float]], quota: Quota) -> None:
    """Whatever happened: between nothing and the documented rate and burst, and a wait that ends."""
    bucket, now = Bucket(quota, 0.0), 0.0
    turn = bucket.take(now)
    for step, seconds in steps:
        now += seconds
        match step:
            case "take":
                turn = bucket.take(now)
            case "throttled":
                bucket.throttled(turn, now)
            case _:
                bucket.succeeded(now)
        assert 0.0 < bucket.rate <= quota.rate
        assert 1.0 <= bucket.store <= max(1.0, quota.burst)
        assert bucket.tokens <= bucket.store
        assert 0.0 <= bucket.wait_seconds(now) < float("inf")
