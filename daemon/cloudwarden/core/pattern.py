"""Patterns of names, and whether one names anything: `*` and `?` are wildcards, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

Unlike = Sequence[Sequence[str]]
"""Groups of names. Those of one group have in common only what all names of their sort have."""

ACCOUNTS: Unlike = (("000000000000", "111111111111"),)
"""Of accounts: twelve digits, and no digit is in each."""

REGIONS: Unlike = (("us-east-1", "eu-central-2", "ap-south-1", "ap-southeast-3", "cn-northwest-1"),)
"""Of regions: a `t` is in each, and hyphens are ("Regions and zones", AWS documentation)."""

_RESOURCES = (
    "s3:::x",
    "ec2:ap-south-1:000000000000:volume/vol-0",
    "rds:eu-north-2:111111111111:db:y",
    "lambda:us-west-3:222222222222:function:z",
)

RESOURCES: Unlike = tuple(
    tuple(f"arn:{partition}:{one}" for one in _RESOURCES)
    for partition in ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
)
"""Of resources: every one has an ARN, by which a pattern may name it. An installation sees one partition."""


def fits(name: str, pattern: str) -> bool:
    """Brackets are a part of many a name, and must not widen a pattern."""
    return name == pattern or fnmatchcase(name, pattern.replace("[", "[[]"))


def names_nothing(pattern: str, unlike: Unlike) -> bool:
    """Whether it fits whatever there is of its sort: no letter or digit is in it, or only such as all names have."""
    return not any(map(str.isalnum, pattern)) or any(all(fits(name, pattern) for name in group) for group in unlike)
