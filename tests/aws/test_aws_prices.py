"""The list prices that come along, those that an operator adds, and what the kinds say they cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwarden.aws import ec2, rds
from cloudwarden.aws.prices import list_prices
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.saving import Charges
from cloudwarden.testing import address, database, instance, nat_gateway, volume

US = "us-east-1"

OWN = """
source = "our contract"

[[prices]]
regions = ["us-east-1"]

[prices.ec2-linux-hour]
m5 = { large = 0.05, metal = 1.0 }
"""


def dollars(charges: Charges) -> float | None:
    """What these save in a month, by the list prices; None when unknown."""
    saving = list_prices().saving(charges)
    assert saving is not None
    return saving.dollars


@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        # 730 hours of $0.096, as "Amazon EC2 On-Demand Pricing" has it.
        (ec2.Stop().frees(instance(region=US, platform="Linux/UNIX", instance_type="m5.large")), 70.08),
        (ec2.Stop().frees(instance(region=US, platform="Windows", instance_type="m5.large")), 137.24),
        # $0.10 a GiB, less the $0.05 that its snapshot may cost.
        (ec2.SnapshotThenDelete().frees(volume(region=US, size_gib=100, volume_type="gp2")), 5.0),
        # 4,000 IOPS and 225 MiB/s are 1,000 and 100 more than are free.
        (volume(region=US, size_gib=100, volume_type="gp3", iops=4000, throughput_mibps=225).charges, 17.0),
        (volume(region=US, size_gib=100, volume_type="io1", iops=1000).charges, 77.5),
        (address(region="eu-west-2").charges, 3.65),
        (nat_gateway(region=US).charges, 32.85),
        (rds.Stop().frees(database(region=US, engine="postgres", instance_class="db.t3.medium")), 52.56),
        (rds.Stop().frees(database(region=US, engine="mysql", instance_class="db.m5.large", multi_az=True)), 249.66),
        (database(region=US, engine="mysql", instance_class="db.t3.micro", storage_gib=100).charges, 23.91),
    ],
)
def test_what_is_saved(charges: Charges, expected: float) -> None:
    """By AWS's public list prices; a stop saves computing alone."""
    assert dollars(charges) == pytest.approx(expected)


@pytest.mark.parametrize(
    "charges",
    [
        ec2.Stop().frees(instance(region=US, platform=None, instance_type="m5.large")),
        ec2.Stop().frees(instance(region=US, platform="Red Hat Enterprise Linux", instance_type="m5.large")),
        ec2.Stop().frees(instance(region=US, platform="Linux/UNIX", instance_type="m5.large", lifecycle="spot")),
        ec2.Stop().frees(instance(region=US, platform="Linux/UNIX", instance_type="m5.large", tenancy="dedicated")),
        ec2.Stop().frees(instance(region=US, platform="Linux/UNIX", instance_type="x9.huge")),
        ec2.Stop().frees(instance(region=US, instance_type="m5.large", availability_zone="us-east-1-bos-1a")),
        ec2.Stop().frees(instance(region=US, instance_type="m5.large", outpost_arn="arn:aws:outposts:us-east-1:1:o")),
        volume(region=US, availability_zone="us-east-1-bos-1a").charges,
        volume(region=US, outpost_arn="arn:aws:outposts:us-east-1:1:o").charges,
        address(region=US, pool="ipv4pool-ec2-0123456789abcdef0").charges,
        ec2.Stop().frees(instance(region="mars-1", platform="Linux/UNIX", instance_type="m5.large")),
        ec2.SnapshotThenDelete().frees(volume(region=US, volume_type="sc1")),
        ec2.SnapshotThenDelete().frees(volume(region=US, volume_type="gp3", iops=None)),
        volume(region=US, volume_type="io2", iops=40_000).charges,
        rds.Stop().frees(database(region=US, engine="oracle-ee")),
        rds.Stop().frees(database(region=US, engine="aurora-mysql", cluster="shop")),
    ],
)
def test_what_has_no_certain_price_is_unknown(charges: Charges) -> None:
    """Never zero, and never the price of something like it."""
    assert dollars(charges) is None


def test_a_stopped_instance_saves_nothing_by_a_stop() -> None:
    """What it costs still, its volumes do."""
    assert list_prices().saving(instance(region=US, state="stopped").charges) is None


def test_own_prices_stand_before_list_prices(tmp_path: Path) -> None:
    """What they name is theirs, the rest stays, and the source says both."""
    file = tmp_path / "prices.toml"
    file.write_text(OWN)
    prices = list_prices(file)
    found = {item: prices.dollars[US, "ec2-linux-hour", item] for item in ("m5.large", "m5.metal", "m5.xlarge")}
    assert found == {"m5.large": 0.05, "m5.metal": 1.0, "m5.xlarge": 0.192}
    assert prices.source.startswith("our contract, else AWS list prices of 2026-01")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "source"),
        ('source = "x"\nprices = [{regions = []}]', "regions"),
        ('source = "x"\nprices = [{regions = ["r"], ebs-gib = {gp3 = 0.1}}]', "-hour or -month"),
        ('source = "x"\nprices = [{regions = ["r"], ebs-gib-month = {gp3 = "cheap"}}]', "gp3 = 'cheap'"),
        ('source = "x"\nprices = [{regions = ["r"], ebs-gib-month = {gp3 = -1}}]', "gp3 = -1"),
        ("source = ", "prices.toml"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """With what is wrong in it: a price that was meant must not be missing silently."""
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        list_prices(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It was named, so it was meant."""
    with pytest.raises(SettingsError, match="cannot be read"):
        list_prices(tmp_path / "none.toml")
