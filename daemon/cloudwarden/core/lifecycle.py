"""A finding's life as pure functions: what a verdict makes of what was known before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.core.finding import Finding, Grace, State
from cloudwarden.core.policy import Mode
from cloudwarden.core.schedule import Schedule
from cloudwarden.core.verdict import Cause, Outcome, Reading, Verdict, Violation

REOPENS_WITHIN = timedelta(days=1)
"""A violation that comes back within a day is the same finding: a flap, not news."""

BLIND_INTERVALS = 2
"""Runs that may begin without watching before the grace clock starts again: one missed sweep is bad luck."""

LEAST_PATIENCE = timedelta(minutes=1)
"""A sweep every few seconds may take longer than two of its intervals without being blind."""

MAX_ATTEMPTS = 3
"""Actions that did not repair a finding before Cloudwarden leaves it failed for a time, and after each further one."""

FAILED_FOR = timedelta(days=1)
"""How long it is left so. Who mends the cause (grants a permission, say) tells nobody here: only trying finds out."""

FIXED_WITHIN = timedelta(days=30)
"""How long it is remembered that our action fixed something, for the case that somebody undoes it."""

UNDONE_FOR = timedelta(days=7)
"""How long a finding is left alone whose action a person had undone: as long as after a rejection."""

VERIFY_WITHIN = timedelta(minutes=30)
"""How long an acted-on resource may still look violating: EC2's states last minutes and its reads lag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a policy asks of a finding's life at this sweep.

    `mode` is the one that the sweep is run in, which may be lower than the `lasting` one.
    """

    now: datetime
    schedule: Schedule
    grace: timedelta
    mode: Mode
    lasting: Mode
    respects: timedelta = timedelta(0)

    @property
    def asks_nobody(self) -> tuple[State, ...]:
        """States in which a policy that only observes leaves nothing. For one sweep alone nobody's word is undone."""
        if self.mode > Mode.OBSERVE:
            return ()
        return (State.DUE,) if self.lasting > Mode.OBSERVE else (State.DUE, State.PROPOSED, State.APPROVED)


def after_verdict(finding: Finding, verdict: Verdict, exempted: str | None, terms: Terms) -> Finding:
    """The finding after a sweep judged its resource."""
    if verdict.outcome is Outcome.UNKNOWN:
        return after_blindness(finding, verdict.cause, terms.now)
    if verdict.outcome is Outcome.COMPLIANT or verdict.violation is None:
        return _after_compliant(finding, terms.now)
    return _after_violation(finding, verdict.violation, verdict.readings, exempted, terms)


def after_blindness(finding: Finding, cause: Cause | None, now: datetime) -> Finding:
    """Unknown closes nothing and stops the grace clock; that is all it does."""
    if finding.state.closed:
        return finding
    grace = finding.grace
    if grace.blind_since is None:
        grace = replace(grace, ticked_at=None, blind_since=grace.ticked_at or now)
    return replace(finding, grace=grace, unknown=cause)


def exempt_no_more(finding: Finding, now: datetime) -> Finding:
    """The finding, just judged, whose exemption no sweep saw: it began and ended between two of them.

    As with one that a sweep saw, nothing is due before it was seen to stand without it, and what had begun ends.
    """
    if finding.state is State.ACTING:
        return interrupted(finding)
    if finding.state is State.OPEN:
        return replace(finding, grace=Grace(ticked_at=now))
    if finding.state in (State.DUE, State.PROPOSED, State.APPROVED):
        return replace(moved(finding, State.OPEN, now), grace=Grace(ticked_at=now))
    return finding


def after_absence(finding: Finding, now: datetime) -> Finding:
    """The resource is not in a complete listing: repaired if we were at it, otherwise gone by itself."""
    if finding.state is State.ACTING:
        return interrupted(finding)
    if finding.state.closed:
        return finding
    return _fixed(finding, now) if finding.state is State.VERIFYING else moved(finding, State.GONE, now)


def forsaken(finding: Finding, why: str, now: datetime) -> Finding:
    """The finding that nobody watches any more, and why; what a person said of it counts still if it comes back."""
    words = f"nobody watches it any more: {why}"
    put_off = finding.snoozed_until is not None and finding.held
    return moved(finding, State.GONE, now, held=f"{words}; {finding.held}" if put_off else words)


def interrupted(finding: Finding) -> Finding:
    """The finding of an action on its way of which a sweep saw what speaks against going on.

    It is kept until that action ends, however the resource looks by then: whoever used a volume has written to it.
    """
    return replace(finding, grace=Grace())


def unanswered(finding: Finding, now: datetime, *, seen: bool) -> Finding:
    """The finding whose proposal expired: its grace begins anew, now if it was just seen to violate, or when it is."""
    grace = Grace(ticked_at=now) if seen else Grace()
    return replace(moved(finding, State.OPEN, now), grace=grace, unknown=finding.unknown)


def moved(finding: Finding, state: State, now: datetime, *, held: str | None = None) -> Finding:
    """The finding in another state; the moment counts only when the state did change."""
    if finding.state is state:
        return replace(finding, held=held)
    return replace(finding, state=state, state_since=now, held=held, unknown=None)


def failed(finding: Finding, why: str | None, now: datetime, *, rest: timedelta = timedelta(0)) -> Finding:
    """The finding after one more action that did not repair it, and why; `rest` is how long it is put off anyway.

    The next action may fail for the same cause, so that after a few it is tried once a day, and says so.
    """
    attempts = finding.attempts + 1
    held = None
    if attempts >= MAX_ATTEMPTS:
        until = now + max(FAILED_FOR, rest)
        held = (
            f"not tried again before {until:%Y-%m-%d %H:%M}Z, after {attempts} actions that did not repair it, "
            f"the latest: {why or 'it failed'}; mend the cause until then, or exempt the resource"
        )
    return replace(moved(finding, State.FAILED, now, held=held), attempts=attempts)


def grace_left(finding: Finding, grace: timedelta) -> timedelta:
    """Observed time still to pass before an action is due."""
    return max(timedelta(0), grace - finding.grace.observed)


def watched(schedule: Schedule, since: datetime, now: datetime) -> bool:
    """Whether the time since a sweep settled counts as watched: at most one run of the schedule was missed."""
    passed = now - since
    if passed < timedelta(0):
        return False
    return passed <= LEAST_PATIENCE or not schedule.overdue(since, now, BLIND_INTERVALS)


def watched_for(schedule: Schedule, since: datetime) -> timedelta:
    """How long the time that begins then surely counts as watched without another look."""
    return max(LEAST_PATIENCE, schedule.overdue_in(since, BLIND_INTERVALS))


def _after_compliant(finding: Finding, now: datetime) -> Finding:
    if finding.state is State.ACTING:
        return interrupted(replace(finding, unknown=None))
    if finding.state.closed:
        return finding
    return _fixed(finding, now) if finding.state is State.VERIFYING else moved(finding, State.RESOLVED, now)


def _fixed(finding: Finding, now: datetime) -> Finding:
    """What our action repaired: if it comes back, earlier failures say nothing of the next action."""
    return replace(moved(finding, State.FIXED, now), attempts=0)


def _after_violation(
    finding: Finding, violation: Violation, readings: tuple[Reading, ...], exempted: str | None, terms: Terms
) -> Finding:
    seen = replace(finding, violation=violation, readings=readings, last_seen=terms.now, unknown=None)
    if seen.state.closed:
        seen = _reopened(seen, terms)
    if seen.state is State.ACTING:
        return _still_acting(seen, exempted, terms)
    seen = _verified(seen, terms)
    if exempted is not None and seen.state is not State.VERIFYING:
        return replace(moved(seen, State.EXEMPTED, terms.now, held=exempted), grace=Grace())
    if seen.state is State.EXEMPTED:
        # An exemption that ends lets a backlog go: nothing of it is due before it was seen to stand without one.
        return replace(moved(seen, State.OPEN, terms.now), grace=Grace(ticked_at=terms.now))
    seen = replace(seen, grace=_ticked(seen.grace, terms))
    return _advanced(seen, terms)


def _still_acting(finding: Finding, exempted: str | None, terms: Terms) -> Finding:
    """The finding of an action on its way, whose violation stands still: its grace goes on, unless it is exempt.

    One that began anew, after nobody watched or as it was interrupted, does not make up for what was not seen.
    """
    grace = _ticked(finding.grace, terms)
    if exempted is not None or grace.since != finding.grace.since:
        return interrupted(finding)
    return replace(finding, grace=grace)


def _reopened(finding: Finding, terms: Terms) -> Finding:
    again = replace(moved(finding, State.OPEN, terms.now), grace=Grace(), flaps=finding.flaps + 1, snoozed_until=None)
    return respected(again, finding, terms)


def undone(finding: Finding, action_id: str, now: datetime) -> Finding:
    """The finding after a person had our action undone: it stands again, and is left alone for a time.

    One that is closed is open again when a sweep sees what was restored, and is left alone then too. One that another
    action is under way for is left alone after that. What was put off for longer stays so.
    """
    until = max(now + UNDONE_FOR, finding.snoozed_until or now)
    held = f"action {action_id} was undone: left alone until {until:%Y-%m-%d %H:%M}Z"
    if finding.state.closed or finding.state is State.ACTING:
        return replace(finding, held=held, snoozed_until=until)
    return replace(moved(finding, State.OPEN, now, held=held), grace=Grace(), snoozed_until=until)


def respected(finding: Finding, closed: Finding, terms: Terms) -> Finding:
    """A violation that came back after it was `closed`: what a person said of it still holds.

    Who put it off, or had our action undone, said so; who brought it back after our action wants it so.
    """
    until, held = closed.snoozed_until, closed.held
    returns = terms.now + terms.respects if closed.state is State.FIXED and terms.respects else None
    if returns is not None and (until is None or until < returns):
        until = returns
        held = (
            f"came back after it was fixed on {closed.state_since:%Y-%m-%d}: left alone until {until:%Y-%m-%d %H:%M}Z"
        )
    if until is None or until <= terms.now:
        return finding
    return replace(finding, snoozed_until=until, held=held or f"put off until {until:%Y-%m-%d %H:%M}Z")


def _ticked(grace: Grace, terms: Terms) -> Grace:
    """The clock after a sweep that saw the violation. Time that nobody watched is never added."""
    if grace.blind_since is not None:
        if not watched(terms.schedule, grace.blind_since, terms.now):
            return Grace(ticked_at=terms.now)
        return Grace(observed=grace.observed, ticked_at=terms.now, since=grace.since)
    if grace.ticked_at is None:
        return Grace(observed=grace.observed, ticked_at=terms.now, since=grace.since)
    if not watched(terms.schedule, grace.ticked_at, terms.now):
        return Grace(ticked_at=terms.now)
    observed = grace.observed + (terms.now - grace.ticked_at)
    return Grace(observed=observed, ticked_at=terms.now, since=grace.since)


def _advanced(finding: Finding, terms: Terms) -> Finding:
    """Where a finding goes whose violation was just seen to stand."""
    now = terms.now
    if finding.state is State.FAILED and (finding.attempts < MAX_ATTEMPTS or now - finding.state_since >= FAILED_FOR):
        held = finding.held if finding.snoozed_at(now) else None
        finding = replace(moved(finding, State.OPEN, now, held=held), grace=Grace(ticked_at=now))
    if finding.state in (State.DUE, State.PROPOSED, State.APPROVED) and grace_left(finding, terms.grace):
        # The clock started again: whoever was about to act had stopped watching.
        return moved(finding, State.OPEN, now)
    if finding.state in terms.asks_nobody:
        return moved(finding, State.OPEN, now)
    if finding.state is State.OPEN and _is_due(finding, terms):
        return moved(finding, State.DUE, now)
    return finding


def _verified(finding: Finding, terms: Terms) -> Finding:
    """The finding, whose action has failed if what it does should show by now."""
    shown_by = max(VERIFY_WITHIN, terms.schedule.interval_at(terms.now))
    if finding.state is State.VERIFYING and terms.now - finding.state_since >= shown_by:
        return _unrepaired(finding, terms)
    return finding


def _unrepaired(finding: Finding, terms: Terms) -> Finding:
    """The finding whose action succeeded and repaired nothing; or somebody took it back before anyone looked."""
    why = "it still violates after an action that succeeded"
    after = failed(finding, why, terms.now, rest=terms.respects)
    if not terms.respects:
        return after
    until = terms.now + terms.respects
    return replace(after, snoozed_until=until, held=after.held or f"{why}: left alone until {until:%Y-%m-%d %H:%M}Z")


def _is_due(finding: Finding, terms: Terms) -> bool:
    return terms.mode > Mode.OBSERVE and not finding.snoozed_at(terms.now) and not grace_left(finding, terms.grace)
