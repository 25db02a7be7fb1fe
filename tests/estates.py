"""What the workers of tests run, in a module that their processes can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.verdict import Outcome, Severity
from cloudwarden.engine.events import MetricsRequested
from cloudwarden.engine.survey import Assignment, Judgement, Survey
from cloudwarden.loading import rebuilt
from cloudwarden.workers import Sender, serve
from world import NOON


class Estate:
    """A surveyor that finds one compliant resource for each policy, and says which process looked.

    Accounts 13 to 16 are trouble: the first kills its process, the second never ends, of the third no survey can be
    sent, and that of the last cannot be read. In a run that spends, each scope wants three metrics.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterator[Survey]:
        """One survey each."""
        for one in assignments:
            if one.scope.account.endswith("13") and "killed" in one.run_id:
                os.kill(os.getpid(), signal.SIGKILL)
            if one.scope.account.endswith("14") and "hangs" in one.run_id:
                time.sleep(600)
            granted = self._sender.grant(((Severity.LOW, 3),)) if "spends" in one.run_id else 1
            self._sender.report(
                MetricsRequested(run_id=str(os.getpid()), scope=one.scope, requested={"stop-idle": granted}, shared=0)
            )
            self._sender.alive()
            survey = found(one, policies)
            if one.scope.account.endswith("15") and "unsendable" in one.run_id:
                survey = _with(survey, Local())
            if one.scope.account.endswith("16") and "unreadable" in one.run_id:
                survey = _with(survey, Unreadable())
            yield survey


class Unreadable:
    """What can be sent, and not be read where it arrives."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)


class Local:
    """What no other process knows, as classes of a policy file are."""


Local.__qualname__ = "policy_file.Local"


def _with(survey: Survey, thing: object) -> Survey:
    """The survey with a thing among what its first policy found."""
    first, *others = survey.judgements
    told: Any = ((thing, thing),)
    return replace(survey, judgements=(replace(first, told=told), *others))


def found(one: Assignment, policies: Mapping[str, AnyPolicy]) -> Survey:
    """One compliant resource for each policy of an assignment."""
    judgements = [
        Judgement(policy=name, fingerprint=policies[name].fingerprint, scope=one.scope, verdicts={Outcome.COMPLIANT: 1})
        for name in one.policies
    ]
    return Survey(scope=one.scope, judged_at=NOON, judgements=tuple(judgements))


def work(connection: Connection) -> None:
    """What a worker of these tests runs."""
    sender = Sender(connection)
    serve(connection, sender, Estate(sender).survey, lambda texts: rebuilt(texts, {}))


def stillborn(connection: Connection) -> None:
    """A worker that ends before it is ready."""
    raise SystemExit(3)
