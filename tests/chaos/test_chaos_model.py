"""Every invariant sees the history that breaks it: a checker that cannot fail proves nothing."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import happenings
from chaos.history import Closing, Condition, Frozen, History, Look, Message, Run, Sent, Version
from chaos.model import INVARIANTS, violations
from cloudwarden import ENFORCE, PROPOSE, Limit
from cloudwarden.core.finding import ActionRecord, ActionState, ProposalState, State
from cloudwarden.core.plain import Json
from cloudwarden.core.restraint import Quota
from cloudwarden.ports import JournalEntry
from happenings import NOON, STOP

SECOND = timedelta(seconds=1)
IDLE = Condition(at=NOON, violates=frozenset({"stop-idle"}))
BUSY = Condition(at=NOON + 30 * SECOND)
LISTED = Look(
    at=NOON + 2 * SECOND, prefix="i-", resources=(), whole=True, shown=frozenset({"i-1", "i-2", "i-3"})
)  # fmt: skip


def entry(seq: int, event: str, action: str = "", **details: Json) -> JournalEntry:
    """An entry of the journal, as many seconds after noon as its number."""
    return JournalEntry(
        seq=seq, at=at(seq), event=event, run_id="", action_id=action, details=details, previous="", hash=""
    )


def intent(seq: int, action: str = "a-1", resource: str = "i-1", step: int = 0) -> JournalEntry:
    """The intent of a call."""
    call: Any = asdict(STOP)
    return entry(
        seq, "action_intended", action, policy="stop-idle", scope="111122223333/eu-west-1", resource=resource,
        step=step, call=call, policy_version="v-1",
    )  # fmt: skip


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + seconds * SECOND


def action(name: str = "a-1", **changes: Any) -> ActionRecord:
    """An action that succeeded."""
    fields: dict[str, Any] = {"id": name, "state": ActionState.SUCCEEDED, "started_at": at(4)}
    return happenings.record(**fields | changes)


def sent(**changes: Any) -> Sent:
    """The request that stops i-1, six seconds after noon."""
    fields: dict[str, Any] = {
        "at": at(6),
        "operation": "stop_instances",
        "resource": "i-1",
        "intents": (("a-1", 0),),
        "looked_at": at(4),
    }
    return Sent(**fields | changes)


def run(**changes: Any) -> Run:
    """A sweep of stop-idle, settled three seconds after noon."""
    fields: dict[str, Any] = {"at": at(3), "policy": "stop-idle", "after": 2, "population": 3, "began": at(3)}
    return Run(**fields | changes)


def history(**changes: Any) -> History:
    """A history in which i-1 was proposed, approved, stopped once, and all is well."""
    journal = [
        entry(1, "proposal_made", proposal="p-1"),
        entry(2, "proposal_approved", proposal="p-1", plan_hash=happenings.PLAN.hash, by="operator"),
        intent(5),
        entry(7, "action_succeeded", "a-1", policy="stop-idle"),
    ]
    fields: dict[str, Any] = {
        "sent": [sent()],
        "looks": [LISTED],
        "journal": journal,
        "actions": [action()],
        "proposals": [happenings.proposal(state=ProposalState.CARRIED_OUT)],
        "findings": [happenings.finding(state=State.FIXED)],
        "closings": [Closing(at=at(40), finding="f-1", policy="stop-idle", resource="i-1", state=State.FIXED)],
        "conditions": {"i-1": [IDLE, BUSY]},
        "versions": [Version(at=NOON, policy="stop-idle", mode=PROPOSE, limit=Limit(per_run=1, share=1.0, per_hour=1))],
        "runs": [run()],
        "quota": Quota(),
        "quiet": True,
    }
    made: dict[str, Any] = fields | changes
    return History(**{"committed": {one.seq: one.at for one in made["journal"]}, **made})


def broken(made: History) -> set[str]:
    """The invariants that a history breaks."""
    return {what.partition(":")[0] for what in violations(made)}


def test_a_good_history_breaks_nothing() -> None:
    """All invariants hold for what went as it should."""
    assert violations(history()) == []


def test_every_invariant_has_a_test_here() -> None:
    """One that is added without a history that breaks it is noticed."""
    tested = {name for name in vars(sys.modules[__name__]) if name.startswith("test_")}
    assert {f"test_{check.__name__}" for check in INVARIANTS} <= tested


def test_no_call_without_a_committed_intent() -> None:
    """A request arrives that no committed intent names."""
    assert "no_call_without_a_committed_intent" in broken(history(sent=[sent(intents=())]))


def test_no_action_twice() -> None:
    """A call is repeated, a step is intended twice, or an approval is used twice."""
    repeated = history(sent=[sent(), sent(at=at(8))])
    again = history(journal=[*history().journal, intent(8)])
    reused = history(actions=[action(), action("a-2")], journal=[*history().journal, intent(8, "a-2")])
    for made in (repeated, again, reused):
        assert "no_action_twice" in broken(made)


def test_what_was_never_called_allows_no_other_call() -> None:
    """An action was killed before its call; the call of the next one arrives twice, which both together may."""
    journal = [
        *history().journal[:3],
        entry(6, "action_failed", "a-1", policy="stop-idle"),
        intent(8, "a-2"),
        entry(11, "action_succeeded", "a-2", policy="stop-idle"),
    ]
    actions = [action(state=ActionState.FAILED), action("a-2", proposal_id="p-2", started_at=at(8))]
    proposals = [happenings.proposal(id=name, state=ProposalState.CARRIED_OUT) for name in ("p-1", "p-2")]
    twice = [sent(at=at(9), intents=(("a-2", 0),)), sent(at=at(10), intents=(("a-2", 0),))]
    for requests, breaks in ((twice, True), (twice[:1], False)):
        made = history(journal=journal, actions=actions, proposals=proposals, sent=requests)
        assert ("no_action_twice" in broken(made)) is breaks


def overtaken(**changes: Any) -> History:
    """Two calls of one action, and a sweep between them that lists what is there, by then an instance in use."""
    second = replace(intent(30), details={**intent(30).details, "step": 1})
    fields: dict[str, Any] = {
        "sent": [sent(), sent(at=at(31), intents=(("a-1", 1),), looked_at=at(29))],
        "journal": [*history().journal[:3], second, entry(32, "action_succeeded", "a-1", policy="stop-idle")],
        "looks": [LISTED, replace(LISTED, at=at(15))],
        "runs": [run(), run(at=at(20), after=5, began=at(20))],
        "conditions": {"i-1": [IDLE, replace(BUSY, at=at(10)), replace(IDLE, at=at(25))]},
    }
    return history(**fields | changes)


def test_nothing_goes_on_that_was_overtaken() -> None:
    """A sweep saw it comply between two calls; or the listing failed, it came too late, or violated for a moment."""
    moment = [IDLE, replace(BUSY, at=at(10)), replace(IDLE, at=at(18))]
    half = replace(LISTED, at=at(15), whole=False)
    assert "nothing_goes_on_that_was_overtaken" in broken(overtaken())
    for changes in (
        {"looks": [LISTED, half]},
        {"runs": [run(), run(at=at(40), after=5)]},
        {"runs": [run(), run(at=at(20), after=5, policy="another")]},
        {"conditions": {"i-1": moment}},
        {"actions": [action(undoes="a-0")]},
    ):
        assert "nothing_goes_on_that_was_overtaken" not in broken(overtaken(**changes))


def test_nothing_goes_on_that_was_exempt() -> None:
    """An exemption, or its owner's tag, was there at the sweep between two calls, and is gone at the second."""
    made = entry(
        6, "exemption_made", exemption="x-1", policy="*", resource="i-*", account="*", region="*",
        expires_at=at(25).isoformat(),
    )  # fmt: skip
    journal = [*overtaken().journal[:3], made, *overtaken().journal[3:]]
    runs = [run(), run(at=at(20), after=6, began=at(20))]
    idle = {"i-1": [IDLE]}
    assert "nothing_goes_on_that_was_overtaken" in broken(overtaken(journal=journal, conditions=idle, runs=runs))
    later = [run(), run(at=at(20), after=6, began=at(26))]
    assert "nothing_goes_on_that_was_overtaken" not in broken(overtaken(journal=journal, conditions=idle, runs=later))
    kept = {"i-1": [replace(IDLE, untouchable=True), replace(IDLE, at=at(25))]}
    assert "nothing_goes_on_that_was_overtaken" in broken(overtaken(conditions=kept))


def two() -> dict[str, Any]:
    """Two actions within seconds."""
    journal = [*history().journal, intent(8, "a-2", "i-2"), entry(9, "action_succeeded", "a-2")]
    return {"journal": journal, "actions": [action(), action("a-2", resource_id="i-2", started_at=at(8))]}


def test_no_limit_exceeded() -> None:
    """One action more than an hour, or a run, may hold; or a population that nobody knows."""
    assert "no_limit_exceeded" in broken(history(**two()))
    wide = Limit(per_run=1, share=1.0, per_hour=9)
    version = replace(history().versions[0], limit=wide)
    assert "no_limit_exceeded" in broken(history(**two(), versions=[version]))
    assert "no_limit_exceeded" in broken(history(runs=[run(population=None)]))


def test_a_share_is_of_what_was_listed_whole() -> None:
    """Whatever population the daemon tells of; what it was shown later, or not whole, counts for nothing."""
    version = replace(history().versions[0], limit=Limit(per_run=9, share=0.5, per_hour=9))
    many = frozenset(f"i-{number}" for number in range(9))
    for look, breaks in (
        (replace(LISTED, shown=many), False),
        (replace(LISTED, shown=many, whole=False), True),
        (replace(LISTED, shown=many, at=at(9)), True),
        (replace(LISTED, shown=many, prefix="vol-"), True),
        (replace(LISTED, shown=many, resources=("i-1",)), True),
    ):
        made = history(**two(), versions=[version], looks=[LISTED, look], runs=[run(population=40)])
        assert ("no_limit_exceeded" in broken(made)) is breaks


def test_a_removed_policy_allows_nothing() -> None:
    """Long after its file was taken away, a policy acts."""
    (version,) = history().versions
    gone = replace(version, at=NOON - timedelta(minutes=5), removed=True)
    assert "no_limit_exceeded" in broken(history(versions=[replace(version, at=gone.at - SECOND), gone]))


def test_no_quota_exceeded() -> None:
    """All policies together do more than the installation, or an account, allows."""
    assert "no_quota_exceeded" in broken(history(**two(), quota=Quota(per_hour=1)))
    assert "no_quota_exceeded" in broken(history(**two(), quota=Quota(account_per_day=1)))
    for quota in (Quota(per_run=1), Quota(account_per_run=1), Quota(share=0.4), Quota(account_share=0.4)):
        assert "no_quota_exceeded" in broken(history(**two(), quota=quota))
        anew = [run(), run(at=at(7), began=at(7), after=7)]
        assert "no_quota_exceeded" not in broken(history(**two(), quota=quota, runs=anew))


def test_nothing_while_paused() -> None:
    """A call is intended after a pause that covers it, by its policy or by its account, and before its end."""
    for pause in (
        entry(3, "paused", policy="*", account="*"),
        entry(3, "paused", policy="stop-idle", account="111122223333"),
        entry(3, "policy_stopped", policy="stop-idle"),
    ):
        held = history(journal=[pause, *history().journal[2:]])
        assert "nothing_while_paused" in broken(held)
        resumed = entry(4, "resumed", policy=pause.details["policy"], account=pause.details.get("account", "*"))
        assert "nothing_while_paused" not in broken(history(journal=[pause, resumed, *history().journal[2:]]))


@pytest.mark.parametrize(("paused_at", "held"), [(-60, False), (60, True)])
def test_an_undo_is_held_by_later_pauses_alone(paused_at: int, *, held: bool) -> None:
    """Who asked for it knew of those before."""
    undo = replace(history().actions[0], undoes="a-0", started_at=NOON)
    pause = replace(entry(3, "paused", policy="*", account="*"), at=at(paused_at))
    found = broken(history(actions=[undo], journal=[pause, *history().journal[2:]]))
    assert ("nothing_while_paused" in found) is held


def test_nothing_on_the_exempt() -> None:
    """A call is intended on what an exemption covers."""
    exempt = entry(
        3, "exemption_made", exemption="x-1", policy="*", resource="i-*", account="*", region="*",
        expires_at=at(3600).isoformat(),
    )  # fmt: skip
    assert "nothing_on_the_exempt" in broken(history(journal=[exempt, *history().journal[2:]]))


def test_nothing_on_the_exempt_by_a_tag() -> None:
    """A call is intended on what carried the tag since the latest look; whoever got it later is not meant."""
    for tag in ("tag team", "tag team=a"):
        exempt = entry(
            3, "exemption_made", exemption="x-1", policy="*", resource="*", account="*", region="*", tag=tag,
            expires_at=at(3600).isoformat(),
        )  # fmt: skip
        carrying = replace(IDLE, tags=frozenset({"team", "team=a"}))
        for conditions, breaks in (([carrying, BUSY], True), ([IDLE, replace(carrying, at=at(5)), BUSY], False)):
            made = history(journal=[exempt, *history().journal[2:]], conditions={"i-1": conditions})
            assert ("nothing_on_the_exempt" in broken(made)) is breaks


def test_nothing_on_the_protected() -> None:
    """A call is made on what was protected since the latest look; an undo may be."""
    protected = replace(IDLE, protected=True)
    assert "nothing_on_the_protected" in broken(history(conditions={"i-1": [protected, BUSY]}))
    for conditions, actions in (
        ([IDLE, replace(protected, at=at(5)), BUSY], [action()]),
        ([protected, BUSY], [action(undoes="a-0")]),
    ):
        made = history(conditions={"i-1": conditions}, actions=actions)
        assert "nothing_on_the_protected" not in broken(made)


def test_nothing_in_a_freeze() -> None:
    """A call is intended in a freeze that the daemon knew of."""
    assert "nothing_in_a_freeze" in broken(history(freezes=[Frozen(begins=NOON, until=at(60))]))


def test_nothing_outside_its_hours() -> None:
    """A call is intended when its policy does not act; unless the version that was replaced just now may."""
    (version,) = history().versions
    evening, noon = replace(version, hours=(18, 20)), replace(version, hours=(12, 13))
    for versions, breaks in (([evening], True), ([noon], False), ([noon, replace(evening, at=at(1))], False)):
        assert ("nothing_outside_its_hours" in broken(history(versions=versions))) is breaks


def test_nothing_unapproved() -> None:
    """Nobody approved, somebody took it back, or the plan is another one."""
    journal = history().journal
    over = happenings.proposal(state=ProposalState.CARRIED_OUT, expires_at=at(5))
    other = replace(happenings.PLAN, summary="stop i-1, and another", steps=(STOP, STOP))
    for made in (
        history(journal=[journal[0], *journal[2:]]),
        history(journal=[*journal[:2], entry(3, "proposal_rejected", proposal="p-1"), *journal[2:]]),
        history(actions=[action(plan=other)]),
        history(
            actions=[action(plan=other)], proposals=[happenings.proposal(state=ProposalState.CARRIED_OUT, plan=other)]
        ),
        history(actions=[action(proposal_id=None)]),
        history(journal=[*journal[:2], entry(3, "proposal_snoozed", proposal="p-1"), *journal[2:]]),
        history(proposals=[over]),
    ):
        assert "nothing_unapproved" in broken(made)


def test_as_many_as_must_have_agreed() -> None:
    """Two must; one alone agreed, twice, or to another plan, or with one who may not, is too few."""
    version = replace(history().versions[0], quorum=2, not_by=("author",))

    def agreed(*words: tuple[str, str]) -> History:
        said = [
            entry(2, event, proposal="p-1", plan_hash=plan, by=who)
            for event, (who, plan) in zip(("proposal_seconded", "proposal_approved"), words, strict=True)
        ]
        return history(journal=[history().journal[0], *said, *history().journal[2:]], versions=[version])

    this = happenings.PLAN.hash
    assert broken(agreed(("operator", this), ("deputy", this))) == set()
    for first, second in ((("deputy", this), ("deputy", this)), (("deputy", "x"), ("operator", this))):
        assert "nothing_unapproved" in broken(agreed(first, second))
    assert "nothing_unapproved" in broken(agreed(("author", this), ("operator", this)))


def test_nothing_alone_that_people_were_asked() -> None:
    """The trusted version acts on what was proposed; of another finding people may have been asked, or of it later."""
    version = replace(history().versions[0], mode=ENFORCE, fingerprint="v-1")
    trust = entry(3, "trusted", policy="stop-idle", fingerprint="v-1")
    for seq, finding, breaks in ((2, "f-1", True), (2, "f-2", False), (8, "f-1", False)):
        made = entry(seq, "proposal_made", proposal="p-1", finding=finding)
        journal = sorted([made, trust, *history().journal[2:]], key=lambda one: one.seq)
        told = broken(history(journal=journal, versions=[version], actions=[action(proposal_id=None)]))
        assert told == ({"nothing_alone_that_people_were_asked"} if breaks else set())


def test_nothing_untold() -> None:
    """Nobody was told, or of another instance, or too late; before every version waits for a notice, it may be so."""
    (silent,) = history().versions
    telling = replace(silent, tells=True)
    message = Message(at=at(3), text="stop-idle: i-1 in 111122223333/eu-west-1")
    assert broken(history(versions=[telling], messages=[message])) == set()
    for messages in ([], [replace(message, at=at(6))], [replace(message, text="stop-idle: i-12 in 1/eu-west-1")]):
        assert broken(history(versions=[telling], messages=messages)) == {"nothing_untold"}
    assert broken(history(versions=[silent, replace(telling, at=at(3))])) == set()


def test_only_the_trust_in_the_version_that_acted_counts() -> None:
    """An older version is trusted, and may have run until a moment ago; but the newer one acted."""
    (first,) = history().versions
    older = replace(first, mode=ENFORCE, fingerprint="v-0")
    newer = replace(older, at=at(3), fingerprint="v-1")
    for fingerprint, breaks in (("v-0", True), ("v-1", False)):
        trust = entry(2, "trusted", policy="stop-idle", fingerprint=fingerprint)
        made = history(
            journal=[trust, *history().journal[2:]], versions=[older, newer], actions=[action(proposal_id=None)]
        )
        assert ("nothing_unapproved" in broken(made)) is breaks


def test_what_was_not_called_allows_no_request() -> None:
    """An intent that was taken back; another one for the same step is none too many."""
    back = replace(intent(6), event="action_not_called")
    journal = history().journal
    assert "no_action_twice" in broken(history(journal=[*journal[:3], back, *journal[3:]]))
    again = intent(6)
    once_more = [*journal[:3], replace(back, seq=6), replace(again, seq=8), *journal[3:]]
    assert "no_action_twice" not in broken(history(journal=once_more))


def test_trust_that_is_taken_back_counts_for_no_call() -> None:
    """Not for a second one either, whose first was made while it stood; who approved has approved both."""
    version = replace(history().versions[0], mode=ENFORCE, fingerprint="v-1")
    trust = entry(2, "trusted", policy="stop-idle", fingerprint="v-1")
    second = replace(intent(9, "a-1", "i-1"), details={**intent(9, "a-1", "i-1").details, "step": 1})
    for distrusted, alone, breaks in ((3, True, True), (8, True, True), (10, True, False), (8, False, False)):
        doubt = entry(distrusted, "distrusted", policy="stop-idle")
        approval = [] if alone else history().journal[:2]
        journal = sorted([trust, *approval, *history().journal[2:], second, doubt], key=lambda one: one.seq)
        made = history(journal=journal, versions=[version], actions=[action(proposal_id=None if alone else "p-1")])
        assert ("nothing_unapproved" in broken(made)) is breaks


def test_nothing_after_failures() -> None:
    """An action failed where one failure stops the policy, and it began another one, which nobody let it."""
    failed = [*history().journal[:3], entry(7, "action_failed", "a-1", policy="stop-idle")]
    more = [intent(9, "a-2", "i-2"), entry(10, "action_succeeded", "a-2", policy="stop-idle")]
    version = replace(history().versions[0], limit=Limit(failures=1))
    resumed = entry(8, "resumed", policy="stop-idle", account="*")
    for journal, breaks in (([*failed, *more], True), ([*failed, resumed, *more], False)):
        made = history(journal=journal, versions=[version], actions=two()["actions"])
        assert ("nothing_after_failures" in broken(made)) is breaks


def test_nothing_on_the_unknown() -> None:
    """It was not looked at whole, or too long ago; it did not violate, or was protected."""
    protected = replace(IDLE, untouchable=True)
    for made in (
        history(sent=[sent(looked_at=None)]),
        history(sent=[sent(looked_at=at(6) - timedelta(minutes=5))]),
        history(conditions={"i-1": [Condition(at=NOON)]}),
        history(conditions={"i-1": [protected, BUSY]}),
    ):
        assert "nothing_on_the_unknown" in broken(made)


def test_nothing_denied() -> None:
    """A call follows a dry run that was refused, or not answered; or it has one that was not asked."""
    assert "nothing_denied" in broken(history(sent=[sent(permitted=False)]))
    assert "nothing_denied" in broken(history(sent=[sent(permitted=None)]))


def test_nothing_closed_on_an_incomplete_listing() -> None:
    """The latest look before a finding closed broke off; one at another resource is no look at this one."""
    half = replace(LISTED, at=at(39), whole=False)
    elsewhere = replace(LISTED, at=at(39), resources=("i-2",))
    gone = replace(history().closings[0], state=State.GONE)
    for looks in ([LISTED, half], [half, elsewhere]):
        assert "nothing_closed_on_an_incomplete_listing" in broken(history(looks=looks, closings=[gone]))
        deleted = {"i-1": [IDLE, Condition(at=at(30), exists=False)]}
        assert "nothing_closed_on_an_incomplete_listing" in broken(history(looks=looks, conditions=deleted))
    assert "nothing_closed_on_an_incomplete_listing" not in broken(history(looks=[LISTED, half]))


def test_nothing_closed_blindly() -> None:
    """A finding is fixed while its resource violates, or gone while it exists."""
    gone = Closing(at=at(40), finding="f-1", policy="stop-idle", resource="i-1", state=State.GONE)
    assert "nothing_closed_blindly" in broken(history(conditions={"i-1": [IDLE]}))
    assert "nothing_closed_blindly" in broken(history(closings=[gone]))


def test_the_chain_is_whole() -> None:
    """The store's own verification found an altered entry."""
    assert "the_chain_is_whole" in broken(history(chain="entry 3 was altered"))


def test_records_agree() -> None:
    """An action ended without an ending in the journal, or the finding says otherwise than its proposal or action."""
    for made in (
        history(journal=history().journal[:3]),
        history(findings=[happenings.finding(state=State.PROPOSED)]),
        history(findings=[happenings.finding(state=State.ACTING)]),
        history(findings=[happenings.finding(), happenings.finding(id="f-2")]),
        history(actions=[]),
    ):
        assert "records_agree" in broken(made)


def test_an_action_of_which_nobody_could_tell_has_ended() -> None:
    """The journal says so once."""
    unknown = entry(7, "action_unknown", "a-1", policy="stop-idle")
    for journal, breaks in (([*history().journal[:3], unknown], False), (history().journal[:3], True)):
        made = history(journal=journal, actions=[action(state=ActionState.UNKNOWN)])
        assert ("records_agree" in broken(made)) is breaks


def test_every_finding_is_accounted_for() -> None:
    """In peace a violation has no finding, or a finding stands whose resource does not violate."""
    assert "every_finding_is_accounted_for" in broken(history(conditions={"i-1": [BUSY], "i-2": [IDLE]}))
    assert "every_finding_is_accounted_for" in broken(history(findings=[happenings.finding()]))
