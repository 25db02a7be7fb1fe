"""EC2 instances: what they are, how busy they were, and stopping and starting them.

Source: AWS "Amazon EC2 API Reference" (DescribeInstances, StopInstances, StartInstances), "CloudWatch metrics that are
available for your instances", and "Requirements for Amazon EBS encryption" of the EBS User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import INSTANCE_PERMISSIONS, of_instance
from cloudwarden.aws.ec2.identity import identity, is_of_region
from cloudwarden.aws.kind import Kind
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows, Wait
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.metric import Metric, all_stayed_below
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charge, Charges, Uncharged
from cloudwarden.core.verdict import Violation


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance(Resource):
    """An EC2 instance that is not terminated.

    `state` is pending, running, stopping or stopped. `launched` is its latest start: EC2 does not say when it
    was made. `root_device_type` is `ebs` or `instance-store`. `lifecycle` is None for an on-demand instance,
    else spot, scheduled, or capacity-block. `platform` is what is billed: `Linux/UNIX`, `Windows` and the like, None
    where EC2 did not say; `tenancy` is default, dedicated or host. `outpost_arn` names the Outpost that it runs on.
    """

    kind: ClassVar[str] = "ec2.instance"
    dependants_permissions: ClassVar[tuple[str, ...]] = INSTANCE_PERMISSIONS

    state: str
    instance_type: str
    launched: datetime
    image_id: str
    availability_zone: str
    vpc_id: str | None = None
    subnet_id: str | None = None
    security_group_ids: tuple[str, ...] = ()
    root_device_type: str = "ebs"
    lifecycle: str | None = None
    platform: str | None = None
    tenancy: str = "default"
    outpost_arn: str | None = None

    @property
    def running(self) -> bool:
        """Whether it runs, and therefore costs by the second."""
        return self.state == "running"

    @property
    def auto_scaling_group(self) -> str | None:
        """The Auto Scaling group that keeps it, which replaces it when it stops."""
        return self.tags.get("aws:autoscaling:groupName")

    def overtaken(self, action: str, done_at: datetime) -> str | None:
        """That it was started since it was stopped or started: whoever did that had it as they wanted it."""
        if action in (Stop.name, Start.name) and self.launched > done_at:
            return f"was started again since, at {self.launched:%Y-%m-%d %H:%M}Z"
        return None

    def dependants(self) -> Iterator[Dependant | Look]:
        """Load balancers, its Auto Scaling group, addresses, volumes."""
        return of_instance(self.id, self.vpc_id)

    @property
    def charges(self) -> Charges:
        """Its computing, while it runs. Its volumes and addresses are resources of their own."""
        if self.state in ("stopping", "stopped"):
            return ()
        if self.lifecycle is not None or self.tenancy != "default":
            return Uncharged(why=f"{self.lifecycle or self.tenancy} instances have no list price by the hour")
        if self.outpost_arn or not is_of_region(self.availability_zone, self.region):
            return Uncharged(why=f"no price is known in {self.outpost_arn or self.availability_zone}")
        if self.platform not in _PRICED:
            return Uncharged(why=f"no price is known of {self.platform or 'an unnamed platform'}")
        return (Charge(region=self.region, table=f"ec2-{_PRICED[self.platform]}-hour", item=self.instance_type),)


_PRICED = {"Linux/UNIX": "linux", "Windows": "windows"}
"""What is billed as it is listed: other platforms cost more, or less where one brings a license."""


def _view(raw: Mapping[str, Any], scope: Scope) -> Instance:
    return Instance(
        **identity(raw, scope, noun="instance", id_key="InstanceId"),
        state=raw["State"]["Name"],
        instance_type=raw["InstanceType"],
        launched=raw["LaunchTime"],
        image_id=raw["ImageId"],
        availability_zone=raw["Placement"]["AvailabilityZone"],
        vpc_id=raw.get("VpcId"),
        subnet_id=raw.get("SubnetId"),
        security_group_ids=tuple(sorted(group["GroupId"] for group in raw.get("SecurityGroups", ()))),
        root_device_type=raw["RootDeviceType"],
        lifecycle=raw.get("InstanceLifecycle"),
        platform=raw.get("PlatformDetails"),
        tenancy=raw["Placement"].get("Tenancy", "default"),
        outpost_arn=raw.get("OutpostArn") or None,
    )


# A terminated instance is listed for about an hour more; nothing can be done about it, so it is gone.
_LIVING = {"Filters": [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]}

KIND = Kind(
    resource=Instance,
    service="ec2",
    operation="describe_instances",
    items=("Reservations", "Instances"),
    view=_view,
    by_id=lambda resource_id: {"InstanceIds": [resource_id], **_LIVING},
    permissions=("ec2:DescribeInstances",),
    arguments=_LIVING,
)


class Activity(Evidence):
    """How busy an instance was, from its CloudWatch metrics. A missing datapoint is unknown, never idle."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = ("cloudwatch:GetMetricData",)

    @property
    def cpu_percent(self) -> Metric:
        """The highest use of the instance's CPUs in each period, in percent of all of them."""
        return self._metric("CPU", "%", "CPUUtilization", statistic="Maximum")

    @property
    def network_bytes(self) -> Metric:
        """Bytes a second over all interfaces, averaged over each period; in and out are each compared."""
        return self._metric("network", "bytes/s", "NetworkIn", "NetworkOut", statistic="Sum", per_second=True)

    def stayed_below(self, *, cpu_percent: float, network_bytes: float, over: timedelta) -> bool:
        """Whether CPU and network both stayed below these limits during the whole of the last `over`.

        The CPU is asked first: of an instance that is busy there the network is never paid for. One that is busy on
        the network alone is known to be for as long as that is in the window, whatever its CPU does.
        """
        limits = (self.cpu_percent, cpu_percent), (self.network_bytes, network_bytes)
        return all_stayed_below(*limits, over=over)

    def _metric(self, name: str, unit: str, *metrics: str, statistic: str, per_second: bool = False) -> Metric:
        return Metric(
            inquiry=self.inquiry,
            name=name,
            unit=unit,
            namespace="AWS/EC2",
            metrics=metrics,
            dimensions=(("InstanceId", self.resource.id),),
            statistic=statistic,
            per_second=per_second,
        )


USE_OF_KEYS = "kms:CreateGrant"
"""Needed by whoever starts an instance with a volume under a customer's key: EC2 is granted the key's use by them."""

_STARTS_WITHIN_SECONDS = 3600.0
"""Most run within a minute; a large bare-metal or a Mac instance takes up to three quarters of an hour."""

_STOPS_WITHIN_SECONDS = 3600.0
"""Most have within a minute or two; one that has not within the hour is stuck, and a person has to force it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop(Action[Instance]):
    """Stop the instance. Its EBS volumes and Elastic IP addresses stay.

    Source: "How EC2 instance stop and start works" of the EC2 User Guide.
    """

    name: ClassVar[str] = "stop-instance"
    permissions: ClassVar[tuple[str, ...]] = ("ec2:StopInstances", "ec2:DescribeInstances")
    undo_permissions: ClassVar[tuple[str, ...]] = ("ec2:StartInstances", USE_OF_KEYS)

    def plan(self, resource: Instance, violation: Violation) -> Plan:
        """One call; the inverse starts it again once it has stopped, and ends when it runs."""
        del violation
        return Plan(
            action=self.name,
            summary=f"stop instance {resource.id} ({resource.instance_type})",
            steps=(_stop(resource.id),),
            inverse=(_until_stopped(resource.id), _start(resource.id), _until_it_runs(resource.id)),
            irreversible=_LOST,
        )

    def frees(self, resource: Instance) -> Charges:
        """Its computing alone: a stopped instance's volumes and addresses still cost."""
        return resource.charges


@dataclass(frozen=True, kw_only=True, slots=True)
class Start(Action[Instance]):
    """Start the instance, and wait until it runs."""

    name: ClassVar[str] = "start-instance"
    permissions: ClassVar[tuple[str, ...]] = ("ec2:StartInstances", "ec2:DescribeInstances", USE_OF_KEYS)
    undo_permissions: ClassVar[tuple[str, ...]] = ("ec2:StopInstances",)

    def plan(self, resource: Instance, violation: Violation) -> Plan:
        """One call and a wait; the inverse stops it again."""
        del violation
        return Plan(
            action=self.name,
            summary=f"start instance {resource.id} ({resource.instance_type})",
            steps=(_start(resource.id), _until_it_runs(resource.id)),
            inverse=(_stop(resource.id),),
        )


_LOST = "what was in memory and on instance store volumes, and a public IPv4 address that is no Elastic IP address"


def _stop(instance_id: str) -> Call:
    return _change("stop_instances", instance_id, "stopping", "stopped")


def _start(instance_id: str) -> Call:
    return _change("start_instances", instance_id, "pending", "running")


def _until_stopped(instance_id: str) -> Wait:
    # Until then EC2 refuses to start it: IncorrectInstanceState, in "Error codes for the Amazon EC2 API".
    return Wait(read=_state(instance_id), until=("stopped",), timeout_seconds=_STOPS_WITHIN_SECONDS)


def _until_it_runs(instance_id: str) -> Wait:
    # EC2 answers `pending` and then gives up for reasons of its own: a key that may not be used, no capacity.
    return Wait(
        read=_state(instance_id),
        until=("running",),
        fails_on=("stopped", "shutting-down", "terminated"),
        timeout_seconds=_STARTS_WITHIN_SECONDS,
    )


def _change(operation: str, instance_id: str, *states: str) -> Call:
    proof = Proof(read=_state(instance_id), shows=Shows.VALUE, values=states)
    return Call(service="ec2", operation=operation, arguments={"InstanceIds": [instance_id]}, proof=proof)


def _state(instance_id: str) -> Read:
    return Read(
        service="ec2",
        operation="describe_instances",
        arguments={"InstanceIds": [instance_id]},
        path="Reservations[0].Instances[0].State.Name",
    )
