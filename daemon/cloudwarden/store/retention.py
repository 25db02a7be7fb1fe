"""Retention: what is old leaves the store, in transactions so small that no writer waits long."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, not_, or_, select, tuple_

from cloudwarden.core.exemption import STORE
from cloudwarden.core.finding import ActionState, ProposalState, State
from cloudwarden.core.lifecycle import FIXED_WITHIN
from cloudwarden.core.resource import GLOBAL
from cloudwarden.engine.events import OldRemoved
from cloudwarden.store.findings import endings
from cloudwarden.store.notices import superseded
from cloudwarden.store.segments import export_oldest
from cloudwarden.store.tables import (
    actions,
    exemptions,
    findings,
    matches,
    notices,
    proposals,
    run_scopes,
    runs,
    scopes,
    trust,
)
from cloudwarden.store.transaction import SqlStore

BATCH = 500
"""Rows that one transaction deletes: some milliseconds."""

ENDINGS_KEPT = 100
"""Endings of each policy that runs which stay, however old: more failures than one allows before it stops."""

FORGOTTEN = timedelta(days=400)
"""A policy that did not run for longer than a yearly one rests was removed: if it comes back, it is new."""

_ENDED = tuple(state.value for state in ActionState if state.ended)
_UNDECIDED = (ProposalState.PENDING.value, ProposalState.APPROVED.value)


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long what has ended is kept. Whatever stands, waits or runs is kept for ever.

    Actions and proposals go by their own age: a finding that opens again every day would keep them all. The latest
    proposal of a finding stays as long as it, for what was put to people is theirs to decide. The latest actions of
    each policy stay, by which it stops after so many failures, and with them what they are about. What they fixed stays
    for as long as it matters that somebody brings it back. The space in SQLite's file is used again, so the file stops
    growing; it does not shrink.
    """

    store: SqlStore
    findings: timedelta
    journal: timedelta
    directory: Path | None
    """Where exported segments go; without one the journal is kept whole."""
    shipped_to: str | None = None
    """Where the journal is shipped to: what is not yet there stays."""

    def batches(self, now: datetime) -> Iterator[OldRemoved]:
        """Remove what is old; each step is one transaction. Raises StoreError."""
        before = now - self.findings
        for table, old in (
            (actions, _old_actions(before, self._latest_endings())),
            (proposals, _old_proposals(before)),
            (findings, _old_findings(before, fixed=min(before, now - FIXED_WITHIN))),
            (notices, _old_notices(before)),
        ):
            while count := self._remove(table, old):
                yield OldRemoved(**{table.name: count})
        while count := self._remove(exemptions, _old_exemptions(before)):
            yield OldRemoved(exemptions=count)
        if removed := self._remove_scopes(before):
            yield removed
        yield from self._remove_trust(before)
        yield from self._forget_policies(now - FORGOTTEN)
        while self.directory is not None:
            segment = export_oldest(
                self.store, self.directory, before=now - self.journal, now=now, shipped_to=self.shipped_to
            )
            if segment is None:
                return
            yield OldRemoved(entries=segment.last_seq - segment.first_seq + 1)

    def _latest_endings(self) -> Sequence[str]:
        """Actions that say whether a policy has failed too often in a row, however seldom it acts."""
        with self.store.reading() as tx:
            policies = tx.connection.execute(select(runs.c.policy)).scalars().all()
            ended = [tx.connection.execute(endings(policy, ENDINGS_KEPT)).scalars() for policy in policies]
            return [one for ids in ended for one in ids]

    def _remove(self, table: Table, old: ColumnElement[bool]) -> int:
        # Looked for without the write lock: finding nothing, the usual day, then holds up nobody.
        query = select(table.c.id).where(old).limit(BATCH)
        with self.store.reading() as tx:
            ids = tx.connection.execute(query).scalars().all()
        if not ids:
            return 0
        with self.store.transaction() as tx:
            return tx.connection.execute(delete(table).where(table.c.id.in_(ids), old)).rowcount

    def _remove_scopes(self, before: datetime) -> OldRemoved | None:
        """Forget what left long ago, and the trust in it: if it comes back, it is new, and only observed until somebody
        accepts it, and trusts there what is to act there."""
        query = select(scopes.c.account, scopes.c.region).where(_left(before))
        with self.store.reading() as tx:
            if tx.connection.execute(query.limit(1)).first() is None:
                return None
        with self.store.transaction() as tx:
            gone = [(account, region) for account, region in tx.connection.execute(query)]
            tx.connection.execute(delete(scopes).where(_in(scopes, gone)))
            stay = set(tx.connection.execute(select(scopes.c.account)).scalars())
            gone += [(account, GLOBAL) for account in {account for account, _ in gone} - stay]
            trusted = tx.connection.execute(delete(trust).where(_in(trust, gone))).rowcount
        return OldRemoved(scopes=sum(region != GLOBAL for _, region in gone), trust=trusted)

    def _remove_trust(self, before: datetime) -> Iterator[OldRemoved]:
        """Forget versions in whose place another was trusted long ago; whoever goes back to one trusts it again.

        What the latest run ran stays: whoever went back in time runs a version that was replaced.
        """
        other = trust.alias()
        newer = trust.c.trusted_at.is_(None) | (trust.c.trusted_at < other.c.trusted_at)
        runs_now = exists().where(runs.c.policy == trust.c.policy, runs.c.fingerprint == trust.c.fingerprint)
        replaced = not_(runs_now) & exists().where(
            other.c.policy == trust.c.policy,
            other.c.fingerprint != trust.c.fingerprint,
            other.c.trusted_at < before,
            newer,
        )
        with self.store.reading() as tx:
            query = select(trust.c.policy, trust.c.fingerprint).where(replaced).distinct()
            versions = tx.connection.execute(query).all()
        for policy, fingerprint in versions:
            old = and_(trust.c.policy == policy, trust.c.fingerprint == fingerprint, replaced)
            with self.store.transaction() as tx:
                count = tx.connection.execute(delete(trust).where(old)).rowcount
            yield OldRemoved(trust=count)

    def _forget_policies(self, before: datetime) -> Iterator[OldRemoved]:
        """What is known of policies that were removed: the latest run, what it found, and whether to trust them."""
        with self.store.reading() as tx:
            query = select(runs.c.policy).where(runs.c.started_at < before)
            names = tx.connection.execute(query).scalars().all()
        for name in names:
            with self.store.transaction() as tx:
                for table in (run_scopes, matches, trust, runs):
                    tx.connection.execute(delete(table).where(table.c.policy == name))
            yield OldRemoved(policies=1)


def _old_actions(before: datetime, needed: Sequence[str]) -> ColumnElement[bool]:
    # One parameter, however many they are: SQLite takes some tens of thousands.
    kept = select(func.json_each(json.dumps(needed)).table_valued("value").c.value)
    undoing = actions.alias()
    undone = exists().where(undoing.c.undoes == actions.c.id, undoing.c.state.not_in(_ENDED))
    old = and_(actions.c.state.in_(_ENDED), actions.c.changed_at < before)
    return and_(old, actions.c.id.not_in(kept), not_(undone))


def _left(before: datetime) -> ColumnElement[bool]:
    """Scopes that left long ago, unless findings stand there: that it left is what closes them."""
    where = or_(findings.c.region == scopes.c.region, findings.c.region == GLOBAL)
    found = exists().where(findings.c.closed_at.is_(None), findings.c.account == scopes.c.account, where)
    return and_(scopes.c.left_at < before, not_(found))


def _in(table: Table, places: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    # One parameter, as above: an organization's regions are thousands.
    named = func.json_each(json.dumps(places)).table_valued("value").c.value
    return tuple_(table.c.account, table.c.region).in_(
        select(func.json_extract(named, "$[0]"), func.json_extract(named, "$[1]"))
    )


def _old_proposals(before: datetime) -> ColumnElement[bool]:
    decided = (proposals.c.decided_at.is_(None)) | (proposals.c.decided_at < before)
    needed = exists().where(actions.c.proposal_id == proposals.c.id)
    old = and_(proposals.c.state.not_in(_UNDECIDED), proposals.c.expires_at < before, decided, not_(needed))
    return and_(old, or_(not_(_of_what_stands(before)), _superseded()))


def _of_what_stands(before: datetime) -> ColumnElement[bool]:
    """Whether its finding stays: then one proposal must, by which nothing is done that people were asked about."""
    stays = or_(findings.c.closed_at.is_(None), findings.c.closed_at >= before)
    return exists().where(findings.c.id == proposals.c.finding_id, stays)


def _superseded() -> ColumnElement[bool]:
    other = proposals.alias()
    later = tuple_(other.c.created_at, other.c.id) > tuple_(proposals.c.created_at, proposals.c.id)
    return exists().where(other.c.finding_id == proposals.c.finding_id, later)


def _old_findings(before: datetime, *, fixed: datetime) -> ColumnElement[bool]:
    """Those that closed before an instant, and before another one those that our actions `fixed`."""
    needed = exists().where(proposals.c.finding_id == findings.c.id) | exists().where(
        actions.c.finding_id == findings.c.id
    )
    put_off = findings.c.snoozed_until.is_not(None) & (findings.c.snoozed_until >= before)
    lately = (findings.c.state == State.FIXED.value) & (findings.c.closed_at >= fixed)
    return and_(findings.c.closed_at < before, not_(lately), not_(put_off), not_(needed))


def _old_exemptions(before: datetime) -> ColumnElement[bool]:
    """Ended ones; what a file still says, it would only say again."""
    expired = and_(exemptions.c.source == STORE, exemptions.c.expires_at < before)
    return expired | (exemptions.c.revoked_at < before)


def _old_notices(before: datetime) -> ColumnElement[bool]:
    """Those of what does not stand, and of what does, those in whose place there are later ones."""
    standing = exists().where(findings.c.id == notices.c.finding_id, findings.c.closed_at.is_(None))
    return and_(notices.c.created_at < before, or_(not_(standing), superseded()))
