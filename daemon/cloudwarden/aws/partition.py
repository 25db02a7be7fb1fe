"""Partitions of AWS: groups of regions that know nothing of each other."""

from __future__ import annotations

import re
from functools import cache

from botocore.loaders import create_loader

COMMERCIAL = "aws"


@cache
def partition(region: str) -> str:
    """The partition that a region belongs to: the second field of an ARN. One that nobody knows is taken for `aws`.

    botocore's file of partitions says so, by the form of a region's name, also of regions that are younger.
    """
    return next((name for name, form in _forms() if form.match(region)), COMMERCIAL)


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = create_loader().load_data("partitions")["partitions"]
    return tuple((one["id"], re.compile(one["regionRegex"])) for one in found)
