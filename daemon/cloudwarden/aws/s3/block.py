"""Blocking public access to a bucket.

Source: AWS "Amazon S3 API Reference" (PutPublicAccessBlock, DeletePublicAccessBlock, GetPublicAccessBlock).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudwarden.aws.s3.bucket import BLOCK_PUBLIC_ACCESS, Bucket
from cloudwarden.aws.s3.public_access import NO_BLOCK, SETTINGS
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows
from cloudwarden.core.errors import PermanentError
from cloudwarden.core.plain import Json
from cloudwarden.core.verdict import Violation

_ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockPublicAccess(Action[Bucket]):
    """Turn on all four settings of the bucket's public access block. Policies and ACLs stay, and let nobody in.

    It breaks whoever relies on the bucket being public: a website, say. S3 has no dry run.
    """

    name: ClassVar[str] = BLOCK_PUBLIC_ACCESS
    permissions: ClassVar[tuple[str, ...]] = ("s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock")

    def plan(self, resource: Bucket, violation: Violation) -> Plan:
        """One call; the inverse restores the settings that were there, or deletes the block when there was none.

        What was there is what `offending` says was lacking. Raises PermanentError when it says nothing of it: the
        violation was not written for this action.
        """
        lacking = [key for key in violation.offending if key in (*SETTINGS, NO_BLOCK)]
        if not lacking:
            raise PermanentError(
                f"the violation names no setting that {resource.id} lacks: give Violation(offending=access.lacking)"
            )
        before = {setting: setting not in lacking for setting in SETTINGS}
        return Plan(
            action=self.name,
            summary=f"block public access to bucket {resource.id}",
            steps=(_put(resource, dict.fromkeys(SETTINGS, True)),),
            inverse=(_delete(resource) if NO_BLOCK in lacking else _put(resource, before),),
        )


def _put(bucket: Bucket, settings: Mapping[str, bool]) -> Call:
    as_wanted = " && ".join(f"{name}==`{str(value).lower()}`" for name, value in settings.items())
    path = f"PublicAccessBlockConfiguration | {as_wanted} && '{_ALL}' || `null`"
    return Call(
        service="s3",
        operation="put_public_access_block",
        arguments={**_named(bucket), "PublicAccessBlockConfiguration": dict(settings)},
        proof=Proof(read=_read(bucket, path), shows=Shows.VALUE, values=(_ALL,)),
        dry_run=False,
        region=bucket.bucket_region,
    )


def _delete(bucket: Bucket) -> Call:
    return Call(
        service="s3",
        operation="delete_public_access_block",
        arguments=_named(bucket),
        proof=Proof(read=_read(bucket, "PublicAccessBlockConfiguration"), shows=Shows.NOTHING),
        dry_run=False,
        region=bucket.bucket_region,
    )


def _read(bucket: Bucket, path: str) -> Read:
    return Read(
        service="s3",
        operation="get_public_access_block",
        arguments=_named(bucket),
        path=path,
        region=bucket.bucket_region,
    )


def _named(bucket: Bucket) -> dict[str, Json]:
    """With the owner's account: a bucket of this name that is a stranger's by now is not touched."""
    return {"Bucket": bucket.id, "ExpectedBucketOwner": bucket.account}
