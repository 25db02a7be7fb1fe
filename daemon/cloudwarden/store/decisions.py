"""Operators' decisions and the latest sweeps in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    outerjoin,
    select,
    update,
)

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.ports import ExemptionsFile, PolicyRun, ScopeRun
from cloudwarden.store import rows, tables
from cloudwarden.store.tables import exemptions, exemptions_files, matches, pauses, run_scopes, runs, trust

MATCHES_KEPT = 20
"""Sweeps of a policy whose violations are remembered: five hours of one every quarter of an hour."""


_NUMBER: ColumnElement[int] = literal_column("matches.rowid")
"""SQLite counts rows up as they are inserted: what was written by a clock that was ahead grows old, too."""


class SqlDecisions:
    """`ports.Decisions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def exemptions(self) -> Sequence[Exemption]:
        query = select(exemptions).order_by(exemptions.c.created_at, exemptions.c.id)
        return rows.fetch(self._connection, query, rows.exemption_from)

    def save_exemption(self, exemption: Exemption) -> None:
        rows.upsert(self._connection, exemptions, [rows.exemption_row(exemption)])

    def mark_used(self, exemption_ids: Iterable[str], at: datetime) -> None:
        named = sorted(set(exemption_ids))
        self._connection.execute(update(exemptions).where(exemptions.c.id.in_(named)).values(used_at=at))

    def exemptions_file(self) -> ExemptionsFile | None:
        found = rows.fetch(self._connection, select(exemptions_files), _file_from)
        return found[0] if found else None

    def save_exemptions_file(self, file: ExemptionsFile | None) -> None:
        self._connection.execute(delete(exemptions_files))
        rows.upsert(self._connection, exemptions_files, [asdict(file)] if file else [])

    def pauses(self) -> Sequence[Pause]:
        # `*` sorts before every name that a policy or an account can have.
        return rows.fetch(self._connection, select(pauses).order_by(pauses.c.policy, pauses.c.account), _pause_from)

    def save_pause(self, pause: Pause) -> None:
        rows.upsert(self._connection, pauses, [asdict(pause)])

    def end_pause(self, policy: str, account: str) -> None:
        self._connection.execute(delete(pauses).where(pauses.c.policy == policy, pauses.c.account == account))

    def trusted(self, policy: str, fingerprint: str) -> frozenset[Scope]:
        query = select(trust).where(trust.c.policy == policy, trust.c.fingerprint == fingerprint)
        return frozenset(rows.fetch(self._connection, query, rows.scope_of))

    def trusts(self, policy: str, fingerprint: str, scope: Scope) -> bool:
        version = (trust.c.policy == policy, trust.c.fingerprint == fingerprint)
        where = (trust.c.account == scope.account, trust.c.region == scope.region)
        return self._connection.execute(select(trust.c.policy).where(*version, *where)).first() is not None

    def trust(
        self, policy: str, fingerprint: str, scopes: Iterable[Scope], at: datetime, *, left_out: Iterable[Scope] = ()
    ) -> None:
        version = (trust.c.policy == policy, trust.c.fingerprint == fingerprint)
        for one in left_out:
            where = (trust.c.account == one.account, trust.c.region == one.region)
            self._connection.execute(delete(trust).where(*version, *where))
        named = {"policy": policy, "fingerprint": fingerprint, "trusted_at": at}
        rows.upsert(self._connection, trust, [named | rows.scope_columns(scope) for scope in set(scopes)])

    def distrust(self, policy: str | None = None) -> int:
        which = delete(trust) if policy is None else delete(trust).where(trust.c.policy == policy)
        return self._connection.execute(which).rowcount


class SqlRuns:
    """`ports.Runs`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, policy: str) -> PolicyRun | None:
        found = rows.fetch(self._connection, select(runs).where(runs.c.policy == policy), _run_from)
        return found[0] if found else None

    def swept(self) -> Mapping[str, datetime | None]:
        reading = outerjoin(runs, run_scopes, runs.c.policy == run_scopes.c.policy)
        latest = func.max(case((run_scopes.c.in_latest, runs.c.started_at), else_=run_scopes.c.read_at)).label(
            "read_at"
        )
        query = select(runs.c.policy, latest).select_from(reading).group_by(runs.c.policy)
        return {row.policy: row.read_at for row in self._connection.execute(query)}

    def save(self, run: PolicyRun, scopes: Iterable[ScopeRun]) -> None:
        # Of a thousand accounts, a sweep finds most scopes as the one before did: their rows stay as they are.
        known = self._scope_rows(run.policy)
        current = {one.scope: _scope_row(one, run) for one in scopes}
        gone = [rows.scope_columns(scope) for scope in known if scope not in current]
        changed = [
            {"policy": run.policy, **rows.scope_columns(scope), **row._asdict()}
            for scope, row in current.items()
            if known.get(scope) != row
        ]
        rows.upsert(self._connection, runs, [asdict(run)])
        rows.upsert(self._connection, run_scopes, changed)
        if gone:
            where = (run_scopes.c[name] == bindparam(f"of_{name}") for name in gone[0])
            each = [{f"of_{name}": value for name, value in one.items()} for one in gone]
            self._connection.execute(delete(run_scopes).where(run_scopes.c.policy == run.policy, *where), each)

    def scopes(self, policy: str) -> Mapping[Scope, ScopeRun]:
        run = self.get(policy)
        if run is None:
            return {}
        return {
            scope: ScopeRun(
                scope=scope,
                read_at=run.started_at if row.in_latest else row.read_at,
                matches=row.matches,
                population=row.population,
            )
            for scope, row in self._scope_rows(policy).items()
        }

    def _scope_rows(self, policy: str) -> Mapping[Scope, _ScopeRow]:
        kept = (run_scopes.c[name] for name in _ScopeRow._fields)
        query = select(run_scopes.c.account, run_scopes.c.region, *kept).where(run_scopes.c.policy == policy)
        return dict(rows.fetch_rows(self._connection, query, _of_scope))

    def population(self, policy: str, account: str) -> int | None:
        where = (run_scopes.c.policy == policy, run_scopes.c.account == account)
        known: int | None = self._connection.execute(select(func.sum(run_scopes.c.population)).where(*where)).scalar()
        return known

    def matches(self, policy: str) -> Sequence[int]:
        query = select(matches.c.count).where(matches.c.policy == policy).order_by(_NUMBER.desc())
        return list(self._connection.execute(query.limit(MATCHES_KEPT)).scalars())

    def add_matches(self, policy: str, at: datetime, count: int) -> None:
        rows.upsert(self._connection, matches, [{"policy": policy, "at": at, "count": count}])
        kept = select(_NUMBER).where(matches.c.policy == policy).order_by(_NUMBER.desc()).limit(MATCHES_KEPT)
        self._connection.execute(delete(matches).where(matches.c.policy == policy, _NUMBER.not_in(kept)))

    def forget_matches(self, policy: str) -> None:
        self._connection.execute(delete(matches).where(matches.c.policy == policy))


class SqlScopes:
    """`ports.Scopes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self) -> Mapping[Scope, KnownScope]:
        query = select(tables.scopes).order_by(tables.scopes.c.account, tables.scopes.c.region)
        return {one.scope: one for one in rows.fetch(self._connection, query, _known_from)}

    def save(self, scopes: Iterable[KnownScope]) -> None:
        rows.upsert(self._connection, tables.scopes, [_known_row(one) for one in scopes])


def _known_from(row: RowMapping) -> KnownScope:
    kept = {name: row[name] for name in ("name", "found_at", "accepted_at", "accepted_by", "left_at")}
    return KnownScope(scope=rows.scope_of(row), **kept)


def _known_row(known: KnownScope) -> dict[str, object]:
    return {
        **rows.scope_columns(known.scope),
        "name": known.name,
        "found_at": known.found_at,
        "accepted_at": known.accepted_at,
        "accepted_by": known.accepted_by,
        "left_at": known.left_at,
    }


def _pause_from(row: RowMapping) -> Pause:
    return Pause(**row)


def _file_from(row: RowMapping) -> ExemptionsFile:
    return ExemptionsFile(**row)


def _run_from(row: RowMapping) -> PolicyRun:
    return PolicyRun(**row)


class _ScopeRow(NamedTuple):
    """What a row keeps of a scope. What the latest sweep read was read at that sweep's own instant."""

    in_latest: bool
    read_at: datetime | None
    matches: int | None
    population: int | None


def _of_scope(row: Row[Any]) -> tuple[Scope, _ScopeRow]:
    values: tuple[Any, ...] = tuple(row)
    return Scope(account=values[0], region=values[1]), _ScopeRow(*values[2:])


def _scope_row(one: ScopeRun, run: PolicyRun) -> _ScopeRow:
    in_latest = one.read_at == run.started_at
    return _ScopeRow(in_latest, None if in_latest else one.read_at, one.matches, one.population)
