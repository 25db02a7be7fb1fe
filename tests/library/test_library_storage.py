"""Which volumes nobody uses."""

from __future__ import annotations

import pytest

from cloudwarden import Violation, days, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.evidence import Inquiry, Now
from cloudwarden.library.storage import Unattached, unattached
from cloudwarden.testing import NOON, volume

ATTACHMENT = ec2.Attachment(instance_id="i-1", device="/dev/sdf", state="detaching")


def judge(seen: ec2.Volume, params: Unattached | None = None) -> tuple[Violation | None, Inquiry]:
    """What the rule says, and what it asked."""
    inquiry = Inquiry(now=NOON, answers={})
    return unattached(seen, params or Unattached(), Now(seen, inquiry)), inquiry


def test_an_old_volume_attached_to_nothing_is_a_violation() -> None:
    """However long it has been so: that is the grace's matter."""
    violation, _ = judge(volume(created=NOON - days(14), size_gib=100))
    assert violation is not None
    assert violation.summary == "100 GiB gp3 volume is attached to nothing"


def test_a_young_volume_is_compliant_until_it_is_old() -> None:
    """It may be on its way to an instance."""
    violation, inquiry = judge(volume(created=NOON - days(14) + minutes(1)))
    assert (violation, inquiry.holds_until) == (None, NOON + minutes(1))


@pytest.mark.parametrize(
    "used",
    [volume(state="in-use"), volume(state="creating"), volume(state="error"), volume(attachments=[ATTACHMENT])],
    ids=["in use", "creating", "error", "detaching"],
)
def test_a_volume_in_any_use_is_compliant_as_long_as_it_stays_so(used: ec2.Volume) -> None:
    """The clock is not even looked at."""
    violation, inquiry = judge(used)
    assert (violation, inquiry.holds_until) == (None, None)


def test_the_age_is_a_param() -> None:
    """Zero means at once."""
    violation, _ = judge(volume(created=NOON), Unattached(min_age=days(0)))
    assert violation is not None
