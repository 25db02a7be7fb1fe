"""Discovery, roles and inventory together, against a simulated organization."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cloudwarden.aws import ec2
from cloudwarden.aws.access.account import AwsAccess, OrganizationAccess
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from stub_sessions import Heard, simulated_limits

MEMBERS = 25
REGIONS = ("eu-central-1", "us-east-1")


@pytest.fixture
def simulated() -> Iterator[str]:
    """A simulated AWS; its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(service: str, url: str, account: str | None = None, region: str = "eu-central-1") -> Any:
    """A plain client, in an account of the simulation."""
    made = boto3.client(service, region_name=region, endpoint_url=url)  # type: ignore[call-overload]
    if account is not None:
        made.meta.events.register(
            "before-sign.*", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
        )
    return made


def test_each_account_of_an_organization_shows_its_own(simulated: str) -> None:
    """25 members over two pages, with a volume of its own in each of two: none is seen in another account's scope."""
    organizations = client("organizations", simulated)
    organizations.create_organization(FeatureSet="ALL")
    members = [
        organizations.create_account(Email=f"{number}@example.org", AccountName=f"member-{number}")[
            "CreateAccountStatus"
        ]["AccountId"]
        for number in range(MEMBERS)
    ]
    made = {
        account: client("ec2", simulated, account).create_volume(Size=1, AvailabilityZone="eu-central-1a")["VolumeId"]
        for account in members[:2]
    }
    access = AwsAccess(regions=REGIONS, endpoint_url=simulated, organization=OrganizationAccess(), attempts=1)
    heard = Heard()
    sessions = Sessions(access, heard, simulated_limits(heard))
    inventory = AwsInventory(sessions, ec2.KINDS)
    scopes = sessions.scopes()
    assert len(scopes) == (MEMBERS + 1) * len(REGIONS), json.dumps([str(scope) for scope in scopes])
    listings = {scope: inventory.list(ec2.Volume, scope) for scope in scopes}
    assert all(listing.complete for listing in listings.values())
    assert {
        (scope.account, volume.id, volume.account)
        for scope, listing in listings.items()
        for volume in listing.resources
    } == {(account, volume, account) for account, volume in made.items()}
