"""Kinds of one account, things of one name in two regions, and tags that nobody may read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import pytest

from cloudwarden import PROPOSE, NoParams, Policy, Violation, days, every, hours, minutes, rule, tagged
from cloudwarden.aws import ec2, rds, s3
from cloudwarden.core.detail import UnreadTags
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.evidence import Answers, Query
from cloudwarden.core.finding import ProposalState, State
from cloudwarden.core.metric import Series
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import GLOBAL, Resource, Scope
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.events import Listed
from cloudwarden.engine.exempt import exempt
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.library.databases import Unconnected, unconnected
from cloudwarden.library.tagging import RequiredTags, required_tags
from cloudwarden.testing import ACCOUNT, bucket, bucket_access, database, security_group
from open_buckets import close_public
from world import NOON, SCOPE, World, delete_unattached, stop_idle, wish

REGIONS = [Scope(account=ACCOUNT, region=region) for region in ("eu-central-1", "us-west-2")]
OPEN = bucket(id="open", tags=None)
PRIVATE = bucket(id="private", tags=None)


def proposing(**changes: object) -> AnyPolicy:
    """Buckets that are public are proposed to be closed."""
    return close_public(mode=PROPOSE, **{"exempt": [tagged("public")], **changes})


def named(kind: type[Resource], name: str = "stop-idle") -> AnyPolicy:
    """A policy of another kind."""
    return Policy(
        name=name, rule=required_tags.on(kind), params=RequiredTags(keys=("owner",)), schedule=every(minutes=15)
    )


@pytest.fixture
def buckets(world: World) -> World:
    """A world of two buckets, one of them open, swept in two regions."""
    world.use(proposing())
    world.cloud.put(OPEN, PRIVATE)
    world.cloud.details = {**bucket_access(OPEN, public_policy=True), **bucket_access(PRIVATE)}
    world.scopes[:] = REGIONS
    return world


def test_a_global_kind_is_listed_once_for_an_account(buckets: World) -> None:
    """Not once for each region, which would judge and limit every bucket twice."""
    result = buckets.sweep()
    listed = [event for event in buckets.reports.of(Listed) if isinstance(event, Listed)]
    assert [event.scope for event in listed] == [Scope(account=ACCOUNT, region=GLOBAL)]
    assert [(one.scope, one.population) for one in result.judgements] == [(listed[0].scope, 2)]
    assert buckets.states() == {"open": State.PROPOSED}


def test_two_accounts_are_two_listings() -> None:
    """A global kind is global within its account."""
    scopes = [*REGIONS, Scope(account="999988887777", region="eu-central-1")]
    assert [scope.account for scope in s3.Bucket.listed_in(scopes)] == [ACCOUNT, "999988887777"]
    assert rds.Database.listed_in(scopes) == tuple(scopes)


def test_the_details_of_a_sweep_are_asked_for_once_each(buckets: World) -> None:
    """Two policies of one rule share the answers, and a block of the account is one question."""
    buckets.use(proposing(), proposing(name="again"))
    buckets.sweep()
    assert len(buckets.cloud.asked) == len(set(buckets.cloud.asked))
    assert sum(query.service == "s3control" for query in buckets.cloud.asked) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [s3.Bucket, ec2.SecurityGroup])
def test_what_a_policy_found_of_the_kind_before_is_closed(world: World, kind: type[Resource]) -> None:
    """Also where none of its sweeps comes by any more; who was asked hears why."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    (old,) = world.proposals()
    world.use(named(kind))
    result = world.sweep(after=minutes(15))
    with world.store.reading() as tx:
        (closed,), ended = tx.findings.recently_closed("stop-idle", NOON), tx.proposals.get(old.id)
    why = f"its policy judges {kind.kind} now, and no more ec2.instance"
    assert (result.findings, closed.state, closed.held) == ((), State.GONE, f"nobody watches it any more: {why}")
    assert ended is not None
    assert (ended.state, ended.reason) == (ProposalState.WITHDRAWN, why)


def test_a_thing_of_the_same_id_and_another_kind_is_another_finding(world: World) -> None:
    """What was found, told and put off of the one says nothing of the other."""
    world.use(named(rds.Database))
    world.cloud.put(database(id="orders", account=SCOPE.account, region=SCOPE.region))
    world.sweep()
    was = world.finding("orders")
    with world.store.transaction() as tx:
        tx.findings.save([replace(was, snoozed_until=NOON + days(60), held="needed")])
    world.use(named(ec2.SecurityGroup))
    world.cloud.put(security_group(id="orders", account=SCOPE.account, region=SCOPE.region))
    world.sweep(after=minutes(15))
    found = world.finding("orders")
    assert (found.kind, found.id == was.id, found.snoozed_until) == ("ec2.security-group", False, None)
    world.use(named(rds.Database))
    world.cloud.put(database(id="orders", account=SCOPE.account, region=SCOPE.region))
    world.sweep(after=minutes(15))
    again = world.finding("orders")
    assert (again.id, again.snoozed_until) == (was.id, NOON + days(60))


def test_an_action_on_what_its_policy_judges_no_more_is_ended(world: World) -> None:
    """Nothing further is called for it, and its finding is closed then."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.use(named(s3.Bucket, name="delete-unattached"))
    world.sweep(after=minutes(15))
    world.sweep(after=minutes(15))
    assert (world.called(), world.states()) == (["create_snapshot"], {})


def test_one_denied_detail_makes_that_policy_unknown(buckets: World) -> None:
    """Nothing is found, nothing is closed, and the cause is told."""
    buckets.sweep()
    buckets.cloud.fails["get_bucket_policy_status"] = AccessDenied("no")
    result = buckets.sweep(after=minutes(15))
    assert {reason for one in result.judgements for reason in one.unknown} == {"access-denied"}
    assert buckets.states() == {"open": State.PROPOSED}


def test_denied_tags_propose_nothing(buckets: World) -> None:
    """The bucket may carry the tag that exempts it."""
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.sweep()
    assert (buckets.states(), buckets.proposals()) == ({}, [])


def test_denied_tags_that_an_exemption_selects_by_make_it_unknown(buckets: World) -> None:
    """Nobody can tell whether it is exempt: what stood stands, nothing is found, and nothing is done."""
    buckets.use(proposing(exempt=[]))
    with buckets.store.transaction() as tx:
        until = buckets.clock.now() + days(1)
        exempt(tx, buckets.decider(), wish(until, policy="*", tag=tagged("team")))
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.sweep()
    assert buckets.states() == {}
    del buckets.cloud.fails["get_bucket_tagging"]
    buckets.sweep(after=minutes(15))
    assert buckets.states() == {"open": State.PROPOSED}
    buckets.approve_all()
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.act()
    assert buckets.called() == []
    assert buckets.states() == {"open": State.APPROVED}


def test_a_bucket_whose_tags_are_denied_is_found_and_not_touched(buckets: World) -> None:
    """Without selectors it is a finding all the same; whose it is nobody can tell, so nothing is proposed."""
    buckets.use(proposing(exempt=[]))
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.sweep()
    assert (buckets.states(), buckets.proposals()) == ({"open": State.DUE}, [])
    assert "its tags could not be read (access-denied)" in (buckets.finding("open").held or "")


def test_a_tag_that_was_read_exempts(buckets: World) -> None:
    """The finding stands, exempted, and is proposed again when the tag goes."""
    tags = OPEN.tags
    assert isinstance(tags, UnreadTags)
    buckets.cloud.details[tags.detail] = [{"Key": "public", "Value": "yes"}]
    buckets.sweep()
    assert buckets.states() == {"open": State.EXEMPTED}
    del buckets.cloud.details[tags.detail]
    for _ in range(2):
        buckets.sweep(after=minutes(15))
    assert buckets.states() == {"open": State.PROPOSED}


@rule
def any_bucket(bucket: s3.Bucket, params: NoParams) -> Violation:
    """A rule that reads nothing of a bucket that could change."""
    del bucket, params
    return Violation(summary="a bucket", offending=("BlockPublicPolicy",))


def test_tags_that_were_asked_for_are_asked_for_at_each_sweep(buckets: World) -> None:
    """A verdict on a description alone holds for as long as that is the same; what tags say of it does not."""
    unwanted: AnyPolicy = Policy(
        name="unwanted", rule=any_bucket, params=NoParams(), schedule=every(minutes=15), exempt=[tagged("keep")]
    )
    buckets.use(unwanted)
    buckets.sweep()
    assert buckets.states() == {"open": State.OPEN, "private": State.OPEN}
    tags = OPEN.tags
    assert isinstance(tags, UnreadTags)
    buckets.cloud.details[tags.detail] = [{"Key": "keep", "Value": "yes"}]
    buckets.sweep(after=minutes(15))
    assert buckets.states()["open"] is State.EXEMPTED
    del buckets.cloud.details[tags.detail]
    buckets.sweep(after=minutes(15))
    assert buckets.states()["open"] is not State.EXEMPTED


def test_denied_tags_are_asked_for_again(buckets: World) -> None:
    """A permission that is given is noticed by the next sweep."""
    buckets.use(close_public(rule=any_bucket, params=NoParams(), mode=PROPOSE))
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.sweep()
    assert "tags could not be read" in (buckets.finding("open").held or "")
    del buckets.cloud.fails["get_bucket_tagging"]
    buckets.sweep(after=minutes(15))
    assert buckets.finding("open").state is State.PROPOSED


def test_tags_denied_after_the_approval_hold_the_action(buckets: World) -> None:
    """The last look before the call asks for the tags again."""
    buckets.sweep()
    buckets.approve_all()
    buckets.cloud.fails["get_bucket_tagging"] = AccessDenied("no")
    buckets.act()
    assert buckets.called() == []
    assert "re-check: cannot tell: access-denied" in str(buckets.finding("open").held)
    del buckets.cloud.fails["get_bucket_tagging"]
    buckets.act()
    assert buckets.called() == ["put_public_access_block"]


class TwoRegions:
    """Evidence of two databases of one name: idle in the first region, busy in the second."""

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """The series of this scope's database."""
        value = 0.0 if scope == REGIONS[0] else 9.0
        moments = tuple(now - minutes(5 * number) for number in range(12))
        return {query: Series(moments=moments, values=(value,) * len(moments)) for query in queries}


def test_databases_of_one_name_in_two_regions_are_two(world: World) -> None:
    """Their questions are alike to the letter, and their answers are not."""
    policy: AnyPolicy = Policy(
        name="idle", rule=unconnected, params=Unconnected(window=hours(1)), schedule=every(hours=1)
    )
    cases = [Case(policy=policy, resource=database(region=scope.region)) for scope in REGIONS]
    gatherer = Gatherer(
        inventory=world.cloud, evidence=TwoRegions(), cutoff=NoCutoff(), reporter=world.reports, threads=2
    )
    assert [verdict.outcome for verdict in gatherer.verdicts(cases, NOON)] == ["violation", "compliant"]


@pytest.fixture
def databases(world: World) -> World:
    """A world of one database that nobody connects to, which is proposed to be stopped."""
    params = Unconnected(window=hours(1))
    policy: AnyPolicy = Policy(
        name="stop", rule=unconnected, params=params, schedule=every(minutes=15), mode=PROPOSE, action=rds.Stop()
    )
    world.use(policy)
    world.cloud.put(database(account=SCOPE.account, region=SCOPE.region))
    moments = tuple(NOON - minutes(5 * number) for number in range(24))
    world.cloud.series["DatabaseConnections", "orders"] = Series(moments=moments, values=(0.0,) * 24)
    return world


def test_a_nightly_backup_ends_no_finding_and_loses_no_approval(databases: World) -> None:
    """While it is backed up nothing is called; what was approved is carried out afterwards."""
    databases.sweep()
    databases.approve_all()
    databases.cloud.change("orders", status="backing-up")
    databases.sweep(after=minutes(15))
    assert (databases.states(), databases.called()) == ({"orders": State.APPROVED}, [])
    databases.cloud.change("orders", status="available")
    databases.sweep(after=minutes(15))
    assert databases.called() == ["stop_db_instance"]
