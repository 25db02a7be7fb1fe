"""A life: what people, AWS and the machine do to a daemon, drawn from a seed; and the peace at its end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chaos import decisions
from chaos.arms import Arms
from chaos.failpoints import MUST_BE_REACHED, ON_THE_WAY, free
from chaos.people import People
from chaos.place import POLICY_FILES, Terms
from chaos.stage import Broken, Stage
from chaos.tags import SETS
from chaos.weather import BREEZY, CALM, STORMY, Mood
from exchanges import Fault

LOADS_WITHIN = 20.0
SWEEPS_WITHIN = 6.0
RESTS_WITHIN = 120.0
"""Seconds in which a daemon must have settled down once nothing disturbs it any more."""

MOST_INSTANCES, MOST_VOLUMES = 9, 4
OUTAGES = ("DescribeInstances", "DescribeVolumes", "GetMetricData", "StopInstances", "CreateSnapshot", "DeleteVolume")
OUTAGE_FAULTS = (Fault.DENIED, Fault.THROTTLED, Fault.UNAVAILABLE, Fault.ANSWER_IS_LOST, Fault.EXPIRED, Fault.SKEWED)


class Life:
    """One run on a stage. The same seed draws the same steps, whatever the machine's speed makes of them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._estate, self._place = stage.estate, stage.place
        self._draw = random.Random(stage.seed)  # noqa: S311  # it must come again
        self._people = People(stage, self._draw)
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
            self.is_resized: 2,
            self._people.approve: 22,
            self._people.decide: 5,
            self._people.trust: 4,
            self._people.let_go: 6,
            self.edits: 4,
            self.spoils: 1,
            self.removes: 1,
            self.weather_turns: 6,
            self.clears_up: 4,
            self.replaces_what_waits: 2,
            self.is_killed: 2,
            self.leaves: 2,
            self.dies: 5,
            self.stands_still: 14,
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
        if name := self._people.any_resource():
            self._estate.vanish(name)

    def is_tagged(self) -> None:
        """Somebody changes a resource's tags."""
        tags = self._draw.choice(SETS)
        if name := self._people.any_resource():
            self._estate.tag(name, tags)

    def is_used(self) -> None:
        """An instance becomes busy."""
        if instances := self._estate.instances():
            self._estate.become_busy(self._draw.choice(instances))

    def is_resized(self) -> None:
        """Somebody makes a volume larger, so that its deletion is another one than was approved."""
        if volumes := self._estate.volumes():
            self._estate.resize(self._draw.choice(volumes))

    def is_started(self) -> None:
        """Somebody starts an instance, perhaps one that we stopped."""
        if instances := self._estate.instances():
            self._estate.start(self._draw.choice(instances))

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
        """SIGTERM, and a new start. Who stands cannot leave."""
        self._stage.arm(Arms())
        self._attend(0.1)
        self._stage.leave()
        self._start()

    def dies(self) -> None:
        """The daemon is to die at a moment of settling or acting."""
        self._rearmed("die", self._draw.choice(self._moments))

    def stands_still(self) -> None:
        """The daemon is to stand still at a moment, mostly on the way to an intent, while somebody does something."""
        anywhere = self._draw.random() < 0.3
        self._rearmed("stand", self._draw.choice(self._moments if anywhere else ON_THE_WAY))

    def replaces_what_waits(self) -> None:
        """What a trusted version has due, but held, meets a version that nobody trusts, before the next sweep."""
        self._terms["idle.py"] = replace(self._drawn_terms(), mode="ENFORCE", every=1, cpu=5.0)
        self._write("idle.py")
        # Only a version that swept can be trusted.
        self._stage.wait(lambda: self._stage.ended() or self._people.may_trust("stop-idle"), SWEEPS_WITHIN)
        self._people.trust()
        self._stage.decide(decisions.pause("stop-idle"))
        self._estate.run_instance()
        self._attend(4.0)
        self._terms["idle.py"] = replace(self._terms["idle.py"], every=None, cpu=4.0)
        self._write("idle.py")
        self._people.let_go()
        self._attend(3.0)
        self._terms["idle.py"] = self._drawn_terms()
        self._write("idle.py")

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
        self._stage.settle()

    def _has_swept(self, before: Mapping[str, int], *, more: int) -> bool:
        self._stage.ended()
        now = self._stage.sweeps()
        return all(now[policy] >= before.get(policy, 0) + more for policy in ("stop-idle", "delete-unattached"))

    def _start(self, arms: Arms | None = None, freeze: tuple[datetime, datetime] | None = None) -> None:
        """Start a daemon, and see it come up, or die early."""
        self._stage.start(arms, freeze)
        self._stage.wait(lambda: self._stage.ended() or self._stage.stands() or self._place.loads() > 0, LOADS_WITHIN)

    def _rearmed(self, do: str, moment: str) -> None:
        """Arm the daemon; one that is armed keeps its arms a while. Then there is something to do for it."""
        self._attend(0.0)
        keeps, times = self._draw.random() < 0.8, self._draw.choice([1, 1, 2])
        if not (self._stage.arms.at and keeps):
            self._stage.arm(Arms(at=moment, times=times, do=do))
        self._supply()
        for _ in range(5):
            self._attend(2.0)
            if self._people.asked():
                break
        self._people.approve()
        self._attend(2.0)

    def _supply(self) -> None:
        """Something is there to be acted on, whatever was drawn before."""
        for kind, most in ((self._estate.instances(), MOST_INSTANCES), (self._estate.volumes(), MOST_VOLUMES)):
            if len(kind) >= most:
                self._estate.vanish(kind[0])
        self._estate.run_instance()
        self._estate.make_volume()

    def _attend(self, seconds: float) -> None:
        """Let time pass; see to a daemon that died or stands."""
        until = time.monotonic() + seconds
        while True:
            if self._stage.ended():
                self._stage.check()
                self._learn()
                self._start()
            elif self._stage.stands():
                self._interrupt()
            if time.monotonic() >= until:
                return
            time.sleep(0.05)

    def _interrupt(self) -> None:
        """Something happens exactly now, between two steps of the daemon; what it committed so far agrees."""
        moment = self._stage.stands_at()
        things: list[Callable[[], None]] = [self.vanishes, self.is_used, self.is_tagged, self.is_resized]
        if free(moment):
            self._stage.check()
            things = [*things, *[self._people.object] * 6, self._people.decide, self._people.trust]
        thing = self._draw.choice(things)
        self._stage.say(f"at {moment}: {thing.__name__}")
        self._stage.tally.interruptions[thing.__name__] += 1
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

    def _any_file(self) -> str:
        return self._draw.choice(sorted(POLICY_FILES))

    def _drawn_terms(self, *, usual: bool = False) -> Terms:
        mode = "PROPOSE" if usual else self._draw.choice(["OBSERVE", *["PROPOSE"] * 3, *["ENFORCE"] * 4])
        return Terms(
            mode=mode,
            per_run=self._draw.choice([2, 3, 5, 9]),
            share=self._draw.choice([1.0, 1.0, 0.4]),
            per_hour=self._draw.choice([3, 6, 50, 50, 50]),
            failures=self._draw.choice([1, 2, 3]),
            cpu=self._draw.choice([5.0, 5.0, 4.0]),
            every=self._draw.choice([1, 2, 3]),
            quorum=self._draw.choice([1, 1, 2]),
        )
