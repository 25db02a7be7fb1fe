"""EC2: instances, and what stands around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cloudwarden.aws import ec2
from cloudwarden.aws.ec2.identity import arn, ownerless_arn
from cloudwarden.core.resource import NO_TAGS, Scope, Tags
from cloudwarden.testing.defaults import ACCOUNT, LONG_AGO, REGION


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
    availability_zone: str | None = None,
    outpost_arn: str | None = None,
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
        availability_zone=availability_zone or f"{region}a",
        vpc_id=vpc_id,
        subnet_id=subnet_id,
        security_group_ids=tuple(security_group_ids),
        root_device_type=root_device_type,
        lifecycle=lifecycle,
        platform=platform,
        tenancy=tenancy,
        outpost_arn=outpost_arn,
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
    availability_zone: str | None = None,
    outpost_arn: str | None = None,
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
        availability_zone=availability_zone or f"{region}a",
        outpost_arn=outpost_arn,
        attachments=tuple(attachments),
        iops=iops,
        throughput_mibps=throughput_mibps,
    )


def snapshot(
    *,
    id: str = "snap-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime = LONG_AGO,
    state: str = "completed",
    volume_id: str = "vol-0123456789abcdef0",
    size_gib: int = 8,
    encrypted: bool = True,
) -> ec2.Snapshot:
    """A completed snapshot made long ago."""
    return ec2.Snapshot(
        id=id,
        arn=ownerless_arn(Scope(account=account, region=region), "snapshot", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        created=created,
        state=state,
        volume_id=volume_id,
        size_gib=size_gib,
        encrypted=encrypted,
    )


def image(
    *,
    id: str = "ami-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime = LONG_AGO,
    state: str = "available",
    public: bool = False,
    snapshot_ids: Sequence[str] = ("snap-0123456789abcdef0",),
) -> ec2.Image:
    """A private image made long ago."""
    return ec2.Image(
        id=id,
        arn=ownerless_arn(Scope(account=account, region=region), "image", id),
        account=account,
        region=region,
        name=tags.get("Name", "base"),
        tags=Tags(tags),
        created=created,
        state=state,
        public=public,
        architecture="arm64",
        snapshot_ids=tuple(snapshot_ids),
    )


def address(
    *,
    id: str = "eipalloc-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    public_ip: str = "198.51.100.7",
    association_id: str | None = None,
    managed_by: str | None = None,
    pool: str = "amazon",
) -> ec2.Address:
    """An address that leads nowhere."""
    return ec2.Address(
        id=id,
        arn=arn(Scope(account=account, region=region), "elastic-ip", id),
        account=account,
        region=region,
        name=tags.get("Name", public_ip),
        tags=Tags(tags),
        public_ip=public_ip,
        association_id=association_id,
        managed_by=managed_by,
        pool=pool,
    )


def network_interface(
    *,
    id: str = "eni-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    status: str = "available",
    public_ip: str | None = None,
    instance_id: str | None = None,
    security_group_ids: Sequence[str] = (),
) -> ec2.NetworkInterface:
    """A network interface of the account's own, attached to nothing."""
    return ec2.NetworkInterface(
        id=id,
        arn=arn(Scope(account=account, region=region), "network-interface", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        status=status,
        interface_type="interface",
        requester_managed=False,
        vpc_id="vpc-0123456789abcdef0",
        subnet_id="subnet-0123456789abcdef0",
        public_ip=public_ip,
        instance_id=instance_id,
        security_group_ids=tuple(security_group_ids),
    )


def nat_gateway(
    *,
    id: str = "nat-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime = LONG_AGO,
    state: str = "available",
    connectivity: str = "public",
) -> ec2.NatGateway:
    """A NAT gateway made long ago."""
    return ec2.NatGateway(
        id=id,
        arn=arn(Scope(account=account, region=region), "natgateway", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        created=created,
        state=state,
        vpc_id="vpc-0123456789abcdef0",
        subnet_id="subnet-0123456789abcdef0",
        connectivity=connectivity,
    )


def vpc(
    *,
    id: str = "vpc-0123456789abcdef0",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    is_default: bool = False,
    cidrs: Sequence[str] = ("10.0.0.0/16",),
) -> ec2.Vpc:
    """A VPC that somebody made."""
    return ec2.Vpc(
        id=id,
        arn=arn(Scope(account=account, region=region), "vpc", id),
        account=account,
        region=region,
        name=tags.get("Name"),
        tags=Tags(tags),
        state="available",
        is_default=is_default,
        cidrs=tuple(cidrs),
    )
