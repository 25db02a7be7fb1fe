"""Pauses: one of the same at a time, which forgets nobody's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cloudwarden.core.pause import ITSELF, Pause
from pausing import paused

ADA = paused(reason="incident")
BOB = replace(ADA, by="bob", at=ADA.at + timedelta(minutes=5), reason="deploy")


def test_a_pause_keeps_those_that_it_takes_the_place_of() -> None:
    """Who made them, when, and why, the latest first; those of something else are none of its business."""
    both = BOB.over([paused("stop-idle"), ADA])
    assert (both.by, both.at, both.words, both.earlier) == ("bob", BOB.at, "deploy", (str(ADA),))
    carol = replace(BOB, by="carol", reason="").over([both])
    assert carol.earlier == (str(BOB), str(ADA))
    assert str(carol) == f"everything was paused by carol at 2026-03-01 12:05Z; before that, {BOB}; before that, {ADA}"


def test_a_pause_is_somebodys_own_only_when_all_of_it_is() -> None:
    """The product's are nobody's, whatever a person calls themselves."""
    assert ADA.only_by("ada")
    assert replace(ADA, reason="again").over([ADA]).only_by("ada")
    assert [BOB.over([ADA]).only_by(name) for name in ("ada", "bob")] == [False, False]
    assert not Pause(by=ITSELF, at=ADA.at).only_by(ITSELF)
    assert not BOB.over([replace(ADA, by=ITSELF)]).only_by("bob")


def test_one_reason_is_kept_once() -> None:
    """A script that pauses every night makes no pause that grows."""
    night = replace(ADA, at=ADA.at + timedelta(days=1))
    assert night.over([ADA]) == night
    assert replace(night, reason="release").over([BOB.over([ADA])]).earlier == (str(BOB), str(ADA))
    assert night.over([BOB.over([ADA])]).earlier == (str(BOB),)


def test_who_says_why_of_their_own_makes_no_later_one() -> None:
    """What others said before stays all the same."""
    silent = replace(BOB, reason="").over([ADA])
    said = replace(BOB, at=BOB.at + timedelta(hours=1)).over([silent])
    assert (said.at, said.words, said.earlier) == (BOB.at, "deploy", (str(ADA),))


def test_a_rollback_stands_until_everything_is_resumed() -> None:
    """Also under a pause that somebody made over it; a policy that paused itself, and a person's pause, are none."""
    found = Pause(by=ITSELF, at=ADA.at, reason="the store was put back")
    assert [one.by_rollback for one in (found, BOB.over([found]))] == [True, True]
    others = (ADA, BOB.over([ADA]), replace(found, policy="stop-idle"), replace(found, account="1" * 12))
    assert not any(one.by_rollback for one in others)
