"""What happens in the demo's first minute."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.demo.estate import Estate
from cloudwarden.demo.place import policies_directory
from cloudwarden.demo.show import DRAFTED
from cloudwarden.demo.story import BEAT_SECONDS, MISTAKE_EVERY_BEATS, Draft, Story
from cloudwarden.demo.telling import Teller
from cloudwarden.engine.events import JournalFailed, Listed, PoliciesLoaded

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PROBLEM = Cause(reason="access-denied", detail="no right to list")


class Witnessed:
    """An estate that only writes down what happens to it."""

    def __init__(self) -> None:
        self.happened: list[str] = []

    def __getattr__(self, name: str) -> object:
        return lambda *arguments, **_: self.happened.append(f"{name} {arguments[0]}")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A copy of the policy file that the demo breaks."""
    file = tmp_path / DRAFTED
    file.write_text((policies_directory() / DRAFTED).read_text())
    return file


def listed(problem: Cause | None) -> Listed:
    """A listing of the volumes."""
    scope = Scope(account="111122223333", region="eu-west-1")
    return Listed(run_id="r-1", kind="ec2.volume", scope=scope, resources=3, problem=problem, seconds=0.1)


def refused() -> PoliciesLoaded:
    """A load of policy files of which one is none."""
    return PoliciesLoaded(policies=(), problems=("idle.py:3: syntax error",), kinds=frozenset())


def test_what_goes_wrong_comes_right_within_the_first_minute(draft: Path) -> None:
    """A newcomer who looks away misses nothing but the trouble."""
    estate, whole = Witnessed(), draft.read_text()
    story = Story(cast("Estate", estate), Draft(draft), lambda: NOW)
    for beat in range(int(60 / BEAT_SECONDS)):
        story.tick(beat)
        story.report(refused() if draft.read_text() != whole else listed(PROBLEM))
    assert estate.happened == [
        "throttles describe_security_groups",
        f"goes_on {NOW}",
        "opens_by_mistake 0",
        "denies describe_volumes",
        "allows describe_volumes",
    ]
    assert draft.read_text() == whole


def test_trouble_lasts_until_the_daemon_has_noticed_it(draft: Path) -> None:
    """On a slow machine it may be at something else for a minute."""
    estate, whole = Witnessed(), draft.read_text()
    story = Story(cast("Estate", estate), Draft(draft), lambda: NOW)
    for beat in range(100):
        story.tick(beat)
        story.report(listed(None))
    assert draft.read_text() != whole
    assert "allows describe_volumes" not in estate.happened
    for event in (refused(), listed(PROBLEM)):
        story.report(event)
    story.tick(100)
    assert draft.read_text() == whole
    assert estate.happened[-1] == "allows describe_volumes"


def test_somebody_makes_a_mistake_now_and_then(draft: Path) -> None:
    """Another group each time."""
    estate = Witnessed()
    story = Story(cast("Estate", estate), Draft(draft), lambda: NOW)
    for beat in range(3 * MISTAKE_EVERY_BEATS):
        story.tick(beat)
    mistakes = [one for one in estate.happened if one.startswith("opens_by_mistake")]
    assert mistakes == ["opens_by_mistake 0", "opens_by_mistake 1", "opens_by_mistake 2"]


def test_a_file_saved_too_early_is_not_python(draft: Path) -> None:
    """So that it is refused, whatever its author wanted."""
    Draft(draft).save_half()
    with pytest.raises(SyntaxError):
        ast.parse(draft.read_text())


def test_what_somebody_else_saved_is_not_written_over(draft: Path) -> None:
    """Whoever tries the demo may edit the same file."""
    editing = Draft(draft)
    editing.save_half()
    draft.write_text("mine = 1\n")
    editing.finish()
    assert draft.read_text() == "mine = 1\n"


def test_lasting_trouble_is_told_when_it_comes_and_when_it_goes() -> None:
    """Not at every sweep, nor at every look at the files."""
    teller = Teller()
    heard = [list(teller.tell(listed(problem))) for problem in (None, PROBLEM, PROBLEM, None, None)]
    assert heard == [
        [],
        ["unread    ec2.volume: access-denied: no right to list"],
        [],
        ["read      ec2.volume: complete again"],
        [],
    ]
    problems = ((), ("idle.py:3: syntax error",), ("idle.py:3: syntax error",), (), ())
    heard = [list(teller.tell(PoliciesLoaded(policies=(), problems=each, kinds=frozenset()))) for each in problems]
    assert heard == [[], ["refused   idle.py:3: syntax error"], [], ["accepted  every policy file again"], []]


def test_a_journal_that_cannot_be_written_is_told() -> None:
    """Nothing was done, and why."""
    (line,) = Teller().tell(JournalFailed(run_id="r-1", detail="locked"))
    assert line == "journal   could not be written, so nothing was done: locked"
