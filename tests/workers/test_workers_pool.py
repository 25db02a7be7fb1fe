"""The pool, with real processes: work is shared, and whoever is lost makes only its own scopes blind."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cloudwarden.clock import FakeClock
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Severity
from cloudwarden.engine.budget import Wants
from cloudwarden.engine.events import MetricsRequested, WorkerLost
from cloudwarden.engine.gather import StopAsked
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.loading import PolicyText, rebuilt
from cloudwarden.workers import WorkerPool
from cloudwarden.workers.pool import OUT_OF_STEP, WORKER_LOST, checked
from cloudwarden.workers.serving import UNSENDABLE
from estates import found, stillborn, work
from reports import Reports
from world import NOON, SCOPE, stop_idle

POLICY = b"""
from cloudwarden import OBSERVE, Policy, every
from cloudwarden.library.compute import Idle, idle

stop_idle = Policy(name="stop-idle", rule=idle, params=Idle(), schedule=every(minutes=15), mode=OBSERVE)
"""
TEXTS = (PolicyText(path=Path("idle.py"), content=POLICY),)
SCOPES = [Scope(account=f"{number:012}", region="eu-central-1") for number in range(60)]

STARTS_WITHIN_SECONDS = 25.0
"""A process on a machine that is several times as busy as it can be: it is silent until then."""


class Till:
    """A budget that grants two of whatever is wanted, and knows who asked: this process."""

    def __init__(self) -> None:
        self.wanted: list[Wants] = []

    def grant(self, wants: Wants) -> int:
        """Two."""
        self.wanted.append(wants)
        return 2


@pytest.fixture
def reports() -> Reports:
    """What the pool and its workers report."""
    return Reports()


@pytest.fixture
def pool_of(reports: Reports) -> Iterator[Callable[..., WorkerPool]]:
    """Makes pools of two, and ends them."""
    made: list[WorkerPool] = []

    def make(**changes: object) -> WorkerPool:
        terms: dict[str, object] = {
            "count": 2,
            "entry": work,
            "texts": lambda: TEXTS,
            "clock": FakeClock(NOON),
            "reporter": reports,
            "alive": lambda: None,
            "budget": Till(),
        }
        made.append(WorkerPool(**(terms | changes)))  # type: ignore[arg-type]  # a test's changes
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture(scope="module")
def policies() -> Mapping[str, AnyPolicy]:
    """The policies that the texts define."""
    return rebuilt(TEXTS, {})


def assignments(run_id: str = "r", scopes: Sequence[Scope] = SCOPES) -> list[Assignment]:
    """One for each scope."""
    return [Assignment(run_id=run_id, scope=scope, policies=("stop-idle",)) for scope in scopes]


def problems(surveys: Sequence[Survey]) -> dict[str, str]:
    """Why scopes are blind, by account."""
    causes = {survey.scope.account: survey.judgements[0].problem for survey in surveys}
    return {account: cause.reason for account, cause in causes.items() if cause is not None}


def test_every_scope_is_surveyed_once_by_one_of_two_processes(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """And each of the two does its half."""
    surveys = list(pool_of().survey(assignments(), policies))
    assert sorted(str(survey.scope) for survey in surveys) == sorted(map(str, SCOPES))
    assert problems(surveys) == {}
    seen = [event.run_id for event in reports.of(MetricsRequested) if isinstance(event, MetricsRequested)]
    assert sorted(seen.count(pid) for pid in set(seen)) == [30, 30]
    assert str(os.getpid()) not in seen


def test_each_worker_stays_on_a_core_of_its_own(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """Its threads take turns, and would wake one another across cores; where there are cores to spare, it is free."""
    cores = os.sched_getaffinity(0)
    for count, stays in ((len(cores), 1), (1, len(cores))):
        reports.events.clear()
        list(pool_of(count=count).survey(assignments(), policies))
        pids = {int(event.run_id) for event in reports.of(MetricsRequested) if isinstance(event, MetricsRequested)}
        where = [os.sched_getaffinity(pid) for pid in pids]
        assert [len(each) for each in where] == [stays] * count
        assert set().union(*where) == cores


def test_scopes_stay_with_their_worker(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """From sweep to sweep: what limits an account's calls lives there."""
    pool = pool_of()
    for _ in range(3):
        list(pool.survey(assignments(), policies))
    events = [event for event in reports.of(MetricsRequested) if isinstance(event, MetricsRequested)]
    assert len(events) == 180
    assert len({(event.scope, event.run_id) for event in events}) == 60


def test_workers_spend_from_the_budget_of_the_daemon(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """Each asks and waits for the answer; nothing but plain data goes through the pipe."""
    till = Till()
    list(pool_of(budget=till).survey(assignments("spends"), policies))
    assert till.wanted == [((Severity.LOW, 3),)] * len(SCOPES)
    granted = [event.requested for event in reports.of(MetricsRequested) if isinstance(event, MetricsRequested)]
    assert granted == [{"stop-idle": 2}] * len(SCOPES)


@contextmanager
def files_left(number: int) -> Iterator[None]:
    """Within, this process may open so many more files."""
    free = [os.dup(0) for _ in range(number + 1)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for one in free:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("files", [0, 2], ids=["no pipe", "no process"])
def test_workers_that_cannot_be_started_blind_their_scopes_for_one_sweep(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports, files: int
) -> None:
    """The daemon goes on, and the next sweep tries again; nothing is left open."""
    pool = pool_of()
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with files_left(files):
        blind = problems(list(pool.survey(assignments(), policies)))
    assert blind == {scope.account: WORKER_LOST for scope in SCOPES}
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    (first, _) = reports.of(WorkerLost)
    assert isinstance(first, WorkerLost)
    assert "could not be started: [Errno 24]" in first.detail
    assert problems(list(pool.survey(assignments(), policies))) == {}


def test_a_killed_worker_blinds_only_what_it_had(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """The scopes of its batch that it had not answered; the rest goes to a new one, and the next sweep is whole."""
    pool = pool_of()
    blind = problems(list(pool.survey(assignments("killed"), policies)))
    assert "000000000013" in blind
    assert set(blind.values()) == {WORKER_LOST}
    assert len(blind) < len(SCOPES) / 3
    assert len(reports.of(WorkerLost)) == 1
    assert problems(list(pool.survey(assignments(), policies))) == {}


def test_a_hanging_worker_is_ended(pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy]) -> None:
    """Whatever holds it: its scopes are blind, the others are surveyed."""
    blind = problems(list(pool_of(silent_seconds=STARTS_WITHIN_SECONDS).survey(assignments("hangs"), policies)))
    assert "000000000014" in blind
    assert set(blind.values()) == {WORKER_LOST}
    assert len(blind) < len(SCOPES) / 3


def test_what_cannot_be_sent_blinds_one_policy_in_one_scope(
    pool_of: Callable[..., WorkerPool], reports: Reports
) -> None:
    """The other policy's verdicts arrive, and the worker goes on."""
    both = (*TEXTS, PolicyText(path=Path("too.py"), content=POLICY.replace(b"stop-idle", b"stop-idle-too")))
    work = [replace(one, policies=("stop-idle", "stop-idle-too")) for one in assignments("unsendable")]
    surveys = list(pool_of(texts=lambda: both).survey(work, rebuilt(both, {})))
    assert problems(surveys) == {"000000000015": UNSENDABLE}
    assert all(survey.judgements[1].problem is None for survey in surveys)
    assert [one.scope.account for survey in surveys for one in survey.judgements if one.lost] == ["000000000015"]
    assert (len(surveys), len(reports.of(WorkerLost))) == (len(SCOPES), 0)


def test_what_cannot_be_read_is_a_lost_worker(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """Its batch is blind; the daemon goes on."""
    blind = problems(list(pool_of().survey(assignments("unreadable"), policies)))
    assert "000000000016" in blind
    assert set(blind.values()) == {WORKER_LOST}
    assert (len(blind) < len(SCOPES) / 3, len(reports.of(WorkerLost))) == (True, 1)


def test_workers_that_cannot_start_make_everything_blind(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """Nobody looked, so nothing is known; and nobody tries for ever."""
    blind = problems(list(pool_of(entry=stillborn).survey(assignments(), policies)))
    assert len(blind) == len(SCOPES)
    assert len(reports.of(WorkerLost)) == 2


def test_stopping_ends_the_workers(pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy]) -> None:
    """Whoever is asked to leave in the middle of a survey leaves nobody behind, and takes no half of one."""

    def leave() -> None:
        raise StopAsked("asked to stop")

    pool = pool_of(alive=leave)
    with pytest.raises(StopAsked):
        list(pool.survey(assignments("hangs"), policies))
    assert not pool._workers


def test_changed_policies_reach_the_workers(pool_of: Callable[..., WorkerPool]) -> None:
    """A reloaded file is sent again, and judged by."""
    texts = [TEXTS]
    pool = pool_of(texts=lambda: texts[0])
    list(pool.survey(assignments(), rebuilt(TEXTS, {})))
    texts[0] = (PolicyText(path=Path("idle.py"), content=POLICY.replace(b"Idle()", b"Idle(max_cpu_percent=1)")),)
    assert problems(list(pool.survey(assignments(), rebuilt(texts[0], {})))) == {}


def test_the_sets_of_a_policy_do_not_put_its_workers_out_of_step(pool_of: Callable[..., WorkerPool]) -> None:
    """Each process has them in another order."""
    own = b"""
from cloudwarden import OBSERVE, Params, Policy, every, rule
from cloudwarden.aws import ec2

KINDS = {"a", "b", "c", "d", "e", "f"}

class Knobs(Params):
    names: frozenset[str] = frozenset("abcdef")

@rule
def listed(instance: ec2.Instance, params: Knobs):
    return None if instance.instance_type in KINDS or instance.id in {"i-1", "i-2", "i-3"} else None

p = Policy(name="stop-idle", rule=listed, params=Knobs(), schedule=every(minutes=15), mode=OBSERVE)
"""
    texts = (PolicyText(path=Path("own.py"), content=own),)
    assert problems(list(pool_of(texts=lambda: texts).survey(assignments(), rebuilt(texts, {})))) == {}


def test_another_version_of_a_policy_is_not_believed() -> None:
    """Nor is silence about a policy: both are blind spells."""
    ours = {"stop-idle": stop_idle()}
    one = Assignment(run_id="r", scope=SCOPE, policies=("stop-idle",))
    survey = found(one, ours)
    assert checked(survey, one, ours) == survey
    theirs = replace(survey.judgements[0], fingerprint="another")
    for judgements in ((theirs,), ()):
        (judgement,) = checked(replace(survey, judgements=judgements), one, ours).judgements
        assert judgement.problem is not None
        assert (judgement.problem.reason, judgement.lost, judgement.population) == (OUT_OF_STEP, True, None)


def test_accounts_that_left_take_no_worker_s_place(
    pool_of: Callable[..., WorkerPool], policies: Mapping[str, AnyPolicy], reports: Reports
) -> None:
    """New ones go where there is room, which is known of accounts that are swept alone."""
    clock = FakeClock(NOON)
    pool = pool_of(clock=clock)

    def swept(run_id: str, scopes: Sequence[Scope]) -> dict[str, list[Scope]]:
        """The scopes of each process."""
        reports.events.clear()
        list(pool.survey(assignments(run_id, scopes), policies))
        found: dict[str, list[Scope]] = {}
        for event in reports.of(MetricsRequested):
            assert isinstance(event, MetricsRequested)
            found.setdefault(event.run_id, []).append(event.scope)
        return found

    (stays, kept), (_, left) = swept("r-1", SCOPES).items()
    assert len(kept) == len(left)
    for number in range(2):
        clock.advance(timedelta(days=5))
        assert list(swept(f"r-{number}", kept)) == [stays]
    new = [replace(scope, account=f"9{scope.account[1:]}") for scope in left]
    assert len(swept("r-4", new).get(stays, ())) <= 1, "the first of them has what is old looked for"
