"""Partitions of AWS: groups of regions that know nothing of each other."""

from __future__ import annotations


def partition(region: str) -> str:
    """The partition that a region belongs to: the second field of an ARN."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
