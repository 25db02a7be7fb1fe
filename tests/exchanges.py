"""Requests to a simulated AWS, what goes wrong with them, and how they end: the words of the fault proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Fault(StrEnum):
    """What happens to a request. The first seven do nothing in AWS; what the others ask for, AWS carries out."""

    NEVER_ARRIVES = "never-arrives"
    """The connection is reset before AWS heard of it."""
    THROTTLED = "throttled"
    FAILS = "fails"
    """AWS answers 500, and did nothing."""
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    EXPIRED = "expired"
    """The credentials are over."""
    SKEWED = "skewed"
    """AWS finds the request's time wrong, and says its own."""

    ANSWER_IS_LOST = "answer-is-lost"
    """The connection is reset before the answer."""
    HELD = "held"
    """The answer comes when `release` is called."""
    LATE = "late"
    """The answer takes `late_seconds`."""
    FAILS_AFTERWARDS = "fails-afterwards"
    """AWS answers 500, and did it all the same."""
    TRUNCATED = "truncated"
    """The connection ends in the middle of the body."""
    CUT = "cut"
    """Half of the body comes, as if it were all."""
    EMPTY = "empty"
    """200, and no body."""
    STALLED = "stalled"
    """Half of the body comes, and then nothing any more."""
    SLOW_LORIS = "slow-loris"
    """One byte a second for longer than the read timeout, then the connection ends."""
    EMPTY_PAGE = "empty-page"
    """A listing's first page has nothing on it, and a token for the next. No harm is done."""

    @property
    def harmless(self) -> bool:
        """Whether the whole answer comes all the same."""
        return self in (Fault.HELD, Fault.LATE, Fault.EMPTY_PAGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request as it arrived. A dry run is another operation than the call itself: `StopInstances (dry run)`.

    `resources` are the ids that it names; `token` is set when it asks for a further page of an answer.
    """

    number: int
    at: datetime
    service: str
    operation: str
    resources: tuple[str, ...] = ()
    token: str | None = None
    fault: Fault | None = None

    @property
    def dry_run(self) -> bool:
        """Whether it asks only if it would be permitted."""
        return self.operation.endswith("(dry run)")

    @property
    def mutates(self) -> bool:
        """Whether it changes something when it is carried out."""
        return not self.dry_run and not self.operation.startswith(("Describe", "Get", "List", "Assume", "?"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """How a request ends: whether AWS carried it out, what it answered, and whether the whole answer is sent.

    `last` is false for a page that others follow. `shown` are the ids in AWS's answer.
    """

    request: Request
    carried_out: bool
    status: int
    whole: bool
    last: bool = True
    shown: frozenset[str] = frozenset()

    def line(self) -> str:
        """The same as JSON."""
        asked = self.request
        return json.dumps(
            {
                "number": asked.number,
                "at": asked.at.isoformat(),
                "operation": asked.operation,
                "resources": asked.resources,
                "token": asked.token,
                "fault": asked.fault,
                "carried_out": self.carried_out,
                "status": self.status,
                "whole": self.whole,
                "last": self.last,
            }
        )


class Witness(Protocol):
    """Hears what happens, in order. The first two are told while nothing else happens in AWS."""

    def arrived(self, request: Request) -> None:
        """It came, and has had no effect yet."""
        ...

    def carried_out(self, request: Request) -> None:
        """AWS did what it does with it."""
        ...

    def ended(self, exchange: Exchange) -> None:
        """Its answer is about to go out, or not to."""
        ...


class Nobody:
    """Witnesses nothing."""

    def arrived(self, request: Request) -> None:
        """Nothing."""

    def carried_out(self, request: Request) -> None:
        """Nothing."""

    def ended(self, exchange: Exchange) -> None:
        """Nothing."""
