"""A life: what people, AWS and the machine do to a daemon, drawn from a seed; and the peace at its end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from chaos import decisions
from chaos.arms import Arms
from chaos.decisions import Decision
from chaos.failpoints import MUST_BE_REACHED, free
from chaos.place import POLICY_FILES, Terms
from chaos.stage import Broken, Stage
from chaos.weather import BREEZY, CALM, STORMY, Mood
from cloudwarden import loading
from cloudwarden.core.exemption import ANY, HANDS_OFF
from exchanges import Fault
from installation import ACCOUNT

LOADS_WITHIN = 20.0
RESTS_WITHIN = 120.0
"""Seconds in which a daemon must have settled down once nothing disturbs it any more."""

MOST_INSTANCES, MOST_VOLUMES = 9, 4
POLICIES = ("stop-idle", "delete-unattached", ANY)
OUTAGES = ("DescribeInstances", "DescribeVolumes", "GetMetricData", "StopInstances", "CreateSnapshot", "DeleteVolume")
OUTAGE_FAULTS = (Fault.DENIED, Fault.THROTTLED, Fault.UNAVAILABLE, Fault.ANSWER_IS_LOST, Fault.EXPIRED, Fault.SKEWED)


class Life:
    """One run on a stage. The same seed draws the same steps, whatever the machine's speed makes of them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._estate, self._place = stage.estate, stage.place
        self._draw = random.Random(stage.seed)  # noqa: S311  # it must come again
        self._terms = {file: self._drawn_terms(usual=True) for file in POLICY_FILES}
        self._spoilt: set[str] = set()
        self._moments = sorted(MUST_BE_REACHED)
        self._steps: Mapping[Callable[[], None], int] = {
            self.appears: 12,
            self.is_left: 4,
            self.vanishes: 1,
            self.is_tagged: 2,
            self.is_used: 2,
            self.is_started: 2,
            self.somebody_approves: 22,
            self.somebody_decides: 5,
            self.is_trusted: 4,
            self.edits: 4,
            self.spoils: 1,
            self.removes: 1,
            self.weather_turns: 6,
            self.clears_up: 4,
            self.is_killed: 1,
            self.leaves: 1,
            self.dies: 4,
            self.stands_still: 4,
            self.freezes: 1,
        }

    def live(self, steps: int) -> None:
        """So many steps, then peace. Raises Broken as soon as an invariant does not hold."""
        for file, terms in self._terms.items():
            self._place.edit(file, terms)
        for _ in range(3):
            self.appears()
        self.is_left()
        self._start()
        for number in range(steps):
            (step,) = self._draw.choices(list(self._steps), list(self._steps.values()))
            self._stage.say(f"step {number}: {step.__name__}")
            self._stage.tally.steps[step.__name__] += 1
            step()
            self._attend(self._draw.uniform(0.1, 1.8))
        self.peace()

    def appears(self) -> None:
        """An instance appears: idle, mostly, or busy, or nobody measures it."""
        cpu = self._draw.choice(["idle", "idle", "idle", "idle", "busy", "unmeasured"])
        if len(self._estate.instances()) < MOST_INSTANCES:
            self._estate.run_instance(cpu)

    def is_left(self) -> None:
        """A volume appears that nothing uses."""
        if len(self._estate.volumes()) < MOST_VOLUMES:
            self._estate.make_volume()

    def vanishes(self) -> None:
        """Somebody deletes a resource."""
        if name := self._any_resource():
            self._estate.vanish(name)

    def is_tagged(self) -> None:
        """Somebody changes a resource's tags."""
        tags = self._draw.choice([[], [(HANDS_OFF, "true")], [("team", "a")]])
        if name := self._any_resource():
            self._estate.tag(name, tags)

    def is_used(self) -> None:
        """An instance becomes busy."""
        if instances := self._estate.instances():
            self._estate.become_busy(self._draw.choice(instances))

    def is_started(self) -> None:
        """Somebody starts an instance, perhaps one that we stopped."""
        if instances := self._estate.instances():
            self._estate.start(self._draw.choice(instances))

    def somebody_approves(self) -> None:
        """Somebody approves the first proposals that wait."""
        for _ in range(self._draw.choice([1, 2, 3, 4])):
            self._stage.decide(decisions.approve(0))

    def somebody_decides(self) -> None:
        """Somebody decides anything."""
        self._stage.decide(self._decision())

    def is_trusted(self) -> None:
        """The operator lets the versions in the files act alone."""
        for policy in loading.load(self._place.policies, {}).policies.values():
            self._stage.decide(partial(decisions.trust, policy))

    def edits(self) -> None:
        """Somebody edits a policy; it is loaded before anything else happens to the file."""
        file = self._any_file()
        self._terms[file] = self._drawn_terms()
        self._write(file)

    def spoils(self) -> None:
        """Somebody saves half an edit."""
        file = self._any_file()
        self._place.spoil(file, self._draw.randrange(4))
        self._spoilt.add(file)

    def removes(self) -> None:
        """Somebody takes a policy's file away."""
        file = self._any_file()
        self._place.remove(file)
        self._spoilt.add(file)

    def weather_turns(self) -> None:
        """AWS begins to behave otherwise."""
        outage = Mood(often=0.05, operation=self._draw.choice(OUTAGES), fault=self._draw.choice(OUTAGE_FAULTS))
        self._stage.weather.mood = self._draw.choice([BREEZY, STORMY, STORMY, outage])
        self._stage.say(f"weather {self._stage.weather.mood}")

    def clears_up(self) -> None:
        """AWS works."""
        self._stage.weather.mood = CALM

    def is_killed(self) -> None:
        """SIGKILL out of nowhere, and a new start."""
        self._stage.kill()
        self._start()

    def leaves(self) -> None:
        """SIGTERM, and a new start."""
        self._go_on()
        self._stage.leave()
        self._start()

    def dies(self) -> None:
        """The next daemon dies at a moment of settling or acting."""
        self._rearmed("die")

    def stands_still(self) -> None:
        """The next daemon stands still at a moment, while somebody does something."""
        self._rearmed("stand")

    def freezes(self) -> None:
        """The daemon is killed, given a freeze, and started."""
        self._stage.kill()
        now = datetime.now(UTC)
        self._start(freeze=(now - timedelta(minutes=1), now + timedelta(seconds=self._draw.randrange(5, 20))))

    def peace(self) -> None:
        """Nothing disturbs any more: in time it must have settled down, with every finding accounted for."""
        self._stage.say("peace")
        self._stage.weather.mood = CALM
        self._stage.weather.once.clear()
        self._go_on()
        self._stage.kill()
        for file in POLICY_FILES:
            self._terms[file] = Terms()
            self._place.edit(file, self._terms[file])
        self._stage.start()
        swept = self._stage.sweeps()
        rested = self._stage.wait(lambda: self._has_swept(swept, more=4), RESTS_WITHIN)
        if not rested:
            raise Broken(f"it did not settle down within {RESTS_WITHIN:g} s of peace")
        self._stage.leave()
        self._stage.check(quiet=True)

    def _has_swept(self, before: Mapping[str, int], *, more: int) -> bool:
        self._stage.ended()
        now = self._stage.sweeps()
        return all(now[policy] >= before.get(policy, 0) + more for policy in ("stop-idle", "delete-unattached"))

    def _start(self, arms: Arms | None = None, freeze: tuple[datetime, datetime] | None = None) -> None:
        """Start a daemon, and see it come up, or die early."""
        self._stage.start(arms, freeze)
        self._stage.wait(lambda: self._stage.ended() or self._stage.stands() or self._place.loads() > 0, LOADS_WITHIN)

    def _rearmed(self, do: str) -> None:
        """Kill, or let leave, the daemon; the next one is armed. One that is armed keeps its arms a while."""
        self._go_on()
        keeps, moment, times = self._draw.random() < 0.7, self._draw.choice(self._moments), self._draw.choice([1, 1, 2])
        if self._stage.arms.at and keeps:
            self.somebody_approves()
            return
        if self._draw.random() < 0.5:
            self._stage.kill()
        else:
            self._stage.leave()
        self._start(Arms(at=moment, times=times, do=do))

    def _attend(self, seconds: float) -> None:
        """Let time pass; see to a daemon that died or stands."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._stage.ended():
                self._stage.check()
                self._learn()
                self._start()
            elif self._stage.stands():
                self._interrupt()
            time.sleep(0.05)

    def _interrupt(self) -> None:
        """Something happens exactly now, between two steps of the daemon."""
        moment = self._stage.arms.at
        things: list[Callable[[], None]] = [self.vanishes, self.is_used, self.is_tagged]
        if free(moment):
            things = [*things, self.somebody_decides, self.somebody_decides, self.is_trusted]
        thing = self._draw.choice(things)
        self._stage.say(f"at {moment}: {thing.__name__}")
        thing()
        self._go_on()

    def _go_on(self) -> None:
        if self._stage.stands():
            self._learn()
            self._stage.go_on()

    def _learn(self) -> None:
        """Moments that a daemon came to are moments that the next may die at."""
        moments = (line for line in self._place.entries() if " " not in line)
        self._moments = sorted({*self._moments, *moments})

    def _write(self, file: str) -> None:
        loads = 0 if self._stage.daemon is None else self._place.loads()
        self._place.edit(file, self._terms[file])
        self._spoilt.discard(file)
        if not self._stage.stands():
            self._stage.wait(lambda: self._stage.ended() or self._place.loads() > loads, LOADS_WITHIN)

    def _decision(self) -> Decision:
        number, policy = self._draw.randrange(3), self._draw.choice(POLICIES)
        account = self._draw.choice([ANY, ACCOUNT])
        return self._draw.choice(
            [
                decisions.approve(number),
                decisions.reject(number),
                decisions.exempt(self._any_resource() or "i-*", policy, account),
                decisions.revoke(number),
                decisions.pause(policy, account),
                decisions.resume(policy, account),
                *[decisions.resume(one, ANY) for one in POLICIES],
                decisions.undo(number),
            ]
        )

    def _any_resource(self) -> str | None:
        names = [*self._estate.instances(), *self._estate.volumes()]
        return self._draw.choice(names) if names else None

    def _any_file(self) -> str:
        return self._draw.choice(sorted(POLICY_FILES))

    def _drawn_terms(self, *, usual: bool = False) -> Terms:
        mode = "PROPOSE" if usual else self._draw.choice(["OBSERVE", *["PROPOSE"] * 3, *["ENFORCE"] * 4])
        return Terms(
            mode=mode,
            per_run=self._draw.choice([2, 3, 5, 9]),
            per_hour=self._draw.choice([3, 6, 50, 50, 50]),
            failures=self._draw.choice([1, 2, 3]),
            cpu=self._draw.choice([5.0, 5.0, 4.0]),
            every=self._draw.choice([1, 2, 3]),
        )
