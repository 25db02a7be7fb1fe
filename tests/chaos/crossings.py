"""Crossings: the daemon stands at a moment of an action's way to its calls, and somebody decides against it then."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from chaos import audit, decisions
from chaos.arms import Arms
from chaos.changes import CHANGES, Change, Kind, take_back
from chaos.failpoints import REVOCABLE, free
from chaos.place import POLICY_FILES, POLICY_OF, Terms
from chaos.stage import Broken, Stage
from chaos.tags import TEAM
from cloudwarden import loading
from cloudwarden.core.finding import State

STANDS_WITHIN = 20.0
"""Seconds that a daemon gets to come to the moment: two sweeps and a turn, on a busy machine."""

ACTS_WITHIN = 60.0
TURNS = 2
"""Sweeps that it gets to do what it must not."""

FIRST = "sweep.settle.commit:after"

Moment = tuple[str, int]
"""A moment's name, and the how-manieth time on one way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """By which policy's file an action comes about: approved, or alone by a policy that is trusted."""

    file: str
    alone: bool

    @property
    def policy(self) -> str:
        """The policy's name."""
        return POLICY_OF[self.file]

    def __str__(self) -> str:
        return f"{self.policy} {'alone' if self.alone else 'approved'}"


WAYS = tuple(Way(file=file, alone=alone) for alone in (False, True) for file in sorted(POLICY_FILES))


class Crossings:
    """One daemon that is crossed again and again, each time on the way of a new resource."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._estate = stage.estate
        self._draw = random.Random(f"crossings/{stage.seed}")  # noqa: S311  # it must come again

    def begin(self, way: Way) -> None:
        """Have a daemon run in which actions come about in this way, and that holds nothing."""
        for file in POLICY_FILES:
            mode = "ENFORCE" if way.alone and file == way.file else "PROPOSE"
            self._stage.place.edit(file, Terms(mode=mode, every=1, failures=50))
        if self._stage.daemon is not None:
            self._stage.kill()
        self._stage.start()
        self._turns(1)
        self._trust()

    def moments(self, way: Way) -> list[Moment]:
        """Every moment of the way at which another process may write."""
        resource, begun = self._ready(way)
        self._stage.decide(take_back)
        self._awaits(lambda: self._ended(resource), f"the action on {resource}")
        passed: Counter[str] = Counter()
        found = [(FIRST, 1)]
        for name in self._stage.place.entries()[begun:]:
            if name.startswith(("act.", "recheck.", "withhold.", "carry.", "intents.")) and free(name):
                passed[name] += 1
                found.append((name, passed[name]))
        self._clear(resource)
        return found

    def all(self, way: Way) -> Iterator[str]:
        """Every kind of decision at every moment of a way, in words as it was done. Raises Broken."""
        self.begin(way)
        for moment in self.moments(way):
            for kind in Kind:
                if kind is not (Kind.REFUSAL if way.alone else Kind.DISTRUST):
                    change = self._draw.choice([one for one in CHANGES if one.kind is kind])
                    yield f"{way}, {change.name} at {moment}: {self.cross(way, change, moment)}"

    def cross(self, way: Way, change: Change, moment: Moment) -> str:
        """Decide something while the daemon stands at the moment: what became of it. Raises Broken."""
        self._stage.say(f"{way}: {change.name} at {moment}")
        resource, _ = self._ready(way)
        self._stage.arm(Arms(at=moment[0], times=moment[1], do="stand"))
        self._stage.decide(take_back)
        self._stage.wait(lambda: self._stage.ended() or self._stage.stands(), STANDS_WITHIN)
        if not self._stage.stands():
            self._stage.arm(Arms())
            self._clear(resource)
            return "it did not come there"
        self._stage.check()
        decided = self._stage.decide(change.make(way.policy, resource))
        expected = self._intended(resource) - (moment[0] in REVOCABLE)
        self._stage.tally.crossings[moment[0]] += 1
        self._stage.go_on()
        if decided:
            self._turns(TURNS)
        else:
            self._awaits(lambda: self._ended(resource), f"the action on {resource}")
        self._stage.check()
        called = self._called(resource)
        if decided and called != expected:
            raise Broken(f"{way}, {change.name} at {moment}: {called} calls, and {expected} were called for by then")
        self._clear(resource)
        return f"{called} calls" if decided else "too late"

    def replaced(self) -> str:
        """What a trusted version has due, but held, is not done by the version that replaces it. Raises Broken."""
        way = Way(file="idle.py", alone=True)
        self.begin(way)
        resource, _ = self._ready(way)
        loads = self._stage.place.loads()
        # One that is swept at an interval would be swept at once, and its findings proposed.
        self._stage.place.edit(way.file, Terms(mode="ENFORCE", every=None, cpu=4.0))
        self._awaits(lambda: self._stage.place.loads() > loads, "the new version")
        self._stage.decide(take_back)
        # Each sweep acts for all policies.
        self._turns(3, ("delete-unattached",))
        self._stage.check()
        called = self._called(resource)
        self._stage.place.edit(way.file, Terms(every=1))
        self._clear(resource)
        return f"{way}, its version replaced by one that nobody trusts: {called} calls"

    def _ready(self, way: Way) -> tuple[str, int]:
        """A new resource whose action is decided, and held by a pause alone; and how long the diary is by then."""
        self._stage.decide(decisions.pause(way.policy))
        resource = self._estate.run_instance() if way.file == "idle.py" else self._estate.make_volume()
        self._estate.tag(resource, TEAM)
        self._awaits(lambda: self._state(resource) in (State.DUE, State.PROPOSED), f"a finding of {resource}")
        if not way.alone:
            self._stage.decide(decisions.approve_for(resource))
        return resource, len(self._stage.place.entries())

    def _clear(self, resource: str) -> None:
        """Nothing is left of it."""
        self._stage.decide(take_back)
        self._trust()
        self._estate.vanish(resource)
        self._awaits(lambda: self._ended(resource) and self._state(resource) is None, f"the end of {resource}")

    def _trust(self) -> None:
        """Let every policy act alone, where its mode does."""
        for policy in loading.load(self._stage.place.policies, {}).policies.values():
            self._stage.decide(partial(decisions.trust, policy))

    def _turns(self, more: int, policies: Iterable[str] = tuple(POLICY_OF.values())) -> None:
        before = self._stage.sweeps()
        wanted = {policy: before[policy] + more for policy in policies}
        self._awaits(lambda: all(self._stage.sweeps()[name] >= count for name, count in wanted.items()), "sweeps")

    def _awaits(self, holds: object, what: str) -> None:
        assert callable(holds)
        if not self._stage.wait(lambda: not self._stage.ended() and bool(holds()), ACTS_WITHIN):
            raise Broken(f"not within {ACTS_WITHIN:g} s: {what}")

    def _state(self, resource: str) -> State | None:
        with self._stage.store.reading() as tx:
            found = [one.state for one in tx.findings.standing() if one.resource_id == resource]
        return found[0] if found else None

    def _ended(self, resource: str) -> bool:
        with self._stage.store.reading() as tx:
            mine = [one for one in tx.actions.latest(5) if one.resource_id == resource]
            unfinished = tx.actions.unfinished()
        return bool(mine or self._state(resource) in (None, State.OPEN)) and not unfinished

    def _called(self, resource: str) -> int:
        return sum(one.resource == resource for one in self._stage.bystander.sent)

    def _intended(self, resource: str) -> int:
        entries = audit.books(self._stage.store).journal
        return sum(one.event == "action_intended" and one.details["resource"] == resource for one in entries)
