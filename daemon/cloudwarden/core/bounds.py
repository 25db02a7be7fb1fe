"""Bounds: how many actions a policy may take, and how many may be taken in an account and in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudwarden.core.guards import Hold
from cloudwarden.core.policy import AnyPolicy, Limit
from cloudwarden.core.restraint import Bounds, Quota

LIMIT = "limit"
"""The guard that looks at a whole batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Actions begun: by a policy since its latest sweep, and in the hour and the day before now.

    `population` is how many resources the policy judged in that sweep; None when nobody knows.
    """

    run: int = 0
    hour: int = 0
    day: int = 0
    population: int | None = None


def limit(policy: AnyPolicy, *, batch: int, taken: Taken) -> Hold | None:
    """Holds a whole batch of `batch` actions beside those that the policy has taken.

    Where the population is unknown, as a listing was incomplete, a share of it is not known either: nothing goes.
    """
    return _unknown(taken) or _over(batch, taken, policy.limit)


def quota(bounds: Quota, *, batch: Mapping[str, int], accounts: Mapping[str, Taken], everywhere: Taken) -> Hold | None:
    """Holds a whole batch of a policy, of which `batch` counts each account's part.

    `accounts` and `everywhere` count a run of this policy, and an hour and a day of all policies.
    """
    for account, part in batch.items():
        if held := _over(part, accounts[account], bounds.account, f" in account {account}", "quota: account_"):
            return held
    return _over(sum(batch.values()), everywhere, bounds.everywhere, " in all accounts", "quota: ")


def _over(batch: int, taken: Taken, most: Limit | Bounds, where: str = "", named: str = "") -> Hold | None:
    """`where` is of which accounts it is, in words, and `named` how the settings' names begin; "" of a policy's own."""
    if most.share < 1 and (held := _unknown(taken, where)):
        return held
    allowed, run = most.per_run, f"{named}per_run={most.per_run}"
    if taken.population is not None and (share := max(1, int(most.share * taken.population))) < allowed:
        allowed, run = share, f"{named}share={most.share:g} of {taken.population}"
    by_all = f"{where}, by all policies" if where else ""
    for begun, may, what in (
        (taken.run, allowed, f"since the last sweep{where} ({run})"),
        (taken.hour, most.per_hour, f"in an hour{by_all} ({named}per_hour={most.per_hour})"),
        (taken.day, most.per_day, f"in a day{by_all} ({named}per_day={most.per_day})"),
    ):
        if batch + begun > may:
            detail = (
                f"{batch} actions due and {begun} taken, {may} allowed {what}: none is taken until some are put off "
                "or exempt, or more is allowed"
            )
            return Hold(guard=LIMIT, detail=detail, exceeds=True)
    return None


def _unknown(taken: Taken, where: str = "") -> Hold | None:
    if taken.population is not None:
        return None
    why = "a listing of this policy's sweep was incomplete"
    return Hold(guard=LIMIT, detail=f"the share{where} cannot be known: {why}")
