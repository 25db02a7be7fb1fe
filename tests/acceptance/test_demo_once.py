"""The first minute: the demo, in a process of its own, on a machine that never heard of AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).with_name("cloudwarden")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `cloudwarden demo --once --json` prints with an empty home and an empty environment."""
    home = tmp_path_factory.mktemp("home")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [PROGRAM, "demo", "--once", "--json"], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())
    return json.loads(done.stdout)


def test_without_its_packages_the_demo_says_what_to_install() -> None:
    """The simulation is an optional extra."""
    program = "import sys; sys.modules['moto'] = None; from cloudwarden.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "pip install 'cloudwarden[demo]'" in done.stderr
    assert "Traceback" not in done.stderr


def names(swept: Any, state: str) -> set[str]:
    """The names of the instances whose idleness is a finding in this state."""
    found = [one for one in swept["findings"] if one["policy"] == "stop-idle-instances"]
    return {one["name"] for one in found if one["state"] == state}


def test_idle_instances_are_proposed_to_be_stopped(swept: Any) -> None:
    """All twelve of them and the one that AWS will not let be stopped, and nobody else."""
    assert names(swept, "proposed") == {"report-worker", "mail-relay"}
    assert sum(one["policy"] == "stop-idle-instances" for one in swept["proposals"]) == 13


def test_busy_and_silent_instances_are_no_findings(swept: Any) -> None:
    """Whoever works, or says nothing, or only half of it, is left alone."""
    found = {one["name"] for one in swept["findings"] if one["policy"] == "stop-idle-instances"}
    assert found == {"report-worker", "mail-relay", "licence-server", "payroll"}


def test_silence_is_unknown_with_its_cause(swept: Any) -> None:
    """Four silent and six half-silent instances and a silent database, each with the reason."""
    unknown = [(one["name"], one["cause"]["reason"]) for one in swept["unknown"]]
    silent = {"flaky-sensor": 6, "no-agent": 4, "unmeasured-00": 1}
    assert sorted(unknown) == [(name, "not-enough-data") for name, count in silent.items() for _ in range(count)]


def test_tags_exempt(swept: Any) -> None:
    """Idle instances that carry keep-running, or cloudwarden:hands-off, are seen and not touched."""
    assert names(swept, "exempted") == {"licence-server", "payroll"}


def test_every_kind_of_open_group_is_proposed_to_be_closed(swept: Any) -> None:
    """IPv4, IPv6, every protocol, and the world in halves; ports that may be public are not."""
    found = [one["name"] for one in swept["findings"] if one["policy"] == "close-open-security-groups"]
    assert {name.rpartition("-")[0] for name in found} == {"open", "ipv6-open", "all-open", "half-and-half"}
    assert len(found) == 14


def test_only_old_forgotten_volumes_are_proposed_to_be_deleted(swept: Any) -> None:
    """Neither attached nor young ones."""
    found = [one for one in swept["findings"] if one["policy"] == "delete-unattached-volumes"]
    assert {(one["name"], one["state"]) for one in found} == {
        ("forgotten", "proposed"),
        ("forgotten-by-nobody", "proposed"),
    }


def states(swept: Any, policy: str) -> dict[str, str]:
    """The state of each finding of a policy, by its resource's name."""
    return {one["name"]: one["state"] for one in swept["findings"] if one["policy"] == policy}


def test_public_buckets_are_proposed_to_be_closed(swept: Any) -> None:
    """Not what a block closes already, nor what is public by its tag."""
    assert states(swept, "block-public-buckets") == {
        "public-by-policy-00": "proposed",
        "public-by-policy-01": "proposed",
        "public-by-acl-00": "proposed",
        "website-00": "exempted",
    }


def test_unused_databases_are_proposed_to_be_stopped_and_old_ones_upgraded(swept: Any) -> None:
    """Each by its own policy; who is connected is left alone."""
    assert states(swept, "stop-idle-databases") == {f"unused-0{number}": "proposed" for number in range(3)}
    assert states(swept, "upgrade-database-engines") == {f"outdated-0{number}": "proposed" for number in range(2)}
