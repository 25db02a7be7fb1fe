"""What depends on a bucket, as far as its own settings say: its website, its replicas, and whom its policy lets in.

Source: AWS "Amazon S3 API Reference" (GetBucketPolicy, GetBucketReplication, GetBucketWebsite) and of the "IAM User
Guide": "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.detail import Detail

PERMISSIONS = ("s3:GetBucketPolicy", "s3:GetBucketWebsite", "s3:GetReplicationConfiguration")

Found = Iterator[Dependant | Look]

_SOURCES = frozenset({"aws:sourcearn"})


def of_bucket(name: str, *, policy: Detail, replication: Detail, website: Detail) -> Found:
    """Who would notice that the bucket is closed to them; whom IAM policies of its own account let in is not read."""

    def site(_: Mapping[str, Any]) -> Found:
        yield Dependant(kind="s3.website", id=name, why="is served from it")

    def replicated(rule: Mapping[str, Any]) -> Found:
        if rule["Status"] == "Enabled":
            yield Dependant(kind="s3.bucket", id=rule["Destination"]["Bucket"], why="gets copies of its objects")

    yield Look(what="website", detail=website, view=site)
    yield Look(what="replication", detail=replication, view=replicated)
    yield Look(what="bucket policy", detail=policy, view=_let_in)


def _let_in(raw: Mapping[str, Any]) -> Found:
    statements = json.loads(raw["Policy"])["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement["Effect"] == "Allow":
            yield from _principals(statement)


def _principals(statement: Mapping[str, Any]) -> Found:
    if "NotPrincipal" in statement:
        yield Dependant(kind="s3.principal", id="all but some", why="its policy lets in all but some")
        return
    principal = statement["Principal"]
    named = {"AWS": principal} if isinstance(principal, str) else principal
    for sort, given in named.items():
        for one in given if isinstance(given, list) else [given]:
            if sources := sorted(_sources(statement)) if sort == "Service" else []:
                for source in sources:
                    kind = "cloudfront.distribution" if one == "cloudfront.amazonaws.com" else "aws.service"
                    yield Dependant(kind=kind, id=source, name=one, why="its policy lets it in")
            else:
                yield Dependant(kind="s3.principal", id=one, why=f"its policy lets it in ({sort})")


def _sources(statement: Mapping[str, Any]) -> Iterator[str]:
    for operands in statement.get("Condition", {}).values():
        for key, given in operands.items():
            if key.lower() in _SOURCES:
                yield from given if isinstance(given, list) else [given]
