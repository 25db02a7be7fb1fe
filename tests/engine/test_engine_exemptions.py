"""Exemptions and pauses in the engine: what they hold, when they end, and who decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from cloudwarden import days, hours, minutes, tagged
from cloudwarden.aws import ec2
from cloudwarden.core.action import Call, Plan
from cloudwarden.core.exemption import Tagged
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.core.verdict import Violation
from cloudwarden.engine import decide, exempt, undo
from cloudwarden.engine.consent import withdrawn
from cloudwarden.engine.decide import DecisionError
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Transaction
from world import NOON, SCOPE, World, delete_unattached, stop_idle, wish

Deciding = Callable[[Transaction, World], object]


def proposed(world: World, *names: str) -> None:
    """Idle instances, each with a pending proposal."""
    world.use(stop_idle(alternatives=[ec2.AddTags(tags={"idle": "yes"})]))
    for name in names:
        world.add(name)
    world.sweep()


def one(tx: Transaction) -> str:
    """The only pending proposal."""
    (found,) = tx.proposals.undecided()
    return found.id


def undone(tx: Transaction, world: World) -> object:
    """An action that succeeded is undone."""
    (record,) = tx.actions.latest(1)
    return undo.undo(tx, record.id, world.decider())


DECISIONS: dict[str, Deciding] = {
    "proposal_approved": lambda tx, world: decide.approve(tx, one(tx), world.decider()),
    "proposal_rejected": lambda tx, world: decide.reject(tx, one(tx), world.decider(), until=NOON + days(1)),
    "proposal_snoozed": lambda tx, world: decide.snooze(tx, one(tx), world.decider(), until=NOON + days(1)),
    "exemption_made": lambda tx, world: exempt.exempt(tx, world.decider(), wish(NOON + days(1))),
    "paused": lambda tx, world: decide.pause(tx, world.decider(), account=SCOPE.account),
}


@pytest.mark.parametrize("event", DECISIONS)
def test_every_decision_says_who_when_why_and_from_where(world: World, event: str) -> None:
    """In the journal, whatever was decided."""
    proposed(world, "i-idle")
    with world.store.transaction() as tx:
        DECISIONS[event](tx, world)
        entry = tx.journal.entries()[-1]
    assert (entry.event, entry.at) == (event, world.clock.now())
    assert [entry.details[key] for key in ("by", "reason", "origin")] == ["operator", "a test", "test"]


def test_endings_of_decisions_say_so_too(world: World) -> None:
    """Resuming and revoking are decisions, and so is choosing an alternative."""
    proposed(world, "i-idle")
    with world.store.transaction() as tx:
        made = exempt.exempt(tx, world.decider(), wish(NOON + days(1)))
        decide.pause(tx, world.decider())
        decide.resume(tx, world.decider("over"))
        exempt.revoke(tx, made.id, world.decider("over"))
        chosen = decide.approve(tx, one(tx), world.decider("over"), action="add-tags")
        entries = tx.journal.entries()[-3:]
    assert [entry.event for entry in entries] == ["resumed", "exemption_revoked", "proposal_approved"]
    assert {(entry.details["by"], entry.details["reason"], entry.details["origin"]) for entry in entries} == {
        ("operator", "over", "test")
    }
    assert (chosen.decided_by, chosen.decided_from, chosen.reason) == ("operator", "test", "over")


def test_undoing_says_who_when_why_and_from_where(world: World) -> None:
    """An undo is a decision as well."""
    proposed(world, "i-idle")
    world.approve_all()
    world.act()
    with world.store.transaction() as tx:
        undone(tx, world)
        entry = tx.journal.entries()[-1]
    assert (entry.event, entry.details["by"], entry.details["origin"]) == ("undo_requested", "operator", "test")


def test_an_account_that_is_paused_is_left_alone(world: World) -> None:
    """Its approved actions wait, those of other accounts do not, and resuming lets them go on."""
    proposed(world, "i-idle")
    world.approve_all()
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider(), account="999999999999")
        decide.pause(tx, world.decider(), account=SCOPE.account)
    world.act()
    assert world.called() == []
    assert f"account {SCOPE.account} was paused by operator" in (world.finding("i-idle").held or "")
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), account=SCOPE.account)
    world.act()
    assert world.called() == ["stop_instances"]


def pausing(
    effect: Callable[[MemoryCloud, Call], object], world: World
) -> Callable[[MemoryCloud, Call], dict[str, str]]:
    """What a call does, and somebody pauses the account while it is made."""

    def made(cloud: MemoryCloud, call: Call) -> dict[str, str]:
        kept = effect(cloud, call)
        with world.store.transaction() as tx:
            decide.pause(tx, world.decider(), account=SCOPE.account)
        return dict(kept) if isinstance(kept, dict) else {}

    return made


def test_a_pause_counts_between_two_calls_of_one_batch(world: World) -> None:
    """Of three, one was called when the switch was thrown."""
    proposed(world, "i-1", "i-2", "i-3")
    world.approve_all()
    world.cloud.effects["stop_instances"] = pausing(world.cloud.effects["stop_instances"], world)
    world.act()
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_pause_counts_between_two_calls_of_one_action(world: World) -> None:
    """The snapshot was made; the volume is not deleted until somebody resumes."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "completed"
    )
    world.cloud.effects["create_snapshot"] = pausing(world.cloud.effects["create_snapshot"], world)
    world.sweep()
    world.approve_all()
    world.act()
    world.act()
    assert world.called() == ["create_snapshot"]
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), account=SCOPE.account)
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


@dataclass(frozen=True, kw_only=True)
class SlowStop(ec2.Stop):
    """Stops an instance; `meanwhile` happens while it is planned, which comes after the guards' last look."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """As its parent, later."""
        for happens in self.meanwhile:
            happens()
        return super().plan(resource, violation)


def test_a_pause_after_the_guards_last_look_still_holds(world: World) -> None:
    """The transaction that commits the intent looks once more: no intent, and no call."""
    slow = SlowStop()
    world.use(stop_idle(action=slow))
    world.add("i-idle")
    world.sweep()
    world.approve_all()

    def pause() -> None:
        with world.store.transaction() as tx:
            decide.pause(tx, world.decider(), account=SCOPE.account)

    slow.meanwhile.append(pause)
    world.act()
    assert world.called() == []
    assert "action_intended" not in world.journal()


def slowly(world: World, happens: Callable[[], None]) -> None:
    """An approved action is carried out, and something happens before its intent."""
    slow = SlowStop()
    world.use(stop_idle(action=slow))
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    slow.meanwhile.append(happens)
    world.act()


@pytest.mark.parametrize("take_back", [decide.reject, decide.snooze])
def test_an_approval_that_is_taken_back_in_time_is_none(world: World, take_back: Callable[..., object]) -> None:
    """However late: before the intent it was no longer approved, so there is no intent and no call."""

    def happens() -> None:
        with world.store.transaction() as tx:
            take_back(tx, one(tx), world.decider("it is needed"), until=NOON + hours(1))

    slowly(world, happens)
    assert (world.called(), "action_intended" in world.journal()) == ([], False)
    assert world.states() == {"i-idle": State.OPEN}


@pytest.mark.parametrize("resource", ["i-idle", "i-other"])
@pytest.mark.parametrize("tag", [None, tagged("team")])
def test_what_is_exempted_after_the_last_look_is_not_touched(world: World, resource: str, tag: Tagged | None) -> None:
    """By its name, or perhaps by its tags, which nobody has read since; what is about others holds nothing."""
    proposed(world, "i-idle")
    world.approve_all()
    finding, (proposal,) = world.finding("i-idle"), world.proposals()
    record = ActionRecord(
        id="a-1",
        finding_id=finding.id,
        proposal_id=proposal.id,
        policy=finding.policy,
        scope=SCOPE,
        resource_id="i-idle",
        plan=proposal.plan,
        run_id="",
        state=ActionState.INTENDED,
        started_at=NOON,
        changed_at=NOON,
    )
    with world.store.transaction() as tx:
        exempt.exempt(tx, world.decider(), wish(NOON + hours(1), resource=resource, tag=tag))
        assert (withdrawn(tx, record, stop_idle(), NOON, NOON) is not None) is (resource == "i-idle")


def test_an_end_gives_the_grace_anew(world: World) -> None:
    """What was exempted for long is not due at once when the exemption ends."""
    world.use(stop_idle(grace=hours(1)))
    world.add("i-idle")
    with world.store.transaction() as tx:
        made = exempt.exempt(tx, world.decider(), wish(NOON + hours(2)))
    for _ in range(7):
        world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.EXEMPTED}
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.OPEN}
    world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.PROPOSED}
    with world.store.reading() as tx:
        assert exempt.find(tx, made.id).used_at == NOON + hours(1) + minutes(45)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"expires_at": NOON}, "is over"),
        ({"expires_at": NOON + days(91)}, r"may last 90 days at most: write 2026-05-31"),
        ({"reason": " "}, "needs a reason"),
        ({"owner": ""}, "needs an owner"),
        ({"policy": "*"}, "everything out of every policy"),
        ({"policy": "*", "resource": "?*"}, r"everything out of every policy, as '\?\*' fits whatever there is"),
        ({"policy": "*", "resource": "arn:aws:*", "region": "??-*"}, "everything out of every policy"),
        ({"policy": "*", "account": "????????????"}, "everything out of every policy"),
        ({"account": "12345678901"}, "write its 12 digits"),
        ({"account": "shop*"}, "write its 12 digits"),
    ],
)
def test_what_cannot_be_exempted_is_refused(world: World, changes: dict[str, object], says: str) -> None:
    """With what to write instead."""
    with world.store.transaction() as tx, pytest.raises(DecisionError, match=says):
        exempt.exempt(tx, world.decider(), replace(wish(NOON + days(1)), **changes))  # type: ignore[arg-type]  # a test's changes


def test_a_policy_may_allow_less_time() -> None:
    """Its own bound counts, also for an exemption from all policies; never more than the settings allow."""
    policies = {"stop-idle": stop_idle(max_exemption=days(10)), "other": delete_unattached(max_exemption=days(400))}
    found = [exempt.longest(policies, name).days for name in ("stop-idle", "*", "other", "gone")]
    assert found == [10, 10, 90, 90]


def test_nothing_is_done_while_nobody_can_tell_what_is_exempt(world: World) -> None:
    """A file of exemptions that never could be read may exempt anything."""
    proposed(world, "i-idle")
    world.approve_all()
    world.doubt = "the file is not TOML"
    world.act()
    assert (world.called(), world.finding("i-idle").held) == ([], "exemption: the file is not TOML")
    world.doubt = None
    world.act()
    assert world.called() == ["stop_instances"]


def test_what_is_exempt_after_an_action_that_repaired_nothing_is_asked_of_nobody(world: World) -> None:
    """Until its effect should show it is waited for; then it is exempt, as any other that violates."""
    world.cloud.effects["stop_instances"] = lambda cloud, call: {}
    world.use(stop_idle(respects=timedelta(0)))
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    with world.store.transaction() as tx:
        exempt.exempt(tx, world.decider(), wish(NOON + days(1)))
    world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.VERIFYING}
    world.sweep(after=minutes(15))
    assert (world.states(), world.proposals()) == ({"i-idle": State.EXEMPTED}, [])
