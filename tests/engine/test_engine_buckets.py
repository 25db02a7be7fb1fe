"""Where a bucket is kept counts for trust and for exemptions, though buckets of all regions are listed together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from busy_cloud import BusyCloud
from cloudwarden import ENFORCE, Limit, days, minutes
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import State
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.exempt import exempt
from cloudwarden.ports import Store
from cloudwarden.testing import bucket
from open_buckets import ELSEWHERE, HERE, OPEN, close_public, put, with_buckets
from world import NOON, SCOPE, World, stop_idle, wish


@pytest.fixture
def buckets(world: World) -> World:
    """An open bucket in the second of two regions."""
    return with_buckets(world, OPEN)


def test_a_bucket_in_a_region_that_is_accepted_later_is_proposed(buckets: World) -> None:
    """As an instance there is: who trusted the policy spoke of the regions that were accepted by then."""
    buckets.waiting.add(ELSEWHERE)
    buckets.sweep()
    buckets.trust_all()
    buckets.waiting.clear()
    buckets.sweep(after=minutes(15))
    assert (buckets.states(), buckets.called()) == ({"open": State.PROPOSED}, [])
    assert "not trusted here" in (buckets.finding("open").held or "")


def test_a_bucket_is_closed_by_a_policy_that_is_trusted_where_it_is_kept(buckets: World) -> None:
    """And by trust that came before it."""
    buckets.sweep()
    buckets.trust_all()
    put(buckets, bucket(id="new", bucket_region=ELSEWHERE.region))
    buckets.sweep(after=minutes(15))
    assert (buckets.states()["new"], buckets.called()) == (State.VERIFYING, ["put_public_access_block"])


def test_a_bucket_that_is_made_anew_in_another_region_needs_trust_there(buckets: World) -> None:
    """It was due where the policy is trusted; the last look finds it in a region that was accepted since."""
    buckets.use(close_public(limit=Limit(per_run=1, share=1.0)))
    buckets.waiting.add(ELSEWHERE)
    buckets.sweep()
    buckets.trust_all()
    near = [bucket(id=name, bucket_region=HERE.region) for name in ("one", "two")]
    put(buckets, *near)
    buckets.sweep(after=minutes(15))
    assert buckets.states() == {"open": State.OPEN, "one": State.DUE, "two": State.DUE}
    buckets.waiting.clear()
    put(buckets, *(replace(one, bucket_region=ELSEWHERE.region) for one in near))
    buckets.use(close_public())
    buckets.act()
    assert (buckets.called(), buckets.states()["one"]) == ([], State.DUE)
    assert f"is not trusted in {ELSEWHERE}" in (buckets.finding("one").held or "")


def test_an_instance_in_a_region_that_is_accepted_later_is_proposed(world: World) -> None:
    """A region that waits may be swept, but nobody lets a policy act there by trusting it."""
    world.use(stop_idle(mode=ENFORCE))
    world.scopes.append(ELSEWHERE)
    world.waiting.add(SCOPE)
    world.add("i-1")
    world.sweep()
    world.trust_all()
    world.waiting.clear()
    world.sweep(after=minutes(15))
    assert (world.states(), world.called()) == ({"i-1": State.PROPOSED}, [])


def test_a_policy_is_not_trusted_where_nothing_is_accepted(world: World) -> None:
    """Whoever wants it to act there is told what comes first."""
    world.use(stop_idle(mode=ENFORCE))
    world.waiting.add(SCOPE)
    world.sweep()
    with pytest.raises(DecisionError, match=f"only observes in {SCOPE}: `cloudwarden accept` comes first"):
        world.trust_all()


def exempt_region(world: World, region: str) -> None:
    """A person exempts everything that is in a region."""
    with world.store.transaction() as tx:
        exempt(tx, world.decider(), replace(wish(NOON + days(9)), policy=ANY, resource=ANY, region=region))


@pytest.mark.parametrize(
    ("region", "state"), [(ELSEWHERE.region, State.EXEMPTED), (HERE.region, State.PROPOSED)], ids=["its own", "another"]
)
def test_a_bucket_is_exempt_with_its_region(buckets: World, region: str, state: State) -> None:
    """A region is exempted with all that is in it, however it is listed."""
    exempt_region(buckets, region)
    buckets.sweep()
    assert buckets.states() == {"open": state}


def test_an_approved_bucket_is_held_by_an_exemption_of_its_region(buckets: World) -> None:
    """The last look knows where it is, though its finding does not."""
    buckets.sweep()
    buckets.approve_all()
    exempt_region(buckets, ELSEWHERE.region)
    buckets.clock.advance(minutes(1))
    buckets.act()
    assert (buckets.called(), (buckets.finding("open").held or "")[:20]) == ([], "exemption: exemption")


@pytest.mark.parametrize("region", [ELSEWHERE.region, HERE.region], ids=["its own", "another"])
def test_a_bucket_is_looked_at_again_after_a_region_was_exempted(store: Store, region: str) -> None:
    """Between the last look and the intent nobody knows where it is: it is held until the next look."""
    cloud = BusyCloud()
    world = with_buckets(World(store=store, cloud=cloud), OPEN)
    world.sweep()
    world.approve_all()
    cloud.meanwhile = [lambda: exempt_region(world, region)]
    world.act()
    assert world.called() == []
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ([] if region == ELSEWHERE.region else ["put_public_access_block"])


def test_a_bucket_of_no_known_region_may_be_exempt_by_region(buckets: World) -> None:
    """Nobody can tell, so its finding stays as it is, and says why."""
    buckets.sweep()
    exempt_region(buckets, HERE.region)
    put(buckets, bucket(id="open", bucket_region=None))
    buckets.sweep(after=minutes(15))
    assert "the region that it is kept in is not known" in str(buckets.finding("open").unknown)
