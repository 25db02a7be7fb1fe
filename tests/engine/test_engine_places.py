"""Nothing is done where nobody accepts it any more: in a scope that left, or in the region that a bucket is kept in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from cloudwarden import Limit, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.action import Plan
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.core.verdict import Violation
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.undo import undo
from cloudwarden.testing import bucket, bucket_access
from open_buckets import ELSEWHERE, HERE, OPEN, close_public, put, with_buckets
from world import NOON, SCOPE, World, delete_unattached, stop_idle


def latest(world: World) -> ActionRecord:
    """The newest action."""
    with world.store.reading() as tx:
        return tx.actions.latest(1)[0]


def asked_to_undo(world: World) -> ActionRecord:
    """A person wants the newest action undone."""
    done = latest(world)
    with world.store.transaction() as tx:
        return undo(tx, done.id, world.decider("it was needed"))


@pytest.fixture
def approved(world: World) -> World:
    """A world with an approved action, in a scope that is accepted."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()
    return world


def test_what_was_approved_waits_for_its_scope_to_come_back(approved: World) -> None:
    """Who takes a region out of the settings wants nothing done there; the approval is kept."""
    approved.waiting.add(SCOPE)
    approved.act()
    assert (approved.called(), approved.states()) == ([], {"i-1": State.APPROVED})
    assert "mode: it only observes here" in (approved.finding("i-1").held or "")
    approved.waiting.clear()
    approved.act()
    assert approved.called() == ["stop_instances"]


def test_nothing_is_done_before_the_scopes_are_known(approved: World) -> None:
    """What the store accepts may have been taken out of the settings before the daemon was started again."""
    approved.untold = True
    approved.act()
    assert approved.called() == []
    approved.untold = False
    approved.act()
    assert approved.called() == ["stop_instances"]


def test_an_action_that_began_makes_no_further_call_in_a_scope_that_left(world: World) -> None:
    """It waits where it is, and goes on when the scope is back."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "pending"
    world.act()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.waiting.add(SCOPE)
    for _ in range(3):
        world.act()
    assert (world.called(), latest(world).state) == (["create_snapshot"], ActionState.WAITING)
    world.waiting.clear()
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_an_undo_waits_for_its_scope_too(approved: World) -> None:
    """That a region is left alone is a person's word as well, and the later one."""
    approved.act()
    approved.clock.advance(minutes(1))
    asked_to_undo(approved)
    approved.waiting.add(SCOPE)
    approved.act()
    assert approved.called() == ["stop_instances"]
    approved.waiting.clear()
    approved.act()
    assert approved.called() == ["stop_instances", "start_instances"]


def test_an_undo_in_a_scope_that_is_known_to_have_left_is_refused(approved: World) -> None:
    """Whoever asks is told so, and nothing waits in secret."""
    approved.act()
    left = KnownScope(scope=SCOPE, name="", found_at=NOON, accepted_at=NOON, left_at=NOON)
    with approved.store.transaction() as tx:
        tx.scopes.save([left])
    with pytest.raises(DecisionError, match=f"{SCOPE} is not looked after any more"):
        asked_to_undo(approved)


@dataclass(frozen=True, kw_only=True, slots=True)
class StopAndTell(ec2.Stop):
    """Its second call is made in another region."""

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """Stop it, and stop it there."""
        plan = ec2.Stop.plan(self, resource, violation)
        (call,) = plan.calls
        return replace(plan, steps=(call, replace(call, region=ELSEWHERE.region)))


def test_an_action_that_calls_elsewhere_needs_that_accepted_too(world: World) -> None:
    """Its resource's own scope is, and its first call would be made."""
    world.use(stop_idle(action=StopAndTell()))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.waiting.add(ELSEWHERE)
    world.act()
    assert world.called() == []


@pytest.fixture
def buckets(world: World) -> World:
    """An open bucket in the second of two regions."""
    return with_buckets(world, OPEN)


@pytest.mark.parametrize("region", [ELSEWHERE.region, None], ids=["not accepted", "not told"])
def test_a_bucket_is_only_observed_where_its_own_region_is_not_accepted(buckets: World, region: str | None) -> None:
    """Another region of its account is, which says nothing of where this one is kept; and unknown never acts."""
    buckets.waiting.add(ELSEWHERE)
    put(buckets, bucket(id="open", bucket_region=region))
    buckets.sweep()
    buckets.trust_all()
    buckets.sweep(after=minutes(15))
    assert (buckets.states(), buckets.proposals(), buckets.called()) == ({"open": State.OPEN}, [], [])


def test_a_bucket_in_an_accepted_region_is_closed(buckets: World) -> None:
    """By the policy alone, where it is trusted."""
    buckets.sweep()
    assert buckets.states() == {"open": State.PROPOSED}
    buckets.approve_all()
    buckets.act()
    assert buckets.called() == ["put_public_access_block"]


def test_a_share_is_taken_of_the_buckets_that_may_be_acted_on(buckets: World) -> None:
    """Those of other regions would make it larger, and allow more."""
    put(buckets, bucket(id="near", bucket_region=HERE.region), bucket(id="nowhere", bucket_region=None))
    buckets.waiting.add(ELSEWHERE)
    buckets.sweep()
    with buckets.store.reading() as tx:
        run = tx.runs.get("close-public")
    assert run is not None
    assert run.population == 1


def test_what_was_due_before_its_region_left_is_not_proposed(buckets: World) -> None:
    """A limit held it, and by now the region is only observed."""
    buckets.use(close_public(limit=Limit(per_run=1, share=1.0)))
    buckets.cloud.details = {**bucket_access(OPEN)}
    buckets.sweep()
    buckets.trust_all()
    put(buckets, OPEN, bucket(id="other", bucket_region=ELSEWHERE.region))
    buckets.sweep(after=minutes(15))
    assert buckets.states() == {"open": State.DUE, "other": State.DUE}
    buckets.waiting.add(ELSEWHERE)
    buckets.sweep(after=minutes(15))
    assert (buckets.proposals(), buckets.called()) == ([], [])


def test_an_approved_bucket_is_left_when_its_region_is(buckets: World) -> None:
    """The last look before the call sees where it is kept, whatever its account's other regions are."""
    buckets.sweep()
    buckets.approve_all()
    buckets.waiting.add(ELSEWHERE)
    buckets.act()
    assert buckets.called() == []
    assert "mode: it only observes here" in (buckets.finding("open").held or "")


def test_explain_says_that_a_bucket_is_only_observed_where_it_is_kept(buckets: World) -> None:
    """As the last look before a call would."""
    buckets.sweep()
    buckets.waiting.add(ELSEWHERE)
    assert any(hold.startswith("mode: ") for hold in buckets.holding(close_public(), "open"))


def test_a_bucket_is_not_opened_again_in_a_region_that_left(buckets: World) -> None:
    """An undo is made where the action was."""
    buckets.sweep()
    buckets.approve_all()
    buckets.act()
    buckets.clock.advance(minutes(1))
    asked_to_undo(buckets)
    buckets.waiting.add(ELSEWHERE)
    buckets.act()
    assert buckets.called() == ["put_public_access_block"]
