"""The settings in force beside what their file says by now: they are read when a process starts, and then no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cloudwarden.core.errors import SettingsError
from cloudwarden.engine.events import SettingsEdited
from cloudwarden.loading import Stamp, stamp
from cloudwarden.ports import Reporter
from cloudwarden.settings import Settings

HOLDING = frozenset(
    {"aws", "ceiling", "database", "exemptions_file", "freeze", "policies", "policy", "protect", "quota", "window"}
)
"""Settings that say what may be done, and where. Whoever edits one relies on it from then on.

The database is one of them: pauses and exemptions that somebody makes after the edit are kept in the other.
"""


class InForce:
    """Notices an edited file of settings. It says so, and holds every action where the edit is about what may be done.

    A freeze that somebody wrote down must hold, though the daemon does not know it yet; so must one of which a typing
    error is left, as long as nobody can tell what it says.
    """

    def __init__(self, settings: Settings, *, read: Callable[[Path], Settings], reporter: Reporter) -> None:
        self._settings = settings
        self._read = read
        self._reporter = reporter
        self._read_as = self._stamp()
        self._differing: frozenset[str] = frozenset()
        self._problem = ""

    def look(self) -> None:
        """Read the file again; tell of what is news."""
        if (file := self._settings.file) is None:
            return
        before = (self._differing, self._problem)
        self._read_as = self._stamp()
        try:
            written = self._read(file)
        except SettingsError as error:
            self._differing, self._problem = frozenset(), str(error)
        else:
            self._differing, self._problem = _differing(self._settings, written), ""
        if before != (self._differing, self._problem):
            self._reporter.report(
                SettingsEdited(file=str(file), differing=tuple(sorted(self._differing)), problem=self._problem)
            )

    def doubt(self) -> str | None:
        """Why nothing may be done, mostly until the process is started anew; None when no edit is about that.

        The file is looked at each time: one that is edited during a sweep is read after it.
        """
        if self._stamp() != self._read_as:
            return f"{self._settings.file} was edited, and is not read yet"
        if self._problem:
            return f"the settings were edited, and nobody can tell what they say: {self._problem}"
        if holding := sorted(self._differing & HOLDING):
            return f"{', '.join(holding)} in {self._settings.file} was edited, and is not in force: restart the daemon"
        return None

    def _stamp(self) -> Stamp | None:
        return stamp(self._settings.file) if self._settings.file is not None else None

    def details(self) -> Mapping[str, str]:
        """What health should show."""
        if held := self.doubt():
            return {"settings": f"nothing is done: {held}"}
        if self._differing:
            return {"settings": f"edited and not in force before a restart: {', '.join(sorted(self._differing))}"}
        return {}


def _differing(one: Settings, other: Settings) -> frozenset[str]:
    return frozenset(name for name in type(one).model_fields if getattr(one, name) != getattr(other, name))
