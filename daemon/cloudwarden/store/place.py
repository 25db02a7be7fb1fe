"""The database's file where it lies: that nobody may take it away, or put another in its place, while it is used."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from cloudwarden.core.errors import StoreUnusable, StoreUnwritable

RESTORE = "move it away and restore a backup (`cloudwarden restore FILE`); nothing was changed in it"


def log_of(file: Path) -> Path:
    """SQLite's write-ahead log of a database: a part of it, until it is written back."""
    return file.with_name(f"{file.name}-wal")


def _closed(folder: Path) -> str:
    """Why nothing can be written in a directory, and what to do. An owner makes no difference to a read-only mount."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return (
            f"the file system of {folder} is mounted read-only, as after an error of its disk: mount it writable again"
        )
    return f"this user may not write in {folder}: change its owner"


def swapping(file: Path) -> Path:
    """Under this name a restored database waits to take the file's place."""
    return file.with_name(f"{file.name}.swapping")


def refuse_place(file: Path) -> None:
    """Raise StoreUnwritable or StoreUnusable when no database of ours can be here, whether there is one or not."""
    try:
        _refuse_place(file)
    except OSError as error:
        raise _out_of_reach(file, error) from error


def _refuse_place(file: Path) -> None:
    folder = file.parent
    if not folder.is_dir():
        raise StoreUnwritable(f"{file}: there is no directory {folder}: make it, or set `database` to another place")
    if file.is_dir():
        raise StoreUnwritable(f"{file} is a directory: set `database` to a file in it, such as {file}/cloudwarden.db")
    if not os.access(folder, os.W_OK | os.X_OK):
        # Even for an existing file: SQLite keeps its write-ahead log beside it.
        raise StoreUnwritable(f"{file}: {_closed(folder)}, or set `database`")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        raise StoreUnwritable(f"{file}: this user may not read and write it: change its owner, or set `database`")
    if swapping(file).exists():
        raise StoreUnusable(
            f"{file}: a restoration was interrupted: run `cloudwarden restore` again, or, to go on with the database "
            f"as it is, delete {swapping(file)}"
        )


def refuse_remains(file: Path) -> None:
    """Raise StoreUnusable for what a lost or cut database leaves, which SQLite would take for a new one."""
    log = log_of(file)
    logged = log.exists() and log.stat().st_size > 0
    if not file.exists():
        if logged:
            raise StoreUnusable(
                f"{file}: the file is missing, and its log {log.name} is not: put the file back, or move the log away "
                "and restore a backup (`cloudwarden restore FILE`)"
            )
    elif file.stat().st_size == 0:
        beside = f", and its log {log.name} is not" if logged else ""
        raise StoreUnusable(
            f"{file}: the file is empty{beside}: {RESTORE}. Delete it to begin anew: what was decided and done is "
            "then unknown"
        )


def refuse_unwritten(file: Path) -> None:
    """Raise StoreUnwritable when what a database that was closed holds is still in its log, which is to be left.

    SQLite writes a log back when the last connection closes, and says nothing when it cannot.
    """
    log = log_of(file)
    if log.exists() and log.stat().st_size > 0:
        raise StoreUnwritable(f"{file}: its log could not be written back to it: see that {file.parent} has room")


def existing(url: URL, file: Path) -> URL:
    """The URL by which SQLite opens a file that must be there already, and never makes one."""
    if (url.database or "").startswith("file:"):
        return url if "mode" in url.query else url.update_query_dict({"mode": "rw", "uri": "true"})
    return url.set(database=f"file:{quote(str(file))}").update_query_dict({"mode": "rw", "uri": "true"})


class Place:
    """A database's file, as it was when it was opened.

    SQLite goes on writing to a file that was deleted or moved away, where nobody will ever find it: an intent that
    was committed there would be lost.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._log = log_of(file)
        self._is = _identity(file)

    def refuse_change(self) -> None:
        """Raise StoreUnwritable when the file went away, and StoreUnusable when it is another one."""
        found = _identity(self._file)
        if found is None:
            raise StoreUnwritable(
                f"{self._file}: the file was deleted or moved while it was used: put it back, or restore a backup "
                "(`cloudwarden restore FILE`), and restart"
            )
        if found != self._is:
            raise StoreUnusable(
                f"{self._file}: another file was put in its place while it was used: restart, after looking which of "
                "them is the right one"
            )

    def refuse_lost_log(self) -> None:
        """Raise StoreUnwritable when what a transaction wrote is in a log that was deleted."""
        if not self._log.exists():
            raise StoreUnwritable(
                f"{self._file}: its log {self._log.name} was deleted while it was used, and with it what was not yet "
                "written back: stop, and restore a backup (`cloudwarden restore FILE`)"
            )


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file it is; None when there is none. Raises StoreUnwritable when nobody can tell."""
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _out_of_reach(file, error) from error
    return status.st_dev, status.st_ino


def _out_of_reach(file: Path, error: OSError) -> StoreUnwritable:
    """What an error means that does not even tell what is there: a directory that this user may not enter, mostly."""
    return StoreUnwritable(
        f"{file}: this user cannot look there ({error.strerror}): be the daemon's user or root, as with sudo, or set "
        "`database` to another place"
    )
