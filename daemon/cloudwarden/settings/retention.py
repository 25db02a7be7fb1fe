"""How long what has ended is kept, as settings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from cloudwarden.settings.written import Duration, Table


class RetentionSettings(Table):
    """How long what has ended is kept."""

    findings: Duration = Field(
        default=timedelta(days=90),
        ge=timedelta(days=7),
        description="duration of 7d or more, default 90d: closed findings, ended proposals, actions and "
        "exemptions, notices that later ones replaced, accounts and regions that left with the trust given there, and "
        "trust in versions that were replaced, are deleted after so long; a quarter covers a review. What an action "
        "kept for its undoing goes with it. The latest hundred actions of each policy that ended well or badly stay, "
        "with what they are about: by them it stops after failures. What an action fixed stays 30 days at "
        "least, so that what somebody brings back is left alone; and a version that runs stays "
        "trusted, also where it was gone back to.",
    )
    journal: Duration = Field(
        default=timedelta(days=400),
        ge=timedelta(days=7),
        description="duration of 7d or more, default 400d: entries of the journal older than this are exported to "
        "files and deleted, a thousand at a time; a year's audit still finds them all in the database.",
    )
    directory: Path | None = Field(
        default=None,
        description="path of a directory, default none, which means journal beside the database's file: where exported "
        "entries go. When it cannot be written, nothing is deleted.",
    )
