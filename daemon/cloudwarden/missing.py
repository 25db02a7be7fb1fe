"""Missing: what could not be read completely, since when and why, as far as it was heard of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.events import JudgementLost, Listed, PoliciesLoaded, PolicyJudged, ScopesLeft
from cloudwarden.ports import Clock
from cloudwarden.web.board import Unread


class Missing:
    """What the latest listings missed, and the policies whose judgement was lost since they were last judged, or for
    which the cloud did not tell all that their rules asked when they were.

    One thread at a time may call it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unread: dict[tuple[Scope, str], Unread] = {}
        """By scope and kind."""
        self._of_policies: dict[tuple[Scope, str], Unread] = {}
        """By scope and policy."""

    def hear(self, event: object) -> None:
        """Remember what could not be read, and forget what could, or what nobody reads any more."""
        match event:
            case Listed():
                self._listed(event)
            case JudgementLost(scope=scope, policy=policy, kind=kind, problem=problem):
                self._missed(scope, policy, kind, problem)
            case PolicyJudged(scope=scope, policy=policy, cause=None):
                self._of_policies.pop((scope, policy), None)
            case PolicyJudged(cause=Cause(reason=reason, detail=detail)):
                how_many = f"{event.unread} of {sum(event.verdicts.values())} not judged"
                cause = Cause(reason=reason, detail=f"{how_many}: {detail}" if detail else how_many)
                self._missed(event.scope, event.policy, event.kind, cause)
            case ScopesLeft(account=account, regions=regions):
                self._keep(lambda one: one.scope.account != account or one.scope.region not in regions)
            case PoliciesLoaded(policies=policies, kinds=kinds):
                names = {name for name, _ in policies}
                self._keep(lambda one: one.kind in kinds)
                self._of_policies = {key: one for key, one in self._of_policies.items() if key[1] in names}
            case _:
                pass

    def rows(self) -> list[Unread]:
        """By scope and kind; policies that miss something there for the same reason are one row, since the first."""
        together: defaultdict[tuple[Scope, str, Cause], dict[str, datetime]] = defaultdict(dict)
        for (scope, policy), one in self._of_policies.items():
            together[scope, one.kind, one.cause][policy] = one.since
        rows = [
            Unread(scope=scope, kind=kind, since=min(lost.values()), cause=cause, policies=tuple(sorted(lost)))
            for (scope, kind, cause), lost in together.items()
        ]
        return sorted([*self._unread.values(), *rows], key=lambda one: (one.scope, one.kind, one.policies))

    def _listed(self, event: Listed) -> None:
        key = (event.scope, event.kind)
        if event.problem is None:
            self._unread.pop(key, None)
            return
        since = self._unread[key].since if key in self._unread else self._clock.now()
        self._unread[key] = Unread(scope=event.scope, kind=event.kind, since=since, cause=event.problem)

    def _missed(self, scope: Scope, policy: str, kind: str, cause: Cause) -> None:
        key = (scope, policy)
        since = self._of_policies[key].since if key in self._of_policies else self._clock.now()
        self._of_policies[key] = Unread(scope=scope, kind=kind, since=since, cause=cause)

    def _keep(self, stays: Callable[[Unread], bool]) -> None:
        self._unread = {key: one for key, one in self._unread.items() if stays(one)}
        self._of_policies = {key: one for key, one in self._of_policies.items() if stays(one)}
