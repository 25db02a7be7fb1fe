"""Verbs of what operators decide beyond one proposal: exemptions, pauses, trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.app import App
from cloudwarden.cli import shapes
from cloudwarden.cli.findings import ByOption, ReasonOption
from cloudwarden.cli.installation import app_of, decider, known
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.core.durations import duration
from cloudwarden.core.exemption import ANY_POLICY, Exemption
from cloudwarden.engine import decide
from cloudwarden.engine.decide import Decider

PolicyArgument = Annotated[str, typer.Argument(metavar="[POLICY]", help="A policy; all of them unless given.")]


def exempt(
    context: typer.Context,
    policy: Annotated[str | None, typer.Argument(help="A policy, or '*' for all.", show_default=False)] = None,
    resource: Annotated[
        str | None, typer.Argument(help="A resource's id or ARN; * and ? are wildcards.", show_default=False)
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When it ends, in UTC."),
    ] = None,
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="How long it lasts, such as 30d; instead of --until."),
    ] = None,
    reason: ReasonOption = "",
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who answers for it; the operating system's user unless given.")
    ] = None,
    revoke: Annotated[str | None, typer.Option("--revoke", metavar="ID", help="End this exemption now.")] = None,
    *,
    listing: Annotated[bool, typer.Option("--list", help="List all that were ever made.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a resource out of a policy for a time.

    Also lists exemptions, and ends one before its time.
    """
    with app_of(context) as app:
        person = decider(app, by=owner, reason=reason)
        if listing:
            with app.store.reading() as tx:
                _list(tx.decisions.exemptions(), person.now, as_json=as_json)
            return
        if revoke is not None:
            with app.store.transaction() as tx:
                done = decide.revoke_exemption(tx, revoke, person)
            _say(f"revoked {done.id}: {done.policy} applies to {done.resource} again", done, as_json=as_json)
            return
        end = _end(until, lasting, person.now)
        if policy is None or resource is None or end is None:
            raise typer.BadParameter(
                "write a POLICY, a RESOURCE and --until DATE (or --for); or --list; or --revoke ID"
            )
        made = _exempt(app, person, policy, resource, end)
    _say(f"{made}: {made.policy} does not apply to {made.resource}", made, as_json=as_json)


def pause(
    context: typer.Context,
    policy: PolicyArgument = ANY_POLICY,
    reason: ReasonOption = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Hold actions, of one policy or of all.

    Sweeps go on, and a call in flight is finished. It lasts until `resume`, restarts included.
    """
    with app_of(context) as app:
        _known_policy(app, policy)
        with app.store.transaction() as tx:
            decide.pause(tx, decider(app, by=by, reason=reason), policy)
            pauses = tx.decisions.pauses()
    _say_pauses(pauses, f"paused {_named(policy)}; sweeps go on, actions do not", as_json=as_json)


def resume(
    context: typer.Context,
    policy: PolicyArgument = ANY_POLICY,
    reason: ReasonOption = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """End a pause."""
    with app_of(context) as app, app.store.transaction() as tx:
        decide.resume(tx, decider(app, by=by, reason=reason), policy)
        pauses = tx.decisions.pauses()
    _say_pauses(pauses, f"resumed {_named(policy)}", as_json=as_json)


def trust(
    context: typer.Context,
    policy: Annotated[str, typer.Argument(help="A policy.")],
    reason: ReasonOption = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Let an enforcing policy act without asking.

    Trust is for this version of the policy, in the scopes that its latest sweep covered.
    """
    with app_of(context) as app:
        policies = app.load().policies
        trusted = policies[known("policy", policy, policies)]
        with app.store.transaction() as tx:
            scopes = sorted(decide.trust(tx, trusted, decider(app, by=by, reason=reason)))
        mode = app.highest_mode_of(trusted)
    if as_json:
        emit({"policy": policy, "fingerprint": trusted.fingerprint, "scopes": [str(scope) for scope in scopes]})
    else:
        say(f"trusted {policy} (version {trusted.fingerprint}) in {', '.join(map(str, scopes))}")
    if mode < mode.ENFORCE:
        notice(f"but its mode here is {mode}, so it still does nothing by itself")


def _end(until: datetime | None, lasting: str | None, now: datetime) -> datetime | None:
    if lasting is None:
        return until.replace(tzinfo=UTC) if until else None
    try:
        return now + duration(lasting)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"--for {lasting}: {error}") from error


def _exempt(app: App, person: Decider, policy: str, resource: str, until: datetime) -> Exemption:
    _known_policy(app, policy)
    with app.store.transaction() as tx:
        made = decide.exempt(tx, person, policy=policy, resource=resource, expires_at=until)
        covered = [one for one in tx.findings.standing() if made.covers(one.policy, one.resource_id, one.arn)]
    notice(f"findings that it covers now: {len(covered)}")
    return made


def _known_policy(app: App, policy: str) -> None:
    """A typo here would look like a decision and be none."""
    if policy == ANY_POLICY:
        return
    with app.store.reading() as tx:
        stored = {finding.policy for finding in tx.findings.standing()}
    known("policy", policy, stored | set(app.load().policies))


def _list(exemptions: Sequence[Exemption], now: datetime, *, as_json: bool) -> None:
    if as_json:
        emit([shapes.exemption(one) for one in exemptions])
    else:
        show([_table(exemptions, now)])


def _table(exemptions: Sequence[Exemption], now: datetime) -> Table:
    return table(
        f"Exemptions ({len(exemptions)})",
        ("id", "policy", "resource", "owner", "reason", "until", "state"),
        (
            (one.id, one.policy, one.resource, one.owner, one.reason, moment(one.expires_at), _state(one, now))
            for one in exemptions
        ),
    )


def _state(exemption: Exemption, now: datetime) -> str:
    if exemption.revoked_at is not None:
        return "revoked"
    return "active" if exemption.active(now) else "expired"


def _say(text: str, exemption: Exemption, *, as_json: bool) -> None:
    if as_json:
        emit(shapes.exemption(exemption))
    else:
        say(text)


def _say_pauses(pauses: Mapping[str, str], text: str, *, as_json: bool) -> None:
    if as_json:
        emit({"paused": pauses})
        return
    say(text)
    for policy, why in pauses.items():
        notice(f"paused now: {_named(policy)}: {why}")


def _named(policy: str) -> str:
    return "everything" if policy == ANY_POLICY else policy
