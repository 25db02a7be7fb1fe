"""Whoever watches a client's requests, told of those that do not go botocore's ordinary way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.witness import Witness


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """The watchers of one client, in the order in which botocore's events reach them."""

    witness: Witness
    clock: ClockWatch

    def begin(self) -> float:
        """A request is about to be made."""
        return self.witness.timer()

    def answered(self, operation: str, speaker: Speaker, began: float, response: Any, parsed: dict[str, Any]) -> None:
        """It was answered, be it with an error."""
        self.witness.answered(operation, began, speaker.scope, parsed)
        self.clock.answered(response, parsed)
        speaker.heed(parsed)

    def failed(self, operation: str, speaker: Speaker, began: float, error: Exception) -> None:
        """There was no answer, or none that could be read."""
        self.witness.unanswered(operation, began, speaker.scope, error)
