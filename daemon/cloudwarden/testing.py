"""What a policy's tests need: builders for every kind of resource, and a bench with a clock of its own and no AWS.

box = instance()
bench = Bench().metric(box, "CPUUtilization", 1.0).metric(box, "NetworkIn", 0.0).metric(box, "NetworkOut", 0.0)
assert bench.judge(stop_idle_instances, box).outcome == "violation"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudwarden.aws import ec2
from cloudwarden.aws.ec2.identity import arn
from cloudwarden.builders import (
    ACCOUNT,
    ALL_BLOCKED,
    LONG_AGO,
    NOON,
    REGION,
    address,
    bucket,
    bucket_access,
    database,
    function,
    image,
    nat_gateway,
    network_interface,
    snapshot,
    upgrade_targets,
    vpc,
)
from cloudwarden.clock import FakeClock
from cloudwarden.core.action import Json
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import NO_TAGS, Resource, Scope, Tags
from cloudwarden.core.verdict import Cause, Reason, Verdict
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import MAX_ROUNDS
from cloudwarden.engine.judge import Needs, evaluate

__all__ = [
    "ACCOUNT",
    "ALL_BLOCKED",
    "LONG_AGO",
    "NOON",
    "REGION",
    "Bench",
    "address",
    "bucket",
    "bucket_access",
    "database",
    "function",
    "image",
    "ingress",
    "instance",
    "nat_gateway",
    "network_interface",
    "security_group",
    "snapshot",
    "upgrade_targets",
    "volume",
    "vpc",
]


def instance(
    *,
    id: str = "i-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    state: str = "running",
    instance_type: str = "t3.micro",
    launched: datetime = LONG_AGO,
    vpc_id: str | None = "vpc-0123456789abcdef0",
    subnet_id: str | None = "subnet-0123456789abcdef0",
    security_group_ids: Sequence[str] = (),
    root_device_type: str = "ebs",
    lifecycle: str | None = None,
    platform: str | None = "Linux/UNIX",
    tenancy: str = "default",
) -> ec2.Instance:
    """A running on-demand instance, started long ago."""
    return ec2.Instance(
        id=id,
        arn=arn(Scope(account=account, region=region), "instance", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        state=state,
        instance_type=instance_type,
        launched=launched,
        image_id="ami-0123456789abcdef0",
        availability_zone=f"{region}a",
        vpc_id=vpc_id,
        subnet_id=subnet_id,
        security_group_ids=tuple(security_group_ids),
        root_device_type=root_device_type,
        lifecycle=lifecycle,
        platform=platform,
        tenancy=tenancy,
    )


def ingress(
    source: str,
    ports: tuple[int, int] | int | None = None,
    *,
    protocol: str = "tcp",
    description: str | None = None,
) -> ec2.IngressRule:
    """One rule: `ingress("0.0.0.0/0", 22)`, `ingress("::/0", (8000, 8999))`, `ingress("0.0.0.0/0", protocol="-1")`."""
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    return ec2.IngressRule(protocol=protocol, from_port=first, to_port=last, source=source, description=description)


def security_group(
    *rules: ec2.IngressRule,
    id: str = "sg-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    group_name: str = "web",
    vpc_id: str | None = "vpc-0123456789abcdef0",
) -> ec2.SecurityGroup:
    """A security group with these ingress rules."""
    return ec2.SecurityGroup(
        id=id,
        arn=arn(Scope(account=account, region=region), "security-group", id),
        account=account,
        region=region,
        name=tags.get("Name", group_name),
        tags=Tags(tags),
        group_name=group_name,
        vpc_id=vpc_id,
        ingress=tuple(sorted(rules, key=lambda rule: rule.key)),
    )


def volume(
    *,
    id: str = "vol-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime = LONG_AGO,
    state: str = "available",
    size_gib: int = 8,
    volume_type: str = "gp3",
    encrypted: bool = True,
    attachments: Sequence[ec2.Attachment] = (),
    iops: int | None = 3000,
    throughput_mibps: int | None = 125,
) -> ec2.Volume:
    """A volume made long ago that nothing is attached to."""
    return ec2.Volume(
        id=id,
        arn=arn(Scope(account=account, region=region), "volume", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        created=created,
        state=state,
        size_gib=size_gib,
        volume_type=volume_type,
        encrypted=encrypted,
        availability_zone=f"{region}a",
        attachments=tuple(attachments),
        iops=iops,
        throughput_mibps=throughput_mibps,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Steady:
    """A series with the same value in every period, whenever it is looked at."""

    value: float

    def series(self, query: MetricQuery, now: datetime) -> Series:
        count = query.window // query.period
        moments = tuple(now - query.period * (age + 1) for age in range(count))
        return Series(moments=moments, values=(self.value,) * count)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """Exactly these datapoints, oldest first, the last of them from the period before `at`."""

    values: tuple[float, ...]
    at: datetime
    complete: bool

    def series(self, query: MetricQuery, now: datetime) -> Series:
        del now
        count = len(self.values)
        moments = tuple(self.at - query.period * (count - place) for place in range(count))
        return Series(moments=moments, values=self.values, complete=self.complete)


class Bench:
    """Judges one resource by one policy, with metrics and details that the test makes up.

    A metric not given has no datapoints; a detail not given could not be read.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self.clock = FakeClock(now)
        self._metrics: dict[tuple[str, str], _Steady | _Given | Unreadable] = {}
        self._details: dict[Detail, Json | Unreadable] = {}

    def metric(self, resource: Resource, name: str, values: float | Sequence[float], *, complete: bool = True) -> Bench:
        """Give a metric of a resource, in CloudWatch's unit (bytes per period for network).

        A number is its value in every period; a sequence is exactly the datapoints there are, oldest first, the
        last from the period just over. `complete=False` says that CloudWatch may hold more of them.
        """
        if isinstance(values, int | float):
            self._metrics[resource.id, name] = _Steady(value=values)
        else:
            self._metrics[resource.id, name] = _Given(values=tuple(values), at=self.clock.now(), complete=complete)
        return self

    def unreadable(self, resource: Resource, name: str, reason: str = "access-denied") -> Bench:
        """Make a metric of a resource one that AWS does not give."""
        self._metrics[resource.id, name] = Unreadable(cause=Cause(reason=reason, detail=f"{name} could not be read"))
        return self

    def knows(self, details: Mapping[Detail, Json]) -> Bench:
        """Give details: what the path of each finds in its service's answer, and None when nothing is configured."""
        self._details.update(details)
        return self

    def denied(self, *details: Detail) -> Bench:
        """Make details ones that the credentials may not read."""
        cause = Cause(reason="access-denied", detail="the bench denies it")
        self._details.update(dict.fromkeys(details, Unreadable(cause=cause)))
        return self

    def advance(self, by: timedelta) -> Bench:
        """Let time pass."""
        self.clock.advance(by)
        return self

    def judge(self, policy: AnyPolicy, resource: Resource) -> Verdict:
        """The policy's verdict now. Raises TypeError when its rule asks for what a bench cannot give."""
        answers: dict[Query[object], object] = {}
        for _ in range(MAX_ROUNDS):
            result = evaluate(policy, resource, now=self.clock.now(), answers=answers, cutoff=NoCutoff())
            if not isinstance(result, Needs):
                return result
            answers.update({query: self._answer(query) for query in result.queries})
        return Verdict.unknown(Reason.RULE_ASKED_TOO_OFTEN, f"the rule asked {MAX_ROUNDS} times over")

    def _answer(self, query: Query[object]) -> object:
        if isinstance(query, Detail):
            missing = Unreadable(cause=Cause(reason="not-given", detail=f"the bench was not given {query}"))
            return self._details.get(query, missing)
        if not isinstance(query, MetricQuery):
            raise TypeError(f"a bench gives metrics and details only, and the rule asks for {query}")
        known = self._metrics.get((query.dimensions[0][1], query.metric), Series(moments=(), values=()))
        return known if isinstance(known, Series | Unreadable) else known.series(query, self.clock.now())
