"""Tries whether AWS lets the daemon do what its policies need, everywhere, and says what to mend."""

from __future__ import annotations

import contextvars
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from cloudwarden.aws import remedies
from cloudwarden.aws.endpoints import Endpoint
from cloudwarden.aws.iam_actions import services_of
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.refusals import MEND_CLOCK, skewed
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.trials import GET_METRIC_DATA, Task, Trials
from cloudwarden.core.acceptance import NO_SCOPES, Discovery
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import CloudError, CredentialsExpired
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Severity
from cloudwarden.engine.budget import Budget

SKEW_WARNS, SKEW_FAILS = timedelta(seconds=30), timedelta(minutes=4)
"""AWS refuses what is signed five minutes off."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class AwsDoctor:
    """Examines AWS as the daemon would use it: each endpoint, account and permission. Nothing is changed.

    What it asks of CloudWatch, one metric for each scope, is of the day's `budget`.
    """

    def __init__(
        self, sessions: Sessions, trials: Trials, inventory: AwsInventory, *, budget: Budget, threads: int
    ) -> None:
        self._sessions = sessions
        self._trials = trials
        self._inventory = inventory
        self._budget = budget
        self._threads = threads

    def examine(self, policies: Collection[AnyPolicy], mode_of: Callable[[AnyPolicy], Mode]) -> Iterator[Check]:
        """Check after check, from the way to STS to each permission in each scope."""
        try:
            knocking = self._sessions.endpoints()
            sts = self._sessions.endpoint("sts", self._sessions.home())
            yield knocking.knock(sts)
            caller = self._sessions.identities.own.caller()
            yield Check(area=Area.CREDENTIALS, subject=caller.arn, where=caller.account, health=Health.OK)
        except CloudError as error:
            ahead = self._sessions.clock.ahead or timedelta(0)
            skewed_enough = isinstance(error, CredentialsExpired) and abs(ahead) >= SKEW_FAILS
            fix = MEND_CLOCK if skewed_enough else remedies.for_credentials(error)
            yield _failed(Area.CREDENTIALS, "the daemon's own", "", error, fix)
            yield from self._clock()
            return
        discovery = self._discovery()
        yield from self._clock()
        yield from _discovered(discovery)
        tasks = self._tasks([found.scope for found in discovery.scopes], policies, mode_of)
        closed: set[tuple[str, str]] = set()
        endpoints = self._endpoints(tasks, known=sts)
        for endpoint, check in zip(endpoints, self._in_parallel(knocking.knock, list(endpoints)), strict=True):
            yield check
            if check.health is Health.FAILED:
                closed.update(endpoints[endpoint])
        reachable: set[str] = set()
        # Each that is looked after, also where no policy could be loaded that would read there.
        for check in self._in_parallel(self._account, sorted({found.scope.account for found in discovery.scopes})):
            yield check
            if check.health is Health.OK:
                reachable.add(check.where)
        tried = self._afforded([task for task in tasks if task.scope.account in reachable], closed)
        for checks in self._in_parallel(self._trials.of, tried):
            yield from checks

    def _discovery(self) -> Discovery:
        """What there is. Where nobody tells of accounts, and none was found before: why."""
        try:
            return self._sessions.discover()
        except CloudError:
            return Discovery(scopes=(), problems=self._sessions.untold())

    def _tasks(
        self, scopes: Sequence[Scope], policies: Collection[AnyPolicy], mode_of: Callable[[AnyPolicy], Mode]
    ) -> list[Task]:
        """What to try where: each kind where it is listed."""
        where: defaultdict[Scope, list[tuple[AnyPolicy, Mode]]] = defaultdict(list)
        for policy in policies:
            for scope in policy.kind.listed_in(scopes):
                where[scope].append((policy, mode_of(policy)))
        return [
            Task(scope=scope, policies=tuple(here)) for scope, here in sorted(where.items(), key=lambda one: one[0])
        ]

    def _endpoints(self, tasks: Iterable[Task], *, known: Endpoint) -> dict[Endpoint, list[tuple[str, str]]]:
        """One endpoint for each address but the known one, and which services of which regions it stands for."""
        by_url: dict[str, Endpoint] = {}
        stands_for: defaultdict[Endpoint, list[tuple[str, str]]] = defaultdict(list)
        wanted = {(service, task.scope.region) for task in tasks for service in self._services(task)}
        for service, region in sorted(wanted):
            endpoint = self._sessions.endpoint(service, region)
            if endpoint.url != known.url:
                stands_for[by_url.setdefault(endpoint.url, endpoint)].append((service, region))
        return stands_for

    def _services(self, task: Task) -> set[str]:
        listed = {self._inventory.declared(policy.kind).service for policy, _ in task.policies}
        return listed | services_of(task.reads) | ({"cloudwatch"} if GET_METRIC_DATA in task.reads else set())

    def _afforded(self, tasks: Sequence[Task], closed: Collection[tuple[str, str]]) -> list[Task]:
        """The tasks with what they cannot try: what does not answer, and metrics beyond the budget."""
        asking = [task.scope for task in tasks if GET_METRIC_DATA in task.reads]
        granted = set(asking[: self._budget.grant(((Severity.CRITICAL, len(asking)),))]) if asking else set()
        return [
            replace(
                task,
                closed=frozenset(service for service, region in closed if region == task.scope.region),
                affordable=task.scope in granted,
            )
            for task in tasks
        ]

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
    if not discovery.scopes and not discovery.untold:
        yield Check(
            area=Area.DISCOVERY, subject="accounts and regions", health=Health.FAILED, detail="0 scopes", fix=NO_SCOPES
        )
    elif not discovery.problems:
        accounts = len({found.scope.account for found in discovery.scopes})
        detail = f"{accounts} accounts, {len(discovery.scopes)} scopes"
        yield Check(area=Area.DISCOVERY, subject="accounts and regions", health=Health.OK, detail=detail)


def _failed(area: Area, subject: str, where: str, error: CloudError, fix: str) -> Check:
    detail = f"{error.reason}: {error}"
    return Check(area=area, subject=subject, where=where, health=Health.FAILED, detail=detail, fix=fix)
