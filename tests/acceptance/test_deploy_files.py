"""What deploys Cloudwarden: the unit, the image, the compose file, and the IAM policies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudwarden.app import KINDS
from cloudwarden.aws import ec2
from cloudwarden.aws.access import roles
from cloudwarden.aws.access.assumable import assumable
from cloudwarden.aws.access.statements import statements as policy_statements
from cloudwarden.aws.allowance import PERMISSIONS
from cloudwarden.core.action import Action
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.exemption import HANDS_OFF
from cloudwarden.core.policy import Mode
from cloudwarden.settings import Settings, load_settings
from declarations import services

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "cloudwarden.service"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


class Health(BaseHTTPRequestHandler):
    """Answers every GET with its server's status."""

    status = 200

    def do_GET(self) -> None:
        """Answer with nothing but the status."""
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        """Say nothing."""


@pytest.fixture
def health() -> Iterator[tuple[type[Health], int]]:
    """A daemon's health, to be set, and the port that shows it."""
    handler = type("OneHealth", (Health,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield handler, server.server_port
        server.shutdown()
        thread.join()


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


def test_the_unit_lets_threads_be_kept_on_a_core() -> None:
    """What systemd counts among calls for resources, all of which are refused before, costs half of a sweep's speed."""
    lines = UNIT.read_text().splitlines()
    assert lines.index("SystemCallFilter=sched_setaffinity") > lines.index("SystemCallFilter=~@privileged @resources")


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


def test_settings_beside_the_unit_keep_state_where_the_unit_may_write() -> None:
    """The settings to copy are valid, look only, name absolute places, and leave in time."""
    settings = load_settings(DEPLOY / "systemd" / "cloudwarden.toml")
    (allowed,) = re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    (state,) = re.findall(r"^StateDirectory=(.+)$", UNIT.read_text(), re.MULTILINE)
    assert settings.database.startswith(f"sqlite:////var/lib/{state}/")
    assert settings.policies.is_absolute()
    assert settings.ceiling is Mode.OBSERVE
    assert settings.stop_timeout_seconds < int(allowed)


def test_containers_environment_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each CLOUDWARDEN_ variable of the image and the compose file is a setting; by itself the daemon looks only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOUDWARDEN_AWS__REGIONS", "eu-west-1,us-east-1")
    stated = re.findall(r"(CLOUDWARDEN_\w+)=(\S+)", DOCKERFILE)
    composed = {name: value for name, value in COMPOSE["services"]["daemon"]["environment"].items() if value}
    stated += [
        (name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)) for name, value in composed.items() if ":?" not in value
    ]
    for name, value in stated:
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.ceiling is Mode.OBSERVE
    assert settings.aws.regions == ("eu-west-1", "us-east-1")
    assert settings.database.startswith("sqlite:////var/lib/cloudwarden/")


def test_addresses_name_services_of_the_compose_file() -> None:
    """Prometheus finds the daemon and Alertmanager, Grafana finds Prometheus, each by the name it has there."""
    files = (DEPLOY / "prometheus" / "prometheus.yml", *(DEPLOY / "grafana" / "provisioning").rglob("*.yml"))
    named = {name for file in files for name in re.findall(r"(\w+):\d{4}\b", file.read_text())} - {"localhost"}
    assert named == {"daemon", "alertmanager", "prometheus"}
    assert named <= set(COMPOSE["services"])


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
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name


def test_every_container_is_checked() -> None:
    """The daemon by its image's health check, the others by their own on the port they publish."""
    for name, service in COMPOSE["services"].items():
        (port,) = (published.rsplit(":")[-1] for published in service["ports"])
        check = DOCKERFILE if "build" in service else service["healthcheck"]["test"][-1]
        assert f"http://127.0.0.1:{port}/" in check, name


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_image_health_check_tells(health: tuple[type[Health], int], status: int, *, healthy: bool) -> None:
    """The image's own command tells a live daemon from another, whatever proxy the environment names."""
    handler, port = health
    handler.status = status
    joined = DOCKERFILE.replace("\\\n", "")
    (command,) = re.findall(r"^HEALTHCHECK .*? CMD (\[.*\])$", joined, re.MULTILINE)
    program = json.loads(command)[-1].replace("9464", str(port))
    # Nothing listens on port 9 of a proxy that does not exist.
    environment = os.environ | {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, timeout=30, check=False
    )
    assert (answer.returncode == 0) is healthy, answer.stderr.decode()


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


def statements(name: str) -> list[dict[str, Any]]:
    """What an IAM policy says."""
    policy = json.loads((DEPLOY / "iam" / name).read_text())
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def resources(statement: dict[str, Any]) -> list[str]:
    """The ARNs of a statement, which may be one or a list."""
    stated = statement["Resource"]
    return [stated] if isinstance(stated, str) else list(stated)


def allowed(name: str) -> set[str]:
    """The actions that an IAM policy allows."""
    return {action for one in statements(name) if one["Effect"] == "Allow" for action in one["Action"]}


def test_iam_policies_are_what_the_code_needs() -> None:
    """Reading needs what kinds, dependants, evidence and proofs read; acting what the actions change; neither more."""
    public = [one for service in services() for one in vars(service).values()]
    shipped = [one for one in public if isinstance(one, type) and issubclass(one, Action | Evidence)]
    needed = {permission for one in shipped for permission in vars(one)["permissions"]}
    needed |= {permission for kind in KINDS for permission in kind.permissions}
    needed |= {permission for kind in KINDS for permission in kind.resource.dependants_permissions}
    needed |= {"sts:GetCallerIdentity", "ec2:DescribeRegions"} | PERMISSIONS
    reads = {permission for permission in needed if re.match(r"\w+:(Describe|Get|List)", permission)}
    assert allowed("read.json") == reads
    assert allowed("act.json") == needed - reads


def test_notices_need_secrets_and_contacts_and_nothing_else() -> None:
    """One prefix of secrets and parameters; contacts are read by each account's own role."""
    assert allowed("notices.json") == {
        "secretsmanager:GetSecretValue",
        "ssm:GetParameter",
        "account:GetAlternateContact",
    }
    assert all("cloudwarden/" in one for one in resources(statements("notices.json")[0]))


def test_undoing_needs_what_the_inverses_change() -> None:
    """And no more: it is attached beside acting, for those who undo."""
    shipped = [one for one in vars(ec2).values() if isinstance(one, type) and issubclass(one, Action)]
    assert allowed("undo.json") == {permission for one in shipped for permission in one.undo_permissions}


def test_shipping_may_put_and_never_take_away() -> None:
    """One prefix of one bucket: objects under lock are put and read, and nobody lifts a lock in the daemon's name."""
    assert allowed("ship.json") == {
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetBucketObjectLockConfiguration",
        "s3:ListBucketVersions",
    }
    allows = [one for one in statements("ship.json") if one["Effect"] == "Allow"]
    assert all(one["Condition"]["StringEquals"]["aws:ResourceAccount"] for one in allows)
    (puts,) = (one for one in allows if "s3:PutObject" in one["Action"])
    assert all(reached.endswith("/cloudwarden/*") for reached in resources(puts))
    (deny,) = (one for one in statements("ship.json") if one["Effect"] == "Deny")
    assert {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"} <= set(deny["Action"])


def test_the_hub_may_become_members_and_nothing_else() -> None:
    """One role's name, within one organization, and the lists by which its accounts are found."""
    assert allowed("hub.json") == {
        "sts:GetCallerIdentity",
        "sts:AssumeRole",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    }
    (becoming,) = (one for one in statements("hub.json") if "sts:AssumeRole" in one["Action"])
    assert resources(becoming) == [f"arn:aws:iam::*:role/{Settings().aws.member_role}"]
    assert "aws:ResourceOrgID" in becoming["Condition"]["StringEquals"]


def test_listed_roles_are_assumed_and_the_list_is_read() -> None:
    """Each account is written out, and what is read is the role itself and what is attached to it."""
    assert allowed("roles.json") == {"sts:GetCallerIdentity", "sts:AssumeRole", *roles.PERMISSIONS}
    shipped = policy_statements("roles.json", {"Statement": statements("roles.json")})
    found = assumable(shipped, partition="aws", member=lambda id_: f"arn:aws:iam::{id_}:role/cloudwarden-member")
    assert (list(found.roles), found.doubts, found.unnamed) == (["444455556666", "777788889999"], (), ())
    reading = [one for one in statements("roles.json") if set(one["Action"]) & set(roles.PERMISSIONS)]
    assert all(
        re.match(r"arn:aws:iam::(\d{12}|aws):(role/|policy/\*)", one) for each in reading for one in resources(each)
    )


def test_members_trust_one_role_with_an_external_id() -> None:
    """Whoever else learns the role's name cannot have it assumed."""
    (trust,) = statements("member-trust.json")
    assert re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w-]+", trust["Principal"]["AWS"])
    assert trust["Action"] == ["sts:AssumeRole"]
    assert trust["Condition"]["StringEquals"]["sts:ExternalId"]


def test_marked_resources_are_out_of_reach() -> None:
    """Whatever acting allows is denied on a resource that is marked, tagging it included."""
    (deny,) = (one for one in statements("act.json") if one["Effect"] == "Deny")
    assert set(deny["Action"]) == allowed("act.json")
    assert deny["Resource"] == "*"
    assert deny["Condition"] == {"StringEquals": {f"aws:ResourceTag/{HANDS_OFF}": "true"}}


def test_acting_reaches_no_more_than_it_must() -> None:
    """Only kinds that are judged may be changed; snapshots are made and marked as they are made, and left alone."""
    allows = [one for one in statements("act.json") if one["Effect"] == "Allow"]
    reachable = r"arn:aws:(ec2:\*:\*?:[a-z-]+/\*|rds:\*:\*:db:\*|kms:\*:\*:key/\*|s3:::\*)"
    assert all(re.fullmatch(reachable, reached) for one in allows for reached in resources(one))
    of_snapshots = [one for one in allows if "arn:aws:ec2:*::snapshot/*" in resources(one)]
    assert {action for one in of_snapshots for action in one["Action"]} == {"ec2:CreateSnapshot", "ec2:CreateTags"}
    (tagging,) = (one for one in of_snapshots if "ec2:CreateTags" in one["Action"])
    assert tagging["Condition"] == {"StringEquals": {"ec2:CreateAction": "CreateSnapshot"}}


@pytest.mark.parametrize("name", ["act.json", "undo.json"])
def test_keys_are_granted_to_services_of_aws_alone(name: str) -> None:
    """EC2 starts no instance with a volume under a customer's key for somebody who may not grant it the key's use."""
    (granting,) = (one for one in statements(name) if one["Effect"] == "Allow" and "kms:CreateGrant" in one["Action"])
    assert granting["Action"] == ["kms:CreateGrant"]
    assert granting["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
