"""Amazon S3: buckets, their settings as evidence, and blocking public access."""

from typing import Any

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.s3 import bucket
from cloudwarden.aws.s3.block import BlockPublicAccess
from cloudwarden.aws.s3.bucket import Bucket
from cloudwarden.aws.s3.public_access import PublicAccess
from cloudwarden.aws.s3.settings import Settings

KINDS: tuple[Kind[Any], ...] = (bucket.KIND,)
"""How each kind of S3 resource is read."""

__all__ = [
    "KINDS",
    "BlockPublicAccess",
    "Bucket",
    "PublicAccess",
    "Settings",
]
