"""Exempt: taking resources out of policies for a time, by a person's verb or by a file under version control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.core.exemption import (
    ANY,
    ANY_POLICY,
    LONGEST,
    STORE,
    Exemption,
    ExemptionState,
    Tagged,
    Told,
    account_written,
)
from cloudwarden.core.pattern import ACCOUNTS, REGIONS, RESOURCES, names_nothing
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.engine.propose import new_id
from cloudwarden.ports import ExemptionsFile, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody wants exempted; all that it selects by must hold. A file gives each of its own an `id`."""

    policy: str = ANY_POLICY
    resource: str = ANY
    tag: Tagged | None = None
    account: str = ANY
    region: str = ANY
    owner: str
    reason: str
    expires_at: datetime
    id: str = ""

    @property
    def of_everything(self) -> bool:
        """Whether nothing that it selects by narrows it. A name without wildcards does, were it the only one here."""
        return (
            self.policy == ANY_POLICY
            and self.tag is None
            and names_nothing(self.resource, RESOURCES)
            and names_nothing(self.account, ACCOUNTS)
            and names_nothing(self.region, REGIONS)
        )

    def made(self, decider: Decider, *, source: str) -> Exemption:
        """The exemption that fulfils it."""
        return Exemption(
            id=self.id or new_id("x"),
            policy=self.policy,
            resource=self.resource,
            tag=self.tag,
            account=self.account,
            region=self.region,
            owner=self.owner,
            reason=self.reason,
            created_at=decider.now,
            expires_at=self.expires_at,
            source=source,
            made_by=decider.by,
            made_from=decider.origin,
        )


def longest(policies: Mapping[str, AnyPolicy], policy: str, allowed: timedelta = LONGEST) -> timedelta:
    """How long an exemption from a policy may last; for all policies, as long as each of them allows."""
    named = policies.values() if policy == ANY_POLICY else [policies[policy]] if policy in policies else []
    return min([allowed, *(one.max_exemption for one in named if one.max_exemption is not None)])


def refusal(wish: Wish, now: datetime, allowed: timedelta) -> str | None:
    """Why a wish cannot be granted, and what to write instead; None when it can."""
    if wish.of_everything:
        wide = ", ".join(repr(one) for one in (wish.resource, wish.account, wish.region) if one != ANY)
        why = f", as {wide} fits whatever there is" if wide else ""
        return (
            f"it would take everything out of every policy{why}: "
            "name a policy, resource, tag, account or region, or pause"
        )
    try:
        account_written(wish.account)
    except ValueError as error:
        return str(error)
    if not wish.owner.strip():
        return "an exemption needs an owner: write who answers for it"
    if not wish.reason.strip():
        return "an exemption needs a reason"
    if wish.expires_at > now + allowed:
        return (
            f"it ends on {wish.expires_at:%Y-%m-%d}, and may last {allowed.days} days at most: "
            f"write {now + allowed:%Y-%m-%d} or an earlier date"
        )
    return None


def exempt(tx: Transaction, decider: Decider, wish: Wish, allowed: timedelta = LONGEST) -> Exemption:
    """Grant a wish until its date, at most `allowed` away. Raises DecisionError that says what to write."""
    if wish.expires_at <= decider.now:
        raise DecisionError(f"an exemption until {wish.expires_at:%Y-%m-%d} is over: choose a date in the future")
    if why := refusal(wish, decider.now, allowed):
        raise DecisionError(why)
    made = wish.made(decider, source=STORE)
    tx.decisions.save_exemption(made)
    _journal(tx, "exemption_made", made, decider)
    return made


def revoke(tx: Transaction, exemption_id: str, decider: Decider) -> Exemption:
    """End an exemption before its time."""
    decider.demand_reason()
    exemption = find(tx, exemption_id)
    if exemption.source != STORE:
        raise DecisionError(f"exemption {exemption_id} is kept in {exemption.source}: take it out there")
    if exemption.revoked_at is not None:
        raise DecisionError(f"exemption {exemption_id} was revoked at {exemption.revoked_at:%Y-%m-%d %H:%M}Z")
    if decider.now >= exemption.expires_at:
        raise DecisionError(f"exemption {exemption_id} ended at {exemption.expires_at:%Y-%m-%d %H:%M}Z by itself")
    return _revoked(tx, exemption, decider)


def find(tx: Transaction, exemption_id: str) -> Exemption:
    """The exemption with this id. Raises DecisionError."""
    for exemption in tx.decisions.exemptions():
        if exemption.id == exemption_id:
            return exemption
    raise DecisionError(f"no exemption {exemption_id!r}: `cloudwarden exemptions list` shows them")


def take_over(tx: Transaction, file: ExemptionsFile | None, wishes: Sequence[Wish], now: datetime) -> int:
    """Make the store's exemptions of files those of this file; None when none is kept. Returns how many changed.

    What left the file is revoked; what changed in it counts as it is now, from now on.
    """
    known = {one.id: one for one in tx.decisions.exemptions() if one.source != STORE}
    wanted = {wish.id: wish for wish in wishes}
    origin = f"{file.path} sha256:{file.sha256[:12]}" if file else "settings"
    left = [one for one in known.values() if one.id not in wanted and one.active(now)]
    for exemption in left:
        _revoked(tx, exemption, Decider(by=exemption.owner, origin=origin, reason="it left the file", now=now))
    changed = len(left)
    for wish in wanted.values():
        decider = Decider(by=wish.owner, origin=origin, reason=wish.reason, now=now)
        changed += file is not None and _kept(tx, wish, known.get(wish.id), decider, file.path)
    tx.decisions.save_exemptions_file(file)
    return changed


def _kept(tx: Transaction, wish: Wish, known: Exemption | None, decider: Decider, path: str) -> bool:
    """Keep one of a file's exemptions as the file has it; whether that changed anything."""
    made = wish.made(decider, source=path)
    if known is None or known.revoked_at is not None:
        _remember(tx, known, made, decider)
        tx.decisions.save_exemption(made)
        _journal(tx, "exemption_made", made, decider)
        return True
    told = known.told if known.expires_at == made.expires_at else None
    kept = replace(made, created_at=known.created_at, made_from=known.made_from, used_at=known.used_at, told=told)
    if kept == known:
        return False
    _remember(tx, known, made, decider)
    tx.decisions.save_exemption(replace(kept, made_from=decider.origin))
    _journal(tx, "exemption_changed", kept, decider)
    return True


def _remember(tx: Transaction, known: Exemption | None, made: Exemption, decider: Decider) -> None:
    """Keep what the file said before, under an id of its own, where it took out what it takes out no more.

    The end of that counts until a sweep has seen it, as any exemption's does.
    """
    if known is None or (made.active(decider.now) and _selection(made) == _selection(known)):
        return
    before = replace(known, id=new_id("x"))
    if before.revoked_at is None:
        _revoked(tx, before, replace(decider, reason=f"{known.id} was changed in the file"))
    else:
        tx.decisions.save_exemption(before)


def _selection(one: Exemption) -> tuple[object, ...]:
    return one.policy, one.resource, one.tag, one.account, one.region


def tell(tx: Transaction, exemption: Exemption, told: Told, now: datetime) -> Exemption:
    """Remember that people were told of its end; the journal has the moment at which it no longer counted."""
    kept = replace(exemption, told=told)
    tx.decisions.save_exemption(kept)
    if told is Told.EXPIRED:
        details = {
            "exemption": exemption.id,
            "expires_at": exemption.expires_at.isoformat(),
            "source": exemption.source,
        }
        tx.journal.append(at=now, event="exemption_expired", details=details)
    return kept


def untold(exemption: Exemption, now: datetime, ending_within: timedelta) -> Told | None:
    """What people should be told of its end and were not; None when there is nothing new."""
    news = {ExemptionState.EXPIRED: Told.EXPIRED, ExemptionState.ENDING: Told.ENDING}
    told = news.get(exemption.state(now, ending_within))
    return told if told is not exemption.told else None


def _revoked(tx: Transaction, exemption: Exemption, decider: Decider) -> Exemption:
    revoked = replace(
        exemption,
        revoked_at=decider.now,
        revoked_by=decider.by,
        revoked_from=decider.origin,
        revoked_reason=decider.reason,
    )
    tx.decisions.save_exemption(revoked)
    _journal(tx, "exemption_revoked", revoked, decider)
    return revoked


def _journal(tx: Transaction, event: str, exemption: Exemption, decider: Decider) -> None:
    details = decider.details(
        exemption=exemption.id,
        policy=exemption.policy,
        resource=exemption.resource,
        tag=str(exemption.tag) if exemption.tag else None,
        account=exemption.account,
        region=exemption.region,
        owner=exemption.owner,
        source=exemption.source,
        expires_at=exemption.expires_at.isoformat(),
    )
    tx.journal.append(at=decider.now, event=event, details=details)
