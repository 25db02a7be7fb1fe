"""The stage of a run: the real daemon, the simulated AWS behind the proxy, and the history of what happened there."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos import audit
from chaos.arms import Arms
from chaos.bystander import Bystander
from chaos.decisions import Decision
from chaos.estate import Estate
from chaos.history import Frozen, History
from chaos.model import violations
from chaos.place import Place, goes_on, killed
from chaos.tally import Tally
from chaos.weather import Weather
from cloudwarden.core.errors import StoreError
from cloudwarden.core.restraint import Quota
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.store import open_store
from fault_proxy import FaultProxy

DIES_WITHIN = 30.0
"""Seconds in which a daemon that was sent SIGTERM must have left."""

POLLS_EVERY = 0.05

SETTLES_WITHIN = 90.0
"""Seconds of peace in which every finding must come to be accounted for: a service's minute of rest, and a sweep."""


class Broken(Exception):
    """An invariant does not hold."""


class Stage:
    """Everything that a run needs, in one folder, in one region of the simulated AWS."""

    def __init__(self, folder: Path, aws: str, seed: str, *, region: str, quota: Quota | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.seed = seed
        self.tally = Tally()
        self.proxy = FaultProxy(aws)
        self.weather = Weather(seed)
        self.place = Place(folder, self.proxy.address, region, quota)
        self.store = open_store(f"sqlite:///{self.place.database_file}")
        audit.install(self.place.database_file)
        self.estate = Estate(aws, region, self.proxy.world)
        self.bystander = Bystander(self.place.database_file, self.estate)
        self.proxy.weather, self.proxy.witness = self.weather, self.bystander
        self.proxy.record = folder / "requests.jsonl"
        self.proxy.page_size = 2
        self.daemon: subprocess.Popen[bytes] | None = None
        self.arms = Arms()
        self._armed = 0
        self._given: list[Arms] = []
        self._freezes: list[Frozen] = []
        self._log = (folder / "steps.log").open("a")
        self.estate.observe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.place.end()
        self.proxy.stop()
        self.store.close()
        self._log.close()
        self.estate.clear()

    def say(self, what: str) -> None:
        """Write down what happens, and when."""
        self._log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {what}\n")
        self._log.flush()

    def start(self, arms: Arms | None = None, freeze: tuple[datetime, datetime] | None = None) -> None:
        """Start a daemon on what the last one left, perhaps in a freeze."""
        with self.store.reading() as tx:
            last = len(tx.journal.entries(most=1_000_000))
        self._freezes = [replace(one, last=last) if one.last is None else one for one in self._freezes]
        if freeze is None:
            self.place.thaw()
        else:
            self.place.freeze(*freeze)
            self._freezes.append(Frozen(begins=freeze[0], until=freeze[1], after=last))
        self.arms = self._numbered(arms or Arms())
        self._given = [self.arms]
        self.daemon = self.place.launch(self.arms)
        self.tally.starts += 1
        self.say(f"start {self.daemon.pid} {self.arms}{' in a freeze' if freeze else ''}")

    def decide(self, decision: Decision) -> bool:
        """Take a decision as another process does; False when it cannot be taken."""
        decider = Decider(by="operator", origin="chaos", reason="a test", now=datetime.now(UTC))
        with contextlib.suppress(DecisionError, StoreError), self.store.transaction() as tx:
            decision(tx, decider)
            return True
        return False

    def ended(self) -> bool:
        """Whether the daemon is gone. Raises Broken when it ended by itself."""
        if self.daemon is None:
            return True
        if self.daemon.poll() is None:
            return False
        if killed(self.daemon) and (fatal := self._met("die")):
            self.tally.deaths[fatal.at] += 1
            self.say(f"died at {fatal.at}")
        else:
            raise Broken(f"the daemon ended by itself with {self.daemon.returncode}: {self.place.logs[-1]}")
        self.daemon = None
        return True

    def kill(self) -> None:
        """SIGKILL, at whatever moment."""
        if not self.ended() and self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait(10)
            self.daemon = None
            self.tally.deaths["any moment"] += 1
            self.say("killed")

    def leave(self) -> None:
        """SIGTERM; it must end in order and in time."""
        if self.ended() or self.daemon is None:
            return
        self.daemon.terminate()
        try:
            code = self.daemon.wait(DIES_WITHIN)
        except subprocess.TimeoutExpired:
            raise Broken(f"the daemon did not leave within {DIES_WITHIN:g} s of SIGTERM") from None
        early = code == -signal.SIGTERM and not self.place.loads()  # it had not begun to listen for signals
        if code != 0 and not early and not self._died_leaving(code):
            raise Broken(f"the daemon left with {code} after SIGTERM: {self.place.logs[-1]}")
        self.daemon = None
        self.say("left")

    def stands(self) -> bool:
        """Whether the daemon stands still at its moment."""
        return self._met("stand") is not None

    def stands_at(self) -> str:
        """The moment at which it stands; nothing when it does not."""
        met = self._met("stand")
        return met.at if met else ""

    def go_on(self) -> None:
        """Let it go on, and stand no more."""
        if self.daemon is not None and (met := self._met("stand")):
            self.tally.stands[met.at] += 1
            self._given.clear()
            self.arm(Arms())
            goes_on(self.daemon)

    def arm(self, arms: Arms) -> None:
        """Have the daemon that runs do something when it comes to a moment."""
        self.arms = self._numbered(arms)
        self.place.arm(self.arms)
        self._given.append(self.arms)

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether something comes to hold in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holds():
                return True
            time.sleep(POLLS_EVERY)
        return False

    def sweeps(self) -> Counter[str]:
        """How often each policy's sweep was settled."""
        return Counter(run.policy for run in audit.books(self.store).runs)

    def history(self, *, quiet: bool = False) -> History:
        """Everything that happened so far. What was sent is looked at first: its intents must be in the books."""
        sent, looks = self.bystander.sent, self.bystander.looks
        found = audit.books(self.store)
        self.estate.observe()
        return History(
            sent=sent,
            looks=looks,
            journal=found.journal,
            committed=found.committed,
            chain=found.chain,
            actions=found.actions,
            proposals=found.proposals,
            findings=found.findings,
            closings=found.closings,
            conditions=self.estate.conditions,
            versions=self.place.versions,
            runs=found.runs,
            freezes=self._freezes,
            quota=self.place.quota,
            quiet=quiet,
        )

    def check(self, *, quiet: bool = False) -> None:
        """Raises Broken with every invariant that does not hold."""
        if wrong := violations(self.history(quiet=quiet)):
            raise Broken("\n".join(wrong))

    def settle(self) -> None:
        """Wait, in peace, until every finding is accounted for, have the daemon leave, and check. Raises Broken.

        A busy machine answers late, and a service that kept silent is left alone for a minute.
        """
        self.wait(lambda: not violations(self.history(quiet=True)), SETTLES_WITHIN)
        self.leave()
        self.check(quiet=True)

    def count(self) -> Tally:
        """The tally, with what the proxy saw."""
        self.tally.faults = self.weather.met
        self.tally.requests = self.proxy.counts.total()
        self.tally.calls = Counter(sent.operation for sent in self.bystander.sent)
        return self.tally

    def _numbered(self, arms: Arms) -> Arms:
        self._armed += 1
        return replace(arms, number=self._armed)

    def _met(self, do: str) -> Arms | None:
        """Which of its arms made the daemon die, or stand: it may come to its moment just as it is rearmed."""
        entries = self.place.entries()
        return next((one for one in self._given if one.do == do and one.entry in entries), None)

    def _died_leaving(self, code: int) -> bool:
        """Whether it came to its moment while it left."""
        fatal = self._met("die") if code == -signal.SIGKILL else None
        if fatal:
            self.tally.deaths[fatal.at] += 1
        return fatal is not None
