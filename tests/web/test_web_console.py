"""The console's page, drawn from boards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from boards import EMPTY, board
from cloudwarden.core.errors import StoreBusy
from cloudwarden.core.exemption import Exemption, Tagged
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Severity
from cloudwarden.web.board import ROWS, Board, PolicyLine, Unread
from cloudwarden.web.console import Console

SCOPE = Scope(account="123456789012", region="eu-west-1")


def drawn(**changes: Any) -> str:
    """The page of such a board."""
    answer = Console(lambda: board(**changes)).page()
    assert answer.status_code == 200
    return bytes(answer.body).decode()


def unread(detail: str = "not authorized") -> Unread:
    """A kind that was not listed completely."""
    return Unread(scope=SCOPE, kind="ec2.volume", since=EMPTY.now, cause=Cause(reason="access-denied", detail=detail))


def test_an_empty_board_is_a_page() -> None:
    """A fresh daemon shows that there is nothing, and no table without rows."""
    page = drawn()
    assert "Nothing waits for a person." in page
    assert "Not read completely" not in page


def test_what_is_not_read_is_shown_with_its_cause() -> None:
    """Per scope and kind, above everything that stands."""
    page = drawn(unread=[unread()])
    assert "123456789012/eu-west-1" in page
    assert "access-denied: not authorized" in page
    assert page.index("Not read completely") < page.index("Policies")


def test_what_only_some_policies_miss_names_them() -> None:
    """Others may have judged the same kind there."""
    page = drawn(unread=[replace(unread(), policies=("stop-idle", "tags"))])
    assert "<td>ec2.volume (stop-idle, tags)</td>" in page


def test_a_pause_is_shown_on_top() -> None:
    """With who, when and why."""
    page = drawn(pauses=[Pause(by="ada", at=EMPTY.now, reason="migration")])
    assert "everything was paused by ada at 2026-03-02 12:00Z: migration" in page


def test_a_policy_has_its_findings_by_severity() -> None:
    """In words that a column heads, and marked when it is paused."""
    stands = dict.fromkeys(Severity, 0) | {Severity.HIGH: 7}
    line = PolicyLine(name="stop-idle", mode="propose", findings=stands, pending=2, paused=True, held={"limit": 27})
    page = drawn(policies=[line])
    assert '<td class="number high">7</td>' in page
    assert "paused" in page
    assert "held: limit, 27" in page


def test_what_holds_everything_is_shown_on_top() -> None:
    """In the words of the health page."""
    page = drawn(troubles=["Settings: nothing is done: freeze was edited"])
    assert page.index("nothing is done: freeze was edited") < page.index("Policies")


def test_an_error_stands_as_it_was_said() -> None:
    """Names of AWS's operations and of files have capital letters."""
    assert "The latest sweep failed: DescribeInstances: /etc/Cw.toml" in drawn(
        failing="the latest sweep failed: DescribeInstances: /etc/Cw.toml"
    )


def test_what_others_wrote_is_text() -> None:
    """A name in the cloud is its owner's to choose, markup included."""
    page = drawn(unread=[unread("<script>alert(1)</script>")])
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_long_table_is_cut_and_says_so() -> None:
    """An estate on a bad day must not make a page that no browser opens."""
    page = drawn(unread=[unread()] * (ROWS + 1))
    assert page.count("access-denied") == ROWS
    assert f"{ROWS + 1}, the first {ROWS}" in page


def test_an_exemption_that_ends_is_announced() -> None:
    """With its owner, who may want it longer."""
    ending = Exemption(
        id="x-1",
        policy="stop-idle",
        resource="i-*",
        owner="ada",
        reason="load test",
        created_at=EMPTY.now,
        expires_at=EMPTY.now + timedelta(days=1),
    )
    page = drawn(exemptions_ending=[ending])
    assert "2026-03-03 12:00:00Z" in page
    assert "<td>i-*</td>" in page
    wide = replace(ending, resource="*", account="1" * 12, tag=Tagged(key="team", value="x"))
    assert f"<td>{wide.selects}</td>" in drawn(exemptions_ending=[wide])
    assert wide.selects != "*"


def test_an_unreadable_store_is_said() -> None:
    """And is no empty page, which would say that nothing is wrong."""

    def busy() -> Board:
        raise StoreBusy("the database is locked")

    answer = Console(busy).page()
    assert (answer.status_code, b"the database is locked" in bytes(answer.body)) == (503, True)


def test_names_stand_in_one_piece() -> None:
    """A scope and a state are read as words: on a wide page no cell is broken within one, on a narrow one rows are."""
    wide, _, narrow = bytes(Console(board).style().body).decode().partition("@media (max-width")
    assert '<td class="whole">123456789012/eu-west-1</td>' in drawn(unread=[unread()])
    assert "td.whole, .tag { white-space: nowrap; }" in wide
    assert [line.split()[0] for line in wide.splitlines() if "overflow-wrap: anywhere" in line] == [".notice"]
    assert ".rows thead { display: none; }" in narrow


@pytest.mark.parametrize("rule", [".tag.succeeded", "prefers-color-scheme: dark"])
def test_the_style_is_served(rule: str) -> None:
    """From the package itself."""
    assert rule in bytes(Console(board).style().body).decode()
