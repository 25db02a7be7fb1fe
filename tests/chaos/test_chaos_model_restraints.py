"""What goes beyond a limit, a pause, an exemption, a freeze or its hours is seen in a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chaos.good_history import BUSY, IDLE, LISTED, SECOND, action, at, broken, entry, history, intent, run
from chaos.history import Frozen
from cloudwarden import Limit
from cloudwarden.core.restraint import Quota
from happenings import NOON


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


def test_nothing_in_a_freeze() -> None:
    """A call is intended in a freeze that the daemon knew of."""
    assert "nothing_in_a_freeze" in broken(history(freezes=[Frozen(begins=NOON, until=at(60))]))


def test_nothing_outside_its_hours() -> None:
    """A call is intended when its policy does not act; unless the version that was replaced just now may."""
    (version,) = history().versions
    evening, noon = replace(version, hours=(18, 20)), replace(version, hours=(12, 13))
    for versions, breaks in (([evening], True), ([noon], False), ([noon, replace(evening, at=at(1))], False)):
        assert ("nothing_outside_its_hours" in broken(history(versions=versions))) is breaks


def test_nothing_after_failures() -> None:
    """An action failed where one failure stops the policy, and it began another one, which nobody let it."""
    failed = [*history().journal[:3], entry(7, "action_failed", "a-1", policy="stop-idle")]
    more = [intent(9, "a-2", "i-2"), entry(10, "action_succeeded", "a-2", policy="stop-idle")]
    version = replace(history().versions[0], limit=Limit(failures=1))
    resumed = entry(8, "resumed", policy="stop-idle", account="*")
    for journal, breaks in (([*failed, *more], True), ([*failed, resumed, *more], False)):
        made = history(journal=journal, versions=[version], actions=two()["actions"])
        assert ("nothing_after_failures" in broken(made)) is breaks
