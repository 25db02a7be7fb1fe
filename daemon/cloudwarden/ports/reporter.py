"""What hears of everything that happens."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Hears what happened: logs, metrics, and a terminal view are reporters."""

    def report(self, event: object) -> None: ...
