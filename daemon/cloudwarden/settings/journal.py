"""Settings of the journal's copy off this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cloudwarden.settings.written import Table

_BUCKET = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#]*))?")


def _target(value: str) -> str:
    if value.startswith("s3://"):
        if _BUCKET.fullmatch(value) is None:
            raise ValueError("write s3://bucket/prefix")
        return value.rstrip("/")
    if "://" in value or not Path(value).is_absolute():
        raise ValueError("write s3://bucket/prefix, or the absolute path of a file")
    return value


class JournalSettings(Table):
    """Where each entry of the journal is shipped to, so that whoever alters the database cannot alter all of it."""

    ship_to: Annotated[str, AfterValidator(_target)] | None = Field(
        default=None,
        description="s3://bucket/prefix, or absolute path of a file, default none: a bucket needs object lock, and "
        "only the daemon should write to it; a file is appended to and may be rotated. Give each installation its own.",
    )
    ship_region: str | None = Field(
        default=None,
        description="name of a region, default none, which means the daemon's own: where the bucket is.",
    )
    lock_mode: Literal["governance", "compliance"] = Field(
        default="governance",
        description="governance or compliance, default governance: a lock that those whom IAM allows may lift; "
        "compliance is one that nobody lifts, the account's root included, so that a mistake is kept as long.",
    )
    lock_days: int = Field(
        default=400,
        ge=1,
        le=36_500,
        description="days, default 400: how long an object is locked; as long as retention.journal keeps entries.",
    )


def bucket_of(target: str) -> tuple[str, str] | None:
    """The bucket and the prefix that a target names; None for a file."""
    found = _BUCKET.fullmatch(target)
    return (found["bucket"], (found["prefix"] or "").strip("/")) if found else None
