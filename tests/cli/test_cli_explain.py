"""`cloudwarden explain`, asked of a simulated AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

import blank_stores
from cloudwarden.cli import app
from cloudwarden.core.exemption import HANDS_OFF

REGION = "eu-central-1"

POLICY = '''
"""A policy for tests."""

from cloudwarden import PROPOSE, Policy, every
from cloudwarden.aws import ec2
from cloudwarden.library.network import OpenToTheWorld, open_to_the_world

close_groups = Policy(
    name="close-groups",
    rule=open_to_the_world,
    params=OpenToTheWorld(allowed_ports=(443,)),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=ec2.RevokeIngress(),
)
'''

Explain = Callable[..., Result]


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """A simulated AWS; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def explain(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Explain a security group of the account, the default one unless another is named, under a ceiling."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "groups.py").write_text(POLICY)
    ec2 = boto3.Session(region_name=REGION).client("ec2", endpoint_url=aws)
    marked = ec2.create_security_group(
        GroupName=tmp_path.name,
        Description="marked",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": HANDS_OFF, "Value": "true"}]}],
    )["GroupId"]
    (default,) = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    opened = ec2.create_security_group(GroupName=f"{tmp_path.name}-open", Description="open")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=opened,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    groups = {"default": default["GroupId"], "marked": marked, "open": opened}

    blank_stores.lay(tmp_path / "cloudwarden.db")

    def explained(ceiling: str, *options: str, group: str = "default") -> Result:
        settings = tmp_path / "cloudwarden.toml"
        settings.write_text(
            f'policies = "{tmp_path}/policies"\ndatabase = "sqlite:///{tmp_path}/cloudwarden.db"\n'
            f'ceiling = "{ceiling}"\n[aws]\nregions = ["{REGION}"]\nendpoint_url = "{aws}"\n'
        )
        result = CliRunner().invoke(
            app, ["--config", str(settings), "explain", "close-groups", groups[group], *options]
        )
        assert result.exit_code == (group == "open"), result.output
        return result

    return explained


@pytest.mark.parametrize(
    ("ceiling", "told"),
    [
        ("observe", "observe: the environment's ceiling, below the policy's own (propose)"),
        ("propose", "propose: the policy's own, and the environment's ceiling"),
        ("enforce", "propose: the policy's own, below the environment's ceiling (enforce)"),
    ],
)
def test_the_mode_is_the_lower_one_and_whose_it_is(explain: Explain, ceiling: str, told: str) -> None:
    """Whoever wonders why nothing is proposed must not be told that it is."""
    assert told in explain(ceiling).stdout


def test_json_gives_both_modes_and_the_one_in_force(explain: Explain) -> None:
    """For scripts, without parsing a sentence."""
    told = json.loads(explain("observe", "--json").stdout)
    assert told["mode"] == {"in_force": "observe", "policy": "propose", "ceiling": "observe"}
    assert told["verdict"]["outcome"] == "compliant"


def test_an_exemption_is_told_before_there_is_a_finding(explain: Explain) -> None:
    """Whoever has just set the tag sees that it is heeded."""
    assert (
        json.loads(explain("enforce", "--json", group="marked").stdout)["exempted"] == "tag cloudwarden:hands-off=true"
    )
    assert "tag cloudwarden:hands-off=true" in explain("enforce", group="marked").stdout
    assert "exempted by" not in explain("enforce").stdout


def test_what_depends_on_it_and_what_is_saved_is_told_now(explain: Explain) -> None:
    """Read as for a proposal; closing a group is not about money."""
    shown = json.loads(explain("propose", "--json", group="open").stdout)
    assert shown["verdict"]["outcome"] == "violation"
    assert shown["prospect"]["blast_radius"]["known"] is True
    assert shown["prospect"]["saving"] is None
    assert "Depends on it: nothing else" in " ".join(explain("propose", group="open").stdout.split())
