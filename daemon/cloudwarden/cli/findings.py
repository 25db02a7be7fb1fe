"""Verbs of findings and of the proposals made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cloudwarden.app import App
from cloudwarden.cli import shapes, tables
from cloudwarden.cli.ending import Lasting, Until, end
from cloudwarden.cli.exits import Exit
from cloudwarden.cli.holding import say_pauses
from cloudwarden.cli.installation import app_of, decider
from cloudwarden.cli.naming import PolicyOption, known_policy
from cloudwarden.cli.output import JsonOption, ago, emit, moment, notice, say, show
from cloudwarden.cli.presence import settings_edited, when_it_happens, where_it_counts
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.guards import outlived
from cloudwarden.core.pause import paused_by
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.telling import Ahead, untold
from cloudwarden.engine import decide, exempt
from cloudwarden.engine.tell import notices_of
from cloudwarden.ports import Transaction

CLOSED_SHOWN_FOR = timedelta(days=30)
"""How far back `--all` looks: what closed earlier is history, and the journal has it."""

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Proposals, as `cloudwarden proposals` lists them.")]
NeededReason = Annotated[str, typer.Option("--reason", help="Why; it must be given, and is kept in the journal.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who decides; the operating system's user unless given.", show_default=False)
]


def findings(
    context: typer.Context,
    policy: PolicyOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Also those closed in the last {CLOSED_SHOWN_FOR.days} days.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List findings.

    Ends with 1 when there are any, and with 2 when nothing was swept yet, or nothing could be read.
    """
    with app_of(context) as app:
        known_policy(app, policy)
        with app.store.reading() as tx:
            since = app.clock.now() - CLOSED_SHOWN_FOR if everything or (state and state.closed) else None
            found = [one for one in _findings(tx, policy, since) if state in (None, one.state)]
            restored, pauses = tx.keeping.restored(), tx.decisions.pauses()
            read = [at for name, at in tx.runs.swept().items() if policy in (None, name)]
    latest = max(filter(None, read), default=None)
    doubt = None if found or latest else _not_looked_at(policy, swept=bool(read))
    if restored and restored.at > app.clock.now() - CLOSED_SHOWN_FOR:
        how = f"restored from {restored.file} by {restored.by}" if restored.file else "found to be put back in silence"
        notice(
            f"the store was {how} at {moment(restored.at)}: what was done and decided between entry {restored.seq} of "
            "the journal and then is not known here"
        )
    say_pauses(pauses, ((one.policy, one.scope.account) for one in found if not one.state.closed))
    if as_json:
        emit([shapes.finding(one) for one in found])
    else:
        show([tables.findings("Findings", found)])
    if doubt is not None:
        notice(doubt)
    if latest is not None:
        notice(f"as AWS was last read at {moment(latest)}, {ago(latest, app.clock.now())} ago")
    raise typer.Exit(Exit.FINDINGS if found else Exit.NOT_ALL_JUDGED if doubt else Exit.NOTHING_FOUND)


def approve(
    context: typer.Context,
    ids: Ids,
    reason: NeededReason = "",
    by: ByOption = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Choose this one of the actions that the proposal allows.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="HASH", help="Approve nothing unless this is the plan's hash.")
    ] = None,
    radius: Annotated[
        str | None,
        typer.Option("--radius", metavar="HASH", help="Approve nothing unless this is the blast radius's hash."),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Let proposals be carried out.

    All of those named are approved, or none. Where a policy wants more than one person, each approves. An approval
    counts for the plan and the blast radius as they are now: when more depends on the resource, it no longer counts.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        with app.store.transaction() as tx:
            done = [
                decide.approve(tx, one, person, action=action, plan_hash=plan, radius_hash=radius)
                for one in dict.fromkeys(ids)
            ]
        when = when_it_happens(app.settings.database)
        holds = list(_held_for_now(app, done))
    for hold in holds:
        notice(hold)
    if as_json:
        emit([shapes.proposal(one) for one in done])
        notice(when)
        return
    for one in done:
        say(f"approved {one.id}: {one.plan.summary}{_awaiting(one)}")
    if any(one.state is ProposalState.APPROVED for one in done):
        say(when)


def snooze(
    context: typer.Context,
    ids: Ids,
    until: Until = None,
    lasting: Lasting = None,
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Put proposals off for a time of your choice, at most as long as an exemption may last.

    Their findings stand, and are proposed again after it.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        then = end(until, lasting, person.now)
        longest = _longest(app)
        with app.store.transaction() as tx:
            done = [decide.snooze(tx, one, person, until=then, allowed=longest(tx, one)) for one in dict.fromkeys(ids)]
        notice(where_it_counts(app.settings.database))
    if as_json:
        emit([shapes.proposal(one) for one in done])
        return
    for one in done:
        say(f"put off {one.id}: {one.plan.summary}; proposed again after {then:%Y-%m-%d %H:%M}Z")


def reject(
    context: typer.Context,
    ids: Ids,
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Refuse proposals.

    Their findings are not proposed again for as long as the setting `rejection` says, at most as long as an exemption
    may last.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        longest = _longest(app)
        with app.store.transaction() as tx:
            untils = {one: person.now + min(app.settings.rejection, longest(tx, one)) for one in ids}
            done = [decide.reject(tx, one, person, until=until) for one, until in untils.items()]
        notice(where_it_counts(app.settings.database))
    if as_json:
        emit([shapes.proposal(one) for one in done])
        return
    for one in done:
        say(f"rejected {one.id}: {one.plan.summary}; not proposed again before {untils[one.id]:%Y-%m-%d %H:%M}Z")


def told_of(tx: Transaction, found: Sequence[Proposal]) -> dict[str, str]:
    """What was written to tell the owner of each proposal's plan, in words, by the proposal's id."""
    latest = {(one.finding_id, one.plan_hash): one for one in tx.notices.about([one.finding_id for one in found])}
    return {one.id: str(notice) for one in found if (notice := latest.get((one.finding_id, one.plan.hash))) is not None}


def _held_for_now(app: App, done: Sequence[Proposal]) -> Iterator[str]:
    """What holds the approved ones whatever people agree to, as far as it is known without looking at AWS."""
    edited = settings_edited(app.settings.database, app.settings.file)
    policies, now = app.load().policies, app.clock.now()
    with app.store.reading() as tx:
        pauses = tx.decisions.pauses()
        owners = [_owner_first(tx, policies.get(one.policy), one, now) for one in done]
    for one, owner in zip(done, owners, strict=True):
        policy = policies.get(one.policy)
        why = paused_by(pauses, one.policy, one.scope.account)
        if why is None and policy is None:
            why = f"policy {one.policy} is not loaded"
        if why is None and policy is not None:
            why = app.settings.restraints.closed(policy, one.scope.account, now)
        if why is None and policy is not None and one.state is ProposalState.APPROVED:
            why = outlived(one, policy.approval, now) or owner
        if why is not None:
            yield f"{one.id} is held for now: {why}"
        elif edited is not None:
            yield f"{one.id} may be held for now: {edited}"


def _owner_first(tx: Transaction, policy: AnyPolicy | None, one: Proposal, now: datetime) -> str | None:
    """Why it waits for its owner to be told, in words; None when it does not, or an approval spares that."""
    finding = tx.findings.get(one.finding_id)
    notify = policy.notice if policy else None
    if policy is None or finding is None or notify is None or notify.waived_by_approval:
        return None
    ahead = Ahead(notify=notify, finding=finding, now=now, plan_hash=one.plan.hash)
    return untold(ahead, notices_of(tx, policy, finding))


def _longest(app: App) -> Callable[[Transaction, str], timedelta]:
    """How long a proposal may be put off: no longer than its resource may be exempt from its policy."""
    policies = app.load().policies

    def longest(tx: Transaction, proposal_id: str) -> timedelta:
        proposal = tx.proposals.get(proposal_id)
        return exempt.longest(policies, proposal.policy if proposal else "", app.settings.exemption_longest)

    return longest


def _awaiting(one: Proposal) -> str:
    return "" if one.state is ProposalState.APPROVED else f" ({one.agreed} of {one.quorum} have agreed)"


def _not_looked_at(policy: str | None, *, swept: bool) -> str:
    """Why it says nothing that there is no finding, where nobody could look."""
    if swept:
        return "no sweep could read anything yet, so nobody can tell what there is"
    what = "nothing was swept yet" if policy is None else f"{policy} was not swept yet"
    return f"{what}: `cloudwarden run` sweeps by schedule, `cloudwarden once` at once"


def _findings(tx: Transaction, policy: str | None, closed_since: datetime | None) -> Sequence[Finding]:
    closed = tx.findings.recently_closed(policy, closed_since) if closed_since else ()
    return (*tx.findings.standing(policy), *closed)
