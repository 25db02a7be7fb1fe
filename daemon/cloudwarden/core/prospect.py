"""Prospect: what carrying a plan out would touch beside its resource, and what it would save."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.core.blast import UNREAD, BlastRadius
from cloudwarden.core.saving import Saving


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """What is to be known of one plan before it is agreed to. Without a `saving`, it is not about money."""

    radius: BlastRadius = UNREAD
    saving: Saving | None = None
