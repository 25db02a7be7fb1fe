"""Records that do not agree with what happened are seen in a history."""

from __future__ import annotations

from dataclasses import replace

import happenings
from chaos.good_history import BUSY, IDLE, LISTED, action, at, broken, entry, history
from chaos.history import Closing, Condition
from cloudwarden.core.finding import ActionState, State


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
