"""A saving is a sum of known prices, or unknown; never a guess, and never zero for want of a price."""

from __future__ import annotations

import pytest

from cloudwarden.core.saving import NO_PRICES, Charge, Prices, Saving, Uncharged, times_a_month

PRICES = Prices(
    source="a test's prices",
    dollars={("r", "ec2-linux-hour", "m5.large"): 0.1, ("r", "ebs-gib-month", "gp3"): 0.08},
)
COMPUTE = Charge(region="r", table="ec2-linux-hour", item="m5.large")
DISK = Charge(region="r", table="ebs-gib-month", item="gp3", quantity=100)


def test_hours_and_months_add_up() -> None:
    """730 hours, and 100 GiB once."""
    saving = PRICES.saving([COMPUTE, DISK])
    assert saving is not None
    assert saving.dollars == pytest.approx(73 + 8)
    assert saving.basis.startswith("1 x m5.large (ec2-linux-hour) in r: $73.00, 100 x gp3")
    assert str(saving) == "about $81 a month (list price)"


def test_one_unknown_price_makes_the_whole_unknown() -> None:
    """And says which."""
    saving = PRICES.saving([COMPUTE, Charge(region="r", table="ebs-gib-month", item="io2", quantity=5)])
    assert saving is not None
    assert saving.dollars is None
    assert "5 x io2 (ebs-gib-month) in r" in saving.basis
    assert str(saving).startswith("unknown: ")


def test_nothing_to_pay_for_is_no_saving_at_all() -> None:
    """It is not about money: neither zero nor unknown."""
    assert NO_PRICES.saving(()) is None


def test_what_cannot_be_told_is_unknown() -> None:
    """With the reason in words."""
    assert PRICES.saving(Uncharged(why="spot")) == Saving(dollars=None, basis="spot")


@pytest.mark.parametrize("kept", [100, 101])
def test_what_may_cost_as_much_anew_is_unknown(kept: int) -> None:
    """A figure that may be zero or below is none."""
    again = Charge(region="r", table="ebs-gib-month", item="gp3", quantity=-kept)
    saving = PRICES.saving([DISK, again])
    assert saving is not None
    assert saving.dollars is None


def test_small_sums_keep_their_cents() -> None:
    """$0.36 is not $0."""
    assert str(Saving(dollars=0.36, basis="")) == "about $0.36 a month (list price)"


def test_a_table_says_how_often_one_pays() -> None:
    """And one that does not is refused."""
    assert (times_a_month("ec2-linux-hour"), times_a_month("ebs-gib-month")) == (730, 1)
    with pytest.raises(ValueError, match="ends in -hour or -month"):
        times_a_month("ebs-gib")
