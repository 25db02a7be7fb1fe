"""One program run to its end, and what it cost: wall, CPU and peak memory, all of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds, and megabytes at the peak."""

    wall: float
    cpu: float
    peak_mb: float


class Failed(Exception):
    """The program ended with another code than those allowed."""


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    allowed: Sequence[int] = (0,),
    meanwhile: Callable[[float], None] = lambda _: None,
) -> Cost:
    """Run a program, its output in `log`; `meanwhile` is called with the seconds so far. Raises Failed."""
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env={**os.environ, **env})
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - began
        if pid:
            break
        meanwhile(wall)
        time.sleep(POLL_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise Failed(f"{words[0]} ended with {process.returncode}: {log.read_text()[-2000:]}")
    return Cost(wall=wall, cpu=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024)
