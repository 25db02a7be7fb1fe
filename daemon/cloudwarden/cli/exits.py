"""Exit codes: what a script may rely on."""

from __future__ import annotations

from enum import IntEnum

from cloudwarden.core.errors import AuthorError, CloudError, CloudwardenError, NoDatabase, SettingsError


class Exit(IntEnum):
    """How a verb ended; where several apply, the highest."""

    NOTHING_FOUND = 0
    FINDINGS = 1
    NOT_ALL_JUDGED = 2
    BAD_POLICIES_OR_SETTINGS = 3
    NOT_DONE = 4
    USAGE = 64
    """The command line itself, or where it was typed; EX_USAGE of sysexits(3)."""


EPILOG = (
    "Exit codes: 0 nothing found, or done; 1 findings (once, explain, findings); 2 could not judge everything, or "
    "(findings) no sweep could read anything yet; 3 bad policies or settings; 4 the store or the daemon could not do "
    "it (locked, unwritable, already running, unknown id or policy), or has a fault; 64 a command line that makes no "
    "sense, or where no database is; 130 interrupted."
)


def exit_for(error: CloudwardenError) -> Exit:
    """The code for an error that ended a verb."""
    if isinstance(error, SettingsError | AuthorError):
        return Exit.BAD_POLICIES_OR_SETTINGS
    if isinstance(error, CloudError):
        return Exit.NOT_ALL_JUDGED
    if isinstance(error, NoDatabase):
        return Exit.USAGE
    return Exit.NOT_DONE
