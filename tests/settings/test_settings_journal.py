"""The journal's copy, as settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloudwarden.core.errors import SettingsError
from cloudwarden.settings import bucket_of, load_settings


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("copy.jsonl", "or the absolute path of a file"),
        ("s3://Bad_Bucket/x", "write s3://bucket/prefix"),
        ("https://bucket.example", "write s3://bucket/prefix, or"),
    ],
)
def test_where_the_journal_is_shipped_to_is_checked(tmp_path: Path, written: str, advice: str) -> None:
    """A relative path would be elsewhere for a verb than for the daemon."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text(f'[journal]\nship_to = "{written}"\n')
    with pytest.raises(SettingsError, match=re.escape(advice)):
        load_settings(file)


@pytest.mark.parametrize(
    ("written", "bucket"),
    [("s3://audit/a/b/", ("audit", "a/b")), ("s3://audit", ("audit", "")), ("/var/log/journal.jsonl", None)],
)
def test_where_the_journal_is_shipped_to(tmp_path: Path, written: str, bucket: tuple[str, str] | None) -> None:
    """A bucket with what its keys begin with, or a file."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text(f'[journal]\nship_to = "{written}"\n')
    target = load_settings(file).journal.ship_to
    assert target is not None
    assert bucket_of(target) == bucket
