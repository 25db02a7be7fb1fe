"""Boards for tests of what shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cloudwarden.web.board import Board

EMPTY = Board(
    now=datetime(2026, 3, 2, 12, tzinfo=UTC),
    version="1.2.3",
    failing="",
    problems=(),
    troubles=(),
    policies=(),
    pauses=(),
    unread=(),
    undiscovered=(),
    waiting=(),
    proposals=(),
    actions=(),
    exemptions_ending=(),
)


def board(**changes: Any) -> Board:
    """A board on which nothing is, but for the changes."""
    return replace(EMPTY, **changes)
