"""What the verbs print in JSON."""

from __future__ import annotations

from cloudwarden.cli import shapes
from cloudwarden.testing import bucket


def test_tags_that_were_not_read_are_null_and_not_empty() -> None:
    """A script must not take a bucket for untagged."""
    assert shapes.resource(bucket(tags=None))["tags"] is None
    assert shapes.resource(bucket(tags={"owner": "a"}))["tags"] == {"owner": "a"}
