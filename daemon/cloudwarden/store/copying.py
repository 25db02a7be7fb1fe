"""Copying a database while it is used, and names that outlive a power failure."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from cloudwarden.core.errors import StoreUnwritable
from cloudwarden.store.connection import outside_transactions


def whole_copy(engine: Engine, to: Path, check: Callable[[Path], None] = lambda _: None) -> None:
    """Copy the database as it is at one instant, its writers going on, to a file that does not exist yet.

    The copy is durable, has no log beside it, and may be read by its owner alone; it appears whole, once `check` has
    not raised for it, or not at all. Raises StoreUnwritable.
    """
    draft = to.with_name(f"{to.name}.part-{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        with outside_transactions(engine).connect() as connection:
            # One reader's view, as SQLite's "VACUUM INTO" has it; the online backup would begin anew at each write.
            connection.exec_driver_sql("VACUUM INTO ?", (str(draft),))
        check(draft)
        durable(draft)
        publish(draft, to)
    except OSError as error:
        raise unwritable(to, error) from error
    finally:
        draft.unlink(missing_ok=True)


def unwritable(to: Path, error: OSError) -> StoreUnwritable:
    """What an error while a copy was written means."""
    if isinstance(error, FileExistsError):
        return StoreUnwritable(f"{to} exists, and is not overwritten: name another file, or move it away")
    return StoreUnwritable(
        f"{to}: it cannot be written ({error.strerror}): see that {to.parent} is a directory with room, and that this "
        "user may write in it"
    )


def publish(draft: Path, to: Path) -> None:
    """Give a finished file its name. Raises FileExistsError when the name is taken."""
    os.link(draft, to)
    settle_names(to.parent)


def durable(file: Path) -> None:
    """Have a file's content on the disk."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def settle_names(directory: Path) -> None:
    """Have the names in a directory on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
