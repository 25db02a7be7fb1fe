"""What an installation bounds, whatever its policies say of themselves: in an account, and in all of them."""

from __future__ import annotations

import pytest

from cloudwarden import ENFORCE, Limit, hours, minutes
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.restraint import Quota, Restraints
from cloudwarden.engine.events import LimitTripped
from cloudwarden.store import SqlStore
from cloudwarden.testing import instance
from world import NOON, SCOPE, World, stop_idle

SMALL = Scope(account="222233334444", region=SCOPE.region)
BLIND = Scope(account=SMALL.account, region="us-east-1")
MANY = Limit(per_run=200, share=1.0, per_hour=500, per_day=500)


def add(world: World, name: str, scope: Scope = SMALL, *, cpu: float = 1.0) -> None:
    """An instance of an account, idle or not."""
    made = instance(id=name, account=scope.account, region=scope.region, launched=NOON - hours(48))
    world.cloud.put(made)
    world.measure(name, cpu=cpu)


def bounded(store: SqlStore, quota: Quota, *policies: AnyPolicy) -> World:
    """Two accounts, of which one has ten busy instances and the other one; what may act alone is trusted."""
    world = World(store=store, restraints=Restraints(quota=quota), scopes=[SCOPE, SMALL])
    world.use(*(policies or (stop_idle(mode=ENFORCE, limit=MANY),)))
    for number in range(10):
        add(world, f"i-large-{number}", SCOPE, cpu=90.0)
    add(world, "i-busy", cpu=90.0)
    world.sweep()
    world.trust_all()
    return world


@pytest.mark.parametrize(
    ("quota", "told"),
    [
        (Quota(account_per_run=2), "2 allowed since the last sweep in account 222233334444 (quota: account_per_run=2)"),
        (Quota(account_share=0.5), "2 allowed since the last sweep in account 222233334444 (quota: account_share=0.5"),
        (
            Quota(account_per_hour=2),
            "2 allowed in an hour in account 222233334444, by all policies (quota: account_per",
        ),
        (
            Quota(account_per_day=2),
            "2 allowed in a day in account 222233334444, by all policies (quota: account_per_da",
        ),
        (Quota(per_run=2), "2 allowed since the last sweep in all accounts (quota: per_run=2)"),
        (Quota(share=0.15), "2 allowed since the last sweep in all accounts (quota: share=0.15 of 14)"),
        (Quota(per_hour=2), "2 allowed in an hour in all accounts, by all policies (quota: per_hour=2)"),
        (Quota(per_day=2), "2 allowed in a day in all accounts, by all policies (quota: per_day=2)"),
    ],
)
def test_what_exceeds_is_not_done_at_all(store: SqlStore, quota: Quota, told: str) -> None:
    """Three are due where two may be: none is stopped, and the finding says which setting holds it."""
    world = bounded(store, quota)
    for number in range(3):
        add(world, f"i-small-{number}")
    world.sweep(after=minutes(15))
    assert world.called() == []
    assert told in str(world.finding("i-small-0").held)
    (tripped,) = world.reports.of(LimitTripped)
    assert isinstance(tripped, LimitTripped)
    assert tripped.batch == 3
    world.measure("i-small-2", cpu=90.0)
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 2


@pytest.mark.parametrize("quota", [Quota(account_per_run=1), Quota(account_share=0.1)])
def test_a_run_begins_with_each_sweep(store: SqlStore, quota: Quota) -> None:
    """One in an account in a run: what was taken counts until the next sweep, and in that account alone."""
    world = bounded(store, quota)
    add(world, "i-small-0")
    add(world, "i-large", SCOPE)
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 2
    add(world, "i-small-1")
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 3


def test_a_share_of_little_is_one(store: SqlStore) -> None:
    """A hundredth of four instances would be none."""
    world = bounded(store, Quota(account_share=0.01, share=0.01))
    add(world, "i-small-0")
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]


def test_what_could_not_be_listed_is_no_part_of_a_share(store: SqlStore) -> None:
    """Half of what was seen of the account; the other region may be empty."""
    world = bounded(store, Quota(account_share=0.5))
    world.scopes.append(BLIND)
    for number in range(6):
        add(world, f"i-blind-{number}", BLIND, cpu=90.0)
    world.sweep(after=minutes(15))
    world.trust_all()
    for number in range(3):
        add(world, f"i-small-{number}")
    world.cloud.fails[f"ec2.instance {BLIND}"] = AccessDenied("denied")
    world.sweep(after=minutes(15))
    assert world.called() == []
    assert "account_share=0.5 of 4" in str(world.finding("i-small-0").held)
    del world.cloud.fails[f"ec2.instance {BLIND}"]
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 3


def test_a_share_of_what_nobody_knows_is_not_known(store: SqlStore) -> None:
    """After an upgrade no sweep has yet counted the accounts: nothing is done by a share before one has."""
    world = bounded(store, Quota(account_share=0.5), stop_idle(limit=MANY))
    add(world, "i-small-0")
    world.sweep(after=minutes(15))
    with store.transaction() as tx:
        run = tx.runs.get("stop-idle")
        assert run is not None
        scopes = tx.runs.scopes("stop-idle").values()
        tx.runs.save(run, [type(one)(scope=one.scope, read_at=one.read_at, matches=one.matches) for one in scopes])
    world.approve_all()
    world.act()
    assert world.called() == []
    assert "the share in account 222233334444 cannot be known" in str(world.finding("i-small-0").held)
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]


@pytest.mark.parametrize("quota", [Quota(account_per_hour=1), Quota(per_day=1), Quota(account_per_day=1)])
def test_policies_share_an_hour_and_a_day(store: SqlStore, quota: Quota) -> None:
    """Two policies with a limit each: what one did counts for the other."""
    world = bounded(store, quota, stop_idle(mode=ENFORCE), stop_idle(mode=ENFORCE, name="halt-idle"))
    for number in range(2):
        add(world, f"i-small-{number}")
        world.sweep(after=minutes(15))
    assert len(world.called()) == 1
    with world.store.reading() as tx:
        assert any("by all policies" in (one.held or "") for one in tx.findings.standing())
