"""Stops asking what keeps silent, so that everything else is asked in time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient

from cloudwarden.aws.access.speaker import SPEAKER, Speaker
from cloudwarden.aws.errors import translated
from cloudwarden.core.errors import Timeout, Unavailable

SILENT_CALLS = 2
"""Calls in a row that were waited for in vain, each with all its repetitions, before an account's service is left."""

SILENT_ACCOUNTS = 3
"""Accounts whose service is left, without any answer between, before it is left for every account."""

LEFT_FOR_SECONDS = 60.0
"""How long it is left. Then one call finds out whether it still keeps silent, while the others go on leaving it."""

EVERYONE = "*"

Key = tuple[str, str, str]


@dataclass(kw_only=True)
class Silence:
    """How much was waited for in vain since the last answer, and until when nothing is asked."""

    calls: int = 0
    accounts: set[str] = field(default_factory=set)
    until: float | None = None


class Outages:
    """Counts calls that nobody answered, by service and region, for each account and for all.

    A sweep asks hundreds of things of one service. Where each would wait for its own timeout, a silent region would
    take the sweep's time many times over; here it takes it about once. What is not asked is Unavailable, at once.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._silences: defaultdict[Key, Silence] = defaultdict(Silence)
        self._counting = threading.Lock()

    def watch(self, client: BaseClient) -> None:
        """Listen to a client from now on."""
        service = client.meta.service_model.service_name
        name = client.meta.service_model.service_id.hyphenize()
        region = client.meta.region_name

        def whose(context: dict[str, Any]) -> tuple[str, str, str]:
            speaker: Speaker | None = context.get(SPEAKER)
            return service, region, speaker.scope.account if speaker else ""

        def refuse(context: dict[str, Any], **_: object) -> None:
            self.refuse(*whose(context))

        def answered(context: dict[str, Any], **_: object) -> None:
            self.answered(*whose(context))

        def failed(context: dict[str, Any], exception: Exception, **_: object) -> None:
            self.failed(*whose(context), exception)

        client.meta.events.register(f"before-call.{name}", refuse)
        client.meta.events.register(f"after-call.{name}", answered)
        client.meta.events.register(f"after-call-error.{name}", failed)

    def refuse(self, *mine: str) -> None:
        """A call is about to be made, by service, region and account. Raises Unavailable while these keep silent."""
        if not self._silences:
            return
        now = self._timer()
        with self._counting:
            left = [
                (key, found) for key in _both(*mine) if (found := self._silences.get(key)) and found.until is not None
            ]
            for (service, region, account), silence in left:
                if silence.until is not None and now < silence.until:
                    whose = "" if account == EVERYONE else f" for account {account}"
                    seconds = silence.until - now
                    raise Unavailable(f"{service} in {region} keeps silent{whose}: asked again in {seconds:.0f} s")
            for _, silence in left:
                silence.until = now + LEFT_FOR_SECONDS

    def answered(self, *mine: str) -> None:
        """A call was answered."""
        if not self._silences:
            return
        with self._counting:
            for key in _both(*mine):
                self._silences.pop(key, None)

    def failed(self, service: str, region: str, account: str, error: Exception) -> None:
        """A call ended in an error; only waiting in vain is counted."""
        if not isinstance(translated(error), Timeout) and "ConnectTimeout" not in type(error).__name__:
            return
        mine, everyones = _both(service, region, account)
        with self._counting:
            silence, until = self._silences[mine], self._timer() + LEFT_FOR_SECONDS
            silence.calls += 1
            if silence.calls < SILENT_CALLS:
                return
            silence.until = until
            shared = self._silences[everyones]
            shared.accounts.add(account)
            if len(shared.accounts) >= SILENT_ACCOUNTS:
                shared.until = until


def _both(service: str, region: str, account: str) -> tuple[Key, Key]:
    return (service, region, account), (service, region, EVERYONE)
