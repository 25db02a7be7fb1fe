"""A worker's side: takes work from a pipe, surveys it on its main thread, and sends back what it found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.budget import Wants
from cloudwarden.engine.survey import Assignment, Judgement, Survey
from cloudwarden.loading import PolicyText
from cloudwarden.workers.messages import Done, Granted, Progress, Ready, Spend, UsePolicies, Work

UNSENDABLE = "worker-unsendable"

SAYS_EVERY_SECONDS = 1.0
"""How often a working worker says that it lives, and what happened: rarely enough to cost nothing."""


class Sender:
    """The worker's voice: a reporter whose events go to the daemon, bundled; any thread may report.

    It is the worker's budget too, for the daemon keeps that.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._events: list[object] = []
        self._lock = threading.Lock()
        self._said_at = 0.0

    def report(self, event: object) -> None:
        """Keep an event until there is something to say."""
        with self._lock:
            self._events.append(event)

    def alive(self) -> None:
        """Progress was made: say so, if that was not said just now. Called on the main thread alone."""
        if time.monotonic() - self._said_at >= SAYS_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Say what happened."""
        self._said_at = time.monotonic()
        with self._lock:
            events, self._events = tuple(self._events), []
        self._connection.send(Progress(events=events))

    def send(self, message: object) -> None:
        """Send another message, after everything that happened before it."""
        if self._events:
            self.flush()
        self._connection.send(message)

    def grant(self, wants: Wants) -> int:
        """What the daemon grants; called on the main thread alone. Raises EOFError when the daemon is no more."""
        self.send(Spend(wants=wants))
        granted: Granted = self._connection.recv()
        return granted.metrics


def serve(
    connection: Connection,
    sender: Sender,
    survey: Callable[[Sequence[Assignment], Mapping[str, AnyPolicy]], Iterable[Survey]],
    policies_of: Callable[[tuple[PolicyText, ...]], Mapping[str, AnyPolicy]],
    drawn: Callable[[Scope], object] = lambda _: None,
) -> None:
    """Work until the daemon closes the pipe, or is no more. `drawn` tells what is left of a scope's limits."""
    policies: Mapping[str, AnyPolicy] = {}
    try:
        sender.send(Ready())
        while True:
            message = connection.recv()
            if isinstance(message, UsePolicies):
                policies = policies_of(message.texts)
            elif isinstance(message, Work):
                for found in survey([_known(one, policies) for one in message.assignments], policies):
                    _tell(sender, Done(survey=found, drawn=drawn(found.scope)))
                sender.send(Ready())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _known(assignment: Assignment, policies: Mapping[str, AnyPolicy]) -> Assignment:
    """The assignment without policies that this process does not have: the daemon sees that they are missing."""
    return replace(assignment, policies=tuple(name for name in assignment.policies if name in policies))


def _tell(sender: Sender, done: Done) -> None:
    """Send a survey; what one policy's code has put there that cannot be sent makes that policy blind, and no other."""
    try:
        sender.send(done)
    except (OSError, EOFError):
        raise
    except Exception:  # noqa: BLE001  # what cannot be pickled says so as it likes
        survey = replace(done.survey, judgements=tuple(map(_sendable, done.survey.judgements)))
        sender.send(replace(done, survey=survey))


def _sendable(judgement: Judgement) -> Judgement:
    try:
        ForkingPickler.dumps(judgement)
    except Exception as error:  # noqa: BLE001  # as above
        detail = f"what a worker found cannot be sent to the daemon: {type(error).__name__}"
        return Judgement(
            policy=judgement.policy,
            fingerprint=judgement.fingerprint,
            scope=judgement.scope,
            problem=Cause(reason=UNSENDABLE, detail=detail),
            lost=True,
        )
    return judgement
