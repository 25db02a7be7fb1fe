"""One daemon per store: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudwarden.core.errors import AlreadyRunning, StoreUnwritable
from cloudwarden.store.address import file_of

_OURS: set[tuple[int, int]] = set()
"""The lock files that this process holds, by device and inode: the system tells only that somebody does."""

_PAUSE_SECONDS = 0.05


@contextmanager
def own(url: str) -> Iterator[None]:
    """While entered, no other process (nor another caller here) owns the store; one in memory is always its own.

    Raises AlreadyRunning, which names the holder, and StoreUnwritable when the lock file cannot be made.
    """
    file = file_of(url)
    if file is None:
        yield
        return
    lock = _lock_of(file)
    descriptor = _locked(file)
    if descriptor is None:
        raise AlreadyRunning(
            f"another daemon{_holder(lock)} owns {file}, as the lock on {lock} says: stop it first, or give this one "
            "a `database` of its own"
        )
    with _held(descriptor):
        yield


@contextmanager
def changed_by_us(file: Path, *, timeout_seconds: float) -> Iterator[None]:
    """While entered, no other process owns the store in this file, whose schema is to change.

    Where this process owns it already, it goes on to; who else has it is waited for so long. Raises as `own` does.
    """
    lock, deadline = _lock_of(file), time.monotonic() + timeout_seconds
    if _is_ours(lock):
        yield
        return
    while (descriptor := _locked(file)) is None:
        if time.monotonic() >= deadline:
            raise AlreadyRunning(
                f"{file} has the schema of an earlier version, and a daemon{_holder(lock)} owns it, as the lock on "
                f"{lock} says, which could keep nothing in a newer one: stop it first, and start this version's"
            )
        time.sleep(_PAUSE_SECONDS)
    with _held(descriptor):
        yield


@contextmanager
def _held(descriptor: int) -> Iterator[None]:
    status = os.fstat(descriptor)
    ours = (status.st_dev, status.st_ino)
    _OURS.add(ours)
    try:
        yield
    finally:
        _OURS.discard(ours)
        # The file stays: were it deleted, a waiting process could lock it while a third makes and locks a new one.
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _lock_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.lock")


def _is_ours(lock: Path) -> bool:
    try:
        status = lock.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in _OURS


def _locked(file: Path) -> int | None:
    """The lock, taken, as a descriptor; None when somebody else has it."""
    lock = _lock_of(file)
    try:
        # Not through a link: root, who may restore, would empty what the directory's owner has it lead to.
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise _unwritable(lock, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        _leave_to_owner(descriptor, file)
    except OSError as error:
        os.close(descriptor)
        raise _unwritable(lock, error) from error
    return descriptor


def _leave_to_owner(descriptor: int, file: Path) -> None:
    """Whoever makes the lock as root, as a restoration may, leaves it to the user who owns the store."""
    if os.geteuid() == 0 and os.fstat(descriptor).st_nlink == 1:
        owner = (file if file.exists() else file.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _unwritable(lock: Path, error: OSError) -> StoreUnwritable:
    return StoreUnwritable(
        f"{lock}: the lock file cannot be made ({error.strerror}): see that {lock.parent} exists and has room, that "
        "this user may write there and owns the file, and that it is no link"
    )


def _holder(lock: Path) -> str:
    written = lock.read_text(encoding="ascii", errors="replace").strip()
    # Empty in the instant between the holder's locking and its writing.
    return f" (pid {written})" if written else ""
