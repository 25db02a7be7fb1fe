"""Finds out which scopes there are, and holds on to the last good answer while AWS gives none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from cloudwarden.aws.access import regions
from cloudwarden.aws.access.account import Account, AwsAccess
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.access.organization import Organization
from cloudwarden.core.acceptance import LEFT_OUT, Discovery, DiscoveryProblem, FoundScope, KnownScope
from cloudwarden.core.errors import CloudError
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.crew import LOOKS_EVERY_SECONDS, Crew

OWN, ORGANIZATION, REGIONS = "credentials", "organization", "regions"
"""What may fail to be told: whose the daemon's own credentials are, which accounts there are, and which regions."""

AGAIN_AFTER_SECONDS = 300.0
"""How soon a discovery that had problems is tried again, when its period is longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a discovery asks: whose account the daemon's own is, and which client speaks for an account's regions.

    `unnamed` is the region of accounts for which the settings name none.
    """

    own: Callable[[], str]
    unnamed: Callable[[], str]
    organization: Organization | None
    client: Callable[[Account], SpeakingClient]


class Discoverer:
    """Accounts and their regions, discovered anew every so often.

    Whatever fails is answered as it was answered last, by this process or (`remembered`) an earlier one, and is a
    problem of the Discovery: an account is gone only when AWS listed all accounts and it was not among them.
    """

    def __init__(
        self,
        access: AwsAccess,
        asking: Asking,
        *,
        remembered: Callable[[], Collection[KnownScope]],
        timer: Callable[[], float],
    ) -> None:
        self._access = access
        self._asking = asking
        self._remembered = remembered
        self._timer = timer
        self._accounts: Mapping[str, Account] = {}
        self._regions: dict[str, tuple[str, ...]] = {}
        self._latest: Discovery | None = None
        self._due_at = 0.0
        self._discovering = threading.RLock()

    def latest(self, alive: Callable[[], None] = lambda: None) -> Discovery:
        """What is known now, asked of AWS when it is time. Raises CloudError when nothing at all can be told.

        `alive` is called often, on this thread: a thousand accounts may take longer than anybody believes in a daemon
        that says nothing. It may raise what ends the discovery.
        """
        while not self._discovering.acquire(timeout=LOOKS_EVERY_SECONDS):
            alive()
        try:
            if self._latest is None or self._timer() >= self._due_at:
                self._latest = self._renewed(alive)
                period = self._access.discovery_seconds
                pause = min(period, AGAIN_AFTER_SECONDS) if self._latest.untold else period
                self._due_at = self._timer() + pause
            return self._latest
        finally:
            self._discovering.release()

    def know(self, ids: Iterable[str]) -> None:
        """Look after these accounts as well, which another process of this daemon discovered: AWS is not asked."""
        with self._discovering:
            named = {account.id: account for account in self._access.accounts}
            strangers = {id_: named.get(id_) or Account(id=id_, named=False) for id_ in ids}
            self._accounts = {**strangers, **self._accounts}

    def _renewed(self, alive: Callable[[], None]) -> Discovery:
        try:
            return self._discovered(alive)
        except CloudError as error:
            if self._latest is None:
                raise
            return replace(self._latest, problems=(DiscoveryProblem(source=OWN, cause=_cause(error)),))

    def account(self, id_: str) -> Account | None:
        """An account that was discovered or named; None for a stranger. Raises CloudError.

        Nothing is discovered anew for this: a sweep goes on with what it began with.
        """
        if self._latest is None and id_ not in self._accounts:
            self.latest()
        return self._accounts.get(id_)

    def _discovered(self, alive: Callable[[], None]) -> Discovery:
        crew = Crew(self._access.threads, alive)
        accounts, problems = crew.one(self._found_accounts)
        each = crew.each(self._found_regions, accounts)
        found: list[FoundScope] = []
        for account, (names, problem) in zip(accounts, each, strict=True):
            if problem is not None:
                problems.append(problem)
            elif not names:
                cause = Cause(
                    reason="no-region", detail="the settings leave it no region, so nothing of it is looked at"
                )
                problems.append(DiscoveryProblem(source=LEFT_OUT, account=account.id, cause=cause))
            listed = regions.written(self._access, account, self._asking.unnamed()) is not None
            found.extend(
                FoundScope(
                    scope=Scope(account=account.id, region=name),
                    name=account.name,
                    named=account.named and listed,
                    remembered=account.remembered,
                )
                for name in names
            )
        self._accounts = {account.id: account for account in accounts}
        return Discovery(scopes=tuple(sorted(found, key=lambda one: one.scope)), problems=tuple(problems))

    def _found_accounts(self) -> tuple[list[Account], list[DiscoveryProblem]]:
        """The named accounts, and the organization's; the daemon's own when neither is asked for."""
        accounts = {account.id: account for account in self._access.accounts}
        problems: list[DiscoveryProblem] = []
        if self._asking.organization is None:
            if not accounts:
                own = self._asking.own()
                accounts[own] = Account(id=own)
        else:
            try:
                members: Collection[Account] = self._asking.organization.accounts()
            except CloudError as error:
                members = self._remembered_accounts()
                if not members and not accounts:
                    raise
                problems.append(DiscoveryProblem(source=ORGANIZATION, cause=_cause(error)))
            for member in members:
                accounts.setdefault(member.id, member)
        return [accounts[id_] for id_ in sorted(accounts)], problems

    def _remembered_accounts(self) -> Collection[Account]:
        """What was found last. What an earlier process found is not known to be included still, but for what is left
        out by its id: which unit it is in, only AWS can tell."""
        if self._accounts:
            return [account for account in self._accounts.values() if not account.named]
        organization = self._access.organization
        excluded = organization.exclude if organization else ()
        kept = {one.scope.account: one.name for one in self._remembered() if one.left_at is None}
        return [
            Account(id=id_, name=name, named=False, remembered=True)
            for id_, name in kept.items()
            if id_ not in excluded
        ]

    def _found_regions(self, account: Account) -> tuple[tuple[str, ...], DiscoveryProblem | None]:
        """An account's regions; where they cannot be told and never were, one region stands for the account."""
        unnamed = self._asking.unnamed()
        listed = regions.written(self._access, account, unnamed)
        if listed is not None:
            return listed, None
        try:
            self._regions[account.id] = regions.enabled(self._access, self._asking.client(account))
        except CloudError as error:
            problem = DiscoveryProblem(source=REGIONS, account=account.id, cause=_cause(error))
            known = self._regions.get(account.id) or self._remembered_regions(account) or (unnamed,)
            # An earlier process may have known other settings.
            return regions.wanted(self._access, known), problem
        return self._regions[account.id], None

    def _remembered_regions(self, account: Account) -> tuple[str, ...]:
        kept = (one.scope for one in self._remembered() if one.left_at is None)
        return tuple(scope.region for scope in sorted(kept) if scope.account == account.id)


def _cause(error: CloudError) -> Cause:
    return Cause(reason=error.reason, detail=str(error))
