"""What may never end is waited for once, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from cloudwarden.aws.access.errand import Errand
from cloudwarden.aws.access.identity import FAILURE_LASTS_SECONDS, Identity
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.pages import Answer
from cloudwarden.core.errors import AccessDenied, Timeout
from stub_aws import ACCOUNT, SCOPE
from stub_sessions import Stopwatch

SOON = 0.5


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """What a source waits for; in the end it comes."""
    event = threading.Event()
    yield event
    event.set()


def identified(speaker: Speaker, operation: str, arguments: Mapping[str, object]) -> Answer:
    """What STS says of whoever asks."""
    del speaker, operation, arguments
    return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada"}


class Source:
    """A source of credentials that end in some minutes. It waits for its event each time, but for the first `quick`."""

    def __init__(self, answer: threading.Event, *, minutes: float, quick: int = 0) -> None:
        self._answer = answer
        self._ends = datetime.now(UTC) + timedelta(minutes=minutes)
        self._quick = quick
        self.asked = 0

    def fetched(self) -> dict[str, str]:
        """Keys, as botocore takes them."""
        self.asked += 1
        if self.asked > self._quick:
            self._answer.wait()
        return {"access_key": "ASIA", "secret_key": "s", "token": "t", "expiry_time": self._ends.isoformat()}

    def made(self) -> Credentials:
        """Credentials that are renewed here."""
        return RefreshableCredentials.create_from_metadata(self.fetched(), self.fetched, "test")


def whose(source: Source, timer: Stopwatch) -> Identity:
    """An identity that waits for its source but for a moment."""
    return Identity(source.made, label=SCOPE, account=None, sts=identified, timer=timer, within_seconds=SOON)


def test_it_returns_and_raises_what_the_work_does() -> None:
    """In the thread that asked for it."""
    assert Errand(lambda: 7, seconds=SOON, late="late").done() == 7

    def denied() -> None:
        raise AccessDenied("no")

    with pytest.raises(AccessDenied):
        Errand(denied, seconds=SOON, late="late").done()


def test_what_goes_on_is_not_begun_beside(answer: threading.Event) -> None:
    """However often it is asked for: threads that hang would add up."""
    begun: list[int] = []

    def waited() -> int:
        begun.append(len(begun))
        answer.wait()
        return len(begun)

    errand = Errand(waited, seconds=SOON, late="late")
    for _ in range(3):
        with pytest.raises(Timeout, match="late"):
            errand.done()
    assert begun == [0]


def test_a_source_that_hangs_holds_nobody_for_ever(answer: threading.Event) -> None:
    """Whoever asks is told why; once it answers, its credentials are taken."""
    timer = Stopwatch()
    source = Source(answer, minutes=60)
    identity = whose(source, timer)
    with pytest.raises(Timeout, match="credential_process"):
        identity.caller()
    answer.set()
    for thread in threading.enumerate():
        if thread.name == "errand":
            thread.join()
    timer.seconds += FAILURE_LASTS_SECONDS
    assert identity.caller().account == ACCOUNT


def test_credentials_that_last_go_on_while_their_renewal_hangs(answer: threading.Event) -> None:
    """Five minutes are left, and there is another try before they are over."""
    timer = Stopwatch()
    source = Source(answer, minutes=5, quick=2)
    identity = whose(source, timer)
    identity.caller()
    timer.seconds += 2 * FAILURE_LASTS_SECONDS
    assert identity.caller().account == ACCOUNT
    assert source.asked == 3


def test_credentials_that_are_about_to_end_do_not(answer: threading.Event) -> None:
    """They would be over before the next try."""
    timer = Stopwatch()
    identity = whose(Source(answer, minutes=0.5, quick=2), timer)
    identity.caller()
    timer.seconds += 2 * FAILURE_LASTS_SECONDS
    with pytest.raises(Timeout):
        identity.caller()
