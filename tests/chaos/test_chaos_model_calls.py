"""Calls that may not be made, or not any more, are seen in a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import happenings
from chaos.good_history import BUSY, IDLE, LISTED, action, at, broken, entry, history, intent, run, sent
from chaos.history import Condition, History
from cloudwarden.core.finding import ActionState, ProposalState
from happenings import NOON


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


def test_what_was_not_called_allows_no_request() -> None:
    """An intent that was taken back; another one for the same step is none too many."""
    back = replace(intent(6), event="action_not_called")
    journal = history().journal
    assert "no_action_twice" in broken(history(journal=[*journal[:3], back, *journal[3:]]))
    again = intent(6)
    once_more = [*journal[:3], replace(back, seq=6), replace(again, seq=8), *journal[3:]]
    assert "no_action_twice" not in broken(history(journal=once_more))


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
