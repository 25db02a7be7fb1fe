"""The lifecycle under any order of sweeps, decisions, clock jumps, reloads, interruptions and crashes."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from itertools import product

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from chaos import decisions
from chaos.changes import take_back
from chaos.decisions import Decision
from chaos.failpoints import counted, free
from chaos.one_life import FAILURES, Life
from chaos.small import Crash
from chaos.strategies import TELLING, carried, deciding, people, quorums, some, waits, windows
from cloudwarden import ENFORCE, OBSERVE, PROPOSE, Limit, hours, minutes
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.window import Freeze, Window
from cloudwarden.library.compute import Idle
from world import World

EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "12"))
"""Lives that one run tries: more of them where there is time."""

STEPS = int(os.environ.get("CHAOS_STEPS", "40"))


class Lifecycle(Life):
    """The engine's life, with what happens in a row, and in the middle of what it does."""

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

    @rule(decision=deciding())
    def decides(self, decision: Decision) -> None:
        """A person decides something."""
        self.small.decide(decision)

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

    def _while(self, listener: Callable[[str], None], *, sweeping: bool) -> None:
        self.small.listener = listener
        self.small.run((lambda world: world.sweep(after=minutes(1))) if sweeping else World.act)
        self.small.listener = lambda name: None

    def _is_wanted(self, name: str, *, exempted: bool, no_more: bool = False) -> None:
        """Somebody uses a volume, or exempts it; or does so no more, and ends every pause as well."""
        if no_more:
            self.small.decide(take_back)
        elif exempted:
            self.small.decide(decisions.exempt(name, "delete-unattached"))
        if name in self.small.world.cloud.resources and not exempted:
            self.small.world.cloud.change(name, state="available" if no_more else "in-use")
            self.small.observe()


Lifecycle.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
    derandomize="CHAOS_EXAMPLES" not in os.environ,
    print_blob=True,
)
TestLifecycle = Lifecycle.TestCase
