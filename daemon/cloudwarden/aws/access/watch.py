"""Whoever watches a client's requests, told of those that do not go botocore's ordinary way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.access.outages import Outages
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.witness import Witness


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """The watchers of one client, in the order in which botocore's events reach them."""

    witness: Witness
    clock: ClockWatch
    outages: Outages
    region: str

    def begin(self, speaker: Speaker) -> float:
        """A request is about to be made. Raises Unavailable for what keeps silent."""
        self.outages.refuse(self.witness.service, self.region, speaker.scope.account)
        return self.witness.timer()

    def answered(self, operation: str, speaker: Speaker, began: float, response: Any, parsed: dict[str, Any]) -> None:
        """It was answered, be it with an error."""
        self.witness.answered(operation, began, speaker.scope, parsed)
        self.clock.answered(response, parsed)
        self.outages.answered(self.witness.service, self.region, speaker.scope.account)
        speaker.heed(parsed)

    def failed(self, operation: str, speaker: Speaker, began: float, error: Exception) -> None:
        """There was no answer, or none that could be read."""
        self.witness.unanswered(operation, began, speaker.scope, error)
        self.outages.failed(self.witness.service, self.region, speaker.scope.account, error)
