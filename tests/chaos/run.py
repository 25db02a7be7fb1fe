"""`make chaos`: kills and lives of the real daemon, for hours, from a printed seed; the first broken promise ends it.

It dies at every moment once, and then lives, one seed after another. `make chaos SEED=17 ONLY=life` is one life again,
ONLY=kills the deaths alone, and ONLY=lives no deaths before them.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chaos.failpoints import MUST_BE_REACHED
from chaos.kills import Kills
from chaos.life import Life
from chaos.stage import Broken, Stage, Tally
from cloudwarden.core.restraint import Quota
from installation import simulated_aws

STEPS = 60
REGION = "eu-west-3"
LEAST_MOMENTS = 30
QUOTA = Quota(account_per_hour=12, account_per_day=16, per_hour=20, per_day=20)
"""Tight enough for lives to run into it."""


def say(text: str) -> None:
    """Tell whoever watches."""
    print(text, flush=True)  # noqa: T201


class Runs:
    """Runs on one simulated AWS, each in a folder of its own that stays only if a promise was broken in it."""

    def __init__(self, aws: str, evidence: Path) -> None:
        self._aws, self._evidence = aws, evidence
        self.tally = Tally()
        self.lives = 0
        self.seconds = 0.0
        self.missed: list[str] = []
        self.again = ""
        """The command that does the latest run again."""

    def life(self, seed: int, steps: int) -> None:
        """One life. Raises Broken."""
        self.again = f"make chaos SEED={seed} STEPS={steps} ONLY=life"
        folder = self._folder(f"life-{seed}")
        with Stage(folder, self._aws, str(seed), region=REGION, quota=QUOTA) as stage:
            self._watched(stage, lambda: Life(stage).live(steps), f"life seed={seed} steps={steps}")
        self.lives += 1
        shutil.rmtree(folder)

    def kills(self, seed: int) -> None:
        """Every moment once. Raises Broken."""
        self.again = f"make chaos SEED={seed} ONLY=kills"
        folder = self._folder(f"kills-{seed}")
        with Stage(folder, self._aws, str(seed), region=REGION) as stage:
            self._watched(stage, lambda: self._killed(Kills(stage)), f"kills seed={seed}")
        shutil.rmtree(folder)

    def _killed(self, kills: Kills) -> None:
        kills.begin()
        self.missed = kills.all(kills.scout())
        kills.rest()

    def _watched(self, stage: Stage, run: Callable[[], None], what: str) -> None:
        began = time.monotonic()
        try:
            run()
        except Broken as error:
            (stage.place.folder / "violations.txt").write_text(f"{error}\n")
            raise
        finally:
            tally = stage.count()
            self.tally.add(tally)
            took = time.monotonic() - began
            self.seconds += took
        say(
            f"{what}: held, {took:.0f} s, {tally.requests} requests, {tally.faults.total()} faults, "
            f"{tally.deaths.total()} deaths, {tally.stands.total()} stops, {tally.calls.total()} calls"
        )

    def _folder(self, name: str) -> Path:
        folder = self._evidence / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def summary(self) -> str:
        """The totals, as JSON: faults by kind among them."""
        kinds: Counter[str] = Counter()
        for what, count in self.tally.faults.items():
            kinds[what.partition(" ")[0]] += count
        told = {"lives": self.lives, "minutes": round(self.seconds / 60, 1), "kinds": kinds, **vars(self.tally)}
        return json.dumps(told, indent=1, sort_keys=True)


def main() -> int:
    """Run; 0 when every promise held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--only", choices=["kills", "lives", "life"], help="no more than this")
    parser.add_argument("--evidence", type=Path, default=Path("build/chaos"))
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    say(f"seed={asked.seed} steps={asked.steps} evidence={asked.evidence.resolve()}")
    with simulated_aws() as aws:
        runs = Runs(aws, asked.evidence.resolve())
        try:
            return _runs(runs, asked)
        finally:
            asked.evidence.mkdir(parents=True, exist_ok=True)
            (asked.evidence / f"totals-{asked.seed}.json").write_text(runs.summary() + "\n")
            say(runs.summary())


def _runs(runs: Runs, asked: argparse.Namespace) -> int:
    try:
        if asked.only in (None, "kills"):
            runs.kills(asked.seed)
            died = runs.tally.deaths.keys() - {"any moment"}
            say(f"died at {len(died)} moments; never came again to: {', '.join(runs.missed) or 'none'}")
            if len(died) < LEAST_MOMENTS or not died >= MUST_BE_REACHED:
                say(f"too few: {', '.join(sorted(MUST_BE_REACHED - died))} among them")
                return 1
        until = time.monotonic() + asked.hours * 3600
        while asked.only != "kills" and (time.monotonic() < until or runs.lives == 0):
            runs.life(asked.seed + runs.lives, asked.steps)
            if asked.only == "life":
                break
    except Broken as error:
        say(f"\nBROKEN:\n{error}\n\nagain: {runs.again}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
