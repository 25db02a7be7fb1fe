"""Resources for tests, beside those of `cloudwarden.testing`, from where all of them are to be imported."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cloudwarden.aws import ec2, lambda_, rds, s3
from cloudwarden.aws.ec2.identity import arn, ownerless_arn
from cloudwarden.aws.lambda_.function import unread_tags as unread_function_tags
from cloudwarden.aws.s3 import public_access as access
from cloudwarden.aws.s3.bucket import bucket_arn, unread_tags
from cloudwarden.core.action import Json
from cloudwarden.core.detail import Detail
from cloudwarden.core.resource import GLOBAL, NO_TAGS, Scope, Tags

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A bench's first instant, unless it is given another."""

ACCOUNT = "123456789012"
REGION = "eu-central-1"
LONG_AGO = NOON - timedelta(days=60)

ALL_BLOCKED = access.SETTINGS
"""Every setting of a public access block."""


def bucket(
    *,
    id: str = "reports-of-acme",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    tags: Mapping[str, str] | None = NO_TAGS,
    created: datetime = LONG_AGO,
    bucket_region: str | None = REGION,
) -> s3.Bucket:
    """A bucket made long ago. With `tags=None` they are unread, as in a listing, and a bench must give them."""
    return s3.Bucket(
        id=id,
        arn=bucket_arn(id, bucket_region),
        account=account,
        region=GLOBAL,
        name=id,
        tags=unread_tags(id, account, bucket_region) if tags is None else Tags(tags),
        created=created,
        bucket_region=bucket_region,
    )


def bucket_access(
    bucket: s3.Bucket,
    *,
    block: Collection[str] | None = None,
    account_block: Collection[str] | None = None,
    public_policy: bool = False,
    public_acl: bool = False,
) -> Mapping[Detail, Json]:
    """Details for a bench: who may come into a bucket. A block is the settings that are on; None is no block."""
    everyone: Json = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    granted: Json = [{"Grantee": everyone, "Permission": "READ"}]
    return {
        access.account_block(bucket): _block(account_block),
        access.bucket_block(bucket): _block(block),
        access.policy_status(bucket): {"IsPublic": public_policy},
        access.acl(bucket): granted if public_acl else [],
    }


def _block(settings: Collection[str] | None) -> Json:
    return None if settings is None else {name: name in settings for name in access.SETTINGS}


def database(
    *,
    id: str = "orders",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime | None = LONG_AGO,
    engine: str = "postgres",
    engine_version: str = "15.4",
    instance_class: str = "db.t4g.medium",
    status: str = "available",
    storage_gib: int = 100,
    encrypted: bool = True,
    publicly_accessible: bool = False,
    multi_az: bool = False,
    cluster: str | None = None,
    replica_of: str | None = None,
    replicas: Sequence[str] = (),
    pending_engine_version: str | None = None,
) -> rds.Database:
    """An available database on its own, made long ago."""
    return rds.Database(
        id=id,
        arn=f"arn:aws:rds:{region}:{account}:db:{id}",
        account=account,
        region=region,
        name=id,
        tags=Tags(tags),
        created=created,
        engine=engine,
        engine_version=engine_version,
        instance_class=instance_class,
        status=status,
        storage_gib=storage_gib,
        storage_type="gp3",
        encrypted=encrypted,
        publicly_accessible=publicly_accessible,
        multi_az=multi_az,
        cluster=cluster,
        replica_of=replica_of,
        replicas=tuple(replicas),
        pending_engine_version=pending_engine_version,
    )


def upgrade_targets(database: rds.Database, *versions: str, major: Sequence[str] = ()) -> Mapping[Detail, Json]:
    """Details for a bench: what a database's version can be upgraded to, minor versions and major ones."""
    targets: Json = [
        {"Engine": database.engine, "EngineVersion": version, "IsMajorVersionUpgrade": version in major}
        for version in (*versions, *major)
    ]
    return {rds.valid_targets(database.engine, database.engine_version): targets}


def function(
    *,
    id: str = "mails",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] | None = NO_TAGS,
    runtime: str | None = "python3.13",
    memory_mib: int = 128,
) -> lambda_.Function:
    """A small function. With `tags=None` they are unread, as in a listing, and a bench must give them."""
    arn = f"arn:aws:lambda:{region}:{account}:function:{id}"
    return lambda_.Function(
        id=id,
        arn=arn,
        account=account,
        region=region,
        name=id,
        tags=unread_function_tags(arn) if tags is None else Tags(tags),
        runtime=runtime,
        memory_mib=memory_mib,
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
