"""What nobody agreed to, or was told of, is seen in a history."""

from __future__ import annotations

from dataclasses import replace

import happenings
from chaos.good_history import action, at, broken, entry, history, intent
from chaos.history import History, Message
from cloudwarden import ENFORCE
from cloudwarden.core.finding import ProposalState
from happenings import STOP


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
