"""A log that tests can read, put back afterwards; and metrics with a clock that stands still."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from cloudwarden.clock import FakeClock
from cloudwarden.telemetry.logs import configure
from cloudwarden.telemetry.metrics import Metrics
from happenings import NOON
from scraping import Value


@pytest.fixture
def logs_to_pytest() -> Iterator[None]:
    """Logging as configured, and as it was again afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {
        name: logger.level for name, logger in root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    }
    configure("json", "debug", io.StringIO())
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


class Log(io.StringIO):
    """What was logged. `terminal` makes it look like one."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, read as JSON."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log_of(logs_to_pytest: None) -> Callable[..., Log]:
    """Starts a log: `log_of("json", "debug")`."""

    def begin(form: str = "json", level: str = "debug", *, terminal: bool = False) -> Log:
        log = Log(terminal=terminal)
        configure(form, level, log)
        return log

    return begin


@pytest.fixture
def clock() -> FakeClock:
    """Noon, until a test moves it."""
    return FakeClock(NOON)


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    """Metrics in a registry of their own."""
    return Metrics(version="1.2.3", clock=clock)


@pytest.fixture
def value(metrics: Metrics) -> Value:
    """Reads a sample: `value("limit_trips_total", policy="stop-idle")`; None when there is no such series."""

    def read(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"cloudwarden_{name}", labels)

    return read
