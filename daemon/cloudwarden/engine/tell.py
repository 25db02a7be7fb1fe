"""Tell: which notices a sweep's findings call for, written where the findings are, and sent by the courier."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden.core.action import Plan
from cloudwarden.core.finding import Finding, State
from cloudwarden.core.notice import Lead, Notice, NoticeKind, NoticeState, lead_to, leads_of
from cloudwarden.core.notify import Notify
from cloudwarden.core.pause import paused_by
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.telling import Ahead, near, news, overtaken, owed
from cloudwarden.core.verdict import Verdict
from cloudwarden.ports import Transaction

_AHEAD = (State.OPEN, State.DUE, State.PROPOSED, State.APPROVED)


class Teller:
    """Writes the notices of one sweep inside its transaction. `notices` are those to save."""

    def __init__(self, tx: Transaction, *, now: datetime) -> None:
        self._tx = tx
        self._now = now
        self._pauses = tx.decisions.pauses()
        self._told: defaultdict[str, list[Notice]] = defaultdict(list)
        self.notices: list[Notice] = []

    def begin(self, policy: AnyPolicy, finding_ids: Collection[str]) -> None:
        """Look up what was told of a policy's findings."""
        self._told.clear()
        if policy.notice is not None:
            for notice in self._tx.notices.about(finding_ids):
                self._told[notice.finding_id].append(notice)

    def ahead(self, policy: AnyPolicy, finding: Finding) -> bool:
        """Whether an action is near, and nothing that a person must end first stands in its way."""
        return (
            policy.notice is not None
            and finding.state in _AHEAD
            and finding.protected is None
            and paused_by(self._pauses, policy.name, finding.scope.account) is None
            and near(finding, policy.notice, policy.grace, self._now)
        )

    def tell(self, policy: AnyPolicy, finding: Finding, verdict: Verdict, plan: Plan | None) -> None:
        """Write what is owed of a finding, `plan` being ahead of it, and withdraw what is overtaken."""
        notify = policy.notice
        if notify is None or finding.state.closed:
            return
        told = self._told[finding.id]
        leads = leads_of(notify, finding.scope.account, verdict.tags, verdict.untagged)
        ahead = None
        if plan is not None:
            ahead = Ahead(notify=notify, finding=finding, now=self._now, plan_hash=plan.hash, leads=leads)
        self.notices += [
            replace(one, state=NoticeState.WITHDRAWN, ended_at=self._now) for one in overtaken(ahead, told)
        ]
        if ahead is not None:
            self.notices += [self._written(kind, finding, notify, leads, plan, told) for kind in owed(ahead, told)]
        elif finding.state is not State.EXEMPTED and news(notify, told):
            self.notices.append(self._written(NoticeKind.NEWS, finding, notify, leads, None, told))

    def _written(
        self,
        kind: NoticeKind,
        finding: Finding,
        notify: Notify,
        leads: tuple[Lead, ...],
        plan: Plan | None,
        told: list[Notice],
    ) -> Notice:
        if kind is NoticeKind.ESCALATION and notify.escalate is not None:
            leads = (lead_to(notify.escalate.to),)
        first = None if kind in (NoticeKind.FIRST, NoticeKind.NEWS) else _first(told)
        due_at = self._now + (notify.digest or timedelta(0)) if kind is NoticeKind.NEWS else self._now
        return Notice(
            id=f"n-{secrets.token_hex(5)}",
            kind=kind,
            finding_id=finding.id,
            policy=finding.policy,
            scope=finding.scope,
            resource_id=finding.resource_id,
            name=finding.name,
            summary=finding.violation.summary,
            leads=leads,
            created_at=self._now,
            due_at=due_at,
            next_attempt_at=due_at,
            would=plan.summary if plan is not None else "",
            plan_hash=plan.hash if plan is not None else None,
            watched_since=finding.grace.since,
            before=notify.before,
            not_before=first.not_before if first is not None else None,
            remark=_remark(first),
        )


def notices_of(tx: Transaction, policy: AnyPolicy, finding: Finding) -> tuple[Notice, ...]:
    """What was written to tell of a finding; nothing is looked up where its policy declares no notices."""
    return tuple(tx.notices.about([finding.id])) if policy.notice is not None else ()


def _first(told: list[Notice]) -> Notice | None:
    return next((one for one in reversed(told) if one.kind is NoticeKind.FIRST), None)


def _remark(first: Notice | None) -> str:
    """What a reminder or an escalation says of the first notice."""
    if first is None:
        return ""
    if first.delivered_at is not None:
        return f"its owner, {first.owner}, was told on {first.delivered_at:%Y-%m-%d %H:%M}Z"
    return f"its owner could not be told so far, so that it is held: {first.error or 'the notice waits to be sent'}"
