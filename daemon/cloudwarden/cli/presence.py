"""Whether a daemon seems to be at work on a store."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path

from cloudwarden.store.address import file_of


def daemon_pid(url: str) -> int | None:
    """The process that owns the store; None when nobody does. The store is not touched.

    Only a lock file that names somebody is tried: a daemon that is just starting must not find it taken by us.
    """
    file = file_of(url)
    if file is None:
        return None
    with suppress(OSError, ValueError), file.with_name(f"{file.name}.lock").open("rb") as lock:
        pid = int(lock.read(32))
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return pid
    return None


def settings_edited(url: str, settings: Path | None) -> str | None:
    """That the settings were edited since the daemon began, in words; None when they were not, or nobody can tell.

    Where that is about what may be done, the daemon does nothing before it is started anew.
    """
    file = file_of(url)
    if settings is None or file is None or (pid := daemon_pid(url)) is None:
        return None
    with suppress(OSError):
        began = file.with_name(f"{file.name}.lock").stat().st_mtime
        if settings.stat().st_mtime > began:
            return f"{settings} was edited since the daemon (pid {pid}) began: restart it"
    return None


def when_it_happens(url: str) -> str:
    """When an approved action will be carried out, for a person."""
    if pid := daemon_pid(url):
        return f"the daemon (pid {pid}) looks at the resource once more and acts within seconds"
    return (
        f"no daemon seems to be running on {file_of(url)}: `cloudwarden run` acts once it runs, and `cloudwarden once` "
        "in its sweep"
    )


def where_it_counts(url: str) -> str:
    """Which database a decision is kept in, and whether a daemon reads it there, for a person."""
    file = file_of(url)
    if pid := daemon_pid(url):
        return f"kept in {file}, which the daemon (pid {pid}) reads"
    return (
        f"kept in {file}, which NO daemon owns at the moment: if one runs, it is on another database, and does not "
        "know of this"
    )
