"""Prospects: reading what a plan would touch beside its resource, and reckoning what it would save."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cloudwarden.core.action import Action
from cloudwarden.core.blast import EVERYTHING, BlastRadius, Dependant, Gap, Look, unread
from cloudwarden.core.detail import MALFORMED, TOO_MANY
from cloudwarden.core.errors import MalformedAnswer
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charges, Prices, Saving, Uncharged
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.patience import Patience, scope_seconds

MAX_ROUNDS = 4
"""How often an answer may lead to further questions about one resource."""

MOST_LOOKS = 300
"""Questions about one resource. Each costs a call, unless another resource asked the same."""


class Prospects:
    """Says what plans would touch and save, as few calls as possible; a problem is part of the answer."""

    def __init__(self, *, gatherer: Gatherer, prices: Prices) -> None:
        self._gatherer = gatherer
        self._prices = prices

    def of(self, cases: Sequence[Case], now: datetime) -> list[Mapping[str, Prospect]]:
        """For each case, in their order: the prospect of each of the policy's actions, by its name."""
        inquests = [
            {name: _Inquest(action, case.resource) for name, action in case.policy.actions.items()} for case in cases
        ]
        seconds = scope_seconds([case.policy.schedule for case in cases], now)
        self._look([one for each in inquests for one in each.values()], now, self._gatherer.patience(seconds))
        return [{name: self._prospect(one, now) for name, one in each.items()} for each in inquests]

    def saving(self, policy: AnyPolicy, resource: Resource) -> Saving | None:
        """What carrying the policy's action out on the resource saves; asks nobody."""
        if policy.action is not None:
            return self._prices.saving(_freed(policy.action, resource))
        return self._prices.saving(resource.charges) if policy.wasteful else None

    def _prospect(self, inquest: _Inquest, now: datetime) -> Prospect:
        saving = self._prices.saving(_freed(inquest.action, inquest.resource))
        return Prospect(radius=inquest.radius(now), saving=saving)

    def _look(self, inquests: Sequence[_Inquest], now: datetime, patience: Patience) -> None:
        # By scope too: two databases in two regions may have one name, and then one question.
        answers: defaultdict[Scope, dict[Query[object], object]] = defaultdict(dict)
        for _ in range(MAX_ROUNDS):
            wanted: defaultdict[Scope, dict[Query[object], None]] = defaultdict(dict)
            for one in inquests:
                wanted[one.scope] |= {
                    look.detail: None for look in one.pending if look.detail not in answers[one.scope]
                }
            asking = {scope: list(asked) for scope, asked in wanted.items()}
            for scope, found in self._gatherer.answers(asking, now, patience):
                answers[scope].update(found)
            for one in inquests:
                one.hear(answers[one.scope])
        for one in inquests:
            one.give_up()


class _Inquest:
    """What is being found out of one action on one resource."""

    def __init__(self, action: Action[Resource], resource: Resource) -> None:
        self.action = action
        self.resource = resource
        self.scope = resource.scope
        self.pending: list[Look] = []
        self._asked = 0
        self._dependants: list[Dependant] = []
        self._gaps: list[Gap] = []
        try:
            disturbed = action.disturbs(resource)
            first = None if disturbed is None else list(disturbed)
        except Exception as error:  # noqa: BLE001  # an action may be an author's code: its failure is a gap here
            self._gap(EVERYTHING, MalformedAnswer.reason, f"action {action.name!r} could not tell: {error!r}")
            return
        if first is None:
            self._gaps += unread(f"nobody has written down where to look for what depends on {resource.kind}").gaps
        else:
            self._take(first)

    def hear(self, answers: Mapping[Query[object], object]) -> None:
        """Make dependants, gaps and further looks of the answers to what is pending."""
        pending, self.pending = self.pending, []
        for look in pending:
            answer = answers[look.detail]
            if isinstance(answer, Unreadable):
                self._gaps.append(Gap(what=look.what, cause=answer.cause))
                continue
            items: list[Any] = answer if isinstance(answer, list) else [] if answer is None else [answer]
            try:
                self._take([found for item in items for found in look.view(item)])
            except MALFORMED as error:
                self._gap(look.what, MalformedAnswer.reason, f"{look.detail}: {type(error).__name__}: {error}")

    def give_up(self) -> None:
        """What is still pending has led too far."""
        for look in self.pending:
            self._gap(look.what, TOO_MANY, f"answers led to further questions more than {MAX_ROUNDS} times")

    def radius(self, now: datetime) -> BlastRadius:
        """What was found."""
        return BlastRadius.of(self._dependants, self._gaps, now)

    def _take(self, found: Iterable[Dependant | Look | Gap]) -> None:
        for one in found:
            if isinstance(one, Dependant):
                self._dependants.append(one)
            elif isinstance(one, Gap):
                self._gaps.append(one)
            elif self._asked < MOST_LOOKS:
                self._asked += 1
                self.pending.append(one)
            else:
                self._gap(one.what, TOO_MANY, f"more than {MOST_LOOKS} questions to ask about one resource")

    def _gap(self, what: str, reason: str, detail: str) -> None:
        self._gaps.append(Gap(what=what, cause=Cause(reason=reason, detail=detail)))


def _freed(action: Action[Resource], resource: Resource) -> Charges:
    try:
        return action.frees(resource)
    except Exception as error:  # noqa: BLE001  # an action may be an author's code: its failure is no saving
        return Uncharged(why=f"action {action.name!r} could not tell: {error!r}")
