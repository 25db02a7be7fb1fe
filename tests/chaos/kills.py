"""Kills: the daemon dies by SIGKILL at every named moment of settling and acting, one after another, and begins again.

One installation goes through all of it, so each start has to see to what the death before it left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle

from chaos.arms import Arms
from chaos.place import POLICY_FILES, Terms
from chaos.stage import Broken, Stage
from chaos.tags import CRITICAL, KEPT
from chaos.weather import ANY_SNAPSHOT
from cloudwarden.core.finding import ActionState, ProposalState
from cloudwarden.engine import decide as deciding
from cloudwarden.engine import undo as undoing
from cloudwarden.engine.decide import Decider
from cloudwarden.ports import Transaction
from exchanges import Fault

DIES_WITHIN = 60.0
"""Seconds that a daemon gets to come to its moment: its start takes some on a busy machine, and two sweeps."""

TRIES = 3
MOST_INSTANCES, MOST_VOLUMES = 12, 4


class Kills:
    """Brings about, round after round, everything that leads to a moment."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._vanishing: set[str] = set()
        self._undone: set[str] = set()
        self._keepers = cycle((CRITICAL, *KEPT))
        self.reached: dict[str, None] = {}
        """Every moment that a daemon came to, in the order of their first time."""

    def begin(self) -> None:
        """Write the policies."""
        for file in POLICY_FILES:
            # Seldom enough that what was approved is looked at before a sweep sees that it is gone.
            self._stage.place.edit(file, Terms(failures=1, every=8))

    def scout(self, seconds: float = 40.0) -> Sequence[str]:
        """The moments that a daemon comes to when it is let live."""
        self._prepare()
        self._stage.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stage.ended():
            self._meddle()
            time.sleep(0.2)
        self._learn()
        self._stage.kill()
        self._stage.check()
        return list(self.reached)

    def all(self, moments: Iterable[str], tell: Callable[[str], None]) -> list[str]:
        """Die at each moment, and at those that are learnt of meanwhile; the moments that none came to in its tries.

        Each round is told of.
        """
        waiting = list(moments)
        tried: dict[str, int] = {}
        missed: list[str] = []
        while waiting:
            moment = waiting.pop(0)
            tried[moment] = tried.get(moment, 0) + 1
            died = self.at(moment)
            tell(f"{'died' if died else 'did not come'} at {moment}; {len(waiting)} moments to come")
            if not died:
                (waiting if tried[moment] < TRIES else missed).append(moment)
            waiting += [one for one in self.reached if one not in tried and one not in waiting]
        return missed

    def at(self, moment: str) -> bool:
        """One round: whether a daemon died at the moment. Raises Broken when the history is not as it must be."""
        self._stage.say(f"to die at {moment}")
        self._prepare()
        self._stage.start(Arms(at=moment))
        died = self._stage.wait(self._dies, DIES_WITHIN)
        self._learn()
        if not died:
            self._stage.kill()
        self._stage.check()
        return died

    def rest(self) -> None:
        """The last start: it must settle down, with every finding accounted for."""
        self._stage.weather.once.clear()
        for file in POLICY_FILES:
            self._stage.place.edit(file, Terms())
        self._stage.start()
        before = self._stage.sweeps()
        policies = ("stop-idle", "delete-unattached")

        def swept() -> bool:
            self._stage.ended()
            now = self._stage.sweeps()
            return all(now[policy] >= before[policy] + 4 for policy in policies)

        if not self._stage.wait(swept, 120):
            raise Broken("it did not settle down after the kills")
        self._stage.settle()

    def _dies(self) -> bool:
        if self._stage.ended():
            return True
        self._meddle()
        time.sleep(0.1)
        return False

    def _prepare(self) -> None:
        """Something to do for the next daemon: what stops, is unheard, denied, gone, and cannot be read.

        And something that it must leave alone.
        """
        estate, once = self._stage.estate, self._stage.weather.once
        for name in estate.instances()[: -MOST_INSTANCES // 2] if len(estate.instances()) > MOST_INSTANCES else ():
            estate.vanish(name)
        estate.run_instance()
        once["StopInstances", estate.run_instance()] = Fault.ANSWER_IS_LOST
        once["StopInstances (dry run)", estate.run_instance()] = Fault.DENIED
        once["DescribeInstances", estate.run_instance()] = Fault.DENIED
        once["DescribeSnapshots", ANY_SNAPSHOT] = Fault.DENIED
        self._vanishing.add(estate.run_instance())
        estate.tag(estate.run_instance(), [next(self._keepers)])
        for name in estate.volumes()[:-MOST_VOLUMES]:
            estate.vanish(name)
        estate.make_volume()

    def _meddle(self) -> None:
        """What people do all the time: resume, approve, delete what was just approved, undo."""
        with self._stage.proxy.world:
            self._stage.decide(self._decide)

    def _decide(self, tx: Transaction, decider: Decider) -> None:
        for pause in tx.decisions.pauses():
            deciding.resume(tx, decider, pause.policy, pause.account, others=True)
        for proposal in [one for one in tx.proposals.undecided() if one.state is ProposalState.PENDING]:
            if proposal.resource_id in self._vanishing and proposal.resource_id in self._stage.estate.instances():
                self._stage.estate.vanish(proposal.resource_id)
            deciding.approve(tx, proposal.id, decider)
        for record in tx.actions.latest(20):
            if record.state is ActionState.SUCCEEDED and record.plan.inverse and record.undoes is None:
                if record.id not in self._undone and not self._undone_lately(tx):
                    self._undone.add(record.id)
                    undoing.undo(tx, record.id, decider)
                break

    def _undone_lately(self, tx: Transaction) -> bool:
        return any(one.undoes is not None and not one.state.ended for one in tx.actions.latest(20))

    def _learn(self) -> None:
        self.reached.update(dict.fromkeys(line for line in self._stage.place.entries() if " " not in line))
