"""What the daemon and its workers say to each other: plain data through a pipe."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.engine.budget import Wants
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.loading import PolicyText


@dataclass(frozen=True, kw_only=True, slots=True)
class UsePolicies:
    """To a worker: from now on the policies are what these texts define."""

    texts: tuple[PolicyText, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """To a worker that is ready: survey these."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """From a worker: it waits for work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """From a worker: it lives, and this happened since it last said so."""

    events: tuple[object, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """From a worker: one scope is surveyed. `drawn` says what that left of its limits, to whoever knows them."""

    survey: Survey
    drawn: object = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """From a worker, which waits for the answer: it wants to ask for so many metrics."""

    wants: Wants


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """To a worker that asked: so many of them, the first first, may be asked for and count as spent."""

    metrics: int
