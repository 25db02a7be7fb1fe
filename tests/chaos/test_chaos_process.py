"""The real daemon, killed, interrupted and lied to. A sample that fits into every test run: `make chaos` does it all.

Here the daemon dies at the moments of `SAMPLE`, is crossed at three, and lives one stormy life. It dies at every moment
that there is, is crossed at every one, and lives for hours in `make chaos`; in memory it dies at every moment in
test_chaos_crashes.py, and is crossed at every one in test_chaos_interleavings.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from chaos.arms import Arms
from chaos.changes import CHANGES, Kind
from chaos.crossings import Crossings, Way
from chaos.kills import Kills
from chaos.life import Life
from chaos.place import POLICY_FILES, Place, Terms
from chaos.stage import Broken, Stage
from chaos.weather import ANY_SNAPSHOT, STORMY, Weather
from cloudwarden.core.restraint import Quota
from exchanges import Fault, Request
from happenings import NOON
from installation import simulated_aws

SAMPLE = (
    "sweep.settle.commit:before",
    "intents.commit.commit:after",
    "carry.carry_out.call:after",
    "carry.end.commit:before",
)
"""At each of the three commits, and right after the call: where a death matters most."""

APPROVED = Way(file="idle.py", alone=False)
CROSSED = (
    (Kind.PAUSE, "intents.commit.begin:before"),
    (Kind.EXEMPTION, "recheck.look.get:after"),
    (Kind.REFUSAL, "intents.commit.begin:before"),
)
"""Where a decision that came too late for the guards matters most."""

SEED = "3"
REGION = "eu-west-2"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """A simulated AWS; its address."""
    with simulated_aws() as address:
        yield address


@pytest.mark.timeout(600)
def test_the_daemon_dies_at_the_moments_that_matter_most_and_keeps_every_promise(tmp_path: Path, aws: str) -> None:
    """By SIGKILL, each of them; the next one sees to what was left, and in the end every finding is accounted for."""
    with Stage(tmp_path / "kills", aws, SEED, region=REGION) as stage:
        kills = Kills(stage)
        kills.begin()
        assert [moment for moment in SAMPLE if not (kills.at(moment) or kills.at(moment))] == []
        kills.rest()
        assert set(stage.tally.deaths) == set(SAMPLE)
        assert stage.bystander.sent


@pytest.mark.timeout(600)
def test_what_is_decided_before_an_intent_stops_the_daemon(tmp_path: Path, aws: str) -> None:
    """It stands right before the intent, or at the look before it; its guards have passed, and somebody decides."""
    with Stage(tmp_path / "crossings", aws, SEED, region=REGION) as stage:
        crossings = Crossings(stage)
        crossings.begin(APPROVED)
        for (kind, moment), which in zip(CROSSED, count(), strict=False):
            change = [one for one in CHANGES if one.kind is kind][which % 2]
            assert crossings.cross(APPROVED, change, (moment, 1)) == "0 calls"


@pytest.mark.timeout(600)
def test_a_stormy_life_keeps_every_promise(tmp_path: Path, aws: str) -> None:
    """Faults of every sort, decisions, edits and deaths in a drawn order. The seed that failed is `SEED`."""
    with Stage(tmp_path / "life", aws, SEED, region=REGION, quota=Quota(per_hour=9)) as stage:
        stage.weather.mood = STORMY
        Life(stage).live(12)
        assert stage.count().faults


@pytest.mark.timeout(200)
def test_a_daemon_that_ends_by_itself_is_noticed(tmp_path: Path, aws: str) -> None:
    """No death but one that was asked for is taken for it."""
    with Stage(tmp_path / "ends", aws, SEED, region=REGION) as stage:
        stage.place.config.write_text("ceiling = 'sky'\n")
        stage.daemon = stage.place.launch(Arms())
        stage.daemon.wait(60)
        with pytest.raises(Broken, match="ended by itself"):
            stage.ended()


def test_the_same_seed_brings_the_same_weather() -> None:
    """What a request meets depends on the seed and on how many of its operation came before."""

    def met(seed: str) -> list[str | None]:
        weather = Weather(seed)
        weather.mood = STORMY
        return [weather(Request(number=n, at=NOON, service="ec2", operation="StopInstances")) for n in range(50)]

    assert met("1") == met("1")
    assert met("1") != met("2")
    assert any(met("1"))


def test_a_policy_file_is_broken_in_every_way_that_it_says(tmp_path: Path) -> None:
    """What a person's half edit leaves is refused by the loader, so that the version before must run on."""
    place = Place(tmp_path, "http://127.0.0.1:9", REGION)
    for file in POLICY_FILES:
        for how in range(4):
            place.edit(file, Terms())
            place.spoil(file, how)
            assert place.problems(), (file, how)
        place.remove(file)


def test_a_fault_for_any_snapshot_spares_what_else_is_asked() -> None:
    """Snapshots of a volume are asked for by the same operation, before there is the one that an action waits for."""
    weather = Weather(SEED)
    weather.once["DescribeSnapshots", ANY_SNAPSHOT] = Fault.DENIED

    def met(resource: str) -> str | None:
        return weather(Request(number=1, at=NOON, service="ec2", operation="DescribeSnapshots", resources=(resource,)))

    assert [met("vol-1"), met("snap-1"), met("snap-1")] == [None, Fault.DENIED, None]
