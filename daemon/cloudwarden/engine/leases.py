"""Leases: verdicts that must still be true, so that nobody is asked again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Outcome, Verdict

BYTES_PER_LEASE = 330
"""What one lease takes, its place in the table and its resource's id included; a test measures it."""

UNLISTED = timedelta(days=8)
"""A scope or policy that was not swept for so long is one that left: weekly sweeps are the rarest usual ones."""

LOOKS_EVERY = timedelta(hours=1)
"""How often scopes and policies that left are looked for: a sweep begins with each batch of scopes, and looking walks
over all of them."""

_COMPLIANT = Verdict(outcome=Outcome.COMPLIANT)


@dataclass(frozen=True, slots=True)
class Lease:
    """A verdict on a resource as it was described; `series` is how many metrics it took to reach it.

    The description is kept as a 64-bit hash, for a resource takes kilobytes. `until` is the first instant at
    which the verdict may be another one, in seconds since the epoch; infinity while the description stays.
    """

    description: int
    until: float
    series: int
    verdict: Verdict


@dataclass(kw_only=True, slots=True)
class _Held:
    """One version of a policy, and what is held of it."""

    fingerprint: str
    function: Callable[..., object]
    since: datetime
    listed: dict[Scope, datetime | None] = field(default_factory=dict)
    """When each scope was last listed completely; if it never was, when something of it was first held."""
    leases: defaultdict[Scope, dict[str, Lease]] = field(default_factory=lambda: defaultdict(dict))

    def forget_ended(self, instant: float) -> None:
        """Forget what holds no more: where no listing is ever complete, nothing says that its resource is gone."""
        for scope, leases in list(self.leases.items()):
            for ended in [id_ for id_, lease in leases.items() if lease.until <= instant]:
                del leases[ended]
            if not leases:
                del self.leases[scope]


class Leases:
    """The verdicts that hold, for one scope or many; not for use by two threads at once.

    A verdict is held when every answer that its rule consulted must be given again until then. A compliant one
    is held until the earliest of these instants, without its readings, which nobody reads; a violation only when
    its rule read nothing that moves with time, so that its readings are those that a new evaluation would give.
    Unknown is never held.

    A held verdict is what asking again would give, on these assumptions. A rule is pure, as the loader checks. A
    datapoint that was seen stays until it leaves the window, CloudWatch keeping it longer than any window: late
    samples and late datapoints may be added to it, and only statistics that these cannot lower are held while
    they may come in (`Metric`). A publisher does not take back what it counted. Where asking would have failed
    (a throttle, a denial, a spent budget) the held verdict says what is true, and asking would say unknown; why that
    is right is in docs/decisions/0016.

    In memory alone: a restart asks everything once. Nothing that settle weighs, such as exemptions, is in it.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._latest: datetime | None = None
        self._looked_at: datetime | None = None

    def __len__(self) -> int:
        return sum(len(leases) for held in self._held.values() for leases in held.leases.values())

    def begin(self, policies: Iterable[AnyPolicy], now: datetime) -> None:
        """These versions of policies are about to be judged at `now`: forget what other versions of them said.

        A clock that was set back ends every lease: no verdict is known to hold before it was given. A function
        that was loaded anew is another version even with the same text, for what it imports may have changed.
        """
        if self._latest is not None and now < self._latest:
            self._held.clear()
            self._looked_at = None
        self._latest = now
        if self._looked_at is None or now - self._looked_at >= LOOKS_EVERY:
            self._looked_at = now
            self._forget_unlisted(now)
        for policy in policies:
            held = self._held.get(policy.name)
            # The function first: a fingerprint reads all that it reaches.
            if held and held.function is policy.rule.function and held.fingerprint == policy.fingerprint:
                continue
            self._held[policy.name] = _Held(fingerprint=policy.fingerprint, function=policy.rule.function, since=now)

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        """The lease of a resource that is described as it was when it was judged."""
        lease = self._held[policy.name].leases[resource.scope].get(resource.id)
        if lease is None or now.timestamp() >= lease.until or described(resource) != lease.description:
            return None
        return lease

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        """Hold a verdict that was just given, if it holds; whatever was held of the resource before goes."""
        leases = self._held[policy.name].leases[resource.scope]
        leases.pop(resource.id, None)
        if verdict.outcome is Outcome.UNKNOWN or (verdict.violation and verdict.holds_until is not None):
            return
        until = verdict.holds_until.timestamp() if verdict.holds_until else float("inf")
        if self._latest is not None and until > self._latest.timestamp():
            kept = verdict if verdict.violation else _COMPLIANT
            self._held[policy.name].listed.setdefault(resource.scope, self._latest)
            leases[resource.id] = Lease(described(resource), until, series, kept)

    def retain_resources(self, policy: str, scope: Scope, resources: Collection[str]) -> None:
        """Forget every resource but these, by id: the ones in a complete listing of the scope."""
        if held := self._held.get(policy):
            held.listed[scope] = self._latest
            for gone in held.leases[scope].keys() - set(resources):
                del held.leases[scope][gone]

    def _forget_unlisted(self, now: datetime) -> None:
        """Forget the scopes that no policy's sweep listed for long, and the policies that have none left."""
        for name, held in list(self._held.items()):
            for scope, listed in list(held.listed.items()):
                if now - (listed or now) > UNLISTED:
                    del held.listed[scope]
                    held.leases.pop(scope, None)
            held.forget_ended(now.timestamp())
            if now - held.since > UNLISTED and not held.listed:
                del self._held[name]


def described(resource: Resource) -> int:
    """64 bits that differ when any field of the resource does."""
    values = _VALUES.get(type(resource))
    if values is None:
        values = _VALUES[type(resource)] = attrgetter(*(one.name for one in fields(resource)))
    # Of its text: `hash` takes -1 for -2, and a field may be one that has no hash.
    return hash(repr(values(resource)))


_VALUES: dict[type, Callable[[Resource], object]] = {}
"""What gives all fields of a kind; a dataclass's own `repr` takes twice as long to say the same."""
