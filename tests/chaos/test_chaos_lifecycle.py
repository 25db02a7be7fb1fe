"""The lifecycle under any order of sweeps, decisions, clock jumps, reloads, interruptions and crashes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chaos import decisions
from chaos.changes import take_back
from chaos.decisions import Decision
from chaos.failpoints import counted, free
from chaos.small import Crash, SmallWorld
from chaos.tags import SETS, TAG
from cloudwarden import ENFORCE, OBSERVE, PROPOSE, Approval, Limit, Notify, hours, minutes, owner, window
from cloudwarden.aws import ec2
from cloudwarden.aws.ec2 import AddTags
from cloudwarden.core.action import Action
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, Throttled, Timeout, Unavailable
from cloudwarden.core.exemption import ANY
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import NO_TAGS, Tags
from cloudwarden.core.window import Freeze, Window
from cloudwarden.library.compute import Idle
from world import SCOPE, World, delete_unattached, stop_idle

EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "12"))
"""Lives that one run tries: more of them where there is time."""

STEPS = int(os.environ.get("CHAOS_STEPS", "40"))

FAILURES = 2
"""In a row, after which a policy stops."""

INSTANCES = tuple(f"i-{number}" for number in range(4))
VOLUMES = ("vol-0", "vol-1")
POLICIES = ("stop-idle", "delete-unattached", ANY)
TELLING = Notify(owners=[owner("team-x")], before=minutes(1))

number = st.integers(min_value=0, max_value=5)
names = st.sampled_from(INSTANCES)
policies = st.sampled_from(POLICIES)
accounts = st.sampled_from((ANY, SCOPE.account))
people = st.sampled_from(decisions.EVERYBODY)
quorums = st.sampled_from([1, 1, 2])
waits = st.sampled_from([timedelta(0), minutes(1), minutes(5), minutes(31), hours(2), hours(25)])
errors = st.sampled_from([Throttled, AccessDenied, Timeout, Unavailable, CredentialsExpired])
failing = st.sampled_from(
    [
        "ec2.instance",
        "ec2.volume",
        "get ec2.instance",
        "get ec2.volume",
        "CPUUtilization",
        "CPUUtilization i-1",
        "stop_instances",
        "create_snapshot",
        "delete_volume",
        "start_instances",
        "dry-run stop_instances",
        "create_tags",
        "read describe_instances",
        "read describe_snapshots",
    ]
)
some = st.sampled_from([1, 2, 1, 3, 4])
blinding = st.sampled_from(["ec2.instance", "ec2.volume", "CPUUtilization", "CPUUtilization i-1"])
tags = st.sampled_from([*SETS, (("keep-running", "1"),)]).map(dict)
carried = st.one_of(st.just(dict[str, str]()), tags)
"""By what appears anew: often nothing."""

windows = st.sampled_from([(), (), *((window(f"mon-sun {times}"),) for times in ("09:00-13:00", "13:00-18:00"))])


def deciding() -> st.SearchStrategy[Decision]:
    """Whatever a person may decide."""
    return st.one_of(
        st.builds(decisions.approve, number, by=people),
        st.builds(decisions.approve, number, st.just(AddTags.name), people),
        st.builds(decisions.reject, number, snooze=st.booleans()),
        st.builds(decisions.exempt, st.sampled_from((*INSTANCES, *VOLUMES, "i-*")), policies, accounts),
        st.builds(decisions.exempt, st.just(ANY), policies, accounts, st.just(TAG)),
        st.builds(decisions.revoke, number),
        st.builds(decisions.distrust, st.sampled_from(POLICIES[:2])),
        st.builds(decisions.pause, policies, accounts),
        st.builds(decisions.resume, policies, accounts),
        st.builds(decisions.undo, number),
    )


class Lifecycle(RuleBasedStateMachine):
    """The engine's life; after every step the history so far is held against the model."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="cloudwarden-chaos-")
        self.small = SmallWorld(Path(self._folder.name))
        self.jumped = timedelta(0)
        self._newest = len(INSTANCES)

    def teardown(self) -> None:
        """End in peace, and account for every finding."""
        try:
            self._peace()
        finally:
            self.small.close()
            self._folder.cleanup()

    @initialize(per_run=st.sampled_from([3, 4, 1, 2]), share=st.sampled_from([1.0, 1.0, 0.3]), quorum=quorums)
    def begin(self, per_run: int, share: float, quorum: int) -> None:
        """Policies are loaded, and see two idle instances."""
        for name in INSTANCES[:2]:
            self.small.world.add(name)
        self.small.observe()
        self._limit = Limit(per_run=per_run, share=share, per_hour=3, per_day=5, failures=FAILURES)
        self._quorum = quorum
        self._use()
        self.small.run(World.sweep)

    @rule(name=names, cpu=st.sampled_from([1.0, 1.0, 80.0, None]), share=st.sampled_from([1.0, 1.0, 0.3]))
    def appears(self, name: str, cpu: float | None, share: float) -> None:
        """An instance is made, or changes how busy it is: idle, busy, or nobody can tell."""
        self._forget(name)
        self.small.world.add(name, cpu=cpu, share=share)
        self.small.observe()

    @rule(name=st.sampled_from(VOLUMES))
    def is_detached(self, name: str) -> None:
        """A volume appears that nothing uses."""
        self.small.world.add_volume(name)
        self.small.observe()

    @rule(name=st.sampled_from(VOLUMES))
    def is_attached(self, name: str) -> None:
        """Somebody puts a volume to use; when it is left again, it is another one to whoever has its snapshot."""
        if name in self.small.world.cloud.resources:
            self.small.world.cloud.change(name, state="in-use")
            self.small.observe()

    @rule(how=st.sampled_from(["pending", "completed", "error"]))
    def snapshots_are(self, how: str) -> None:
        """AWS gets on with what was asked for, or gives up."""
        self.small.snapshots = how

    @rule(name=st.sampled_from((*INSTANCES, *VOLUMES)))
    def vanishes(self, name: str) -> None:
        """Somebody deletes a resource."""
        self.small.world.cloud.resources.pop(name, None)
        self.small.observe()

    @precondition(lambda self: self.small.world.cloud.resources)
    @rule(name=st.sampled_from((*INSTANCES, *VOLUMES)), tags=tags)
    def is_tagged(self, name: str, tags: dict[str, str]) -> None:
        """Somebody changes a resource's tags."""
        if name in self.small.world.cloud.resources:
            self.small.world.cloud.change(name, tags=Tags(tags))
            self.small.observe()

    @rule(what=failing, error=errors)
    def fails(self, what: str, error: type[CloudError]) -> None:
        """Something of the cloud begins to fail."""
        self.small.world.cloud.fails[what] = error("it fails")

    @rule()
    def recovers(self) -> None:
        """All of the cloud works again."""
        self.small.world.cloud.fails.clear()

    @rule(after=waits)
    def sweeps(self, after: timedelta) -> None:
        """Time passes, and a sweep."""
        self.small.run(lambda world: world.sweep(after=after))

    @rule(what=st.one_of(failing, blinding, blinding), error=errors)
    def sweeps_half_blind(self, what: str, error: type[CloudError]) -> None:
        """A sweep during which something fails."""
        self.small.world.cloud.fails[what] = error("it fails")
        self.sweeps(minutes(1))
        del self.small.world.cloud.fails[what]

    @rule(
        count=some,
        tags=carried,
        quorum=st.sampled_from([1, 2]),
        who=st.lists(people, min_size=1, unique=True),
        freely=st.booleans(),
    )
    def some_are_let_go(self, count: int, tags: dict[str, str], quorum: int, who: list[str], *, freely: bool) -> None:
        """So many new instances are idle, and some approve their proposals; what is left of them goes away.

        Perhaps somebody ends every pause and exemption before.
        """
        self._quorum = quorum
        self._use()
        if freely:
            self.small.decide(take_back)
        made = [self._come(tags) for _ in range(count)]
        self.sweeps(minutes(2))
        for name, one in product(made, who):
            self.small.decide(decisions.approve_for(name, one))
        self.acts()
        self._go(made)

    @rule(count=some, tags=carried, freely=st.booleans(), windows=windows)
    def some_are_seen_to_alone(
        self, count: int, tags: dict[str, str], windows: tuple[Window, ...], *, freely: bool
    ) -> None:
        """A version that is trusted finds so many new instances idle."""
        self._use(windows, mode=ENFORCE)
        self.sweeps(minutes(2))
        if freely:
            self.small.decide(take_back)
        self.is_trusted()
        made = [self._come(tags) for _ in range(count)]
        self.sweeps(minutes(1))
        self._go(made)

    @rule(count=some, down=st.sampled_from([False, False, True]), waits=waits)
    def some_are_told_of_and_seen_to(self, count: int, waits: timedelta, *, down: bool) -> None:
        """A trusted version that tells before it acts finds so many new instances idle; the channel may be down."""
        self._use(mode=ENFORCE, notice=TELLING)
        self.sweeps(minutes(2))
        self.is_trusted()
        made = [self._come() for _ in range(count)]
        self.sweeps(minutes(1))
        self.channels_change(down=down)
        self.is_told()
        self.sweeps(waits)
        self.is_told()
        self.sweeps(minutes(2))
        self._go(made)

    @rule(exempted=st.booleans(), held=st.booleans(), seen=st.sampled_from([True, True, False]))
    def a_volume_is_wanted_meanwhile(self, *, exempted: bool, held: bool, seen: bool) -> None:
        """Its snapshot was asked for when somebody uses a volume, or exempts it, for as long as a sweep takes."""
        self._use()
        self.small.decide(take_back)
        self.small.snapshots = "pending"
        name = self._is_left()
        self.sweeps(minutes(1))
        for one in (decisions.OPERATOR, decisions.DEPUTY):
            self.small.decide(decisions.approve_for(name, one))
        self.acts()
        if held:
            self.small.decide(decisions.pause("delete-unattached"))
        self._is_wanted(name, exempted=exempted)
        if seen:
            self.sweeps(minutes(1))
        self._is_wanted(name, exempted=exempted, no_more=True)
        self.small.snapshots = "completed"
        self.acts()
        self.sweeps(minutes(1))
        self._go([name])

    @rule(down=st.booleans())
    def channels_change(self, *, down: bool) -> None:
        """Whom owners are told by accepts nothing any more, or does again."""
        self.small.world.notifier.down = {"team": "it is down"} if down else {}

    @rule()
    def is_told(self) -> None:
        """What the daemon does to deliver notices."""
        self.small.run(World.deliver)

    @rule(rounds=st.integers(1, FAILURES + 1))
    def fail_in_a_row(self, rounds: int) -> None:
        """Actions are approved, each for itself, and AWS refuses them all."""
        for _ in range(rounds):
            name = self._come()
            self.sweeps(minutes(1))
            self.small.decide(decisions.approve_for(name))
            self.small.world.cloud.fails["stop_instances"] = AccessDenied("it fails")
            self.acts()
            self.small.world.cloud.fails.pop("stop_instances", None)
            self._go([name])

    @rule()
    def acts(self) -> None:
        """What the daemon does between sweeps."""
        self.small.run(World.act)

    @rule(decision=deciding())
    def decides(self, decision: Decision) -> None:
        """A person decides something."""
        self.small.decide(decision)

    @rule()
    def is_trusted(self) -> None:
        """The operator lets the running versions act alone."""
        for policy in self.small.world.policies.values():
            self.small.decide(partial(decisions.trust, policy))

    @rule(by=st.sampled_from([-hours(2), -minutes(10), minutes(10), hours(3)]))
    def clock_jumps(self, by: timedelta) -> None:
        """Somebody sets the daemon's clock."""
        self.small.world.clock.jump(by)
        self.jumped += by

    @rule(
        mode=st.sampled_from([OBSERVE, PROPOSE, ENFORCE, ENFORCE]),
        per_run=st.integers(1, 4),
        grace=st.sampled_from([timedelta(0), minutes(5)]),
        cpu=st.sampled_from([5.0, 4.0]),
        share=st.sampled_from([1.0, 1.0, 0.3]),
        windows=windows,
        quorum=quorums,
        notice=st.sampled_from([None, None, TELLING]),
    )
    def reloads(
        self, per_run: int, cpu: float, share: float, windows: tuple[Window, ...], quorum: int, **changes: object
    ) -> None:
        """A policy's file changes: its mode, its grace, whom it tells, or what is given here."""
        self._limit = Limit(per_run=per_run, share=share, per_hour=3, per_day=5, failures=FAILURES)
        params = Idle(window=hours(1), max_cpu_percent=cpu)
        self._quorum = quorum
        self._use(windows, params=params, **changes)

    @rule(frozen=st.booleans())
    def restarts(self, *, frozen: bool) -> None:
        """The daemon is stopped, perhaps given a freeze, and started."""
        now = self.small.world.clock.now()
        self.small.restart(Freeze(begins=now, until=now + hours(2), reason="holidays") if frozen else None)

    @rule(at=st.integers(0, 60), sweeping=st.booleans())
    def crashes(self, at: int, *, sweeping: bool) -> None:
        """The daemon dies at some moment of what it does, and begins again."""
        left = at

        def listen(name: str) -> None:
            nonlocal left
            left -= counted(name)
            if left < 0:
                raise Crash(name)

        self._while(listen, sweeping=sweeping)

    @rule(at=st.integers(0, 20), decision=deciding(), sweeping=st.booleans())
    def is_interrupted(self, at: int, decision: Decision, *, sweeping: bool) -> None:
        """A person decides something while the daemon is in the middle of a sweep or an action."""
        left = at

        def listen(name: str) -> None:
            nonlocal left
            if not free(name):
                return
            left -= 1
            if left == -1:
                self.small.decide(decision)

        self._while(listen, sweeping=sweeping)

    @invariant()
    def promises_hold(self) -> None:
        """The history so far breaks no invariant."""
        self.small.check()

    def _while(self, listener: Callable[[str], None], *, sweeping: bool) -> None:
        self.small.listener = listener
        self.small.run((lambda world: world.sweep(after=minutes(1))) if sweeping else World.act)
        self.small.listener = lambda name: None

    def _use(self, windows: tuple[Window, ...] = (), **changes: object) -> None:
        tagging: list[Action[ec2.Volume]] = [ec2.AddTags(tags={"doomed": "yes"})]
        approval = Approval(quorum=self._quorum, not_by=[decisions.AUTHOR])
        volumes: AnyPolicy = delete_unattached(
            limit=self._limit, windows=windows, approval=approval, alternatives=tagging
        )
        self.small.use(stop_idle(limit=self._limit, windows=windows, approval=approval, **changes), volumes)

    def _come(self, tags: Mapping[str, str] = NO_TAGS) -> str:
        """An idle instance that was never there before, so that nobody brought it back."""
        name = f"i-{self._newest}"
        self._newest += 1
        self.small.world.add(name, tags=tags)
        self.small.observe()
        return name

    def _is_left(self) -> str:
        """A volume that was never there before, and that nothing uses."""
        name = f"vol-{self._newest}"
        self._newest += 1
        self.is_detached(name)
        return name

    def _is_wanted(self, name: str, *, exempted: bool, no_more: bool = False) -> None:
        """Somebody uses a volume, or exempts it; or does so no more, and ends every pause as well."""
        if no_more:
            self.small.decide(take_back)
        elif exempted:
            self.small.decide(decisions.exempt(name, "delete-unattached"))
        if name in self.small.world.cloud.resources and not exempted:
            self.small.world.cloud.change(name, state="available" if no_more else "in-use")
            self.small.observe()

    def _go(self, names: Iterable[str]) -> None:
        """They go away, and a sweep sees it."""
        for name in names:
            self.vanishes(name)
        self.sweeps(minutes(1))

    def _forget(self, name: str) -> None:
        for key in [key for key in self.small.world.cloud.series if key[1] == name]:
            del self.small.world.cloud.series[key]

    def _peace(self) -> None:
        """No fault, the clock right, and sweeps until everything was looked at twice."""
        self.small.listener = lambda name: None
        self.small.world.cloud.fails.clear()
        self.small.world.clock.jump(-self.jumped)
        self.small.measure_now()
        self.small.restart()
        self._use()
        for _ in range(3):
            self.small.run(lambda world: world.sweep(after=minutes(31)))
        self.small.check(quiet=True)


Lifecycle.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
    derandomize="CHAOS_EXAMPLES" not in os.environ,
    print_blob=True,
)
TestLifecycle = Lifecycle.TestCase
