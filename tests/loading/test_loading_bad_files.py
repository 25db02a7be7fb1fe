"""Each kind of bad policy file: the line, what is wrong, what to write, and nothing else harmed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cloudwarden.loading import Problem, load

GOOD = """
from cloudwarden import Policy, every
from cloudwarden.library.compute import Idle, idle

good = Policy(name="good", rule=idle, params=Idle(), schedule=every(minutes=5))
"""

TOP = """\
from cloudwarden import PROPOSE, Limit, Params, Policy, Resource, Violation, cron, every, hours, rule
from cloudwarden.library.compute import Idle, idle
"""

RULE = """\
class Nothing(Params):
    most: int = 3


@rule
def judged(resource: Resource, params: Nothing) -> Violation | None:
"""

BAD = {
    "syntax error": ("x = 1\nx = = 2\n", 2, "syntax error", "correct this line: x = = 2"),
    "broken indentation": ("x = 1\n  y = 2\n", 2, "unexpected indent", "correct this line: y = 2"),
    "return at module level": ("x = 1\nreturn x\n", 2, "'return' outside function", "return x"),
    "not UTF-8": (b"x = 1\nname = '\xff'\n", 2, "UTF-8", "UTF-8"),
    "a NUL byte": (b"x = 1\0\n", 1, "null bytes", "write valid Python"),
    "unknown module": ("import cloudwarden.libary\n", 1, "No module named 'cloudwarden.libary'", "cloudwarden.library"),
    "unknown package": ("import dattetime\n", 1, "No module named 'dattetime'", "write datetime"),
    "unknown name in a module": ("from cloudwarden import Polcy\n", 1, "cannot import name 'Polcy'", "write Policy"),
    "exception at import": (
        "x = 1\n1 / x - 1\n1 / 0\n",
        3,
        "ZeroDivisionError",
        "nothing at module level that can fail",
    ),
    "exception in a function of the file": ("def f():\n    return {}['x']\n\n\nf()\n", 2, "KeyError('x')", "can fail"),
    "name never imported": ("x = days(3)\n", 1, "name 'days' is not defined", "`from cloudwarden import days`"),
    "misspelt attribute": ("from cloudwarden.aws import ec2\nx = ec2.Stpo()\n", 2, "no attribute 'Stpo'", "write Stop"),
    "sys.exit at import": ("import sys\nsys.exit(0)\n", 2, "SystemExit", "no sys.exit()"),
    "another BaseException at import": ("raise GeneratorExit\n", 1, "GeneratorExit", "raise an Exception instead"),
    "missing action for the mode": (
        f"{TOP}bad = Policy(\n  name='bad', rule=idle, params=Idle(), schedule=every(hours=1), mode=PROPOSE)\n",
        3,
        "mode propose needs an action",
        "add action=..., or write mode=OBSERVE",
    ),
    "action of another kind": (
        (
            f"{TOP}from cloudwarden.aws.ec2 import SnapshotThenDelete\n"
            f"x = Policy(name='x', rule=idle, params=Idle(), schedule=every(hours=1), action=SnapshotThenDelete())\n"
        ),
        4,
        "SnapshotThenDelete is for another kind of resource",
        "the kind of resource that the rule judges",
    ),
    "cron with a wrong value": (f"{TOP}x = cron('61 * * * *')\n", 3, "maximum value (59)", "write five fields"),
    "cron with three fields": (f"{TOP}x = cron('1 * *')\n", 3, "has 3 fields", "write five, minute hour day"),
    "cron in no time zone": (
        f"{TOP}x = cron('1 * * * *', timezone='Mars')\n",
        3,
        "time zone 'Mars'",
        "'Europe/Berlin'",
    ),
    "misspelt param": (f"{TOP}x = Idle(\n    windw=hours(1),\n)\n", 4, "Idle has no 'windw'", "write window"),
    "param out of range": (f"{TOP}x = Idle(\n\n    max_cpu_percent=200)\n", 5, "less than or equal to 100", "than 200"),
    "misspelt argument": (f"{TOP}x = every(minute=3)\n", 3, "argument 'minute'", "write minutes"),
    "misspelt field of a policy": (f"{TOP}x = Policy(nam='x')\n", 3, "argument 'nam'", "write name"),
    "forgotten field of a policy": (
        f"{TOP}x = Policy(name='x', params=Idle(), rule=idle)\n",
        3,
        "missing",
        "'schedule'",
    ),
    "limit of nothing": (f"{TOP}x = Limit(per_run=0)\n", 3, "per_run=0", "write at least 1"),
    "rule with an unknown parameter kind": (
        f"{TOP}@rule\ndef bad(resource: Resource, params: Idle, when: int) -> Violation | None:\n    return None\n",
        3,
        "parameter 'when' is annotated with int",
        "annotate it with a kind of evidence",
    ),
    "rule without params": (
        (
            f"{TOP}from cloudwarden.aws import ec2\n\n\n@rule\n"
            "def bad(box: ec2.Instance, activity: ec2.Activity) -> Violation | None:\n    return None\n"
        ),
        6,
        "rule 'bad' takes no params before its evidence 'activity'",
        "write (resource, params, *evidence)",
    ),
    "rule with an unannotated parameter": (
        f"{TOP}@rule\ndef bad(resource, params: Idle) -> Violation | None:\n    return None\n",
        3,
        "rule 'bad'",
        "annotate 'resource' with one class",
    ),
    "rule that writes to its inputs": (
        f"{TOP}{RULE}    resource.tags['seen'] = 'yes'\n",
        9,
        "rule 'judged' writes to its input 'resource'",
        "{**resource.tags}",
    ),
    "policies in a list": (
        f"{TOP}ALL = [Policy(name='inside', rule=idle, params=Idle(), schedule=every(hours=1))]\n",
        3,
        "policy 'inside' would not run inside ALL",
        "a variable of its own",
    ),
    "policies in a table of lists": (
        f"{TOP}ALL = {{}}\nALL['x'] = [Policy(name='inside', rule=idle, params=Idle(), schedule=every(hours=1))]\n",
        3,
        "policy 'inside' would not run inside ALL",
        "a variable of its own",
    ),
    "a policy whose variable is used again": (
        (
            f"{TOP}x = Policy(name='first', rule=idle, params=Idle(), schedule=every(hours=1))\n"
            f"x = Policy(name='second', rule=idle, params=Idle(), schedule=every(hours=1))\n"
        ),
        3,
        "policy 'first' would not run: x is another value later",
        "a variable of its own",
    ),
    "policies of a loop": (
        f"{TOP}for n in 'ab':\n  x = Policy(name=n, rule=idle, params=Idle(), schedule=every(hours=1))\n",
        3,
        "policy 'a' would not run: x is another value later",
        "a variable of its own",
    ),
}


def problems_of(directory: Path, text: str | bytes, *, timeout_seconds: float = 10.0) -> tuple[Problem, ...]:
    """The problems of one bad file, which has a good one beside it and was good itself before."""
    (directory / "beside.py").write_text(GOOD)
    (directory / "bad.py").write_text(GOOD.replace("good", "earlier"))
    before = load(directory, {})
    (directory / "bad.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    after = load(directory, {}, before, import_timeout_seconds=timeout_seconds)
    assert after.policies == before.policies
    assert set(after.policies) == {"good", "earlier"}
    assert {(problem.file, problem.kept) for problem in after.problems} == {(directory / "bad.py", ("earlier",))}
    return after.problems


@pytest.mark.parametrize(("text", "line", "what", "write"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_its_line_and_what_to_write(
    tmp_path: Path, text: str | bytes, line: int, what: str, write: str
) -> None:
    """One problem, at its line; the good file beside it and the file's own last good version run on."""
    (problem,) = problems_of(tmp_path, text)
    assert problem.line == line
    assert what in problem.what
    assert write in problem.write
    assert str(problem).startswith(f"{tmp_path}/bad.py:{line}: {problem.what}; {problem.write}")


def test_a_file_tells_all_its_problems_at_once(tmp_path: Path) -> None:
    """Independent faults are each reported in order of lines, whether found by reading or by running."""
    text = (
        f"{TOP}import dattetime\n{RULE}    print(resource)\n    return None\n\n\n"
        "x = Idle(windw=hours(1), max_cpu_percent=200)\ny = every(minute=1)\n"
    )
    found = problems_of(tmp_path, text)
    assert [problem.line for problem in found] == [3, 10, 14, 14, 15]


def test_what_only_follows_from_another_fault_is_not_reported(tmp_path: Path) -> None:
    """A failed import is one problem, not one for every use of the name."""
    text = (
        f"{TOP}from cloudwarden.aws import ec3\n\n\n@rule\ndef judged(box: ec3.Instance, params: Idle) -> None:\n"
        "    return None\n\n\nx = Policy(name='x', rule=judged, params=Idle(), schedule=every(hours=1))\n"
        "y = (x, ec3.Stop())\n"
    )
    (problem,) = problems_of(tmp_path, text)
    assert problem.line == 3


def test_a_name_that_is_bound_after_all_counts_as_bound(tmp_path: Path) -> None:
    """Only names that are really missing excuse a NameError."""
    text = "value = 1 / 0\nvalue = 2\ndel value\nprint(value)\n"
    assert [problem.line for problem in problems_of(tmp_path, text)] == [1, 4]


def test_an_import_that_never_ends_is_refused_and_stopped(tmp_path: Path) -> None:
    """A loop at module level costs the timeout once, not a core for ever, and is not run again unchanged."""
    (problem,) = problems_of(tmp_path, "x = 1\nwhile True:\n    pass\n", timeout_seconds=0.1)
    assert problem.line == 2
    assert "did not end within 0.1 s" in problem.what
    deadline = time.monotonic() + 5
    while any(thread.name == "import" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name == "import"]


def test_a_file_that_hung_is_not_run_again_unchanged(tmp_path: Path) -> None:
    """Reloads for other files' sake do not each wait for it."""
    ran = tmp_path / "ran"
    text = f"with open({str(ran)!r}, 'a') as file:\n    file.write('x')\nwhile True:\n    pass\n"
    (tmp_path / "hangs.py").write_text(text)
    first = load(tmp_path, {}, import_timeout_seconds=0.2)
    second = load(tmp_path, {}, first, import_timeout_seconds=0.2)
    assert second.problems == first.problems
    assert ran.read_text() == "x"


def test_a_failure_whose_cause_lies_elsewhere_is_tried_again(tmp_path: Path) -> None:
    """An unchanged file that failed because something was missing loads once it is there."""
    needed = tmp_path / "needed.txt"
    (tmp_path / "reads.py").write_text(f"import pathlib\n{GOOD}\npathlib.Path({str(needed)!r}).read_text()\n")
    failed = load(tmp_path, {})
    needed.write_text("here")
    assert "FileNotFoundError" in failed.problems[0].what
    assert list(load(tmp_path, {}, failed).policies) == ["good"]


def test_an_interrupt_at_import_passes(tmp_path: Path) -> None:
    """Ctrl-C means the person at the terminal, wherever it arrives."""
    (tmp_path / "a.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, {})


def test_annotations_stay_text_where_the_file_asks_for_it(tmp_path: Path) -> None:
    """`from __future__ import annotations` holds for every statement of the file, params and rules included."""
    text = f"from __future__ import annotations\n{TOP}\n\nclass Late(Params):\n    window: Later = 3\n\n\nLater = int\n"
    (tmp_path / "a.py").write_text(
        f"{text}\n\n@rule\ndef late(resource: Resource, params: Late) -> Violation | None:\n    return None\n\n\n"
        "a = Policy(name='a', rule=late, params=Late(window=4), schedule=every(hours=1))\n"
    )
    loaded = load(tmp_path, {})
    assert (list(loaded.policies), loaded.problems) == (["a"], ())
