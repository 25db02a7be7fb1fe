"""The demo's buckets: who plays, and putting them into the simulation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from moto.core.responses import ActionResult
from moto.s3.responses import S3Response

from cloudwarden.aws.s3.public_access import SETTINGS


@dataclass(frozen=True, kw_only=True, slots=True)
class Buckets:
    """Buckets of one role: how many, how strangers are let in, and whether that is blocked all the same."""

    role: str
    count: int
    public_policy: bool = False
    public_acl: bool = False
    blocked: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


BUCKETS = (
    Buckets(role="private-data", count=4, blocked=True),
    Buckets(role="public-by-policy", count=2, public_policy=True),
    Buckets(role="public-by-acl", count=1, public_acl=True),
    Buckets(role="blocked-in-time", count=1, public_policy=True, blocked=True),
    Buckets(role="website", count=1, public_policy=True, tags={"public": "website"}),
)


def seed(s3: Any) -> Mapping[str, Sequence[str]]:
    """Make the buckets by a client of S3; a role's name to its buckets' names."""
    return {kind.role: [_bucket(s3, kind, number) for number in range(kind.count)] for kind in BUCKETS}


@contextmanager
def regions_told() -> Iterator[None]:
    """While the block runs, the simulation says where each bucket is kept, as S3 does ("ListBuckets")."""
    ordinary = S3Response.serialized

    def serialized(response: S3Response, answer: ActionResult) -> Any:
        found: Any = answer.result
        for listed in found.get("Buckets", ()) if isinstance(found, dict) else ():
            listed["BucketRegion"] = response.backend.get_bucket(listed["Name"]).region_name
        return ordinary(response, answer)

    with patch.object(S3Response, "serialized", serialized):
        yield


def _bucket(s3: Any, kind: Buckets, number: int) -> str:
    name = f"{kind.role}-{number:02}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    if kind.public_acl:
        s3.put_bucket_acl(Bucket=name, ACL="public-read")
    if kind.public_policy:
        s3.put_bucket_policy(Bucket=name, Policy=_open_to_everyone(name))
    if kind.tags:
        tags = [{"Key": key, "Value": value} for key, value in kind.tags.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    if kind.blocked:
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(SETTINGS, True))
    return name


def _open_to_everyone(name: str) -> str:
    resource = f"arn:aws:s3:::{name}/*"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
