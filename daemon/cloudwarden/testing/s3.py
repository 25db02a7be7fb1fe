"""S3 buckets, and who may come into them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from cloudwarden.aws import s3
from cloudwarden.aws.s3 import public_access as access
from cloudwarden.aws.s3.bucket import bucket_arn, unread_tags
from cloudwarden.core.detail import Detail
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import GLOBAL, NO_TAGS, Tags
from cloudwarden.testing.defaults import ACCOUNT, LONG_AGO, REGION

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
