"""Noticing that files which people edit say something else by now."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cloudwarden.loading.source import policy_files
from cloudwarden.ports import Clock

REST_SECONDS = 1.0
"""How long files must have been left alone: an editor or a deployment writes several times in a row, and half a file of
exemptions exempts less. As long as the coarsest clock that file systems stamp their files with."""

MOST_SECONDS = 3.0
"""How long files that never rest are waited for."""

Stamp = tuple[object, ...]
_Look = tuple[Stamp, ...]


class Edits:
    """Looks at the policy files of a directory, and at other files, through whatever links lead to them.

    It looks again and again, rather than being told by the system: that tells of what happens in a directory, and not
    that a link on the way to it leads elsewhere, nor that the file which a link leads to was edited where it is.
    """

    def __init__(self, directory: Path, files: Collection[Path], *, clock: Clock) -> None:
        self._directory = directory
        self._files = files
        self._clock = clock
        self.take()
        self._seen_at = self._differs_since = 0.0

    def take(self) -> None:
        """Count what is there as known: for right before it is read, so that an edit meanwhile is noticed."""
        self._taken_policies = self._policies()
        self._taken = self._seen = (*self._taken_policies, *map(stamp, self._files))

    def unread(self) -> str | None:
        """Why nobody can tell what the policies say by now: somebody edited them since; None when nobody did."""
        if self._policies() == self._taken_policies:
            return None
        return f"policies in {self._directory} were edited, and are not read yet"

    def found(self) -> bool:
        """Whether the files differ from those taken, and rest, or never do. To be asked every second or so."""
        look, now = self._look(), self._clock.monotonic()
        if look == self._taken:
            self._seen = look
            return False
        if self._seen == self._taken:
            self._differs_since = now
        if look != self._seen:
            self._seen, self._seen_at = look, now
        return now - self._seen_at >= REST_SECONDS or now - self._differs_since >= MOST_SECONDS

    def _look(self) -> _Look:
        return (*self._policies(), *map(stamp, self._files))

    def _policies(self) -> _Look:
        try:
            return tuple((path.name, *stamp(path)) for path in policy_files(self._directory))
        except OSError as error:
            return (("unreadable", error.errno),)


def stamp(path: Path) -> Stamp:
    """What differs as soon as somebody has written the file or put another in its place, or it cannot be reached."""
    try:
        status = path.stat()
    except OSError as error:
        return ("unreadable", error.errno)
    # The time of change too: nobody can set it, as copying tools do with that of modification.
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
