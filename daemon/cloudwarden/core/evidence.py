"""Evidence: how a rule asks for more than the resource's own description.

A rule is run with evidence that nobody has fetched yet. The first question it asks that has no answer ends
that run; the question is gathered, with everyone else's, and the rule is run again. So a rule that never asks
costs nothing, and what it needs is stated nowhere but in the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Generic, NoReturn, TypeVar

from cloudwarden.core.plain import exact
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Cause, Reading

A_co = TypeVar("A_co", covariant=True)


class Query(Generic[A_co]):
    """A question as data: hashable, comparable, answered by an adapter with an `A_co`.

    `holds` says that the evidence which asks it notes until when its answers hold; others hold for their instant.
    """

    __slots__ = ()

    holds: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """The answer to a query that could not be read, and why."""

    cause: Cause


Answers = Mapping[Query[object], object]


class Unanswered(BaseException):
    """A rule asked what has not been gathered yet, or cannot be known.

    It is no `Exception`: a rule's own `except Exception` must not turn missing data into a verdict. Even a
    rule that swallows it gets no verdict, because the inquiry remembers.
    """


class Inquiry:
    """What one evaluation of one rule asked, heard, and may therefore claim."""

    __slots__ = ("_answers", "asked", "cause", "holds_until", "now", "readings")

    def __init__(self, *, now: datetime, answers: Answers) -> None:
        self.now = now
        self._answers = answers
        self.asked: list[Query[object]] = []
        self.cause: Cause | None = None
        self.readings: list[Reading] = []
        self.holds_until: datetime | None = None

    def need(self, queries: Iterable[Query[object]]) -> None:
        """Make sure that all of `queries` have been gathered; otherwise end this run and have them gathered."""
        missing = [query for query in queries if query not in self._answers]
        if missing:
            self.asked.extend(missing)
            raise Unanswered

    def hear(self, query: Query[A_co]) -> A_co | Unreadable:
        """The answer to one query."""
        self.need((query,))
        if not query.holds:
            self._bound(self.now)
        return self._answers[query]  # type: ignore[return-value]  # the port pairs a query with its answer type

    def cannot_tell(self, cause: Cause) -> NoReturn:
        """End this evaluation: the verdict is unknown, whatever the rule does next."""
        if self.cause is None:
            self.cause = Cause(reason=exact(cause.reason), detail=exact(cause.detail))
        raise Unanswered

    def note(self, question: str, answer: str, *, holds_until: datetime | None) -> None:
        """Remember an answer that the rule was given, and until when it must stay true."""
        self.readings.append(Reading(question=exact(question), answer=exact(answer)))
        if holds_until is not None:
            self._bound(holds_until)

    def _bound(self, holds_until: datetime) -> None:
        self.holds_until = holds_until if self.holds_until is None else min(self.holds_until, holds_until)


class Evidence:
    """Base of what a rule may declare after its params; built anew for every evaluation."""

    __slots__ = ("inquiry", "resource")

    def __init__(self, resource: Resource, inquiry: Inquiry) -> None:
        self.resource = resource
        self.inquiry = inquiry


class Now(Evidence):
    """The instant of judgement: what a rule must declare to compare with the clock."""

    __slots__ = ()

    def reached(self, moment: datetime) -> bool:
        """Whether `moment` (aware) is now or past. "Not yet" holds until that moment; "yes" for ever."""
        reached = self.inquiry.now >= moment
        self.inquiry.note(
            f"has {moment:%Y-%m-%d %H:%M:%SZ} come",
            "yes" if reached else "not yet",
            holds_until=None if reached else moment,
        )
        return reached

    def since(self, moment: datetime) -> timedelta:
        """How long ago `moment` (aware) was; an answer that holds for this instant only."""
        elapsed = self.inquiry.now - moment
        self.inquiry.note(f"how long since {moment:%Y-%m-%d %H:%M:%SZ}", str(elapsed), holds_until=self.inquiry.now)
        return elapsed
