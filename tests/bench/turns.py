"""Two programs that have the machine in turns, so that both meet the same weather: shared cores change their speed.

Whatever runs meanwhile, or slows the cores down, takes as much from one as from the other. A program stands still, with
every process that it started, while it is the other's turn.
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


def in_turns(timed: Player, endless: Player) -> None:
    """Both in turns, until the timed one says something. The endless one stands still afterwards."""
    while not timed.turn():
        endless.turn()
