"""A simulated AWS account in this process, seeded with the demo's cast and kept alive."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any

import boto3
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.exceptions import EC2ClientError
from moto.server import ThreadedMotoServer

from cloudwarden.demo import buckets, databases, seed
from cloudwarden.demo.cast import FLEETS, MISTAKE, VOLUMES, Load
from cloudwarden.demo.history import PERIOD, Connected, History
from cloudwarden.demo.seed import Roles

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

REGION = "eu-west-1"

WINDOW = timedelta(hours=1)
"""How far back the demo's rules look; history reaches one period further."""

LAUNCHED_AGO = timedelta(days=40)

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_DEFAULT_REGION": REGION}


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Where the simulated API answers, and who plays which role."""

    endpoint_url: str
    account: str
    region: str
    instances: Roles
    groups: Roles
    volumes: Roles
    buckets: Roles
    databases: Roles
    history: History
    connected: Connected
    ec2: EC2Client

    @property
    def summary(self) -> str:
        """What there is, in a line."""
        cast = (self.instances, self.groups, self.volumes, self.buckets, self.databases)
        counts = (sum(map(len, roles.values())) for roles in cast)
        return "{} instances, {} security groups, {} loose volumes, {} buckets, {} databases".format(*counts)

    def opens_by_mistake(self, number: int) -> None:
        """Somebody lets the world into one of the closed groups; after the last of them, nobody does."""
        for group in self.groups["closed"][number : number + 1]:
            seed.let_in(self.ec2, group, MISTAKE)

    def denies(self, operation: str) -> None:
        """Refuse an operation of EC2, such as `describe_volumes`, for want of the right to it."""
        self._refuse(operation, "UnauthorizedOperation", "You are not authorized to perform this operation.")

    def throttles(self, operation: str, *, requests: int) -> None:
        """Refuse the next so many requests of an operation of EC2, as one that is asked too often."""
        self._refuse(operation, "RequestLimitExceeded", "Request limit exceeded.", requests=requests)

    def allows(self, operation: str) -> None:
        """Answer an operation of EC2 again."""
        vars(_backend("ec2", self.account, self.region)).pop(operation, None)

    def _refuse(self, operation: str, code: str, message: str, *, requests: float = inf) -> None:
        """Put a refusal before the simulation's own answer; after so many `requests` it is gone by itself."""
        left = requests

        def refused(*_: object, **__: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                self.allows(operation)
            raise EC2ClientError(code, message)

        setattr(_backend("ec2", self.account, self.region), operation, refused)

    def goes_on(self, now: datetime) -> None:
        """Record the datapoints that came due, and forget those that no rule of the demo looks at any more.

        The simulation reads through every datapoint at every question, so old ones would slow it down.
        """
        backend = _backend("ec2", self.account, self.region)
        self.history.record(now, running=lambda instance: backend.get_instance(instance).state == "running")
        kept = _backend("rds", self.account, self.region).databases
        self.connected.record(now, running=lambda database: kept[database].status == "available")
        metrics = _backend("cloudwatch", self.account, self.region)
        oldest = (now - WINDOW - 2 * PERIOD).replace(tzinfo=None)  # the simulation keeps naive UTC
        metrics.metric_data = [datum for datum in metrics.metric_data if datum.timestamp >= oldest]


@contextmanager
def simulated(now: datetime) -> Iterator[Estate]:
    """An estate that exists while the block runs, with its history up to `now`.

    This process's AWS environment is set to credentials that mean nothing, and put back after.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with _environment(), buckets.regions_told():
            yield _seeded(f"http://{host}:{port}", now)
    finally:
        server.stop()


def _seeded(endpoint_url: str, now: datetime) -> Estate:
    session = boto3.Session(region_name=REGION)
    ec2 = session.client("ec2", endpoint_url=endpoint_url)
    instances = seed.instances(ec2)
    groups = seed.groups(ec2)
    volumes = seed.volumes(ec2)
    _protect(instances)
    s3: Any = session.client("s3", endpoint_url=endpoint_url)
    rds: Any = session.client("rds", endpoint_url=endpoint_url)
    made_buckets, made_databases = buckets.seed(s3), databases.seed(rds)
    _age(instances, volumes, now)
    cloudwatch = session.client("cloudwatch", endpoint_url=endpoint_url)
    since = now - WINDOW - PERIOD
    history = History(cloudwatch, _loads(instances), since=since)
    history.record(now)
    connected = Connected(cloudwatch, databases.connections(made_databases), since=since)
    connected.record(now)
    return Estate(
        endpoint_url=endpoint_url,
        account=DEFAULT_ACCOUNT_ID,
        region=REGION,
        instances=instances,
        groups=groups,
        volumes=volumes,
        buckets=made_buckets,
        databases=made_databases,
        history=history,
        connected=connected,
        ec2=ec2,
    )


def _loads(instances: Roles) -> Mapping[str, tuple[int, Load]]:
    return {
        instance: (member, fleet.load)
        for fleet in FLEETS
        if fleet.load is not None
        for member, instance in enumerate(instances[fleet.role])
    }


def _protect(instances: Roles) -> None:
    """Set stop protection, which the simulation heeds but has no call for ("Enable stop protection", Amazon EC2)."""
    backend = _backend("ec2", DEFAULT_ACCOUNT_ID, REGION)
    for instance in instances["protected"]:
        backend.get_instance(instance).disable_api_stop = True


def _age(instances: Roles, volumes: Roles, now: datetime) -> None:
    """Set launch and creation times back; the API has no call for it, but the simulation's memory is here."""
    backend = _backend("ec2", DEFAULT_ACCOUNT_ID, REGION)
    launched = (now - LAUNCHED_AGO).replace(tzinfo=None)
    for instance in (each for fleet in instances.values() for each in fleet):
        backend.get_instance(instance).launch_time = launched
    _age_databases(now)
    for volume in backend.volumes.values():
        volume.create_time = launched
    for kind in VOLUMES:
        for volume_id in volumes[kind.role]:
            backend.volumes[volume_id].create_time = (now - timedelta(days=kind.age_days)).replace(tzinfo=None)


def _age_databases(now: datetime) -> None:
    for database in _backend("rds", DEFAULT_ACCOUNT_ID, REGION).databases.values():
        database.instance_create_time = now - LAUNCHED_AGO


def _backend(service: str, account: str, region: str) -> Any:
    return get_backend(service)[account][region]  # type: ignore[call-overload]  # moto has an overload for each literal


@contextmanager
def _environment() -> Iterator[None]:
    """AWS's environment without anything of the user's: no profile, no file, no metadata service, no proxy."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        CREDENTIALS,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
