"""A life in a small world: what may happen to it by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chaos import decisions
from chaos.small import SmallWorld
from chaos.strategies import INSTANCES, VOLUMES, blinding, errors, failing, names, quorums, tags, waits
from cloudwarden import Approval, Limit, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Action
from cloudwarden.core.errors import CloudError
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import NO_TAGS, Tags
from cloudwarden.core.window import Window
from world import World, delete_unattached, stop_idle

FAILURES = 2
"""In a row, after which a policy stops."""


class Life(RuleBasedStateMachine):
    """A small world in which anything happens, one at a time; after every step its history is held against the model.

    It ends in peace, and every finding is accounted for.
    """

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

    @rule()
    def acts(self) -> None:
        """What the daemon does between sweeps."""
        self.small.run(World.act)

    @rule(down=st.booleans())
    def channels_change(self, *, down: bool) -> None:
        """Whom owners are told by accepts nothing any more, or does again."""
        self.small.world.notifier.down = {"team": "it is down"} if down else {}

    @rule()
    def is_told(self) -> None:
        """What the daemon does to deliver notices."""
        self.small.run(World.deliver)

    @rule()
    def is_trusted(self) -> None:
        """The operator lets the running versions act alone."""
        for policy in self.small.world.policies.values():
            self.small.decide(partial(decisions.trust, policy))

    @invariant()
    def promises_hold(self) -> None:
        """The history so far breaks no invariant."""
        self.small.check()

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
