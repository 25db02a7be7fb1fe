"""The daemon's side of one worker: a process, its pipe, and what it was given to do."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from cloudwarden.engine.survey import Assignment
from cloudwarden.loading import PolicyText
from cloudwarden.workers.messages import Ready, UsePolicies, Work

LEAVES_WITHIN_SECONDS = 1.0
"""How long a worker that was told to leave may take before it is ended; it holds nothing that could be lost."""

_PROCESSES = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold


class Worker:
    """One process. It is given a batch when it is ready, and then nothing until it is ready again.

    Making one starts it, on one `core` alone if that is given. Raises OSError when the machine has no files, processes
    or memory left for it.
    """

    def __init__(self, entry: Callable[[Connection], None], core: int | None = None) -> None:
        self.connection, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=entry, args=(theirs,), name="cloudwarden-worker", daemon=True)
        with theirs:
            try:
                self._process.start()
            except BaseException:
                self.connection.close()
                raise
        if core is not None and self.pid is not None:
            # Its threads come later, and inherit this. Where it may not be, it is slower.
            with suppress(OSError):
                os.sched_setaffinity(self.pid, {core})
        self.ready = False
        self._heard_at = time.monotonic()
        self.began = False
        """Whether it ever was ready."""
        self.outstanding: dict[object, Assignment] = {}
        """What it was given and has not answered yet, by scope."""
        self._texts: tuple[PolicyText, ...] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    def give(self, batch: tuple[Assignment, ...], texts: tuple[PolicyText, ...]) -> None:
        """Have a ready worker survey a batch, by the policies of these texts. Raises OSError when it is no more."""
        self.ready = False
        self.outstanding.update((assignment.scope, assignment) for assignment in batch)
        self._heard_at = time.monotonic()
        if texts != self._texts:
            self.connection.send(UsePolicies(texts=texts))
            self._texts = texts
        self.connection.send(Work(assignments=batch))

    def answer(self, message: object) -> None:
        """Answer what it asked. One that is no more has its end of the pipe heard next."""
        with suppress(OSError):
            self.connection.send(message)

    def hear(self) -> object:
        """Its next message. Raises EOFError or OSError when it is no more."""
        message: object = self.connection.recv()
        self._heard_at = time.monotonic()
        self.ready = isinstance(message, Ready)
        self.began = self.began or self.ready
        return message

    def silent_for(self) -> float:
        """Seconds since it should have been heard; none while it waits for work."""
        return 0.0 if self.ready else time.monotonic() - self._heard_at

    def dismiss(self) -> None:
        """Tell it to leave."""
        self.connection.close()

    def end(self) -> int | None:
        """End it; its exit code."""
        self.dismiss()
        self._process.join(LEAVES_WITHIN_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return self._process.exitcode
