"""What deploys Cloudwarden: the unit, the image, the compose file, and the IAM policies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudwarden.aws import ec2
from cloudwarden.core.action import Action
from cloudwarden.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "cloudwarden.service"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the program where it is here."""
    program = Path(sys.executable).with_name("cloudwarden")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/local/bin/cloudwarden", str(program)))
    return copy


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze's answer; Debian's package systemd has it."""
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_accepts_the_unit(unit: Path) -> None:
    """`systemd-analyze verify` finds nothing to say of our unit."""
    answer = analyzed("verify", "--man=no", str(unit))
    assert answer.returncode == 0, answer.stderr
    assert unit.name not in answer.stderr


def test_unit_is_hardened(unit: Path) -> None:
    """Its exposure, as systemd counts it, stays at 1.5 of 10 or below."""
    answer = analyzed("security", "--offline=true", "--threshold=15", str(unit))
    assert answer.returncode == 0, answer.stdout[-600:] + answer.stderr


def test_service_managers_wait_longer_than_the_daemon_takes() -> None:
    """Both the unit and the compose file give the daemon its stated time to leave."""
    stated = Settings().stop_timeout_seconds
    (allowed,) = re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    assert int(allowed) > stated
    assert int(COMPOSE["services"]["daemon"]["stop_grace_period"].removesuffix("s")) > stated


def test_every_mounted_path_exists() -> None:
    """A bind mount of a missing path would make an empty folder of root's."""
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service["volumes"]
        if volume.startswith(".")
    ]
    missing = [path for path in mounted if not (DEPLOY / "compose" / path).exists()]
    assert (len(mounted) >= 5, missing) == (True, [])


def test_containers_are_confined() -> None:
    """Read-only, without capabilities, and on this machine's loopback alone."""
    for name, service in COMPOSE["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name


def test_images_are_of_one_version() -> None:
    """No image floats."""
    images = [service["image"] for service in COMPOSE["services"].values()]
    images += re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in images), images


def test_image_runs_without_rights() -> None:
    """The last user is no root, and everything that is installed was hashed."""
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    installs = re.findall(r"pip install [^&\n]+", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)
    assert "HEALTHCHECK" in DOCKERFILE


def allowed(name: str) -> set[str]:
    """The actions that an IAM policy allows."""
    policy = json.loads((DEPLOY / "iam" / name).read_text())
    return {action for one in policy["Statement"] if one["Effect"] == "Allow" for action in one["Action"]}


def test_iam_policies_are_what_the_code_needs() -> None:
    """Reading needs what kinds, evidence and proofs read; acting what the actions change; neither more."""
    actions = [
        one for one in vars(ec2).values() if isinstance(one, type) and issubclass(one, Action) and one is not Action
    ]
    needed = {permission for action in actions for permission in action.permissions}
    needed |= {permission for kind in ec2.KINDS for permission in kind.permissions}
    needed |= {*ec2.Activity.permissions, "sts:GetCallerIdentity"}
    reads = {permission for permission in needed if re.match(r"\w+:(Describe|Get|List)", permission)}
    assert allowed("read.json") == reads
    assert allowed("act.json") == needed - reads
