"""A blast radius has one order, one hash, and knows what it does not know."""

from __future__ import annotations

from itertools import permutations

from cloudwarden.core.blast import UNREAD, BlastRadius, Dependant, Gap
from cloudwarden.core.verdict import Cause
from cloudwarden.testing import NOON

WEB = Dependant(kind="elbv2.target-group", id="arn:web", why="has it as a target on port 80")
DISK = Dependant(kind="ec2.volume", id="vol-1", why="is attached to it")
DENIED = Gap(what="addresses", cause=Cause(reason="access-denied", detail="request 1"))


def radius(*dependants: Dependant, gaps: tuple[Gap, ...] = ()) -> BlastRadius:
    """What was read at noon."""
    return BlastRadius.of(dependants, gaps, NOON)


def test_order_changes_nothing() -> None:
    """The cloud answers in any order, and twice: people must not be asked again for that."""
    made = {radius(*some, WEB) for some in permutations((WEB, DISK))}
    assert len(made) == 1
    assert made.pop().dependants == (DISK, WEB)


def test_words_and_instants_are_no_part_of_the_hash() -> None:
    """A port that is described otherwise, or another request id, is nothing new."""
    renamed = Dependant(kind=WEB.kind, id=WEB.id, why="has it as a target on port 81", name="web")
    again = Gap(what=DENIED.what, cause=Cause(reason="throttled", detail="request 2"))
    later = BlastRadius.of([renamed], [again], None)
    assert later.hash == radius(WEB, gaps=(DENIED,)).hash


def test_who_depends_and_what_is_unknown_are() -> None:
    """Each that comes or goes is another radius to agree to."""
    made = (radius(), radius(WEB), radius(WEB, DISK), radius(WEB, gaps=(DENIED,)), UNREAD)
    assert len({one.hash for one in made}) == len(made)


def test_growth_is_what_was_not_seen() -> None:
    """What went is no growth, and what is unknown is neither there nor gone."""
    assert radius(WEB, DISK).beyond(radius(WEB)) == (DISK,)
    assert radius(WEB).beyond(radius(WEB, DISK)) == ()
    assert radius(WEB, gaps=(DENIED,)).unread_since(radius(WEB)) == (DENIED,)
    assert radius(gaps=(DENIED,)).unread_since(radius(gaps=(DENIED,))) == ()


def test_who_agreed_to_an_unknown_radius_agreed_to_any_gap() -> None:
    """Nothing was known then, so nothing can have become unknown since."""
    assert radius(gaps=(DENIED,)).unread_since(UNREAD) == ()


def test_unknown_is_never_shown_as_nothing() -> None:
    """Whatever else is known."""
    shown = [str(one) for one in (radius(), radius(WEB), radius(gaps=(DENIED,)), radius(WEB, gaps=(DENIED,)), UNREAD)]
    assert shown == ["nothing else", "1", "unknown", "1 and unknown", "unknown"]
