"""Restraints: what holds actions back must have held them, by the journal's own order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from chaos.history import History, Run
from chaos.told import all_intents, beginnings, done, seen_before, undos, versions_in_force
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import Limit
from cloudwarden.core.restraint import Bounds


def no_limit_exceeded(history: History) -> Iterator[str]:
    """An hour, a day and a run hold no more actions of a policy than it allows, by number and by share."""
    begun: defaultdict[str, list[tuple[int, ActionRecord]]] = defaultdict(list)
    for entry, action in done(history):
        begun[action.policy].append((entry.seq, action))
    for policy, actions in begun.items():
        for number, (seq, action) in enumerate(actions):
            allowed = [version.limit for version in versions_in_force(history, policy, seq)]
            earlier = [one for _, one in actions[: number + 1]]
            for hours, most in (
                (1, max((limit.per_hour for limit in allowed), default=0)),
                (24, max((limit.per_day for limit in allowed), default=0)),
            ):
                since = action.started_at - timedelta(hours=hours)
                taken = sum(one.started_at >= since for one in earlier)
                if taken > most:
                    yield f"{policy}: action {action.id} is number {taken} within {hours} h, and {most} are allowed"
            yield from _run_exceeded(history, policy, [one for one, _ in actions[: number + 1]], action)


def _run_exceeded(history: History, policy: str, begun: Sequence[int], action: ActionRecord) -> Iterator[str]:
    seq = begun[-1]
    latest = _latest_run(history, policy, seq)
    if latest is None or latest.population is None:
        yield f"{policy}: action {action.id} began with an unknown population"
        return
    limits = [version.limit for version in versions_in_force(history, policy, seq)]
    population = _listed(history, action, latest.population, history.committed[seq])
    most = max((_in_run(limit, population) for limit in limits), default=0)
    taken = sum(one > latest.after for one in begun)
    if taken > most:
        yield f"{policy}: action {action.id} is number {taken} since the last sweep, and {most} are allowed"


def _latest_run(history: History, policy: str, seq: int) -> Run | None:
    """The policy's latest sweep before an entry of the journal."""
    return next((run for run in reversed(history.runs) if run.policy == policy and run.after < seq), None)


def _in_run(most: Limit | Bounds, population: int) -> int:
    return min(most.per_run, max(1, int(most.share * population)))


def _listed(history: History, action: ActionRecord, told: int, at: datetime) -> int:
    """The population that the daemon told of, but no more than the largest whole listing showed until then.

    A policy judges what was listed, so no share may be of more. Where nobody saw listings, the daemon's word counts.
    """
    if not history.looks:
        return told
    listings = (
        len(look.shown)
        for look in history.looks
        if look.whole and look.prefix and not look.resources and look.at <= at
        if action.resource_id.startswith(look.prefix)
    )
    return min(told, max(listings, default=0))


def no_quota_exceeded(history: History) -> Iterator[str]:
    """A run, an hour and a day hold no more actions than the installation allows, in all accounts and in one."""
    if (quota := history.quota) is None:
        return
    begun = list(done(history))
    for number, (entry, action) in enumerate(begun, start=1):
        here = [one for one in begun[:number] if one[1].scope.account == action.scope.account]
        for taken, most in ((begun[:number], quota.everywhere), (here, quota.account)):
            for hours, may in ((1, most.per_hour), (24, most.per_day)):
                since = action.started_at - timedelta(hours=hours)
                count = sum(one.started_at >= since for _, one in taken)
                if count > may:
                    yield f"action {action.id} is number {count} of all policies within {hours} h, and {may} may be"
            latest = _latest_run(history, action.policy, entry.seq)
            if latest is None or latest.population is None:
                continue  # `no_limit_exceeded` tells of that.
            may = _in_run(most, _listed(history, action, latest.population, history.committed[entry.seq]))
            count = sum(then.seq > latest.after for then, one in taken if one.policy == action.policy)
            if count > may:
                yield f"action {action.id} is number {count} of {action.policy} since its sweep, and {may} may be"


def nothing_while_paused(history: History) -> Iterator[str]:
    """After a pause was committed no call that it covers is intended, until it is ended.

    An undo is a person's word, and may unless it was asked for before the pause.
    """
    paused: dict[tuple[str, str], datetime] = {}
    asked = {action.id: action.started_at for action in history.actions if action.undoes is not None}
    for entry in history.journal:
        details = entry.details
        which = str(details.get("policy")), str(details.get("account", ANY))
        if entry.event in ("paused", "policy_stopped"):
            paused[which] = entry.at
        elif entry.event == "resumed":
            paused.pop(which, None)
        elif entry.event == "action_intended":
            account, since = str(details["scope"]).partition("/")[0], asked.get(entry.action_id)
            for (policy, where), at in paused.items():
                holds = since is None or at > since
                if holds and policy in (ANY, details["policy"]) and where in (ANY, account):
                    yield f"{entry.action_id} intended a call (entry {entry.seq}) while {policy} in {where} was paused"


def nothing_on_the_exempt(history: History) -> Iterator[str]:
    """After an exemption was committed no call is intended on what it covers, until it ends.

    One by a tag covers what carried it all the time from the latest look to the request.
    """
    standing: dict[str, Mapping[str, Json]] = {}
    undoing, carried = undos(history), _carried(history)
    for entry in history.journal:
        details = entry.details
        if entry.event == "exemption_made":
            standing[str(details["exemption"])] = details
        elif entry.event == "exemption_revoked":
            standing.pop(str(details["exemption"]), None)
        elif entry.event == "action_intended" and entry.action_id not in undoing:
            for name, exemption in standing.items():
                tags = carried.get((entry.action_id, str(details["step"])), frozenset())
                stands = entry.at < datetime.fromisoformat(str(exemption["expires_at"]))
                if stands and _exempts(exemption, details, tags):
                    yield f"{entry.action_id} intended a call on {details['resource']}, which {name} exempts"


def exempting(
    history: History, about: Mapping[str, Json], tags: frozenset[str], *, last: int, at: datetime
) -> str | None:
    """An exemption of a policy's resource, which carries these tags, at the journal's entry `last`; None without any.

    `at` is the daemon's own time then.
    """
    standing: dict[str, Mapping[str, Json]] = {}
    for entry in history.journal:
        if entry.seq <= last and entry.event == "exemption_made":
            standing[str(entry.details["exemption"])] = entry.details
        elif entry.seq <= last and entry.event == "exemption_revoked":
            standing.pop(str(entry.details["exemption"]), None)
    for name, exemption in standing.items():
        if at < datetime.fromisoformat(str(exemption["expires_at"])) and _exempts(exemption, about, tags):
            return name
    return None


def _carried(history: History) -> Mapping[tuple[str, str], frozenset[str]]:
    """By action and step: the tags that the resource carried from its latest look to the request."""
    carried = {}
    for sent in history.sent:
        seen = [one.tags for one in seen_before(history, sent)] or [frozenset()]
        carried.update({(action, str(step)): frozenset.intersection(*seen) for action, step in sent.intents})
    return carried


def _exempts(exemption: Mapping[str, Json], intent: Mapping[str, Json], tags: frozenset[str]) -> bool:
    account, _, region = str(intent["scope"]).partition("/")
    return (
        exemption["policy"] in (ANY, intent["policy"])
        and (not exemption.get("tag") or str(exemption["tag"]).removeprefix("tag ") in tags)
        and all(
            fnmatchcase(value, str(exemption[part]))
            for part, value in (("resource", str(intent["resource"])), ("account", account), ("region", region))
        )
    )


def nothing_in_a_freeze(history: History) -> Iterator[str]:
    """No call is intended in a freeze."""
    undoing = undos(history)
    for entry in all_intents(history):
        frozen = any(
            one.begins <= entry.at < one.until and one.after < entry.seq and (one.last is None or entry.seq <= one.last)
            for one in history.freezes
        )
        if frozen and entry.action_id not in undoing:
            yield f"{entry.action_id} intended a call at {entry.at}, in a freeze"


def nothing_outside_its_hours(history: History) -> Iterator[str]:
    """No call is intended outside the hours of the day in which its policy acts."""
    undoing = undos(history)
    for entry in all_intents(history):
        versions = versions_in_force(history, str(entry.details["policy"]), entry.seq)
        closed = [one.hours for one in versions if one.hours and not one.hours[0] <= entry.at.hour < one.hours[1]]
        if versions and len(closed) == len(versions) and entry.action_id not in undoing:
            yield f"{entry.action_id} intended a call at {entry.at}, outside the hours {closed}"


def nothing_after_failures(history: History) -> Iterator[str]:
    """A policy whose latest actions failed, as many as it allows, begins nothing more before a person resumed it."""
    streaks: Counter[str] = Counter()
    stopped: set[str] = set()
    begun = {entry.seq: action for entry, action in beginnings(history)}
    undoing = undos(history)
    for entry in history.journal:
        policy = str(entry.details.get("policy"))
        if entry.event in _ENDINGS and entry.action_id not in undoing:
            streaks[policy] = streaks[policy] + 1 if entry.event in _FAILURES else 0
            allowed = [version.limit.failures for version in versions_in_force(history, policy, entry.seq)]
            if streaks[policy] >= max(allowed, default=1):
                stopped.add(policy)
        elif entry.event == "resumed" and entry.details.get("account", ANY) == ANY:
            stopped.discard(policy)
        elif entry.seq in begun and policy in stopped:
            yield f"{entry.action_id} was begun after {streaks[policy]} failures of {policy} in a row"


_FAILURES = ("action_failed", "action_unknown")
_ENDINGS = (*_FAILURES, "action_succeeded")
