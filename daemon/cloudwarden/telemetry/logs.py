"""Logs: one line for each event, JSON for machines or readable on a terminal."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cloudwarden.core.errors import SettingsError
from cloudwarden.engine.events import SweepFailed, SweepFinished, SweepStarted
from cloudwarden.telemetry.lines import Line, line
from cloudwarden.telemetry.redaction import redact
from cloudwarden.telemetry.thinning import Thinning

FORMATS = ("auto", "json", "console")
LEVELS = ("debug", "info", "warning", "error")

_HANDLER = "cloudwarden"

_CHATTY = (
    "alembic",
    "apscheduler",
    "asyncio",
    "boto3",
    "botocore",
    "httpcore",
    "httpx",
    "sqlalchemy",
    "urllib3",
    "uvicorn",
    "werkzeug",
)
"""Libraries of which only warnings are kept, whatever the level: botocore prints signed requests when debugging."""

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
)
"""What is done to every line, whoever logs it."""

_JSON = structlog.processors.JSONRenderer(default=str)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def configure(format: str = "auto", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002
    """Log to `stream` (standard error) from now on; `auto` is readable on a terminal and JSON elsewhere.

    Everything goes one way: events, our own code's structlog, and the standard library's loggers. Raises
    SettingsError for a format or level that does not exist.
    """
    if format not in FORMATS:
        raise SettingsError(f"log_format is {format!r}: write one of {', '.join(FORMATS)}")
    if level not in LEVELS:
        raise SettingsError(f"log_level is {level!r}: write one of {', '.join(LEVELS)}")
    output: TextIO = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # A logger kept from before would go on writing to the stream of before.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.set_name(_HANDLER)
    readable = format == "console" or (format == "auto" and output.isatty())
    handler.setFormatter(_formatter(_console(output.isatty()) if readable else [_JSON]))
    _route(handler, level)


def _formatter(rendering: Sequence[Processor]) -> logging.Formatter:
    """What makes a line of whatever was logged, by structlog or not, without its secrets."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, *rendering],
    )


def _console(colors: bool) -> list[Processor]:  # noqa: FBT001
    renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return [_without_control_characters, renderer]


def _without_control_characters(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A resource's name is a stranger's text: it must not move the cursor or repaint the operator's terminal."""
    return {
        name: _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _route(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It prints a traceback for each role that is refused, and the listings that fail for it say the same in a line.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    # It warns of each request that is none: whoever sends them could fill the disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


class LogReporter:
    """Writes one line for each event; while a sweep runs, its run_id is on every other line too.

    What each scope says in each sweep is above debug only where it is news; a line at the sweep's end counts the rest.
    """

    def __init__(self) -> None:
        self._log = structlog.stdlib.get_logger("cloudwarden")
        self._thinning = Thinning()

    def report(self, event: object) -> None:
        """Write the event's line, if its level is wanted."""
        if isinstance(event, SweepStarted):
            structlog.contextvars.bind_contextvars(run_id=event.run_id)
        self._write(self._thinning.weighed(event, line(event)))
        if isinstance(event, SweepFinished | SweepFailed):
            if withheld := self._thinning.withheld():
                self._write(withheld)
            structlog.contextvars.unbind_contextvars("run_id")

    def _write(self, written: Line) -> None:
        self._log.log(written.level, written.name, **written.fields)
