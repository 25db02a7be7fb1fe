"""Thinning: of what thousands of scopes say in every sweep, the lines that are news, and how many others there were."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from cloudwarden.core.resource import Scope
from cloudwarden.engine import events
from cloudwarden.telemetry.lines import Line

MOST = 50
"""Lines of one name above debug in a sweep. In an outage all of 17,000 scopes say the same within a minute; what is too
much in one sweep is news still in the next."""

_FREQUENT = (
    events.Listed,
    events.PolicyJudged,
    events.JudgementLost,
    events.RuleFailed,
    events.MetricsBudgeted,
    events.LimitLowered,
)
"""What a sweep may report of each scope, batch or call."""

WELL = ""
"""What is said of what nothing is wrong with."""

Subject = tuple[str, str, Scope]
"""What a line tells the state of: `kind` or `policy`, which one, and where."""


class Thinning:
    """Knows what the log says of each scope: a line that says it again goes to debug, and so does one too many.

    That all is well is not remembered, so that memory grows with the lines that were written. Any thread may ask.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[Subject, str] = {}
        self._begin()

    def weighed(self, event: object, line: Line) -> Line:
        """The event's line, with the level that it is worth beside all the others of the sweep."""
        with self._lock:
            match event:
                case events.SweepStarted():
                    self._begin()
                case events.ScopesLeft(account=account, regions=regions):
                    self._keep(lambda one: one[2].account != account or one[2].region not in regions)
                case events.PoliciesLoaded(policies=policies, kinds=kinds):
                    stays = {("policy", name) for name, _ in policies} | {("kind", kind) for kind in kinds}
                    self._keep(lambda one: one[:2] in stays)
                case _:
                    pass
            return self._frequent(event, line) if isinstance(event, _FREQUENT) else line

    def withheld(self) -> Line | None:
        """How many lines were sent to debug since the sweep began, by name, and the highest level that one had.

        `again` said what the log says already, `more` were too many. None when there were none; then all begins anew.
        """
        with self._lock:
            fields = {"again": dict(self._again), "more": dict(self._more)}
            summary = Line(name="lines_withheld", level=self._level, fields=fields)
            self._begin()
            return summary if any(fields.values()) else None

    def _begin(self) -> None:
        self._written: Counter[str] = Counter()
        self._again: Counter[str] = Counter()
        self._more: Counter[str] = Counter()
        self._level = logging.DEBUG

    def _frequent(self, event: object, line: Line) -> Line:
        state = _state(event)
        if state is None:
            return self._counted(line)
        subject, says = state
        if says == self._said.get(subject, WELL):
            return line if says == WELL else self._withhold(line, self._again)
        # That something is well again is news too.
        line = self._counted(replace(line, level=max(line.level, logging.INFO)))
        if line.level > logging.DEBUG:
            self._remember(subject, says)
        return line

    def _remember(self, subject: Subject, says: str) -> None:
        if says == WELL:
            del self._said[subject]
        else:
            self._said[subject] = says

    def _counted(self, line: Line) -> Line:
        if line.level > logging.DEBUG:
            self._written[line.name] += 1
        return self._withhold(line, self._more) if self._written[line.name] > MOST else line

    def _withhold(self, line: Line, among: Counter[str]) -> Line:
        among[line.name] += 1
        self._level = max(self._level, line.level)
        return replace(line, level=logging.DEBUG)

    def _keep(self, stays: Callable[[Subject], bool]) -> None:
        self._said = {subject: says for subject, says in self._said.items() if stays(subject)}


def _state(event: object) -> tuple[Subject, str] | None:
    """What an event says of what, without numbers and details, which differ from sweep to sweep.

    None of what has no state, or where another event tells it: a listing does of what is judged on it.
    """
    match event:
        case events.Listed(kind=kind, scope=scope, problem=problem):
            return ("kind", kind, scope), problem.reason if problem else WELL
        case events.JudgementLost(policy=policy, scope=scope, problem=problem):
            return ("policy", policy, scope), f"lost: {problem.reason}"
        case events.PolicyJudged(policy=policy, scope=scope, population=int(), unknown=unknown):
            return ("policy", policy, scope), ", ".join(sorted(unknown))
        case _:
            return None
