"""Agreement: whether as many people as a policy wants, and none that it bars, have agreed to a proposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloudwarden.core.finding import Assent, Proposal
from cloudwarden.core.policy import Approval


def spelled(name: str) -> str:
    """A person's name, however it is written: `Ada` is not somebody else than `ada`."""
    return " ".join(name.split()).casefold()


def names_of(by: str, user: str) -> frozenset[str]:
    """What a person may be known by: the name that was given, and the account of the operating system.

    `user` is empty where the account is nobody's own.
    """
    return frozenset(name for name in map(spelled, (by, user)) if name)


def earlier(assents: Iterable[Assent], by: str, user: str) -> Assent | None:
    """The assent that this person has given already. Whoever shares a name or an account with somebody is that one."""
    mine = names_of(by, user)
    return next((one for one in assents if names_of(one.by, one.user) & mine), None)


def barred(not_by: Iterable[str], by: str, user: str) -> bool:
    """Whether a person is one of those who may not agree."""
    return not names_of(by, user).isdisjoint(map(spelled, not_by))


def asked_otherwise(terms: Approval, proposal: Proposal) -> bool:
    """Whether people were asked on other terms than these."""
    asked = (proposal.quorum, frozenset(map(spelled, proposal.not_by)))
    return asked != (terms.quorum, frozenset(map(spelled, terms.not_by)))


def lacking(terms: Approval, proposal: Proposal) -> str | None:
    """What a proposal's approval lacks by these terms, in words; None when it meets them."""
    counted: list[Assent] = []
    for one in proposal.standing_assents:
        if not barred(terms.not_by, one.by, one.user) and earlier(counted, one.by, one.user) is None:
            counted.append(one)
    if len(counted) >= terms.quorum:
        return None
    return f"{len(counted)} of the {terms.quorum} people who must agree by now have{_not_counted(terms, proposal)}"


def _not_counted(terms: Approval, proposal: Proposal) -> str:
    names: Sequence[str] = [one.by for one in proposal.standing_assents if barred(terms.not_by, one.by, one.user)]
    return f", and {', '.join(names)} may not" if names else ""
