"""Whose account of the operating system a verb is run from: what is known of a person beside what they say."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOGIN_UID = Path("/proc/self/loginuid")
"""As whom somebody logged in, kept by the kernel through `su` and `sudo`. Source: proc_pid_loginuid(5)."""

UNSET = 2**32 - 1
"""What it says of a process that no login began, as in most containers."""

NO_LOGIN = ("nologin", "false")
"""Shells of accounts that nobody logs in to."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account by its name; `own` says that it is a person's own, and not root's, a service's or a nameless one."""

    name: str
    own: bool


def account(
    login_uid: Path = LOGIN_UID, uid: int | None = None, entry: Callable[[int], pwd.struct_passwd] = pwd.getpwuid
) -> Account:
    """The account that somebody logged in to, or else the one that runs this. The environment has no say in it."""
    logged_in = _read(login_uid)
    number = logged_in if logged_in is not None else os.getuid() if uid is None else uid
    try:
        found = entry(number)
    except KeyError:
        return Account(f"uid {number}", own=False)
    return Account(found.pw_name, own=number != 0 and Path(found.pw_shell).name not in NO_LOGIN)


def _read(login_uid: Path) -> int | None:
    try:
        number = int(login_uid.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if number == UNSET else number
