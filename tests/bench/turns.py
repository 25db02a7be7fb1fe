"""Programs that have the machine in turns, so that all meet the same weather: shared cores change their speed.

Whatever runs meanwhile, or slows the cores down, takes as much from one as from the others. A program stands still,
with every process that it started, while it is another's turn.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TURN_SECONDS = 0.5


class Player:
    """A program that speaks by lines, and goes on after each when it is told to. It runs as soon as it is made."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._ears, self._mouth = process, process.stdin, process.stdout
        self.pid = process.pid
        self.had = 0.0
        """Seconds that it had in turns."""

    def line(self) -> str:
        """What it says next. Raises EOFError when it ended."""
        if not (line := self._mouth.readline()):
            raise EOFError(f"{self._process.args!r} ended with {self._process.wait()}")
        return line.strip()

    def go_on(self) -> None:
        """Tell it to go on after its line."""
        self._ears.write("\n")
        self._ears.flush()

    def stop(self) -> None:
        """Have it stand still."""
        os.killpg(self.pid, signal.SIGSTOP)

    def turn(self) -> bool:
        """Let it run for a turn, or until it says something; whether it did, and then it is not stopped."""
        began = time.perf_counter()
        os.killpg(self.pid, signal.SIGCONT)
        spoke = bool(select.select([self._mouth], [], [], TURN_SECONDS)[0])
        if not spoke:
            self.stop()
        self.had += time.perf_counter() - began
        return spoke


@contextmanager
def player(words: Sequence[str]) -> Iterator[Player]:
    """A program in a process group of its own, which ends with the context."""
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Player(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


class Match:
    """A program until it says something, and others without end, which have their turn together. All stand still."""

    def __init__(self, timed: Player, endless: Sequence[Player]) -> None:
        self.timed, self.endless = timed, endless
        self.endless_had = 0.0
        """Seconds that the others had, side by side."""

    def round(self) -> bool:
        """A turn for each; whether the timed one has said something, and then the others stand still."""
        if self.timed.turn():
            return True
        began = time.perf_counter()
        for one in self.endless:
            os.killpg(one.pid, signal.SIGCONT)
        time.sleep(TURN_SECONDS)
        for one in self.endless:
            one.stop()
        self.endless_had += time.perf_counter() - began
        return False


def play(matches: Sequence[Match]) -> None:
    """Rounds of all matches in turn, until each timed program has said something."""
    while matches:
        matches = [one for one in matches if not one.round()]
