"""Retention of scopes, policies and the trust in them: what left long ago is forgotten, unless something stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cloudwarden.core import lifecycle
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.finding import Finding
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.engine.events import OldRemoved
from cloudwarden.ports import PolicyRun, ScopeRun
from cloudwarden.store import SqlStore
from retaining import LATER, MONTH, policy


def test_a_scope_that_left_long_ago_is_forgotten(store: SqlStore, noon: datetime) -> None:
    """An account that comes back after that is new, and waits to be accepted."""
    here, left = (Scope(account=f"{number:012}", region="eu-west-1") for number in (1, 2))
    with store.transaction() as tx:
        tx.scopes.save(
            [
                KnownScope(scope=here, name="", found_at=noon, accepted_at=noon),
                KnownScope(scope=left, name="", found_at=noon, accepted_at=noon, left_at=noon),
            ]
        )
    assert list(policy(store).batches(noon + timedelta(days=29))) == []
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=1)]
    with store.reading() as tx:
        assert set(tx.scopes.known()) == {here}


def test_trust_in_a_scope_goes_with_it(store: SqlStore, noon: datetime) -> None:
    """What comes back is new: nothing acts there by itself because somebody trusted it before. The rest stays."""
    here, gone, part = (Scope(account=f"{number:012}", region="eu-west-1") for number in (1, 2, 3))
    stays = replace(part, region="us-east-1")
    everywhere = [replace(one, region=GLOBAL) for one in (here, gone, part)]
    with store.transaction() as tx:
        for one in (here, gone, part, stays):
            left_at = noon if one in (gone, part) else None
            tx.scopes.save([KnownScope(scope=one, name="", found_at=noon, accepted_at=noon, left_at=left_at)])
        tx.decisions.trust("a", "v1", [here, gone, part, stays, *everywhere], noon)
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=2, trust=3)]
    with store.reading() as tx:
        assert tx.decisions.trusted("a", "v1") == {here, stays, everywhere[0], everywhere[2]}


@pytest.mark.parametrize("region", ["eu-west-1", GLOBAL])
def test_a_scope_that_left_stays_known_while_findings_stand_there(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime, region: str
) -> None:
    """That it left is what closes them, once somebody can tell of its account again; or they stood for ever."""
    left = Scope(account="1" * 12, region="eu-west-1")
    stands = finding("f1", scope=replace(left, region=region))
    with store.transaction() as tx:
        tx.scopes.save([KnownScope(scope=left, name="", found_at=noon, left_at=noon)])
        tx.findings.save([stands])
    assert list(policy(store).batches(noon + LATER)) == []
    with store.transaction() as tx:
        tx.findings.save([lifecycle.forsaken(stands, "it left", noon + LATER)])
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=1)]


def test_a_version_that_was_replaced_long_ago_is_no_longer_trusted(store: SqlStore, noon: datetime) -> None:
    """One goes a month after another was trusted in its place; what is trusted now stays for ever."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        tx.decisions.trust("a", "old", [here], noon)
        tx.decisions.trust("a", "new", [here], noon + MONTH)
        tx.decisions.trust("b", "only", [here], noon)
    assert list(policy(store).batches(noon + MONTH + timedelta(days=29))) == []
    assert list(policy(store).batches(noon + MONTH + LATER)) == [OldRemoved(trust=1)]
    with store.reading() as tx:
        versions = (("a", "old"), ("a", "new"), ("b", "only"))
        assert [bool(tx.decisions.trusted(*version)) for version in versions] == [False, True, True]


def test_a_version_that_was_gone_back_to_is_trusted_for_ever(store: SqlStore, noon: datetime) -> None:
    """What runs is not replaced, though another one was trusted after it: it would only propose, in silence."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        for number, version in enumerate(("older", "old", "new")):
            tx.decisions.trust("a", version, [here], noon + timedelta(days=number))
        tx.runs.save(PolicyRun(policy="a", run_id="r", started_at=noon + MONTH, population=1, fingerprint="old"), [])
    assert list(policy(store).batches(noon + 3 * MONTH)) == [OldRemoved(trust=1)]
    with store.reading() as tx:
        assert [bool(tx.decisions.trusted("a", one)) for one in ("older", "old", "new")] == [False, True, True]


def test_what_was_trusted_before_instants_were_kept_is_the_oldest(store: SqlStore, noon: datetime) -> None:
    """It stays until another version was trusted in its place, a month ago."""
    with store.transaction() as tx:
        tx.connection.exec_driver_sql("INSERT INTO trust VALUES ('a', 'ancient', '1', 'eu-west-1', NULL)")
    assert list(policy(store).batches(noon + 100 * MONTH)) == []
    with store.transaction() as tx:
        tx.decisions.trust("a", "new", [Scope(account="1" * 12, region="eu-west-1")], noon)
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(trust=1)]


def test_a_policy_that_was_removed_long_ago_is_forgotten(store: SqlStore, noon: datetime) -> None:
    """After more than a year it would be new; a yearly one runs in between."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        for name, started in (("removed", noon), ("yearly", noon + LATER)):
            tx.runs.save(PolicyRun(policy=name, run_id="r", started_at=started, population=1), [ScopeRun(scope=here)])
            tx.runs.add_matches(name, started, 3)
            tx.decisions.trust(name, "v1", [here], started)
    assert list(policy(store).batches(noon + timedelta(days=399))) == []
    assert list(policy(store).batches(noon + timedelta(days=401))) == [OldRemoved(policies=1)]
    with store.reading() as tx:
        for name, known in (("removed", False), ("yearly", True)):
            assert bool(tx.runs.get(name)) is bool(tx.runs.scopes(name)) is bool(tx.runs.matches(name)) is known
            assert bool(tx.decisions.trusted(name, "v1")) is known
