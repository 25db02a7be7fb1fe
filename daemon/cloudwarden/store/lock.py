"""One daemon per store: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudwarden.core.errors import AlreadyRunning, StoreUnwritable
from cloudwarden.store.address import file_of


@contextmanager
def own(url: str) -> Iterator[None]:
    """While entered, no other process (nor another caller here) owns the store; one in memory is always its own.

    Raises AlreadyRunning, which names the holder, and StoreUnwritable when the lock file cannot be made.
    """
    file = file_of(url)
    if file is None:
        yield
        return
    descriptor = _locked(file, file.with_name(f"{file.name}.lock"))
    try:
        yield
    finally:
        # The file stays: were it deleted, a waiting process could lock it while a third makes and locks a new one.
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _locked(file: Path, lock: Path) -> int:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreUnwritable(
            f"{lock}: the lock file cannot be made ({error.strerror}): see that {lock.parent} exists and that "
            "this user may write there"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise AlreadyRunning(
            f"another daemon{_holder(lock)} owns {file}, as the lock on {lock} says: stop it first, or give this one "
            "a `database` of its own"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _holder(lock: Path) -> str:
    written = lock.read_text(encoding="ascii", errors="replace").strip()
    # Empty in the instant between the holder's locking and its writing.
    return f" (pid {written})" if written else ""
