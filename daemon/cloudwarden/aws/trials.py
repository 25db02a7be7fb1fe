"""Tries each permission that policies need in one scope: a small read of each, and a dry run of each action."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.aws import remedies
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.allowance import check_allowance
from cloudwarden.aws.cloudwatch import CloudWatchEvidence
from cloudwarden.aws.details import DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import ACTION_ID, Action, Call, Plan, Read
from cloudwarden.core.blast import Look
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.errors import AccessDenied, CloudError
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause, Violation
from cloudwarden.ports import EvidenceSource

GET_METRIC_DATA = "cloudwatch:GetMetricData"
NO_METRIC = MetricQuery(
    namespace="AWS/EC2",
    metric="CPUUtilization",
    dimensions=(("InstanceId", "i-00000000000000000"),),
    statistic="Average",
    period=timedelta(minutes=5),
    window=timedelta(minutes=10),
)
"""A series that nobody has: asking for it costs a thousandth of a cent, and shows whether one may ask."""

NO_EXAMPLE = "not tried: there is nothing here to try it on"
NO_PLAN = "not tried: what there is here gives the action nothing to do"
NO_DRY_RUN = "not tried: this API has no dry run"
CLOSED = "not tried: its endpoint does not answer"
HELD = "not tried: what the listing said was enough"
NO_BUDGET = "not tried: the day's budget of CloudWatch metrics is spent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What to try in a scope: the policies that read there, each with its mode.

    `closed` are the services whose endpoint there does not answer; `affordable` says that a metric may be asked for.
    """

    scope: Scope
    policies: tuple[tuple[AnyPolicy, Mode], ...]
    closed: frozenset[str] = frozenset()
    affordable: bool = True

    @property
    def acting(self) -> Iterator[AnyPolicy]:
        """The policies that may do something."""
        return (policy for policy, mode in self.policies if policy.action is not None and mode > Mode.OBSERVE)

    @property
    def reads(self) -> set[str]:
        """The permissions that evidence needs; evidence that asks AWS for nothing names none."""
        asked = (evidence for policy, _ in self.policies for evidence in policy.rule.evidence)
        return {permission for evidence in asked for permission in getattr(evidence, "permissions", ())}


class Trials:
    """Tries what a scope's policies need there. Nothing is changed.

    Evidence and actions are tried on a resource that there is, as EC2 tells a stranger nothing of one that there is
    not; where there is none, or the API has no dry run, the permission stays untested.
    """

    def __init__(
        self, sessions: Sessions, inventory: AwsInventory, actuator: AwsActuator, *, now: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._inventory = inventory
        self._actuator = actuator
        self._metrics = CloudWatchEvidence(sessions)
        self._details = DetailEvidence(sessions, threads=1)
        self._now = now

    def of(self, task: Task) -> list[Check]:
        """A check for each permission, each once: what failed, or else what was seen to work, comes before the rest."""
        best: dict[str, Check] = {}
        for check in self._tried(task):
            known = best.get(check.subject)
            if known is None or _WEIGHT[check.health] > _WEIGHT[known.health]:
                best[check.subject] = check
        return list(best.values())

    def _tried(self, task: Task) -> Iterator[Check]:
        examples: dict[type[Resource], Resource | None] = {}
        for kind in dict.fromkeys(policy.kind for policy, _ in task.policies):
            closed = self._inventory.declared(kind).service in task.closed
            listing = None if closed else self._inventory.glimpse(kind, task.scope)
            examples[kind] = next(iter(listing.resources), None) if listing else None
            yield from self._listing(kind, task.scope, examples[kind], listing.problem if listing else CLOSED)
        if GET_METRIC_DATA in task.reads:
            yield self._metric(task)
            yield check_allowance(self._sessions, task.scope)
        for policy, _ in task.policies:
            yield from self._evidence(policy, examples[policy.kind], task)
        for policy in task.acting:
            yield from self._action(policy, examples[policy.kind], task.scope)
            yield from self._looks(policy, examples[policy.kind], task)

    def _listing(
        self, kind: type[Resource], scope: Scope, example: Resource | None, problem: Cause | str | None
    ) -> Iterator[Check]:
        """What listing, and reading one, need. Tags that are read apart are tried apart.

        `problem` may say that nothing was tried.
        """
        declared = self._inventory.declared(kind)
        first, *others = declared.permissions
        if isinstance(problem, str):
            yield from (_untested(Area.READ, permission, scope, problem) for permission in (first, *others))
            return
        yield self._read(first, scope, problem)
        if example is None:
            yield from (_untested(Area.READ, permission, scope, NO_EXAMPLE) for permission in others)
            return
        if isinstance(example.tags, UnreadTags):
            yield self._detail(example.tags.detail, scope)
        else:
            yield from (_untested(Area.READ, permission, scope, HELD) for permission in others)
        if declared.one:
            permission = self._sessions.permission(declared.service, declared.one, scope)
            yield self._read(permission, scope, self._inventory.get(kind, scope, example.id).problem)

    def _metric(self, task: Task) -> Check:
        if "cloudwatch" in task.closed or not task.affordable:
            why = CLOSED if "cloudwatch" in task.closed else NO_BUDGET
            return _untested(Area.READ, GET_METRIC_DATA, task.scope, why)
        return self._read(GET_METRIC_DATA, task.scope, self._problem(self._metrics, NO_METRIC, task.scope))

    def _evidence(self, policy: AnyPolicy, example: Resource | None, task: Task) -> Iterator[Check]:
        for evidence in policy.rule.evidence:
            if example is None:
                permissions = getattr(evidence, "permissions", ())
                yield from (_untested(Area.READ, permission, task.scope, NO_EXAMPLE) for permission in permissions)
            else:
                details = (asked(example) for asked in getattr(evidence, "details", ()))
                yield from (self._detail(detail, task.scope, task.closed) for detail in details)

    def _detail(self, detail: Detail, scope: Scope, closed: Collection[str] = ()) -> Check:
        where = scope if detail.region is None else replace(scope, region=detail.region)
        permission = self._sessions.permission(detail.service, detail.operation, where)
        if where == scope and detail.service in closed:
            return _untested(Area.READ, permission, scope, CLOSED)
        return self._read(permission, scope, self._problem(self._details, detail, scope))

    def _problem(self, source: EvidenceSource, query: Query[object], scope: Scope) -> Cause | None:
        answer = source.answer(scope, [query], self._now())[query]
        return answer.cause if isinstance(answer, Unreadable) else None

    def _read(self, permission: str, scope: Scope, problem: Cause | None) -> Check:
        if problem is None:
            return Check(area=Area.READ, subject=permission, where=str(scope), health=Health.OK)
        fix = remedies.for_permission(problem.reason, permission, scope, detail=problem.detail)
        return Check(
            area=Area.READ, subject=permission, where=str(scope), health=Health.FAILED, detail=str(problem), fix=fix
        )

    def _action(self, policy: AnyPolicy, example: Resource | None, scope: Scope) -> Iterator[Check]:
        """The calls of a plan that do not wait for one another, each tried once; and what proves them, read."""
        plan = _planned(policy, example) if example is not None else None
        why = NO_EXAMPLE if example is None else NO_PLAN if plan is None else NO_DRY_RUN
        for permission in policy.action.permissions if policy.action else ():
            yield _untested(Area.ACT, permission, scope, why)
        for call in plan.calls if plan else ():
            if not _waits(call.arguments):
                yield self._dry_run(call, scope)
            if not _waits(call.proof.read.arguments):
                yield self._proof(call.proof.read, scope)

    def _looks(self, policy: AnyPolicy, example: Resource | None, task: Task) -> Iterator[Check]:
        """The first questions of what depends on the resource, asked."""
        if policy.action is None:
            return
        if type(policy.action).disturbs is Action.disturbs:
            # An action that knows better than its kind what it disturbs names no permissions for it.
            for permission in policy.kind.dependants_permissions:
                yield _untested(Area.READ, permission, task.scope, NO_EXAMPLE)
        details = dict.fromkeys(one.detail for one in _first_looks(policy.action, example))
        for detail in (one for one in details if one.service not in task.closed):
            check = self._detail(detail, task.scope)
            # Without it people are asked, and told that nobody knows: nothing stands still.
            yield replace(check, health=Health.WARNING) if check.health is Health.FAILED else check

    def _dry_run(self, call: Call, scope: Scope) -> Check:
        permission = self._sessions.permission(call.service, call.operation, scope)
        made = Check(area=Area.ACT, subject=permission, where=str(scope), health=Health.OK, detail="dry run passed")
        if not call.dry_run:
            return replace(made, health=Health.UNTESTED, detail=NO_DRY_RUN)
        arguments = {name: _stand_in(value) for name, value in call.arguments.items()}
        try:
            self._actuator.call(scope, replace(call, arguments=arguments), dry_run=True)
        except AccessDenied as error:
            fix = remedies.for_permission(error.reason, permission, scope, acting=True)
            return replace(made, health=Health.FAILED, detail=str(error), fix=fix)
        except CloudError as error:
            return replace(made, health=Health.UNTESTED, detail=str(error))
        return made

    def _proof(self, read: Read, scope: Scope) -> Check:
        permission = self._sessions.permission(read.service, read.operation, scope)
        try:
            self._actuator.read(scope, read)
        except CloudError as error:
            return self._read(permission, scope, Cause(reason=error.reason, detail=str(error)))
        return self._read(permission, scope, None)


_WEIGHT = {Health.UNTESTED: 0, Health.OK: 1, Health.WARNING: 2, Health.FAILED: 3}


def _untested(area: Area, permission: str, scope: Scope, detail: str) -> Check:
    return Check(area=area, subject=permission, where=str(scope), health=Health.UNTESTED, detail=detail)


def _first_looks(action: Action[Resource], example: Resource | None) -> list[Look]:
    try:
        return [one for one in (action.disturbs(example) if example else ()) or () if isinstance(one, Look)]
    except Exception:  # noqa: BLE001  # an action is an author's code
        return []


def _planned(policy: AnyPolicy, resource: Resource) -> Plan | None:
    if policy.action is None:
        return None
    try:
        made: object = policy.action.plan(resource, Violation(summary="tried by the doctor"))
        return made.as_kept() if isinstance(made, Plan) else None
    except Exception:  # noqa: BLE001  # an action is an author's code, and this is no violation that it knows
        return None


def _waits(value: Json) -> bool:
    """Whether an argument is only known once an earlier call was answered."""
    if isinstance(value, str):
        return value.startswith("${") and value != ACTION_ID
    if isinstance(value, Mapping):
        return any(_waits(part) for part in value.values())
    return isinstance(value, list | tuple) and any(_waits(part) for part in value)


def _stand_in(value: Json) -> Json:
    """The argument with a stand-in for the action's id."""
    if value == ACTION_ID:
        return "doctor"
    if isinstance(value, Mapping):
        return {key: _stand_in(part) for key, part in value.items()}
    return [_stand_in(part) for part in value] if isinstance(value, list | tuple) else value
