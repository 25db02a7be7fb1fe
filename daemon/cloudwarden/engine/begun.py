"""Begun: actions on their way, and whether the next call of one may be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from cloudwarden.core import guards
from cloudwarden.core.action import Plan, Wait
from cloudwarden.core.errors import CloudError
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.core.guards import Candidate, Hold
from cloudwarden.core.placeholder import filled_read
from cloudwarden.core.policy import Mode, ModeOf
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.engine.candidates import Candidates
from cloudwarden.engine.carry import PROOF_WAITS
from cloudwarden.engine.consent import paused_since, undo_held
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.ending import Ending
from cloudwarden.engine.loaded import LoadedPolicies
from cloudwarden.engine.recheck import Over, Recheck, Unclear
from cloudwarden.engine.rest import Rest
from cloudwarden.engine.undo import done_again, done_by, overdone, unshown
from cloudwarden.ports import Actuator, Clock, Store

_OVER = {
    State.GONE: "the resource is gone",
    State.RESOLVED: "the resource became compliant since the action began",
}

_UNLOADED = Hold(guard="mode", detail="its policy is not loaded")

_UNTRUSTED = Hold(
    guard="approval",
    detail="nobody approved it, and this version of its policy is not trusted here: it goes on if somebody trusts it",
)


class BegunActions:
    """Asks the guards and the re-check once more, before each further call of an action.

    `ceiling_of` says how far anything may go in a scope, and `lasting_mode_of` how far a policy may, whatever one sweep
    is run under. What a look holds back is let `rest` before the next one.
    """

    def __init__(
        self,
        *,
        store: Store,
        actuator: Actuator,
        candidates: Candidates,
        recheck: Recheck,
        loaded: LoadedPolicies,
        kinds: Iterable[type[Resource]],
        accepts: Callable[[Scope], bool],
        ceiling_of: Callable[[Scope], Mode],
        lasting_mode_of: ModeOf,
        doubts: Doubts,
        clock: Clock,
        rest: Rest,
    ) -> None:
        self._store = store
        self._actuator = actuator
        self._candidates = candidates
        self._recheck = recheck
        self._loaded = loaded
        self._kinds = {kind.kind: kind for kind in kinds}
        self._accepts = accepts
        self._ceiling_of = ceiling_of
        self._lasting_mode_of = lasting_mode_of
        self._doubts = doubts
        self._clock = clock
        self._rest = rest

    def keep(self, action_ids: Iterable[str]) -> None:
        """Forget all others: they have ended."""
        self._rest.keep(action_ids)

    def hold(self, record: ActionRecord, why: Hold) -> None:
        """Let an action rest whose next call could not be intended, though a look had let it."""
        self._rest.held(record.id, why)

    def may_go_on(self, record: ActionRecord) -> Ending | Hold | None:
        """None when the next call may be made; else what it must wait for, or how the action ends without it."""
        if record.undoes is not None:
            return self._may_undo(record)
        policy = self._loaded.get(record.policy)
        if policy is None:
            return _UNLOADED
        candidate = self._candidates.begun(policy, record.finding_id)
        if candidate is None:
            return _abandoned("its finding is not in the store")
        if hold := guards.held_by(candidate, guards.LAST):
            return hold
        if record.proposal_id is None and candidate.mode is not Mode.ENFORCE:
            return self._no_more_alone(record, candidate)
        if record.proposal_id is None and not candidate.trusted:
            return _UNTRUSTED
        return self._looked_at(record, lambda: self._still_the_same(record, candidate))

    def _no_more_alone(self, record: ActionRecord, candidate: Candidate) -> Ending | Hold:
        """What becomes of it where its policy does not act by itself: one sweep under a lower ceiling ends nothing."""
        if self._lasting_mode_of(candidate.policy, record.scope) is not Mode.ENFORCE:
            return _abandoned("nobody approved it, and its policy does not act by itself any more")
        detail = f"nobody approved it, and in a sweep under this ceiling its policy may only {candidate.mode}"
        return Hold(guard="mode", detail=detail)

    def _may_undo(self, record: ActionRecord) -> Ending | Hold | None:
        """Whether an undo may go on: it is a person's word, which holds where anything may be done, and still applies.

        No policy's mode, no window and no freeze holds it, and no pause that was there when it was asked for. Where
        nobody accepts anything any more, the settings are a person's word too, and the later one.
        """
        if doubt := self._doubts.settings():
            return Hold(guard="pause", detail=doubt)
        places = record.plan.places(record.scope)
        if left := sorted(str(where) for where in places if not self._accepts(where)):
            return Hold(guard="mode", detail=f"{', '.join(left)}: not accepted, or not looked after any more")
        with self._store.reading() as tx:
            original, since = tx.actions.get(record.undoes or ""), paused_since(tx, record)
        if held := undo_held(record, since, self._ceiling_of(record.scope)):
            return held
        if original is None:
            return _abandoned("the action to undo is not in the store")
        if record.called and record.changed_at != record.started_at and self._just(record.changed_at):
            # It made a call of its own already, of which a reading may lag.
            return None
        return self._looked_at(record, lambda: self._still_in_force(record, original))

    def _just(self, moment: datetime) -> bool:
        """Whether a reading may not show yet what was done by then."""
        return timedelta(0) <= self._clock.now() - moment < PROOF_WAITS

    def _still_in_force(self, record: ActionRecord, original: ActionRecord) -> Ending | Hold | None:
        if (seen := self._followed(record, original)) is not None:
            return seen
        try:
            missing = unshown(record, original, self._actuator)
        except CloudError as error:
            return Hold(guard="re-check", detail=f"{error.reason}: {error}")
        if missing is None:
            return None
        if self._just(missing.done_by):
            detail = f"{missing.operation} shows no effect yet (its proof shows {missing.shown!r}): a reading may lag"
            return Hold(guard="re-check", detail=detail)
        what = f"{missing.operation} is not in force any more (its proof shows {missing.shown!r})"
        return _abandoned(f"{what}: somebody changed it since")

    def _followed(self, record: ActionRecord, original: ActionRecord) -> Ending | Hold | None:
        """What came after an action: another one like it, another resource of that name, or what somebody did."""
        with self._store.reading() as tx:
            again, finding = done_again(tx, original), tx.findings.get(original.finding_id)
        if again is not None:
            why = overdone(original, again)
            return _abandoned(why) if again.state.ended else Hold(guard="re-check", detail=why)
        if finding is None:
            return None
        if (kind := self._kinds.get(finding.kind)) is None:
            return Hold(
                guard="re-check", detail=f"nobody can tell what became of it: {finding.kind} is no kind known here"
            )
        overtaken = self._recheck.overtaken(kind, finding, original.plan.action, done_by(record, original))
        if isinstance(overtaken, Unclear):
            return Hold(guard="re-check", detail=overtaken.why)
        return _abandoned(overtaken) if overtaken is not None else None

    def _looked_at(self, record: ActionRecord, look: Callable[[], Ending | Hold | None]) -> Ending | Hold | None:
        """What a look says; what the one before said, while the action rests after that."""
        if (rests := self._rest.rests(record.id)) is not None:
            return rests
        seen = look()
        if isinstance(seen, Hold):
            self._rest.held(record.id, seen)
        return seen

    def _still_shown(self, record: ActionRecord) -> Hold | None:
        """What was waited for right before the next call, and is not there any more: a snapshot, say."""
        for step in reversed(record.plan.steps[: record.step]):
            if not isinstance(step, Wait):
                break
            try:
                shown = self._actuator.read(record.scope, filled_read(step.read, record))
            except CloudError as error:
                return Hold(guard="re-check", detail=f"{error.reason}: {error}")
            if shown not in step.until:
                detail = f"{step.read.operation}, which was waited for, shows {shown!r} by now"
                return Hold(guard="re-check", detail=detail)
        return None

    def _still_the_same(self, record: ActionRecord, candidate: Candidate) -> Ending | Hold | None:
        seen = self._recheck.look(candidate, record.plan.action)
        if isinstance(seen, Over):
            return _abandoned(_OVER[seen.state])
        if isinstance(seen, Unclear):
            return Hold(guard="re-check", detail=seen.why)
        if isinstance(seen, Hold) and seen.lasting:
            return _abandoned(f"exempt since it began: {seen.detail}")
        if isinstance(seen, Hold):
            return seen
        if not isinstance(seen.plan, Plan) or seen.plan.hash != record.plan.hash:
            return _abandoned("the resource changed since the action began")
        return self._still_shown(record)


def _abandoned(why: str) -> Ending:
    return Ending(state=ActionState.ABANDONED, error=why)
