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
    """What the latest listings missed, and the policies whose judgement was lost since they were last judged.

    One thread at a time may call it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unread: dict[tuple[Scope, str], Unread] = {}
        """By scope and kind."""
        self._lost: dict[tuple[Scope, str], Unread] = {}
        """By scope and policy."""

    def hear(self, event: object) -> None:
        """Remember what could not be read, and forget what could, or what nobody reads any more."""
        match event:
            case Listed():
                self._listed(event)
            case JudgementLost():
                self._judgement_lost(event)
            case PolicyJudged(scope=scope, policy=policy):
                self._lost.pop((scope, policy), None)
            case ScopesLeft(account=account, regions=regions):
                self._keep(lambda one: one.scope.account != account or one.scope.region not in regions)
            case PoliciesLoaded(policies=policies, kinds=kinds):
                names = {name for name, _ in policies}
                self._keep(lambda one: one.kind in kinds)
                self._lost = {key: one for key, one in self._lost.items() if key[1] in names}
            case _:
                pass

    def rows(self) -> list[Unread]:
        """By scope and kind; policies that were lost there for the same reason are one row, since the first of them."""
        together: defaultdict[tuple[Scope, str, Cause], dict[str, datetime]] = defaultdict(dict)
        for (scope, policy), one in self._lost.items():
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

    def _judgement_lost(self, event: JudgementLost) -> None:
        key = (event.scope, event.policy)
        since = self._lost[key].since if key in self._lost else self._clock.now()
        self._lost[key] = Unread(scope=event.scope, kind=event.kind, since=since, cause=event.problem)

    def _keep(self, stays: Callable[[Unread], bool]) -> None:
        self._unread = {key: one for key, one in self._unread.items() if stays(one)}
        self._lost = {key: one for key, one in self._lost.items() if stays(one)}
