"""Said: what people said of resources, which outlives a sweep: exemptions, undos, and words of an earlier finding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from cloudwarden.core import lifecycle
from cloudwarden.core.exemption import Exemption, Ruling, Subject, lately_exempt, ruling
from cloudwarden.core.finding import Finding, State
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Verdict
from cloudwarden.engine.ending import does_again, undone_lately
from cloudwarden.engine.gather import Key
from cloudwarden.ports import Transaction


class Said:
    """What counts of it while findings are settled at `now`, of one policy after another."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._tx = tx
        self._now = now
        made = tx.decisions.exemptions()
        self._exemptions: Sequence[Exemption] = [one for one in made if one.active(now)]
        self._over: Sequence[Exemption] = [one for one in made if not one.active(now)]
        self._ended: Sequence[Exemption] = ()
        self._used: set[str] = set()
        self._undone = undone_lately(tx, now)
        self._heeded: Mapping[Key, Finding] = {}

    def begin(self, policy: AnyPolicy, known: Collection[Finding]) -> None:
        """Turn to a policy, of which these findings are known."""
        self._policy = policy
        longest_unseen = min((one.last_seen for one in known), default=self._now)
        self._ended = [one for one in self._over if one.ends_at > longest_unseen]
        self._heeded = self._still_heeded(policy)

    def finish(self) -> None:
        """Write down which exemptions were needed."""
        if self._used:
            self._tx.decisions.mark_used(self._used, self._now)

    def ruled(self, resource: Resource, verdict: Verdict) -> Ruling:
        """Whether the violation is exempt; what is no violation needs no exemption."""
        if verdict.violation is None:
            return Ruling()
        ruled = ruling(self._policy.name, Subject.judged(resource, verdict), self._exemptions, self._now)
        if ruled.exemption is not None:
            self._used.add(ruled.exemption)
        return ruled

    def was_exempt(self, resource: Resource, verdict: Verdict, known: Finding) -> bool:
        """Whether an exemption took what violates out, or may have, and ended since a sweep saw it last."""
        if verdict.violation is None or not self._ended:
            return False
        subject = Subject.judged(resource, verdict)
        return lately_exempt(self._policy.name, subject, self._ended, known.last_seen, self._now).held is not None

    def of_earlier(self, resource: Resource) -> Finding | None:
        """The finding that our action fixed lately, or that was put off: what people said of it still holds."""
        return self._heeded.get((resource.scope, resource.id))

    def left_alone(self, known: Finding) -> Finding:
        """The finding, put off where somebody had undone what its policy would do, whichever policy had done it.

        Mostly the undo has said so itself; not of a finding that is new, nor of a policy that was not loaded then, or
        has had that action only since.
        """
        for undone in self._undone.get((known.scope, known.resource_id), ()):
            put_off = (
                known.snoozed_until is not None and known.snoozed_until >= undone.changed_at + lifecycle.UNDONE_FOR
            )
            if does_again(self._policy, undone) and not put_off and known.state is not State.ACTING:
                known = lifecycle.undone(known, undone.undoes or "", undone.changed_at)
        return known

    def _still_heeded(self, policy: AnyPolicy) -> Mapping[Key, Finding]:
        lately = self._tx.findings.recently_closed(policy.name, self._now - lifecycle.FIXED_WITHIN)
        closed = (*self._tx.findings.put_off(policy.name, self._now), *lately)
        return {
            (one.scope, one.resource_id): one
            for one in closed
            if one.kind == policy.kind.kind and (one.state is State.FIXED or one.snoozed_until)
        }
