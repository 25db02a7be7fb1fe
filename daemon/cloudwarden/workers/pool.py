"""Surveys by several processes: every scope has its worker, and a worker's loss is a blind spell of its scopes."""

from __future__ import annotations

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Any

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.budget import Budget
from cloudwarden.engine.events import WorkerLost
from cloudwarden.engine.local import SCOPES_AT_ONCE
from cloudwarden.engine.survey import Assignment, Survey, blind
from cloudwarden.lately import Lately
from cloudwarden.loading import PolicyText
from cloudwarden.ports import Clock, Reporter
from cloudwarden.workers.messages import Done, Granted, Progress, Spend
from cloudwarden.workers.worker import Worker

SILENT_SECONDS = 300.0
"""A worker that was not heard for so long hangs where nothing can interrupt it (a rule inside C code, say), and is
ended. Above what one slow call with all its repetitions takes."""

LOOKS_EVERY_SECONDS = 1.0

Queue = deque[tuple[Assignment, ...]]

WORKER_LOST = "worker-lost"
OUT_OF_STEP = "worker-out-of-step"


class WorkerPool:
    """Surveys in `count` processes, which start with the first survey and stay.

    An account's scopes stay with one worker (where accounts are few, a scope does), because what limits the rate
    of an account's calls, and what is remembered of its verdicts, lives there. `entry` is what a worker runs with
    its end of the pipe; `texts` gives the running policies' files. `alive` may raise StopAsked. `drawn` hears
    what a survey left of its scope's limits.
    """

    def __init__(
        self,
        *,
        count: int,
        entry: Callable[[Connection], None],
        texts: Callable[[], tuple[PolicyText, ...]],
        clock: Clock,
        reporter: Reporter,
        alive: Callable[[], None],
        budget: Budget,
        drawn: Callable[[Any], None] = lambda _: None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._count = count
        self._cores = sorted(os.sched_getaffinity(0))
        self._entry = entry
        self._texts = texts
        self._clock = clock
        self._reporter = reporter
        self._alive = alive
        self._budget = budget
        self._drawn = drawn
        self._silent_seconds = silent_seconds
        self._workers: dict[int, Worker] = {}
        self._places: Lately[str, int] = Lately(clock.monotonic)
        self._lost: list[int] = []
        self._unstarted: dict[int, str] = {}
        """Places whose worker could not be started, and why."""

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterator[Survey]:
        """A survey for each assignment, as workers finish them.

        A worker that is lost makes what it was given, and has not answered, blind; a new one does the rest. One that
        cannot be started makes all that waits for it blind; the next survey tries again.
        """
        texts = self._texts()
        queues = self._queues(assignments)
        try:
            while queues or any(worker.outstanding for worker in self._workers.values()):
                self._feed(queues, texts)
                for survey, assignment in self._heard():
                    yield checked(survey, assignment, policies)
                for assignment, cause in self._missed(queues):
                    yield blind(assignment, policies, cause, self._clock.now())
                self._alive()
        except BaseException:
            # Whoever stops listening leaves workers with answers that the next survey would take for its own.
            self.close()
            raise

    def close(self) -> None:
        """End every worker."""
        for worker in self._workers.values():
            worker.dismiss()
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()

    def _queues(self, assignments: Sequence[Assignment]) -> dict[int, Queue]:
        by_place: defaultdict[int, list[Assignment]] = defaultdict(list)
        by_account = len({assignment.scope.account for assignment in assignments}) >= 2 * self._count
        for assignment in assignments:
            by_place[self._place(assignment.scope, by_account=by_account)].append(assignment)
        return {
            place: deque(tuple(mine[start : start + SCOPES_AT_ONCE]) for start in range(0, len(mine), SCOPES_AT_ONCE))
            for place, mine in by_place.items()
        }

    def _place(self, scope: Scope, *, by_account: bool) -> int:
        """The number of the worker that a scope belongs to: the emptiest one when it is new, then always the same."""
        key = scope.account if by_account else str(scope)
        if (place := self._places.get(key)) is not None:
            return place
        taken = Counter(self._places.values())
        return self._places.keep(key, min(range(self._count), key=lambda place: taken[place]))

    def _feed(self, queues: dict[int, Queue], texts: tuple[PolicyText, ...]) -> None:
        """Give every worker that is ready its next batch."""
        for place, queue in list(queues.items()):
            worker = self._workers.get(place) or self._started(place)
            if worker is not None and worker.ready:
                batch = queue.popleft()
                if not queue:
                    del queues[place]
                try:
                    worker.give(batch, texts)
                except OSError:
                    continue  # its pipe's end is heard next, and what it was given is answered there

    def _started(self, place: int) -> Worker | None:
        """A new worker for a place; None when the machine has nothing left for one."""
        try:
            worker = self._workers[place] = Worker(self._entry, self._core(place))
        except OSError as error:
            self._unstarted[place] = f"a worker could not be started: {error}"
            return None
        return worker

    def _core(self, place: int) -> int | None:
        """Where a worker stays; None for where it likes, as long as there are cores without one.

        Only one thread of a process runs Python at a time. On several cores they wake one another there, and wait for
        it, which takes a quarter of the time of a sweep.
        """
        return self._cores[place % len(self._cores)] if self._count >= len(self._cores) else None

    def _heard(self) -> Iterator[tuple[Survey, Assignment]]:
        """What workers found within a moment, and were asked for. One that cannot be heard is lost."""
        by_connection: dict[object, int] = {worker.connection: place for place, worker in self._workers.items()}
        for connection in wait([worker.connection for worker in self._workers.values()], timeout=LOOKS_EVERY_SECONDS):
            place = by_connection[connection]
            try:
                message = self._workers[place].hear()
            except Exception:  # noqa: BLE001  # its pipe ended, or what it sent can be read by nobody
                self._lost.append(place)
                continue
            if isinstance(message, Progress):
                for event in message.events:
                    self._reporter.report(event)
            elif isinstance(message, Done):
                self._drawn(message.drawn)
                yield message.survey, self._workers[place].outstanding.pop(message.survey.scope)
            elif isinstance(message, Spend):
                self._workers[place].answer(Granted(metrics=self._budget.grant(message.wants)))

    def _missed(self, queues: dict[int, Queue]) -> Iterator[tuple[Assignment, Cause]]:
        """End the workers that are lost or hang; what each was given, and why nobody can tell of it.

        One that never became ready will not do so the next time either: all that waits for its place is missed.
        """
        for place, detail in self._unstarted.items():
            yield from self._told([one for batch in queues.pop(place, ()) for one in batch], detail)
        self._unstarted.clear()
        hanging = [place for place, worker in self._workers.items() if worker.silent_for() > self._silent_seconds]
        for place in {*self._lost, *hanging}:
            worker = self._workers.pop(place)
            given = list(worker.outstanding.values())
            if not worker.began:
                given += [assignment for batch in queues.pop(place, ()) for assignment in batch]
            silent = f" after {worker.silent_for():.0f} s of silence" if place in hanging else ""
            detail = f"worker {worker.pid} ended with {worker.end()}{silent}"
            yield from self._told(given, detail, worker.pid)
        self._lost.clear()

    def _told(
        self, given: Sequence[Assignment], detail: str, pid: int | None = None
    ) -> Iterator[tuple[Assignment, Cause]]:
        self._reporter.report(WorkerLost(pid=pid or 0, scopes=len(given), detail=detail))
        yield from ((assignment, Cause(reason=WORKER_LOST, detail=detail)) for assignment in given)


def checked(survey: Survey, assignment: Assignment, policies: Mapping[str, AnyPolicy]) -> Survey:
    """The survey with nothing in it that another version of a policy than ours judged: for that it is blind."""
    ours = [(name, policies[name].fingerprint) for name in assignment.policies]
    if [(one.policy, one.fingerprint) for one in survey.judgements] == ours:
        return survey
    detail = (
        "a worker does not run this version of the policy; if that lasts, a value in its file is another one each time "
        "it is loaded: a list made of a set, say, which has no order"
    )
    cause = Cause(reason=OUT_OF_STEP, detail=detail)
    made = {one.policy: one for one in survey.judgements if one.fingerprint == policies[one.policy].fingerprint}
    missed = blind(assignment, policies, cause, survey.judged_at)
    return replace(survey, judgements=tuple(made.get(one.policy, one) for one in missed.judgements))
