"""`make chaos`: kills, crossings and lives of the real daemon, from a printed seed; the first broken promise ends it.

It dies at every moment once, is crossed at every moment of an action's way, and then lives, one seed after another, for
hours. `make chaos SEED=17 ONLY=life` is one life again, ONLY=kills and ONLY=crossings these alone, and ONLY=lives what
comes after them; ONLY=memory lives in memory that nobody drew before. However it ends, it says what was done, in the
form of the track record.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from chaos.crossings import WAYS, Crossings
from chaos.failpoints import MUST_BE_REACHED
from chaos.kills import Kills
from chaos.life import Life
from chaos.stage import Broken, Stage
from chaos.tally import Tally
from cloudwarden.core.restraint import Quota
from installation import simulated_aws

STEPS = 60
IN_MEMORY = 100
"""Lives in memory for each seed: some minutes."""

REGION = "eu-west-3"
LEAST_MOMENTS = 30
QUOTA = Quota(
    account_per_run=4, account_share=0.8, account_per_hour=12, account_per_day=16, per_run=4, per_hour=20, per_day=20
)
"""Tight enough for lives to run into it."""


def say(text: str) -> None:
    """Tell whoever watches."""
    print(text, flush=True)  # noqa: T201


def end_by_hand(number: int, frame: FrameType | None) -> None:
    """Interrupt whatever runs; and again in a while, as some library's callback may have swallowed it."""
    del number, frame
    signal.alarm(10)
    raise KeyboardInterrupt


class Runs:
    """Runs on one simulated AWS, each in a folder of its own that stays only if a promise was broken in it."""

    def __init__(self, aws: str, evidence: Path) -> None:
        self._aws, self._evidence = aws, evidence
        self._began = time.monotonic()
        self.tally = Tally()
        self.missed: list[str] = []
        """Moments that no daemon came to."""
        self.again = ""
        """The command that does the latest run again."""

    @property
    def minutes(self) -> float:
        """How long it has taken so far."""
        return (time.monotonic() - self._began) / 60

    def life(self, seed: int, steps: int) -> None:
        """One life. Raises Broken."""
        self.again = f"make chaos SEED={seed} STEPS={steps} ONLY=life"
        self._run(f"life-{seed}", seed, lambda stage: Life(stage).live(steps), QUOTA)
        self.tally.lives += 1

    def kills(self, seed: int) -> None:
        """Every moment once. Raises Broken."""
        self.again = f"make chaos SEED={seed} ONLY=kills"

        def run(stage: Stage) -> None:
            kills = Kills(stage)
            kills.begin()
            self.missed = kills.all(kills.scout(), self.tell)
            kills.rest()

        self._run(f"kills-{seed}", seed, run)

    def crossings(self, seed: int) -> None:
        """Every kind of decision at every moment of every way. Raises Broken."""
        self.again = f"make chaos SEED={seed} ONLY=crossings"

        def run(stage: Stage) -> None:
            crossings = Crossings(stage)
            self.tell(crossings.replaced())
            for way in WAYS:
                for what in crossings.all(way):
                    self.tell(what)

        self._run(f"crossings-{seed}", seed, run)

    def memory(self, seed: int) -> None:
        """Lives in memory that nobody drew before. Raises Broken."""
        test = Path(__file__).with_name("test_chaos_lifecycle.py")
        command = [sys.executable, "-m", "pytest", "-q", "--timeout=0", f"--hypothesis-seed={seed}", str(test)]
        self.again = f"CHAOS_EXAMPLES={IN_MEMORY} .venv/bin/pytest --timeout=0 --hypothesis-seed={seed} {test}"
        done = subprocess.run(
            command, env={**os.environ, "CHAOS_EXAMPLES": str(IN_MEMORY)}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Broken(f"in memory: {done.stdout}{done.stderr}")
        self.tell(f"memory-{seed}: held, {IN_MEMORY} lives")

    def tell(self, what: str) -> None:
        """Progress, with the minutes so far."""
        say(f"{self.minutes:6.1f}  {what}")

    def _run(self, name: str, seed: int, run: Callable[[Stage], None], quota: Quota | None = None) -> None:
        folder = self._evidence / name
        shutil.rmtree(folder, ignore_errors=True)
        with Stage(folder, self._aws, str(seed), region=REGION, quota=quota) as stage:
            try:
                run(stage)
                ending = "held"
            except KeyboardInterrupt:
                signal.alarm(0)
                stage.check()
                self.tell(f"{name}: held until it was ended; {stage.count()}")
                shutil.rmtree(folder, ignore_errors=True)  # its daemon lives, and may write
                raise
            except Broken as error:
                (folder / "violations.txt").write_text(f"{error}\n")
                ending = "BROKEN"
                raise
            finally:
                self.tally.add(stage.count())
            self.tell(f"{name}: {ending}; {stage.tally}")
        shutil.rmtree(folder)


def main() -> int:
    """Run; 0 when every promise held, 1 when one did not, 130 when it was ended before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--only", choices=["memory", "kills", "crossings", "lives", "life"], help="no more than this")
    parser.add_argument("--evidence", type=Path, default=Path("build/chaos"))
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(each, end_by_hand)
    evidence = asked.evidence.resolve()
    say(f"seed={asked.seed} steps={asked.steps} evidence={evidence}")
    with simulated_aws() as aws:
        runs = Runs(aws, evidence)
        code, ending = _ended(runs, asked)
        evidence.mkdir(parents=True, exist_ok=True)
        totals = evidence / f"totals-{asked.seed}.json"
        totals.write_text(runs.tally.to_json(seed=asked.seed, minutes=round(runs.minutes, 1), ending=ending) + "\n")
        say(f"\n{runs.tally.row(_command(asked), ending, runs.minutes)}\n\nAll counts: {totals}")
    return code


def _ended(runs: Runs, asked: argparse.Namespace) -> tuple[int, str]:
    """The exit code, and how it ended, in words."""
    try:
        _all(runs, asked)
    except KeyboardInterrupt:
        signal.alarm(0)
        return 130, "yes, until ended by hand"
    except Broken as error:
        say(f"\nBROKEN:\n{error}\n\nagain: {runs.again}\n")
        return 1, f"no: {str(error).partition(':')[0]}"
    return 0, "yes"


def _all(runs: Runs, asked: argparse.Namespace) -> None:
    if asked.only in (None, "memory"):
        _in_memory(runs, asked)
    if asked.only in (None, "kills"):
        runs.kills(asked.seed)
        died = runs.tally.deaths.keys() - {"any moment"}
        say(f"died at {len(died)} moments; never came again to: {', '.join(runs.missed) or 'none'}")
        if len(died) < LEAST_MOMENTS or not died >= MUST_BE_REACHED:
            raise Broken(f"too few moments: it did not die at {', '.join(sorted(MUST_BE_REACHED - died))}")
    if asked.only in (None, "crossings"):
        runs.crossings(asked.seed)
    until = time.monotonic() + asked.hours * 3600
    while asked.only in (None, "lives", "life") and (time.monotonic() < until or runs.tally.lives == 0):
        runs.life(asked.seed + runs.tally.lives, asked.steps)
        if asked.only == "life":
            break


def _in_memory(runs: Runs, asked: argparse.Namespace) -> None:
    """The lives of one seed; alone, of one seed after another for all the time."""
    until, seed = time.monotonic() + asked.hours * 3600, asked.seed
    runs.memory(seed)
    while asked.only and time.monotonic() < until:
        seed += 1
        runs.memory(seed)


def _command(asked: argparse.Namespace) -> str:
    only = f" ONLY={asked.only}" if asked.only else ""
    steps = f" STEPS={asked.steps}" if asked.steps != STEPS else ""
    hours = f" HOURS={asked.hours:g}" if asked.only in (None, "memory", "lives") else ""
    return f"make chaos SEED={asked.seed}{hours}{steps}{only}"


if __name__ == "__main__":
    sys.exit(main())
