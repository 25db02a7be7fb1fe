"""How a bucket is set up: encryption, versions, logs, lifecycle, ownership, website, CORS and replication.

Source: AWS "Amazon S3 API Reference": GetBucketEncryption, GetBucketVersioning, GetBucketLogging,
GetBucketLifecycleConfiguration, GetBucketOwnershipControls, GetBucketWebsite, GetBucketCors, GetBucketReplication.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cloudwarden.aws.s3.bucket import Bucket, detail, replication, website
from cloudwarden.core.detail import Detail, DetailsOf
from cloudwarden.core.plain import Json


def encryption(bucket: Bucket) -> Detail:
    """The bucket's default encryption."""
    absent = ("ServerSideEncryptionConfigurationNotFoundError",)
    return detail(bucket, "get_bucket_encryption", "ServerSideEncryptionConfiguration.Rules", absent_codes=absent)


def versioning(bucket: Bucket) -> Detail:
    """Whether versions of objects are kept."""
    return detail(bucket, "get_bucket_versioning", "Status")


def logging(bucket: Bucket) -> Detail:
    """Where access is logged to."""
    return detail(bucket, "get_bucket_logging", "LoggingEnabled")


def lifecycle(bucket: Bucket) -> Detail:
    """When objects move or expire."""
    absent = ("NoSuchLifecycleConfiguration",)
    return detail(bucket, "get_bucket_lifecycle_configuration", "Rules", absent_codes=absent)


def ownership(bucket: Bucket) -> Detail:
    """Who owns what others put into the bucket."""
    absent = ("OwnershipControlsNotFoundError",)
    return detail(bucket, "get_bucket_ownership_controls", "OwnershipControls.Rules", absent_codes=absent)


def cors(bucket: Bucket) -> Detail:
    """Which websites' scripts may reach the bucket."""
    return detail(bucket, "get_bucket_cors", "CORSRules", absent_codes=("NoSuchCORSConfiguration",))


class Settings(DetailsOf[Bucket]):
    """How a bucket is set up; each property that a rule looks at is one call for each bucket."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = (
        "s3:GetBucketCORS",
        "s3:GetBucketLogging",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketVersioning",
        "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
    )
    details: ClassVar = (encryption, versioning, logging, lifecycle, ownership, website, cors, replication)

    @property
    def encryption(self) -> str | None:
        """`AES256`, `aws:kms` or `aws:kms:dsse`; None when objects are not encrypted by default."""
        return self.told("default encryption", encryption, _algorithm)

    @property
    def versioning(self) -> str:
        """`Enabled`, `Suspended`, or `Off` when it was never enabled."""
        return self.told("versioning", versioning, lambda answer: "Off" if answer is None else str(answer))

    @property
    def logged_to(self) -> str | None:
        """The bucket that gets the server access logs; None when there are none."""
        return self.told("logged to", logging, _target)

    @property
    def lifecycle_rules(self) -> int:
        """How many rules of its lifecycle are enabled."""
        return self.told("lifecycle rules", lifecycle, _enabled)

    @property
    def ownership(self) -> str:
        """`BucketOwnerEnforced` (ACLs are off), `BucketOwnerPreferred`, or `ObjectWriter`, as without any setting."""
        return self.told("object ownership", ownership, _ownership)

    @property
    def serves_website(self) -> bool:
        """Whether it is a website."""
        return self.told("website", website, lambda answer: answer is not None)

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """The origins whose scripts may reach it, sorted; `*` is any."""
        return self.told("CORS origins", cors, _origins)

    @property
    def replicated_to(self) -> tuple[str, ...]:
        """ARNs of the buckets that get copies of its objects, sorted."""
        return self.told("replicated to", replication, _destinations)


def _algorithm(answer: Json) -> str | None:
    rules: Any = answer
    return None if answer is None else str(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"])


def _target(answer: Json) -> str | None:
    enabled: Any = answer
    return None if answer is None else str(enabled["TargetBucket"])


def _enabled(answer: Json) -> int:
    rules: Any = answer if answer is not None else ()
    return sum(rule["Status"] == "Enabled" for rule in rules)


def _ownership(answer: Json) -> str:
    rules: Any = answer
    return "ObjectWriter" if answer is None else str(rules[0]["ObjectOwnership"])


def _origins(answer: Json) -> tuple[str, ...]:
    rules: Any = answer if answer is not None else ()
    return tuple(sorted({str(origin) for rule in rules for origin in rule["AllowedOrigins"]}))


def _destinations(answer: Json) -> tuple[str, ...]:
    rules: Any = answer if answer is not None else ()
    return tuple(sorted({str(rule["Destination"]["Bucket"]) for rule in rules if rule["Status"] == "Enabled"}))
