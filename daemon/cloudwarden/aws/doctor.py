"""Tries whether AWS lets the daemon do what its policies need, everywhere, and says what to mend."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from cloudwarden.aws import remedies
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.errors import MEND_CLOCK, skewed
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from cloudwarden.core.acceptance import Discovery
from cloudwarden.core.action import ACTION_ID, Action, Call, Json, Plan, Read
from cloudwarden.core.blast import Look
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import AccessDenied, CloudError
from cloudwarden.core.evidence import Unreadable
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause, Violation
from cloudwarden.ports import EvidenceSource

SKEW_WARNS, SKEW_FAILS = timedelta(seconds=30), timedelta(minutes=4)
"""AWS refuses what is signed five minutes off."""

GET_METRIC_DATA = "cloudwatch:GetMetricData"
IDENTITY = "sts:GetCallerIdentity"
NO_METRIC = MetricQuery(
    namespace="AWS/EC2",
    metric="CPUUtilization",
    dimensions=(("InstanceId", "i-00000000000000000"),),
    statistic="Average",
    period=timedelta(minutes=5),
    window=timedelta(minutes=10),
)
"""A series that nobody has: asking for it costs a thousandth of a cent, and shows whether one may ask."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class AwsDoctor:
    """Examines AWS as the daemon would use it: one small read for each permission, and a dry run of each action.

    Nothing is changed. An action is tried on a resource that there is, as EC2 tells a stranger nothing of one that
    there is not; where there is none, or the API has no dry run, the permission stays untested.
    """

    def __init__(
        self,
        sessions: Sessions,
        inventory: AwsInventory,
        actuator: AwsActuator,
        evidence: EvidenceSource,
        *,
        threads: int,
        now: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._inventory = inventory
        self._actuator = actuator
        self._evidence = evidence
        self._threads = threads
        self._now = now

    def examine(self, policies: Collection[AnyPolicy], mode_of: Callable[[AnyPolicy], Mode]) -> Iterator[Check]:
        """Check after check, from the daemon's own credentials to each permission in each scope."""
        try:
            caller = self._sessions.identities.own.caller()
            yield Check(area=Area.CREDENTIALS, subject=caller.arn, where=caller.account, health=Health.OK)
            discovery = self._sessions.discover()
        except CloudError as error:
            yield _failed(Area.CREDENTIALS, "the daemon's own", "", error, remedies.for_credentials(error))
            yield from self._clock()
            return
        yield from self._clock()
        yield from _discovered(discovery)
        scopes = [found.scope for found in discovery.scopes]
        reachable: set[str] = set()
        for check in self._in_parallel(self._account, sorted({scope.account for scope in scopes})):
            yield check
            if check.health is Health.OK:
                reachable.add(check.where)
        tried = [scope for scope in scopes if scope.account in reachable]
        for checks in self._in_parallel(lambda scope: list(self._scope(scope, policies, mode_of)), tried):
            yield from checks

    def _clock(self) -> Iterator[Check]:
        ahead = self._sessions.clock.ahead
        if ahead is None:
            yield Check(area=Area.CLOCK, subject="clock", health=Health.UNTESTED, detail="AWS did not answer")
            return
        health = Health.FAILED if abs(ahead) >= SKEW_FAILS else Health.WARNING
        if abs(ahead) < SKEW_WARNS:
            yield Check(area=Area.CLOCK, subject="clock", health=Health.OK, detail="within seconds of AWS")
        else:
            detail = skewed(ahead.total_seconds())
            yield Check(area=Area.CLOCK, subject="clock", health=health, detail=detail, fix=MEND_CLOCK)

    def _account(self, account: str) -> Check:
        try:
            arn = self._sessions.identity(account).caller().arn
        except CloudError as error:
            own = self._sessions.identities.own.caller().principal
            return _failed(Area.ACCOUNT, account, account, error, remedies.for_account(error, account, own))
        return Check(area=Area.ACCOUNT, subject=account, where=account, health=Health.OK, detail=arn)

    def _scope(
        self, scope: Scope, policies: Collection[AnyPolicy], mode_of: Callable[[AnyPolicy], Mode]
    ) -> Iterator[Check]:
        tested = {IDENTITY}
        seen: dict[type[Resource], Sequence[Resource]] = {}
        for kind in dict.fromkeys(policy.kind for policy in policies):
            listing = self._inventory.glimpse(kind, scope)
            seen[kind] = listing.resources
            for permission in self._inventory.permissions(kind):
                tested.add(permission)
                yield self._read(permission, scope, listing.problem)
        if GET_METRIC_DATA in _evidence_permissions(policies):
            tested.add(GET_METRIC_DATA)
            answer = self._evidence.answer(scope, [NO_METRIC], self._now())[NO_METRIC]
            yield self._read(GET_METRIC_DATA, scope, answer.cause if isinstance(answer, Unreadable) else None)
        for policy in policies:
            if policy.action is not None and mode_of(policy) > Mode.OBSERVE:
                for check in (
                    *self._action(policy, scope, seen[policy.kind]),
                    *self._looks(policy.action, scope, seen[policy.kind], tested),
                ):
                    tested.add(check.subject)
                    yield check
        for permission in sorted(_needed(policies, mode_of) - tested):
            detail = "not tried: nothing here to try it on, or no dry run of it"
            yield Check(area=Area.ACT, subject=permission, where=str(scope), health=Health.UNTESTED, detail=detail)

    def _read(self, permission: str, scope: Scope, problem: Cause | None) -> Check:
        if problem is None:
            return Check(area=Area.READ, subject=permission, where=str(scope), health=Health.OK)
        fix = remedies.for_permission(problem.reason, permission, scope)
        return Check(
            area=Area.READ, subject=permission, where=str(scope), health=Health.FAILED, detail=str(problem), fix=fix
        )

    def _action(self, policy: AnyPolicy, scope: Scope, resources: Iterable[Resource]) -> Iterator[Check]:
        """The calls of a plan that do not wait for one another, each tried once; and what proves them, read."""
        plan = next((made for resource in resources if (made := _planned(policy, resource))), None)
        for call in plan.calls if plan else ():
            if not _waits(call.arguments):
                yield self._dry_run(call, scope)
            if not _waits(call.proof.read.arguments):
                yield self._proof(call.proof.read, scope)

    def _looks(
        self, action: Action[Resource], scope: Scope, resources: Sequence[Resource], tested: Collection[str]
    ) -> Iterator[Check]:
        """The first questions of what depends on one of the resources, asked."""
        details = {
            self._sessions.permission(one.detail.service, one.detail.operation, scope): one.detail
            for resource in resources[:1]
            for one in _first_looks(action, resource)
        }
        wanted = {permission: detail for permission, detail in details.items() if permission not in tested}
        answers = self._evidence.answer(scope, list(wanted.values()), self._now())
        for permission, detail in wanted.items():
            answer = answers[detail]
            check = self._read(permission, scope, answer.cause if isinstance(answer, Unreadable) else None)
            # Without it people are asked, and told that nobody knows: nothing stands still.
            yield replace(check, health=Health.WARNING) if check.health is Health.FAILED else check

    def _dry_run(self, call: Call, scope: Scope) -> Check:
        permission = self._sessions.permission(call.service, call.operation, scope)
        made = Check(area=Area.ACT, subject=permission, where=str(scope), health=Health.OK, detail="dry run passed")
        if not call.dry_run:
            return replace(made, health=Health.UNTESTED, detail="this API has no dry run")
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

    def _in_parallel(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
            for future in futures:
                yield future.result()


def _discovered(discovery: Discovery) -> Iterator[Check]:
    for problem in discovery.problems:
        yield Check(
            area=Area.DISCOVERY,
            subject=problem.source,
            where=problem.account,
            health=Health.FAILED,
            detail=str(problem.cause),
            fix=remedies.for_discovery(problem),
        )
    if not discovery.problems:
        accounts = len({found.scope.account for found in discovery.scopes})
        detail = f"{accounts} accounts, {len(discovery.scopes)} scopes"
        yield Check(area=Area.DISCOVERY, subject="accounts and regions", health=Health.OK, detail=detail)


def _failed(area: Area, subject: str, where: str, error: CloudError, fix: str) -> Check:
    detail = f"{error.reason}: {error}"
    return Check(area=area, subject=subject, where=where, health=Health.FAILED, detail=detail, fix=fix)


def _evidence_permissions(policies: Iterable[AnyPolicy]) -> set[str]:
    """Evidence that asks AWS for nothing names no permissions."""
    asked = (evidence for policy in policies for evidence in policy.rule.evidence)
    return {permission for evidence in asked for permission in getattr(evidence, "permissions", ())}


def _needed(policies: Iterable[AnyPolicy], mode_of: Callable[[AnyPolicy], Mode]) -> set[str]:
    acting = [one for one in policies if one.action is not None and mode_of(one) > Mode.OBSERVE]
    looking = {permission for one in acting if _disturbs(one) for permission in one.kind.dependants_permissions}
    changing = {permission for one in acting if one.action for permission in one.action.permissions}
    return _evidence_permissions(policies) | looking | changing


def _disturbs(policy: AnyPolicy) -> bool:
    """Whether what depends on the resource is looked for as its kind says; an action that knows better says so."""
    return policy.action is not None and type(policy.action).disturbs is Action.disturbs


def _first_looks(action: Action[Resource], resource: Resource) -> list[Look]:
    try:
        return [one for one in action.disturbs(resource) or () if isinstance(one, Look)]
    except Exception:  # noqa: BLE001  # an action is an author's code
        return []


def _planned(policy: AnyPolicy, resource: Resource) -> Plan | None:
    if policy.action is None:
        return None
    try:
        plan: Plan = policy.action.plan(resource, Violation(summary="tried by the doctor"))
    except Exception:  # noqa: BLE001  # an action is an author's code, and this is no violation that it knows
        return None
    return plan


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
