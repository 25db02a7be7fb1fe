"""Verbs of what operators decide beyond one proposal: pauses, trust."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from cloudwarden.app import App
from cloudwarden.cli import shapes
from cloudwarden.cli.findings import ByOption, NeededReason
from cloudwarden.cli.holding import say_pauses
from cloudwarden.cli.installation import app_of, decider, known
from cloudwarden.cli.naming import known_policy
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.cli.presence import where_it_counts
from cloudwarden.core.errors import StoreError
from cloudwarden.core.exemption import ANY
from cloudwarden.core.pause import Pause
from cloudwarden.engine import decide

ACCOUNT_DIGITS = 12

AccountOption = Annotated[
    str, typer.Option("--account", metavar="ID", help="An account; all of them unless given.", show_default=False)
]
PolicyArgument = Annotated[str, typer.Argument(metavar="[POLICY]", help="A policy; all of them unless given.")]


def pause(
    context: typer.Context,
    policy: PolicyArgument = ANY,
    account: AccountOption = ANY,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the journal.")] = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Hold actions: all, one policy's, one account's.

    Sweeps go on, and a call in flight is finished. It lasts until `resume`, restarts included. It alone needs no
    reason, as it may be urgent: pausing the same again says why. What somebody else paused before stays beside it.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        known_policy(app, policy)
        with app.store.transaction() as tx:
            made = decide.pause(tx, person, policy, account_of(account))
            pauses = tx.decisions.pauses()
        counts, found = where_it_counts(app.settings.database), _found(app, account)
    notice(counts)
    _say_pauses(pauses, f"paused {made.what}; sweeps go on, actions do not", as_json=as_json)
    if not found:
        notice(f"but no account {account} was found so far: `cloudwarden scopes` lists those that were")
    if made.earlier and not made.only_by(person.by):
        notice(f"{made.what} was paused before, which stays with yours: only `resume --others` ends both")


def resume(
    context: typer.Context,
    policy: PolicyArgument = ANY,
    account: AccountOption = ANY,
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    others: Annotated[
        bool, typer.Option("--others", help="Also what others paused, or Cloudwarden itself for safety.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """End a pause.

    One that is not your own alone is refused, with who made it, when and why, unless --others says that you know.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        with app.store.transaction() as tx:
            ended = decide.resume(tx, person, policy, account_of(account), others=others)
            pauses = tx.decisions.pauses()
        counts = where_it_counts(app.settings.database)
    notice(counts)
    notice(f"ended: {ended}")
    _say_pauses(pauses, f"resumed {ended.what}", as_json=as_json)


def pauses(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List what is paused: who paused it, when, why, and from where."""
    with app_of(context) as app, app.store.reading() as tx:
        found = tx.decisions.pauses()
    if as_json:
        emit([shapes.pause(one) for one in found])
        return
    rows = [(one.what, one.by, moment(one.at), one.reason.removeprefix("; "), one.origin) for one in found]
    show([table(f"Pauses ({len(rows)})", ("what", "by", "at", "reason", "from"), rows)])


def trust(
    context: typer.Context,
    policy: Annotated[str, typer.Argument(help="A policy.")],
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Let an enforcing policy act without asking.

    Trust is for this version of the policy, in the scopes that its latest sweep could read. Findings of which people
    were ever asked stay with people until they close.
    """
    with app_of(context) as app:
        policies = app.load().policies
        trusted = policies[known("policy", policy, policies)]
        with app.store.transaction() as tx:
            made = decide.trust(tx, trusted, decider(app, by=by, reason=reason))
            pauses = tx.decisions.pauses()
        mode, counts = app.highest_mode_of(trusted), where_it_counts(app.settings.database)
    notice(counts)
    if as_json:
        emit(
            {
                "policy": policy,
                "fingerprint": trusted.fingerprint,
                "scopes": [str(scope) for scope in made.scopes],
                "left_out": [str(scope) for scope in made.left_out],
                "waiting": [str(scope) for scope in made.waiting],
            }
        )
    else:
        say(f"trusted {policy} (version {trusted.fingerprint}) in {', '.join(map(str, made.scopes))}")
    if made.left_out:
        left_out = ", ".join(map(str, made.left_out))
        notice(f"but not in {left_out}: its latest sweep could not read them; trust it again when one can")
    if made.waiting:
        waiting = ", ".join(map(str, made.waiting))
        notice(f"but not in {waiting}: nobody accepted them; trust it again when they are")
    say_pauses(pauses, ((policy, scope.account) for scope in made.scopes))
    if mode < mode.ENFORCE:
        notice(f"but its mode here is {mode}, so it still does nothing by itself")


def distrust(
    context: typer.Context,
    policy: Annotated[str, typer.Argument(help="A policy, loaded or not.")],
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Have a policy ask people again, in whatever version and wherever it was trusted."""
    with app_of(context) as app:
        with app.store.transaction() as tx:
            decide.distrust(tx, policy, decider(app, by=by, reason=reason))
        counts = where_it_counts(app.settings.database)
    notice(counts)
    if as_json:
        emit({"policy": policy})
    else:
        say(f"{policy} is trusted nowhere any more: it proposes, and people decide")


def account_of(word: str) -> str:
    """An account's id as a person wrote it; a typo here would look like a decision and be none."""
    if word != ANY and not (word.isascii() and word.isdigit() and len(word) == ACCOUNT_DIGITS):
        raise typer.BadParameter(f"--account {word}: write the {ACCOUNT_DIGITS} digits of an account's id")
    return word


def _found(app: App, account: str) -> bool:
    """Whether there is such an account, as far as it is known. Asked after the pause was kept: that may be urgent."""
    if account == ANY or account in app.settings.aws.accounts:
        return True
    with suppress(StoreError), app.store.reading() as tx:
        return any(scope.account == account for scope in tx.scopes.known())
    return True


def _say_pauses(pauses: Sequence[Pause], text: str, *, as_json: bool) -> None:
    if as_json:
        emit({"paused": [shapes.pause(one) for one in pauses]})
        return
    say(text)
    for one in pauses:
        notice(f"paused now: {one}")
