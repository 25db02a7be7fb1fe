"""Verbs of exemptions: making, listing, showing and revoking them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.app import App
from cloudwarden.cli import shapes, tables
from cloudwarden.cli.decisions import AccountOption
from cloudwarden.cli.ending import Lasting, Until, end
from cloudwarden.cli.findings import ByOption, NeededReason
from cloudwarden.cli.installation import app_of, decider
from cloudwarden.cli.naming import PolicyOption, known_policy
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.cli.presence import where_it_counts
from cloudwarden.core.errors import StoreError
from cloudwarden.core.exemption import ANY, STORE, Exemption, ExemptionState, Subject, Tagged, tag_written
from cloudwarden.core.finding import Finding
from cloudwarden.engine import exempt as exempting
from cloudwarden.engine.exempt import Wish
from cloudwarden.ports import Transaction

exemptions = typer.Typer(help="What is taken out of policies, by whom, and until when.", no_args_is_help=True)


def exempt(
    context: typer.Context,
    policy: Annotated[str, typer.Argument(help="A policy, or '*' for all.")],
    resource: Annotated[
        str, typer.Argument(help="A resource's id, ARN or name; * and ? are wildcards.", show_default=False)
    ] = ANY,
    until: Until = None,
    lasting: Lasting = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Only what carries this tag.")] = None,
    account: AccountOption = ANY,
    region: Annotated[
        str, typer.Option("--region", help="Only what is in this region; all of them unless given.", show_default=False)
    ] = ANY,
    reason: NeededReason = "",
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who answers for it; whoever makes it unless given.")
    ] = None,
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Take resources out of a policy for a time.

    All that is given must hold: resource, tag, account and region.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        wish = Wish(
            policy=policy,
            resource=resource,
            tag=_tag(tag),
            account=account,
            region=region,
            owner=person.by if owner is None else owner,
            reason=reason,
            expires_at=end(until, lasting, person.now),
        )
        known_policy(app, policy)
        allowed = exempting.longest(app.load().policies, policy, app.settings.exemption_longest)
        with app.store.transaction() as tx:
            made = exempting.exempt(tx, person, wish, allowed)
        if as_json:
            emit(shapes.exemption(made, made.state(person.now)))
        else:
            say(f"{made}: {made.policy} does not apply to {made.selects}")
        notice(f"findings that it covers now: {_counted(app, made)}")
        notice(where_it_counts(app.settings.database))


@exemptions.command("list")
def listing(
    context: typer.Context,
    policy: PolicyOption = None,
    state: Annotated[ExemptionState | None, typer.Option("--state", help="Only those in this state.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that expired or were revoked.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List exemptions, those that end first at the top."""
    with app_of(context) as app:
        known_policy(app, policy)
        with app.store.reading() as tx:
            found = [one for one in _with_states(app, tx) if policy in (None, one[0].policy)]
    over = (ExemptionState.EXPIRED, ExemptionState.REVOKED)
    shown = [one for one in found if one[1] is state or (state is None and (everything or one[1] not in over))]
    if as_json:
        emit([shapes.exemption(one, which) for one, which in shown])
        return
    show([_table(shown)])


@exemptions.command("show")
def one_of_them(
    context: typer.Context,
    exemption_id: Annotated[str, typer.Argument(metavar="ID", help="An exemption, as `list` shows it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one: what it selects, who made it, when, why, from where, and what it covers now."""
    with app_of(context) as app, app.store.reading() as tx:
        one = exempting.find(tx, exemption_id)
        covered = _covered(tx, one)
        state = one.state(app.clock.now(), app.settings.exemption_warning)
    if as_json:
        emit(shapes.exemption(one, state) | {"covers": [each.id for each in covered]})
        return
    show([table(f"Exemption {one.id}", ("", ""), _facts(one, state))])
    rows = [(each.id, each.policy, str(each.scope), each.resource_id, str(each.state)) for each in covered]
    show([table(f"Findings that it covers ({len(rows)})", ("id", "policy", tables.WHERE, "resource", "state"), rows)])


@exemptions.command("revoke")
def revoke(
    context: typer.Context,
    exemption_id: Annotated[str, typer.Argument(metavar="ID", help="An exemption, as `list` shows it.")],
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """End an exemption before its time; its findings take the ordinary way, with their grace anew."""
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        with app.store.transaction() as tx:
            done = exempting.revoke(tx, exemption_id, person)
        notice(where_it_counts(app.settings.database))
    if as_json:
        emit(shapes.exemption(done, ExemptionState.REVOKED))
    else:
        say(f"revoked {done.id}: {done.policy} applies to {done.selects} again")


exemptions.command("add")(exempt)


def _tag(word: str | None) -> Tagged | None:
    try:
        return None if word is None else tag_written(word)
    except ValueError as error:
        raise typer.BadParameter(f"--tag: {error}") from error


def _counted(app: App, exemption: Exemption) -> str:
    """How many findings it covers: counted after it was committed, for that takes long, and writers would wait."""
    try:
        with app.store.reading() as tx:
            covered = _covered(tx, exemption)
    except StoreError as error:
        return f"not known: {error}"
    surely = sum(exemption.covers(one.policy, Subject.found(one)) is True for one in covered)
    perhaps = len(covered) - surely
    return f"{surely}{f'; of {perhaps} more the next sweep will tell' if perhaps else ''}"


def _covered(tx: Transaction, exemption: Exemption) -> list[Finding]:
    """Standing findings that it covers, or may: the next sweep reads their tags, and where buckets are kept."""
    standing = tx.findings.standing(None if exemption.policy == ANY else exemption.policy)
    return [one for one in standing if exemption.covers(one.policy, Subject.found(one)) is not False]


def _with_states(app: App, tx: Transaction) -> list[tuple[Exemption, ExemptionState]]:
    now, warning = app.clock.now(), app.settings.exemption_warning
    found = sorted(tx.decisions.exemptions(), key=lambda one: (one.expires_at, one.id))
    return [(one, one.state(now, warning)) for one in found]


def _table(found: list[tuple[Exemption, ExemptionState]]) -> Table:
    return table(
        f"Exemptions ({len(found)})",
        ("id", "policy", "selects", "owner", "reason", "until", "state", "source"),
        (
            (one.id, one.policy, one.selects, one.owner, one.reason, moment(one.expires_at), str(state), one.source)
            for one, state in found
        ),
    )


def _facts(one: Exemption, state: ExemptionState) -> Iterator[tuple[str, str]]:
    yield "policy", one.policy
    yield "selects", one.selects
    yield "state", str(state)
    yield "owner", one.owner
    yield "reason", one.reason
    yield "ends", moment(one.expires_at)
    yield "made", f"{moment(one.created_at)} by {one.made_by or one.owner} from {one.made_from or 'an earlier version'}"
    yield "kept in", "the store" if one.source == STORE else one.source
    yield "last used", moment(one.used_at) if one.used_at else "never"
    if one.revoked_at is not None:
        why = f": {one.revoked_reason}" if one.revoked_reason else ""
        yield "revoked", f"{moment(one.revoked_at)} by {one.revoked_by} from {one.revoked_from}{why}"
