"""Finds out which scopes there are, and holds on to the last good answer while AWS gives none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from cloudwarden.aws.access import regions
from cloudwarden.aws.access.account import Account, AwsAccess, ListedAccounts
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.access.organization import Organization
from cloudwarden.aws.access.roles import ROLES, Roles
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
    roles: Roles | None
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
        self._listed: dict[str, Collection[Account]] = {}
        """By source: the accounts that it told last."""
        self._untold: tuple[DiscoveryProblem, ...] = ()
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

    def know(self, roles: Mapping[str, str | None]) -> None:
        """Look after these accounts as well, which another process of this daemon discovered: AWS is not asked.

        By id, the role that was found, if one was.
        """
        with self._discovering:
            named = {account.id: account for account in self._access.accounts}
            told = [(named.get(id_) or Account(id=id_, named=False), role) for id_, role in roles.items()]
            self._accounts = {**self._accounts, **{one.id: _reached(one, role) for one, role in told}}

    def _renewed(self, alive: Callable[[], None]) -> Discovery:
        self._untold = ()
        try:
            return self._discovered(alive)
        except CloudError as error:
            if self._latest is None:
                self._untold = self._untold or (_problem(OWN, error),)
                raise
            return replace(self._latest, problems=(_problem(OWN, error),))

    def untold(self) -> tuple[DiscoveryProblem, ...]:
        """What could not be told when `latest` raised CloudError."""
        return self._untold

    def account(self, id_: str) -> Account | None:
        """An account that was discovered or named; None for a stranger. Raises CloudError.

        Nothing is discovered anew for this: a sweep goes on with what it began with.
        """
        if self._latest is None and id_ not in self._accounts:
            self.latest()
        return self._accounts.get(id_)

    def role(self, id_: str) -> str | None:
        """The role by which an account that was discovered is reached, where it is no matter of the template."""
        account = self._accounts.get(id_)
        return account.role_arn if account else None

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
        """The named accounts, and those of each source that is asked; the daemon's own when none is."""
        accounts = {account.id: account for account in self._access.accounts}
        problems: list[DiscoveryProblem] = []
        failures: list[CloudError] = []
        sources = tuple(self._sources())
        for source, tell in sources:
            try:
                listed = tell()
            except CloudError as error:
                failures.append(error)
                problems.append(_problem(source, error))
            else:
                self._listed[source] = listed.accounts
                problems.extend(one for one in listed.problems if self._concerns(one))
            for account in self._listed[source] if source in self._listed else self._remembered_accounts():
                self._add(account, accounts)
        if not accounts and failures and self._latest is None:
            self._untold = tuple(problems)
            raise failures[0]
        if not accounts and not sources:
            own = self._asking.own()
            accounts[own] = Account(id=own)
        return [accounts[id_] for id_ in sorted(accounts)], problems

    def _sources(self) -> Iterator[tuple[str, Callable[[], ListedAccounts]]]:
        """What is asked for accounts, each of which may fail by itself."""
        organization, roles = self._asking.organization, self._asking.roles
        if organization is not None:
            yield ORGANIZATION, lambda: ListedAccounts(accounts=organization.accounts())
        if roles is not None:
            yield ROLES, roles.listed

    def _add(self, account: Account, accounts: dict[str, Account]) -> None:
        """Add one that a source told to what the settings, and a source before it, told of it."""
        known = accounts.get(account.id)
        if known is not None:
            remembered = known.remembered and account.remembered
            accounts[account.id] = replace(_reached(known, account.role_arn), remembered=remembered)
        elif account.id not in self._access.excluded:
            accounts[account.id] = account

    def _concerns(self, problem: DiscoveryProblem) -> bool:
        """Whether a problem is about what is looked after: which role an account has may be settled, or no matter."""
        named = {account.id: account for account in self._access.accounts}
        if (account := named.get(problem.account)) is not None:
            return account.role_arn is None
        return problem.account not in self._access.excluded

    def _remembered_accounts(self) -> Collection[Account]:
        """What an earlier process found. It is not known to be meant still, but for what is left out by its id: which
        unit it is in, and which role of it may be assumed, only AWS can tell."""
        kept = {one.scope.account: one.name for one in self._remembered() if one.left_at is None}
        return [Account(id=id_, name=name, named=False, remembered=True) for id_, name in kept.items()]

    def _found_regions(self, account: Account) -> tuple[tuple[str, ...], DiscoveryProblem | None]:
        """An account's regions; where they cannot be told and never were, one region stands for the account."""
        unnamed = self._asking.unnamed()
        listed = regions.written(self._access, account, unnamed)
        if listed is not None:
            return listed, None
        try:
            self._regions[account.id] = regions.enabled(self._access, self._asking.client(account))
        except CloudError as error:
            problem = _problem(REGIONS, error, account=account.id)
            known = self._regions.get(account.id) or self._remembered_regions(account) or (unnamed,)
            # An earlier process may have known other settings.
            return regions.wanted(self._access, known), problem
        return self._regions[account.id], None

    def _remembered_regions(self, account: Account) -> tuple[str, ...]:
        kept = (one.scope for one in self._remembered() if one.left_at is None)
        return tuple(scope.region for scope in sorted(kept) if scope.account == account.id)


def _problem(source: str, error: CloudError, *, account: str = "") -> DiscoveryProblem:
    return DiscoveryProblem(source=source, account=account, cause=Cause(reason=error.reason, detail=str(error)))


def _reached(account: Account, role: str | None) -> Account:
    """The account with a role that was found, unless it has one of its own."""
    return account if role is None else replace(account, role_arn=account.role_arn or role)
