"""Whose account a decision comes from: as the kernel has it, and never as the environment says."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from cloudwarden.cli.account import Account, account

ACCOUNTS = {
    0: ("root", "/bin/bash"),
    998: ("cloudwarden", "/usr/sbin/nologin"),
    997: ("backup", "/bin/false"),
    1000: ("ada", "/bin/zsh"),
}


def entry(uid: int) -> pwd.struct_passwd:
    """A machine with these accounts."""
    name, shell = ACCOUNTS[uid]
    return pwd.struct_passwd((name, "x", uid, uid, "", "/", shell))


@pytest.mark.parametrize(
    ("login", "uid", "found"),
    [
        ("1000", 1000, Account("ada", own=True)),
        ("1000", 998, Account("ada", own=True)),
        ("1000", 0, Account("ada", own=True)),
        ("4294967295", 1000, Account("ada", own=True)),
        ("4294967295", 998, Account("cloudwarden", own=False)),
        ("4294967295", 997, Account("backup", own=False)),
        ("0", 0, Account("root", own=False)),
        ("4294967295", 65532, Account("uid 65532", own=False)),
        ("nonsense", 1000, Account("ada", own=True)),
    ],
)
def test_it_is_whoever_logged_in(tmp_path: Path, login: str, uid: int, found: Account) -> None:
    """Through sudo too; root, services and nameless numbers are nobody's own."""
    (tmp_path / "loginuid").write_text(login)
    assert account(tmp_path / "loginuid", uid, entry) == found


def test_without_a_login_uid_it_is_who_runs_it(tmp_path: Path) -> None:
    """As where the kernel keeps none."""
    assert account(tmp_path / "loginuid", 1000, entry) == Account("ada", own=True)


def test_the_environment_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets USER is nobody else by it."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "grace")
    assert account(tmp_path / "loginuid", 1000, entry).name == "ada"
