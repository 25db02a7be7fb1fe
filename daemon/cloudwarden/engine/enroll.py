"""Enroll: what discovery finds is remembered and announced, and only observed until it is accepted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from cloudwarden.core.acceptance import Discovery, DiscoveryProblem, FoundScope, KnownScope
from cloudwarden.core.errors import CloudError
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.engine.events import ScopesDiscovered, ScopesFound, ScopesLeft, ScopesUntold
from cloudwarden.ports import Clock, Reporter, Store, Transaction

Key = TypeVar("Key")

SETTINGS = "settings"
"""Who accepts what the settings name."""


AGAIN_AFTER_SECONDS = 60.0
"""How soon the scopes are asked for again, between sweeps, when they could not be told."""


class Acceptance(Protocol):
    """Where policies may do more than observe."""

    def known(self) -> bool:
        """Whether it is known which scopes there are; until it is, nothing is done in any."""
        ...

    def accepts(self, scope: Scope) -> bool:
        """Whether policies may do more than observe in a scope."""
        ...


class Enroller:
    """Keeps the store's scopes up to what discovery finds.

    What the settings name is accepted by that, and with `accept_first` what the very first discovery finds.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        reporter: Reporter,
        discover: Callable[[], Discovery],
        accept_first: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._discover = discover
        self._accept_first = accept_first
        self._told = False
        self._ask_from = 0.0
        self._blind: frozenset[str] | None = None
        self._problems: tuple[DiscoveryProblem, ...] = ()
        with store.reading() as tx:
            known = tx.scopes.known().values()
        self._accepted = self._lastingly = _present(known)

    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that there is, now enrolled. Raises CloudError, and StoreError when news cannot be kept."""
        self._blind = None
        discovery = self._discover()
        now = self._clock.now()
        with self._store.reading() as tx:
            known = tx.scopes.known()
        news = enrolled(discovery, known, now=now, accept_first=self._accept_first)
        if news:
            with self._store.transaction() as tx:
                # Read again: what somebody accepted meanwhile is not written over.
                known = tx.scopes.known()
                news = enrolled(discovery, known, now=now, accept_first=self._accept_first)
                tx.scopes.save(news)
                _journal(tx, news, known, now)
        current = {**known, **{one.scope: one for one in news}}
        # What was not found is not acted on, gone or not: an account may have been excluded while nobody could list.
        found = [one.scope for one in discovery.scopes if not one.remembered]
        self._accepted = _with_global([scope for scope in found if current[scope].accepted])
        self._lastingly = _present(current.values())
        self._told = True
        self._blind = frozenset(problem.account for problem in discovery.untold)
        self._announce(discovery, known, news, current)
        return tuple(found.scope for found in discovery.scopes)

    def known(self) -> bool:
        """Whether the scopes were told since this process began; they are asked for, if not. Raises StoreError.

        What the store accepts may have been taken out of the settings since it was written.
        """
        if not self._told and self._clock.monotonic() >= self._ask_from:
            self._ask_from = self._clock.monotonic() + AGAIN_AFTER_SECONDS
            try:
                self.scopes()
            except CloudError as error:
                self._reporter.report(ScopesUntold(detail=str(error)))
        return self._told

    def accepts(self, scope: Scope) -> bool:
        """Whether policies may do more than observe in a scope, as of the latest look.

        What is global is an account's, and accepted with the first of its regions.
        """
        return scope in self._accepted

    def accepts_lastingly(self, scope: Scope) -> bool:
        """The same, whatever the latest look could not tell: what people were asked stands while nobody knows."""
        return scope in self._lastingly

    def told(self, scope: Scope) -> bool:
        """Whether the latest discovery told completely whether a scope is there."""
        return self._blind is not None and self._blind.isdisjoint({"", scope.account})

    def _announce(
        self,
        discovery: Discovery,
        known: Mapping[Scope, KnownScope],
        news: Iterable[KnownScope],
        current: Mapping[Scope, KnownScope],
    ) -> None:
        came = [one for one in news if one.left_at is None and _absent(known.get(one.scope))]
        for (account, accepted), some in _by(came, lambda one: (one.scope.account, one.accepted)):
            name, regions = some[0].name, _regions(some)
            self._reporter.report(ScopesFound(account=account, name=name, regions=regions, accepted=accepted))
        present = [one for one in current.values() if one.left_at is None]
        still = {one.scope.account for one in present}
        for account, some in _by((one for one in news if one.left_at is not None), lambda one: one.scope.account):
            regions = _regions(some) if account in still else (*_regions(some), GLOBAL)
            self._reporter.report(ScopesLeft(account=account, name=some[0].name, regions=regions))
        told_before = discovery.problems == self._problems and bool(self._problems) and not discovery.untold
        self._problems = discovery.problems
        self._reporter.report(
            ScopesDiscovered(
                accepted=sum(scope.region != GLOBAL for scope in self._accepted),
                waiting=sum(one.waits for one in present),
                problems=discovery.problems,
                told_before=told_before,
            )
        )


def _present(known: Iterable[KnownScope]) -> frozenset[Scope]:
    return _with_global([one.scope for one in known if one.accepted and one.left_at is None])


def _with_global(accepted: Collection[Scope]) -> frozenset[Scope]:
    """Scopes, and what is global of their accounts."""
    return frozenset((*accepted, *(Scope(account=one.account, region=GLOBAL) for one in accepted)))


def enrolled(
    discovery: Discovery, known: Mapping[Scope, KnownScope], *, now: datetime, accept_first: bool
) -> list[KnownScope]:
    """What of the known scopes is new or changed. Absence is concluded only where nothing failed to be told."""
    by_settings = accept_first and not known
    found = {one.scope: one for one in discovery.scopes}
    changed = [_entered(one, known.get(scope), now, accept=one.named or by_settings) for scope, one in found.items()]
    blind = {problem.account for problem in discovery.untold}
    if "" not in blind:
        changed += [
            replace(one, left_at=now)
            for scope, one in known.items()
            if scope not in found and scope.account not in blind and one.left_at is None
        ]
    return [one for one in changed if one != known.get(one.scope)]


def _entered(found: FoundScope, known: KnownScope | None, now: datetime, *, accept: bool) -> KnownScope:
    entered = known or KnownScope(scope=found.scope, name=found.name, found_at=now)
    entered = replace(entered, name=found.name or entered.name, left_at=None)
    if accept and not entered.accepted:
        entered = replace(entered, accepted_at=now, accepted_by=SETTINGS)
    return entered


def _journal(tx: Transaction, news: Iterable[KnownScope], known: Mapping[Scope, KnownScope], now: datetime) -> None:
    """Keep in the journal where policies may do more than observe from now on, and where they wait for a word."""
    found = {True: list[str](), False: list[str]()}
    accepted: list[str] = []
    for one in news:
        before = known.get(one.scope)
        if before is None:
            found[one.accepted].append(str(one.scope))
        elif one.accepted and not before.accepted:
            accepted.append(str(one.scope))
    if found[True] or found[False]:
        tx.journal.append(at=now, event="scopes_found", details={"accepted": found[True], "waiting": found[False]})
    if accepted:
        details = {"by": SETTINGS, "reason": "they name the account and the region", "scopes": accepted}
        tx.journal.append(at=now, event="scopes_accepted", details=details)


def _absent(known: KnownScope | None) -> bool:
    return known is None or known.left_at is not None


def _by(scopes: Iterable[KnownScope], key: Callable[[KnownScope], Key]) -> Iterable[tuple[Key, list[KnownScope]]]:
    """The scopes in groups, so that an account of many regions is told in one event."""
    groups: defaultdict[Key, list[KnownScope]] = defaultdict(list)
    for one in scopes:
        groups[key(one)].append(one)
    return groups.items()


def _regions(scopes: Iterable[KnownScope]) -> tuple[str, ...]:
    return tuple(sorted(one.scope.region for one in scopes))
