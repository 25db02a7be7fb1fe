"""Tags as services write them, in a description or in an answer of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Tags


def tags_of(answer: Json) -> Tags:
    """Tags that are written as a mapping, or as a list of `Key` and `Value`; they are texts, or it raises.

    LookupError or TypeError say that the answer is not as documented.
    """
    written: Any = answer
    if not isinstance(written, Mapping):
        written = {tag["Key"]: tag["Value"] for tag in written}
    if not all(isinstance(text, str) for pair in written.items() for text in pair):
        raise TypeError(f"no tags: {', '.join(map(str, written))}")
    return Tags(written)


def tags_by(asked: Detail) -> UnreadTags:
    """Tags to be asked for. No tags is an empty answer, or one of the question's `absent_codes`, and nothing else."""
    return UnreadTags(asked, _tags_or_none if asked.absent_codes else tags_of)


def _tags_or_none(answer: Json) -> Tags:
    return Tags() if answer is None else tags_of(answer)
