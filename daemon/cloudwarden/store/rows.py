"""Between rows and the values of the core: one function each way for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, RowMapping, Select, Table
from sqlalchemy.dialects.sqlite import Insert, insert

from cloudwarden.core.action import Plan
from cloudwarden.core.errors import StoreUnusable
from cloudwarden.core.exemption import Exemption, Tagged, Told
from cloudwarden.core.finding import (
    ActionRecord,
    ActionState,
    Assent,
    Finding,
    Grace,
    Proposal,
    ProposalState,
    State,
)
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Reading, Severity, Violation

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)

_AT_ONCE = 500
"""Ids in one query: SQLite takes some tens of thousands, and a short list is planned faster."""

_PROSPECTS = TypeAdapter(dict[str, Prospect])


def fetch(connection: Connection, query: Select[Any], build: Callable[[RowMapping], T]) -> list[T]:
    """What the query finds, as values of rows by name. Raises StoreUnusable when one is not of this version."""
    return fetch_rows(connection, query, lambda row: build(row._mapping))


def fetch_rows(connection: Connection, query: Select[Any], build: Callable[[Row[Any]], T]) -> list[T]:
    """The same of rows in order, which take half the time: for what there are hundreds of thousands of."""
    try:
        return [build(row) for row in connection.execute(query)]
    except (ValueError, TypeError, LookupError) as error:
        tables = ", ".join(str(source) for source in query.get_final_froms())
        raise StoreUnusable(f"a row of {tables} cannot be read ({error}): restore a backup of the database") from error


def in_parts(ids: Collection[str]) -> Iterator[Sequence[str]]:
    """Each id once, in as many lists as there have to be queries."""
    each = sorted(set(ids))
    return (each[start : start + _AT_ONCE] for start in range(0, len(each), _AT_ONCE))


def upsert(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert the rows, or overwrite the ones with the same primary key; all in one prepared statement."""
    batch = [dict(row) for row in rows]
    if batch:
        connection.execute(_upsert(table), batch)


@cache
def _upsert(table: Table) -> Insert:
    """The statement, which takes longer to make than to carry out."""
    statement = insert(table)
    keys = list(table.primary_key.columns)
    others = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    if not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


def scope_of(row: RowMapping) -> Scope:
    """The scope that a row names."""
    return Scope(account=row["account"], region=row["region"])


def scope_columns(scope: Scope) -> dict[str, object]:
    """The columns that name a scope."""
    return {"account": scope.account, "region": scope.region}


def finding_row(finding: Finding) -> dict[str, object]:
    """A finding as a row."""
    unknown, grace = finding.unknown, finding.grace
    return {
        "id": finding.id,
        "policy": finding.policy,
        "kind": finding.kind,
        **scope_columns(finding.scope),
        "resource_id": finding.resource_id,
        "arn": finding.arn,
        "name": finding.name,
        "severity": finding.severity.value,
        "state": finding.state.value,
        "summary": finding.violation.summary,
        "offending": list(finding.violation.offending),
        "readings": [[reading.question, reading.answer] for reading in finding.readings],
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "state_since": finding.state_since,
        "closed_at": finding.closed_at,
        "grace_observed_microseconds": grace.observed // _MICROSECOND,
        "grace_ticked_at": grace.ticked_at,
        "grace_blind_since": grace.blind_since,
        "grace_since": grace.since,
        "unknown_reason": unknown.reason if unknown else None,
        "unknown_detail": unknown.detail if unknown else None,
        "held": finding.held,
        "protected": finding.protected,
        "snoozed_until": finding.snoozed_until,
        "attempts": finding.attempts,
        "flaps": finding.flaps,
        "identity": finding.identity,
        "saving_dollars": finding.saving.dollars if finding.saving else None,
        "saving_basis": finding.saving.basis if finding.saving else None,
    }


def finding_from(row: RowMapping) -> Finding:
    """The finding that a row holds."""
    reason, basis = row["unknown_reason"], row["saving_basis"]
    return Finding(
        id=row["id"],
        policy=row["policy"],
        kind=row["kind"],
        scope=scope_of(row),
        resource_id=row["resource_id"],
        arn=row["arn"],
        name=row["name"],
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        violation=Violation(summary=row["summary"], offending=tuple(row["offending"])),
        readings=tuple(Reading(question=question, answer=answer) for question, answer in row["readings"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        state_since=row["state_since"],
        grace=Grace(
            observed=row["grace_observed_microseconds"] * _MICROSECOND,
            ticked_at=row["grace_ticked_at"],
            blind_since=row["grace_blind_since"],
            since=row["grace_since"],
        ),
        unknown=None if reason is None else Cause(reason=reason, detail=row["unknown_detail"]),
        held=row["held"],
        protected=row["protected"],
        snoozed_until=row["snoozed_until"],
        saving=None if basis is None else Saving(dollars=row["saving_dollars"], basis=basis),
        attempts=row["attempts"],
        flaps=row["flaps"],
        identity=row["identity"],
    )


def proposal_row(proposal: Proposal) -> dict[str, object]:
    """A proposal as a row."""
    return {
        "id": proposal.id,
        "finding_id": proposal.finding_id,
        "policy": proposal.policy,
        **scope_columns(proposal.scope),
        "resource_id": proposal.resource_id,
        "plan": proposal.plan.to_json(),
        "state": proposal.state.value,
        "created_at": proposal.created_at,
        "expires_at": proposal.expires_at,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at,
        "decided_from": proposal.decided_from,
        "reason": proposal.reason,
        "quorum": proposal.quorum,
        "not_by": list(proposal.not_by),
        "assents": [asdict(assent) | {"at": assent.at.isoformat()} for assent in proposal.assents],
        "alternatives": [plan.to_json() for plan in proposal.alternatives],
        "prospects": _PROSPECTS.dump_python(dict(proposal.prospects), mode="json"),
    }


def proposal_from(row: RowMapping) -> Proposal:
    """The proposal that a row holds."""
    return Proposal(
        id=row["id"],
        finding_id=row["finding_id"],
        policy=row["policy"],
        scope=scope_of(row),
        resource_id=row["resource_id"],
        plan=Plan.from_json(row["plan"]),
        state=ProposalState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        decided_from=row["decided_from"],
        reason=row["reason"],
        quorum=row["quorum"],
        not_by=tuple(row["not_by"]),
        assents=tuple(Assent(**one | {"at": datetime.fromisoformat(one["at"])}) for one in row["assents"]),
        alternatives=tuple(Plan.from_json(plan) for plan in row["alternatives"]),
        prospects=_PROSPECTS.validate_python(row["prospects"]),
    )


def action_row(record: ActionRecord) -> dict[str, object]:
    """An action as a row."""
    return {
        "id": record.id,
        "finding_id": record.finding_id,
        "proposal_id": record.proposal_id,
        "policy": record.policy,
        **scope_columns(record.scope),
        "resource_id": record.resource_id,
        "plan": record.plan.to_json(),
        "run_id": record.run_id,
        "state": record.state.value,
        "started_at": record.started_at,
        "changed_at": record.changed_at,
        "step": record.step,
        "kept": dict(record.kept),
        "error": record.error,
        "undoes": record.undoes,
        "owner": record.owner,
        "lease_until": record.lease_until,
    }


def action_from(row: RowMapping) -> ActionRecord:
    """The action that a row holds."""
    return ActionRecord(
        id=row["id"],
        finding_id=row["finding_id"],
        proposal_id=row["proposal_id"],
        policy=row["policy"],
        scope=scope_of(row),
        resource_id=row["resource_id"],
        plan=Plan.from_json(row["plan"]),
        run_id=row["run_id"],
        state=ActionState(row["state"]),
        started_at=row["started_at"],
        changed_at=row["changed_at"],
        step=row["step"],
        kept=dict(row["kept"]),
        error=row["error"],
        undoes=row["undoes"],
        owner=row["owner"],
        lease_until=row["lease_until"],
    )


def exemption_row(exemption: Exemption) -> dict[str, object]:
    """An exemption as a row."""
    return {
        "id": exemption.id,
        "policy": exemption.policy,
        "resource": exemption.resource,
        "owner": exemption.owner,
        "reason": exemption.reason,
        "created_at": exemption.created_at,
        "expires_at": exemption.expires_at,
        "revoked_at": exemption.revoked_at,
        "tag_key": exemption.tag.key if exemption.tag else None,
        "tag_value": exemption.tag.value if exemption.tag else None,
        "account": exemption.account,
        "region": exemption.region,
        "source": exemption.source,
        "made_by": exemption.made_by,
        "made_from": exemption.made_from,
        "revoked_by": exemption.revoked_by,
        "revoked_from": exemption.revoked_from,
        "revoked_reason": exemption.revoked_reason,
        "used_at": exemption.used_at,
        "told": exemption.told.value if exemption.told else None,
    }


def exemption_from(row: RowMapping) -> Exemption:
    """The exemption that a row holds."""
    plain = {name: value for name, value in row.items() if name not in ("tag_key", "tag_value", "told")}
    key, told = row["tag_key"], row["told"]
    tag = None if key is None else Tagged(key=key, value=row["tag_value"])
    return Exemption(**plain, tag=tag, told=Told(told) if told else None)
