"""Restraints: what holds every policy of this installation back, whatever its file says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.protection import NOTHING_MORE, Protection
from cloudwarden.core.window import Freeze, Window, closed


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Which policies, in which accounts; in each name `*` and `?` are wildcards."""

    policies: tuple[str, ...] = ("*",)
    accounts: tuple[str, ...] = ("*",)

    def covers(self, policy: str, account: str) -> bool:
        """Whether it speaks of this policy in this account."""
        return any(fnmatchcase(policy, one) for one in self.policies) and any(
            fnmatchcase(account, one) for one in self.accounts
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How many actions may be taken at most, whatever the policies' own limits are.

    Those in an hour and a day are of all policies together. Those in a run, and the share, are of any one policy from
    one of its sweeps to the next, among the resources that it judged in that sweep; whatever the share, one is allowed.
    """

    per_run: int
    share: float
    per_hour: int
    per_day: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What may be done at most in one account, and in all of them."""

    account_per_run: int = 25
    account_share: float = 1.0
    account_per_hour: int = 50
    account_per_day: int = 200
    per_run: int = 100
    share: float = 1.0
    per_hour: int = 200
    per_day: int = 1000

    @property
    def account(self) -> Bounds:
        """Of one account."""
        return Bounds(
            per_run=self.account_per_run,
            share=self.account_share,
            per_hour=self.account_per_hour,
            per_day=self.account_per_day,
        )

    @property
    def everywhere(self) -> Bounds:
        """Of all of them."""
        return Bounds(per_run=self.per_run, share=self.share, per_hour=self.per_hour, per_day=self.per_day)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restraints:
    """What this installation protects, when it lets anything be done, and how much."""

    protection: Protection = NOTHING_MORE
    windows: tuple[tuple[Reach, Window], ...] = ()
    freezes: tuple[tuple[Reach, Freeze], ...] = ()
    quota: Quota = Quota()

    @property
    def named(self) -> Iterator[tuple[str, str]]:
        """Which names of policies windows and freezes are about, each with what it is that says so."""
        for what, reaches in (("window", self.windows), ("freeze", self.freezes)):
            for reach, _ in reaches:
                yield from ((what, name) for name in reach.policies if name != "*")

    @property
    def placed(self) -> Iterator[tuple[str, str]]:
        """Which accounts protection, windows and freezes are about, each with what it is that says so."""
        yield from (("protect", account) for account in self.protection.accounts)
        for what, reaches in (("window", self.windows), ("freeze", self.freezes)):
            for reach, _ in reaches:
                yield from ((what, account) for account in reach.accounts if account != "*")

    def closed(self, policy: AnyPolicy, account: str, now: datetime) -> str | None:
        """Why the policy may not act in an account now, in words: its own windows, and the installation's."""
        freezes = [freeze for reach, freeze in self.freezes if reach.covers(policy.name, account)]
        windows = [window for reach, window in self.windows if reach.covers(policy.name, account)]
        return closed(policy.windows, freezes, now) or closed(windows, (), now)


UNRESTRAINED = Restraints()
