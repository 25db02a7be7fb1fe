"""What operators decided, in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from cloudwarden.core.exemption import Exemption
from cloudwarden.core.resource import Scope
from cloudwarden.store import SqlStore
from pausing import paused

Exemptions = Callable[..., Exemption]


EAST = Scope(account="111122223333", region="us-east-1")


WEST = Scope(account="111122223333", region="us-west-2")


def test_exemptions_come_back_whole(store: SqlStore, exemption: Exemptions, noon: datetime) -> None:
    """Revoked and expired ones are kept; saving again is a change."""
    with store.transaction() as tx:
        tx.decisions.save_exemption(exemption("e1"))
        tx.decisions.save_exemption(exemption("e1", revoked_at=noon))
        tx.decisions.save_exemption(exemption("e2", expires_at=noon))
        assert tx.decisions.exemptions() == [exemption("e1", revoked_at=noon), exemption("e2", expires_at=noon)]


def test_pauses_are_set_and_lifted(store: SqlStore) -> None:
    """The later reason counts; lifting what is not paused is nothing."""
    with store.transaction() as tx:
        tx.decisions.save_pause(paused())
        tx.decisions.save_pause(paused(reason="outage"))
        tx.decisions.save_pause(paused("stop-idle"))
        tx.decisions.save_pause(paused("stop-idle", "111122223333"))
        tx.decisions.save_pause(paused(account="111122223333"))
        tx.decisions.end_pause("stop-idle", "*")
        tx.decisions.end_pause("owner-tags", "*")
        assert tx.decisions.pauses() == [
            paused(reason="outage"),
            paused(account="111122223333"),
            paused("stop-idle", "111122223333"),
        ]


def test_trust_grows_and_is_bound_to_a_version(store: SqlStore, noon: datetime) -> None:
    """Scopes add up for one fingerprint, but for those left out; another fingerprint, or policy, is not trusted."""
    with store.transaction() as tx:
        tx.decisions.trust("stop-idle", "v1", [EAST], noon)
        tx.decisions.trust("stop-idle", "v1", [WEST], noon)
        assert tx.decisions.trusted("stop-idle", "v1") == {EAST, WEST}
        tx.decisions.trust("stop-idle", "v1", [WEST], noon, left_out=[EAST])
        assert tx.decisions.trusted("stop-idle", "v1") == {WEST}
        assert tx.decisions.trusted("stop-idle", "v2") == frozenset()
        assert tx.decisions.trusted("owner-tags", "v1") == frozenset()


@pytest.mark.parametrize("scope", [EAST, WEST])
@pytest.mark.parametrize("version", [("stop-idle", "v1"), ("stop-idle", "v2"), ("owner-tags", "v1")])
def test_trust_in_one_scope_is_that_in_all_of_them(
    store: SqlStore, noon: datetime, version: tuple[str, str], scope: Scope
) -> None:
    """Asking for one gives what all of them say."""
    with store.transaction() as tx:
        tx.decisions.trust("stop-idle", "v1", [EAST], noon)
        assert tx.decisions.trusts(*version, scope) == (scope in tx.decisions.trusted(*version))


def test_nobody_is_trusted_any_more(store: SqlStore, noon: datetime) -> None:
    """Whatever policy it was, in whatever version."""
    with store.transaction() as tx:
        tx.decisions.trust("p", "v1", [EAST], noon)
        tx.decisions.trust("q", "v2", [WEST], noon)
        tx.decisions.distrust()
        assert tx.decisions.trusted("p", "v1") == tx.decisions.trusted("q", "v2") == frozenset()
