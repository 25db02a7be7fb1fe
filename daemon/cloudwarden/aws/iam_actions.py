"""What IAM calls the operations of AWS's services.

Source: "Actions, resources, and condition keys" of the Service Authorization Reference, for Amazon S3
and Elastic Load Balancing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

_OTHERWISE: Mapping[tuple[str, str], str] = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "PutPublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "DeletePublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "GetBucketCors"): "s3:GetBucketCORS",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetBucketReplication"): "s3:GetReplicationConfiguration",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
"""Most are `service:Operation`; S3 named its own before its API had these operations."""


_PREFIXES = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing"}


def services_of(permissions: Collection[str]) -> set[str]:
    """The services, of those that S3's actions are spread over, whose operations these IAM actions allow."""
    return {service for (service, _), permission in _OTHERWISE.items() if permission in permissions}


def iam_action(service: str, operation: str) -> str:
    """The IAM action that allows an operation, by its API name: `StopInstances` of `ec2` is `ec2:StopInstances`."""
    return _OTHERWISE.get((service, operation), f"{_PREFIXES.get(service, service)}:{operation}")
