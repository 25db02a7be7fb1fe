"""The model: what must be so in every history. One pure function for each invariant says, in words, where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chaos import begun, calls, consents, records, restraints
from chaos.history import History

INVARIANTS: tuple[Callable[[History], Iterator[str]], ...] = (
    calls.no_call_without_a_committed_intent,
    calls.no_action_twice,
    begun.nothing_goes_on_that_was_overtaken,
    restraints.no_limit_exceeded,
    restraints.no_quota_exceeded,
    restraints.nothing_while_paused,
    restraints.nothing_on_the_exempt,
    restraints.nothing_in_a_freeze,
    restraints.nothing_outside_its_hours,
    consents.nothing_unapproved,
    consents.nothing_alone_that_people_were_asked,
    consents.nothing_untold,
    restraints.nothing_after_failures,
    calls.nothing_on_the_unknown,
    calls.nothing_on_the_protected,
    calls.nothing_denied,
    records.nothing_closed_on_an_incomplete_listing,
    records.nothing_closed_blindly,
    records.the_chain_is_whole,
    records.records_agree,
    records.every_finding_is_accounted_for,
)


def violations(history: History) -> list[str]:
    """Everything that is not as it must be, each with the invariant that it breaks."""
    return [f"{check.__name__}: {what}" for check in INVARIANTS for what in check(history)]
