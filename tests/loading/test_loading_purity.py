"""What the text of a rule shows of writing, asking the clock, chance, and the outside world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cloudwarden.loading.problem import Problem
from cloudwarden.loading.purity import impurities

FILE = Path("policies/bad.py")

TOP = """
import os, random, subprocess, time, uuid
import datetime as dt
import boto3, requests
from datetime import date, datetime
from time import monotonic as ticks
from cloudwarden import rule

SEEN = []
LIMITS = {"most": 3}


def helper(value):
    return value


@rule
def judged(box, params, activity):
"""
FIRST = TOP.count("\n") + 1


def found(body: str, *, top: str = TOP) -> list[Problem]:
    """The impurities of a rule with this body."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return impurities(FILE, ast.parse(top + indented + "\n"))


@pytest.mark.parametrize(
    "body",
    [
        "box.name = 'x'",
        "box.tags['a'] = 'b'",
        "box.count += 1",
        "del box.tags['a']",
        "del params.most",
        "box.name, x = 1, 2",
        "box.tags.update(a=1)",
        "box.groups[0].rules.append(1)",
        "params.names.clear()",
        "activity.values.sort()",
        "setattr(box, 'name', 'x')",
        "object.__setattr__(params, 'most', 1)",
        "tags = box.tags\ntags['a'] = 'b'",
        "tags = box.tags\nmore = tags\nmore.pop('a')",
        "for group in box.groups:\n    group.rules.remove(1)",
        "def inner():\n    box.tags.clear()\ninner()",
        "with open_like() as f:\n    box.x = 1",
    ],
)
def test_writing_to_an_input_is_found(body: str) -> None:
    """Attributes, items, changing methods, and parts that were given a name of their own."""
    (problem,) = found(body)
    assert problem.file == FILE
    assert "rule 'judged' writes to its input" in problem.what
    assert problem.line == FIRST + next(i for i, line in enumerate(body.splitlines()) if problem_line(line))


def problem_line(line: str) -> bool:
    """Whether this line of a body is the one that writes."""
    return not line.startswith(("tags = ", "more = ", "for ", "def ", "with "))


@pytest.mark.parametrize(
    "body",
    [
        "names = [tag for tag in box.tags]\nnames.append('x')",
        "tags = dict(box.tags)\ntags['a'] = 'b'\ntags.update(c='d')",
        "box.tags.copy().update(a=1)",
        "names = box.names\nnames = list(names)\nnames.append('x')",
        "box = helper(box)\nbox.name = 'x'",
        "total = box.count\ntotal += 1",
        "for key, value in box.tags.items():\n    seen = {key: value}\n    seen['x'] = 1",
        "key = lambda box: box.tags.pop('x')",
        "return box.tags.get('a') or LIMITS['most']",
        "SEEN = []\nSEEN.append(box.id)",
        "try:\n    return box.name[0]\nexcept (IndexError, Exception):\n    return None",
        "created = datetime.fromisoformat(box.name)\nreturn dt.timedelta(hours=1)",
        "time = box.launched\nreturn time.hour",
        "return os.path.basename(box.name)",
        "return box.open, box.random, box.time.time()",
    ],
)
def test_what_is_the_rules_own_may_be_written(body: str) -> None:
    """Copies, fresh values, and names that only look like something else are no problem."""
    assert found(body) == []


@pytest.mark.parametrize(
    ("body", "what", "write"),
    [
        ("return datetime.now()", "reads the clock: datetime.now", "declare a `now: Now` parameter"),
        ("return datetime.utcnow()", "reads the clock", "declare a `now: Now` parameter"),
        ("return dt.datetime.now(dt.UTC)", "reads the clock: dt.datetime.now", "declare a `now: Now` parameter"),
        ("return date.today()", "reads the clock", "declare a `now: Now` parameter"),
        ("return time.time()", "reads the clock", "declare a `now: Now` parameter"),
        ("return ticks()", "reads the clock: ticks", "declare a `now: Now` parameter"),
        ("return random.random() < 0.5", "depends on chance", "hash of resource.id"),
        ("return uuid.uuid4()", "depends on chance", "hash of resource.id"),
        ("return os.environ['X']", "reads the environment", "as a param"),
        ("return open('/etc/hosts').read()", "reads or writes a file: open", "as a param"),
        ("print(box)", "writes to the terminal", "return a Violation"),
        ("return requests.get('http://x')", "calls a service", "declare evidence"),
        ("return boto3.client('ec2')", "calls AWS", "declare evidence"),
        ("return subprocess.run(['x'])", "runs a program", "declare evidence"),
        ("import socket\nreturn socket.socket()", "calls a service", "declare evidence"),
        ("global SEEN\nSEEN = [box]", "rebinds `global SEEN`", "nothing that lasts"),
        ("SEEN.append(box.id)", "writes to the module's 'SEEN'", "nothing that lasts"),
        ("LIMITS['most'] = 4", "writes to the module's 'LIMITS'", "nothing that lasts"),
        ("try:\n    pass\nexcept:\n    pass", "catches everything with `except:`", "the errors that you expect"),
        ("try:\n    pass\nexcept BaseException:\n    pass", "catches everything", "the errors that you expect"),
        ("try:\n    pass\nexcept (OSError, BaseException):\n    pass", "catches everything", "that you expect"),
    ],
)
def test_what_a_pure_function_does_not_do_is_found(body: str, what: str, write: str) -> None:
    """Each with what to write instead."""
    (problem,) = found(body)
    assert what in problem.what
    assert write in problem.write


def test_a_function_that_a_rule_calls_is_looked_at_too() -> None:
    """Hiding the clock in a helper of the same file does not help; a helper no rule uses may do as it likes."""
    top = TOP.replace("    return value\n", "    return datetime.now()\n\n\ndef unused():\n    return open('x')\n")
    assert found("return box.name", top=top) == []
    (problem,) = found("return helper(box)", top=top)
    assert "'helper' reads the clock" in problem.what


def test_only_functions_that_are_rules_are_looked_at() -> None:
    """A script's own functions are its own business."""
    assert found("return datetime.now()", top=TOP.replace("@rule\n", "")) == []


@pytest.mark.parametrize(
    ("imported", "decorator"),
    [("from cloudwarden import rule as law", "@law"), ("import cloudwarden as cw", "@cw.rule")],
)
def test_a_rule_is_known_by_any_name_of_its_decorator(imported: str, decorator: str) -> None:
    """Renaming an import is no way around."""
    top = TOP.replace("from cloudwarden import rule", imported).replace("@rule", decorator)
    assert len(found("box.name = 'x'", top=top)) == 1


def test_an_async_rule_is_refused() -> None:
    """It would return a coroutine where a verdict is wanted."""
    (problem,) = found("return None", top=TOP.replace("def judged", "async def judged"))
    assert "is async" in problem.what
