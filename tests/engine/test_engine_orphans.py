"""What no sweep ends, because none comes by, is ended all the same; and nothing of what may only seem so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from cloudwarden import Limit, days, every, hours, minutes
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import Throttled
from cloudwarden.core.finding import ActionState, Finding, Grace, ProposalState, State
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.core.window import window
from cloudwarden.engine.decide import reject
from cloudwarden.engine.events import FindingChanged, FindingsOrphaned, JournalFailed, ProposalEnded
from cloudwarden.engine.orphans import MOST, MOST_A_TURN, Orphans, departed
from cloudwarden.ports import Store
from faulty_store import FaultyStore
from happenings import record
from world import NOON, SCOPE, World, stop_idle

HALF_AN_HOUR = minutes(30)
LOADED = frozenset({"stop-idle"})
NONE = frozenset[str]()


@dataclass(kw_only=True)
class Watch:
    """A world whose daemon runs on, while nothing is swept."""

    world: World
    told: bool = True

    def __post_init__(self) -> None:
        self.beats: list[float] = []
        self.orphans = Orphans(
            store=lambda: self.world.store,
            clock=self.world.clock,
            reporter=self.world.reports,
            told=lambda _: self.told,
            alive=lambda: self.beats.append(self.world.clock.monotonic()),
        )

    def passes(self, span: timedelta, loaded: Collection[str] | None, *, step: timedelta = HALF_AN_HOUR) -> None:
        """Let time pass; every `step` the daemon takes a turn."""
        for _ in range(int(span / step)):
            self.orphans.turn(loaded)
            self.world.clock.advance(step)
        self.orphans.turn(loaded)

    def leaves(self, scope: Scope = SCOPE) -> None:
        """A complete discovery no longer finds a scope."""
        now = self.world.clock.now()
        with self.world.store.transaction() as tx:
            tx.scopes.save([KnownScope(scope=scope, name="shop", found_at=NOON, left_at=now)])

    def closed(self) -> list[Finding]:
        """What was closed lately."""
        with self.world.store.reading() as tx:
            return list(tx.findings.recently_closed(None, NOON))


@pytest.fixture
def watch(world: World) -> Watch:
    """One finding, proposed for five hours."""
    world.use(stop_idle(proposals_last=hours(5)))
    world.add("i-1")
    world.sweep()
    return Watch(world=world)


@pytest.mark.parametrize("loaded", [LOADED, NONE, None])
@pytest.mark.parametrize("approved", [True, False])
def test_a_proposal_past_its_end_expires(watch: Watch, loaded: Collection[str] | None, *, approved: bool) -> None:
    """Whatever is loaded; its finding is open and its grace begins anew, as after a sweep."""
    if approved:
        watch.world.approve_all()
    (old,) = watch.world.proposals()
    watch.passes(hours(5) - minutes(30), loaded)
    assert [one.id for one in watch.world.proposals()] == [old.id]
    watch.passes(minutes(30), loaded)
    finding = watch.world.finding("i-1")
    assert (watch.world.proposals(), finding.state, finding.grace) == ([], State.OPEN, Grace())
    assert watch.world.journal()[-1] == "proposal_expired"
    (ended,) = watch.world.reports.of(ProposalEnded)
    assert isinstance(ended, ProposalEnded)
    assert ended.proposal.state is ProposalState.EXPIRED


def test_a_proposal_past_its_end_says_still_that_nobody_can_tell(watch: Watch) -> None:
    """Only a sweep can find out whether its finding stands."""
    watch.world.cloud.fails["CPUUtilization"] = Throttled("Rate exceeded")
    watch.world.sweep(after=minutes(15))
    watch.passes(hours(5), LOADED)
    assert str(watch.world.finding("i-1").unknown) == "throttled: Rate exceeded"


NOT_DONE = "approved by operator, and not carried out before it ended"
CLOSED = "; last held by window: outside the change window mon,tue,wed,thu,fri,sat,sun 18:00-20:00 UTC"


def why(world: World) -> tuple[object, object]:
    """Why the journal's latest entry is there, and who had agreed."""
    with world.store.reading() as tx:
        entry = [*tx.journal.entries()][-1]
    assert entry.event == "proposal_expired"
    return entry.details["why"], entry.details["agreed"]


@pytest.mark.parametrize(
    ("acts", "words"), [([], NOT_DONE), ([hours(1)], NOT_DONE + CLOSED), ([hours(1), hours(6)], NOT_DONE + CLOSED)]
)
def test_an_approval_past_its_end_says_what_held_it(world: World, acts: list[timedelta], words: str) -> None:
    """Also when the window opened since, and its end is what holds it; nothing is known where nobody came by."""
    world.use(stop_idle(schedule=every(days=1), proposals_last=hours(5), windows=[window("* 18:00-20:00")]))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    for since in [*acts, hours(7)]:
        world.clock.advance(NOON + since - world.clock.now())
        if since in acts:
            world.act()
            world.act()
    Watch(world=world).passes(minutes(30), LOADED)
    assert why(world) == (words, ["operator"])


def test_what_nobody_decided_says_so(watch: Watch) -> None:
    """Whatever holds its finding."""
    watch.passes(hours(5), LOADED)
    assert why(watch.world) == ("nobody decided in time", [])


def test_what_a_removed_policy_found_is_closed_after_a_week(watch: Watch) -> None:
    """With a reason on the finding, in the journal, and in what is reported."""
    watch.passes(days(7) - minutes(30), NONE)
    assert watch.world.states() == {"i-1": State.OPEN}
    watch.passes(hours(1), NONE)
    (closed,) = watch.closed()
    assert closed.state is State.GONE
    assert closed.held == "nobody watches it any more: its policy was removed, and last looked on 2026-03-02"
    with watch.world.store.reading() as tx:
        entry = [*tx.journal.entries()][-1]
    assert (entry.event, entry.details["reason"], entry.details["findings"]) == (
        "findings_orphaned",
        "policy-removed",
        [closed.id],
    )
    assert watch.world.reports.of(FindingsOrphaned) == [
        FindingsOrphaned(policy="stop-idle", scope=SCOPE, reason="policy-removed", findings=1)
    ]
    assert watch.world.reports.of(FindingChanged)[-1] == FindingChanged(run_id="", finding=closed, was=State.OPEN)


def test_a_policy_that_is_seen_within_an_hour_was_not_removed(watch: Watch) -> None:
    """The daemon was down for weeks, and its policies' volume is mounted late: they are there a little later."""
    watch.world.clock.advance(days(30))
    for loaded in (NONE, LOADED, NONE, None, NONE):
        watch.passes(minutes(50), loaded, step=minutes(10))
    assert watch.closed() == []


def test_while_a_file_is_refused_no_policy_was_removed(watch: Watch) -> None:
    """Nobody knows which policies there are."""
    watch.passes(days(20), None)
    assert watch.world.states() == {"i-1": State.OPEN}


def test_a_policy_that_is_loaded_keeps_its_findings(watch: Watch) -> None:
    """However seldom it sweeps."""
    watch.passes(days(20), LOADED)
    assert watch.world.states() == {"i-1": State.OPEN}


def test_a_removed_policy_that_comes_back_finds_anew(watch: Watch) -> None:
    """What a person said of it counts still."""
    world = watch.world
    (waiting,) = world.proposals()
    with world.store.transaction() as tx:
        reject(tx, waiting.id, world.decider("it is needed"), until=NOON + days(20))
    watch.passes(days(8), NONE)
    assert "; rejected by operator until" in str(watch.closed()[0].held)
    world.measure("i-1", cpu=1.0)
    world.sweep()
    world.sweep(after=minutes(15))
    assert (world.proposals(), world.finding("i-1").snoozed_until) == ([], NOON + days(20))


def test_what_stands_in_a_scope_that_left_is_closed_after_a_week(watch: Watch) -> None:
    """Its policy runs on elsewhere."""
    watch.leaves()
    watch.passes(days(7) - minutes(30), LOADED)
    assert watch.world.states() == {"i-1": State.OPEN}
    watch.passes(minutes(30), LOADED)
    (closed,) = watch.closed()
    assert closed.held == f"nobody watches it any more: {SCOPE} left on 2026-03-02"


def test_while_discovery_cannot_tell_no_scope_has_left(watch: Watch) -> None:
    """It may have come back since it was last told."""
    watch.leaves()
    watch.told = False
    watch.passes(days(20), LOADED)
    assert watch.closed() == []


@pytest.mark.parametrize(
    ("ends", "left"),
    [((), False), ((None,), False), ((NOON,), True), ((NOON, None), False), ((NOON - days(1), NOON), True)],
)
def test_what_is_global_leaves_with_the_last_region(ends: tuple[object, ...], *, left: bool) -> None:
    """And an account that nobody knows has not left."""
    known = [
        KnownScope(scope=Scope(account=SCOPE.account, region=f"r-{number}"), name="", found_at=NOON, left_at=end)  # type: ignore[arg-type]  # ends
        for number, end in enumerate(ends)
    ]
    everywhere = Scope(account=SCOPE.account, region=GLOBAL)
    assert departed(known).get(everywhere) == (NOON if left else None)


def test_a_turn_closes_a_part_and_beats_before_each_batch(watch: Watch) -> None:
    """A policy that found much in many places is ended a moment at a time, and wholly in the end."""
    places = [Scope(account=f"{number:012}", region="eu-west-1") for number in range(7)]
    pattern = replace(watch.world.finding("i-1"), policy="removed")
    with watch.world.store.transaction() as tx:
        tx.findings.save(
            replace(pattern, id=f"f-{place.account}-{number}", scope=place, resource_id=f"i-{number}")
            for place in places
            for number in range(MOST)
        )
    watch.passes(hours(2), LOADED)
    watch.world.clock.advance(days(8))
    watch.beats.clear()
    watch.passes(minutes(0), LOADED)
    assert (len(watch.closed()), len(watch.beats)) == (MOST_A_TURN, MOST_A_TURN // MOST)
    watch.passes(HALF_AN_HOUR, LOADED)
    assert len(watch.closed()) == len(places) * MOST


def test_what_was_removed_is_closed_place_by_place(watch: Watch) -> None:
    """The other policies' findings there stay, and so does what waits for people of them."""
    finding, (waiting,) = watch.world.finding("i-1"), watch.world.proposals()
    removed = replace(finding, id="f-removed", policy="removed")
    asked = replace(waiting, id="p-removed", policy="removed", finding_id=removed.id)
    stays = replace(waiting, expires_at=NOON + days(30))
    with watch.world.store.transaction() as tx:
        tx.findings.save([removed])
        tx.proposals.save([replace(asked, expires_at=NOON + days(30)), stays])
    watch.passes(days(8), LOADED)
    assert [one.id for one in watch.closed()] == [removed.id]
    assert [one.id for one in watch.world.proposals()] == [waiting.id]


def test_what_is_being_done_is_finished_first(watch: Watch) -> None:
    """An action on its way has its outcome before its finding is closed."""
    world = watch.world
    finding = replace(world.finding("i-1"), state=State.ACTING)
    begun = record(finding_id=finding.id, proposal_id=None, scope=SCOPE, state=ActionState.WAITING)
    (waiting,) = world.proposals()
    with world.store.transaction() as tx:
        tx.proposals.save([replace(waiting, state=ProposalState.CARRIED_OUT)])
        tx.findings.save([finding])
        tx.actions.save(begun)
    watch.passes(days(9), NONE)
    assert (watch.closed(), world.states()) == ([], {"i-1": State.ACTING})


def test_what_waits_for_people_ends_with_its_finding(world: World) -> None:
    """A proposal that lasts for a month is withdrawn with the reason."""
    world.use(stop_idle(proposals_last=days(30), limit=Limit(per_run=1)))
    world.add("i-1")
    world.sweep()
    (old,) = world.proposals()
    Watch(world=world).passes(days(8), NONE)
    with world.store.reading() as tx:
        ended = tx.proposals.get(old.id)
    assert ended is not None
    assert (ended.state, ended.reason) == (
        ProposalState.WITHDRAWN,
        "its policy was removed, and last looked on 2026-03-02",
    )
    assert world.proposals() == []


def test_a_store_that_refuses_is_reported(store: Store) -> None:
    """And it is tried again."""
    world = World(store=FaultyStore(inner=store))
    world.use(stop_idle(proposals_last=hours(5)))
    world.add("i-1")
    world.sweep()
    watch = Watch(world=world)
    world.store = FaultyStore(inner=store, unwritable=True)
    watch.passes(hours(6), NONE)
    assert world.reports.of(JournalFailed)
    world.store = store
    watch.passes(minutes(30), NONE)
    assert world.proposals() == []
