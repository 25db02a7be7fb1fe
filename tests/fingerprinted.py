"""A policy of all that a fingerprint looks at, and edits of it that may change what it does, or that do not."""

from __future__ import annotations

POLICY = '''
"""One of each thing that a rule can reach."""

import functools
import re
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property, lru_cache, partial, wraps
from typing import NamedTuple

import large
from cloudwarden import ENFORCE, Action, Evidence, Limit, Params, Plan, Policy, Violation, every, rule, tagged
from cloudwarden.aws import ec2
from small import LIMITS, bounded

KINDS = {"x1e.32xlarge", "x2.large", "u-6tb1.metal"}
ORDER = ["a", "b"]
PRICES = {"x1": [1, 2], "x2": {"y": 3}}
PATTERN = re.compile("x1")
BEGINS = re.compile("x9").match
AGE = timedelta(days=3)
FIRST, SECOND = (lambda: 1), (lambda: 2)
HALF = partial(pow, 7)
ITSELF = [1]
ITSELF.append(ITSELF)
VERSION = sys.version_info


class Size(StrEnum):
    """Sizes."""

    BIG = "x1e"


class Big:
    """Something to call."""

    limit = 5

    @staticmethod
    def match(one: ec2.Instance) -> bool:
        """Compare."""
        return one.instance_type == "t3.micro"

    @property
    def often(self) -> int:
        """Count."""
        return 77


class Bigger(Big):
    """Inherits."""


@dataclass(frozen=True)
class Shape:
    """A value."""

    width: int = 4
    parts: list[int] = field(default_factory=lambda: [8])

    @cached_property
    def area(self) -> int:
        """Remembered."""
        return self.width * 2


class Pair(NamedTuple):
    """Two."""

    left: int = 31
    right: int = 32


SHAPE = Shape(width=6)
SHAPE.area
PAIR = Pair(left=33)


def counted(times: int):
    """A decorator with an argument."""

    def decorate(function):
        @wraps(function)
        def inner(*given):
            return function(*given) if times > 2 else None

        return inner

    return decorate


@lru_cache
def halved(number: int) -> float:
    """Remembered."""
    return number / 2


def helper(one: ec2.Instance, most: int = 11) -> bool:
    """Two steps away."""

    def nested() -> int:
        return len(globals()["ORDER"])

    return nested() > most or any(kind in PRICES for kind in KINDS)


class Own(Evidence):
    """Its own evidence."""

    permissions = ()

    def asked(self) -> bool:
        """Say so."""
        return 21 > 3


class Knobs(Params):
    """Its own params."""

    size: int = 3
    names: frozenset[str] = frozenset({"web", "db", "cache", "queue"})

    def doubled(self) -> int:
        """Twice."""
        return self.size * 2


@rule
@counted(9)
def big(instance: ec2.Instance, params: Knobs, own: Own) -> Violation | None:
    """The rule."""
    if not helper(instance) or Bigger.match(instance) or PATTERN.match("x") or BEGINS("x") or not own.asked():
        return None
    if FIRST() > SECOND() or HALF(2) > halved(3) or SHAPE.area or PAIR.left or AGE or ITSELF or Size.BIG:
        return None
    if bounded(3) or LIMITS or large.most() > 2 or Bigger().often or Shape() or VERSION:
        return Violation(summary="big")
    return None


@dataclass(frozen=True, kw_only=True)
class Mine(ec2.Stop):
    """Its own action."""

    force: bool = False

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """Its own plan."""
        return planned(super().plan(resource, violation))


class Another(ec2.Start):
    """What an approver may choose instead."""

    name = "another"
    often = 41


def planned(plan: Plan) -> Plan:
    """Look at it."""
    return plan if len(plan.steps) < 51 else plan


def unrelated() -> int:
    """Nobody calls it."""
    return 61


p = Policy(
    name="big",
    rule=big,
    params=Knobs(size=4),
    schedule=every(minutes=15),
    mode=ENFORCE,
    action=Mine(),
    alternatives=[Another()],
    exempt=[tagged("keep"), tagged("env", "prod")],
    limit=Limit(per_run=5),
)
'''
SMALL = '''
"""A helper of the operator's own."""

LIMITS = {"a": 1}
DEEP = [71]


def bounded(number):
    return number > DEEP[0]
'''
LARGE = {"__init__.py": "from large.inner import most\n", "inner.py": "def most():\n    return 81\n"}

EDITS = {
    "a set": ('"x2.large"', '"x3.large"'),
    "a list": ('ORDER = ["a", "b"]', 'ORDER = ["a", "b", "c"]'),
    "the order of a list": ('ORDER = ["a", "b"]', 'ORDER = ["b", "a"]'),
    "something in a dict": ('{"y": 3}', '{"y": 4}'),
    "a pattern": ('re.compile("x1")', 're.compile("x1", re.IGNORECASE)'),
    "a method of a pattern": ('re.compile("x9")', 're.compile(".*")'),
    "a duration": ("AGE = timedelta(days=3)", "AGE = timedelta(days=4)"),
    "two functions swapped": ("(lambda: 1), (lambda: 2)", "(lambda: 2), (lambda: 1)"),
    "a bound argument": ("partial(pow, 7)", "partial(pow, 8)"),
    "a member": ('BIG = "x1e"', 'BIG = "x2e"'),
    "a method of a base": ('one.instance_type == "t3.micro"', 'one.instance_type != "t3.micro"'),
    "a property": ("return 77", "return 78"),
    "a class's own value": ("limit = 5", "limit = 6"),
    "a base": ("class Bigger(Big):", "class Bigger(object):"),
    "a default of a dataclass": ("width: int = 4", "width: int = 5"),
    "a default factory": ("lambda: [8]", "lambda: [9]"),
    "an instance": ("Shape(width=6)", "Shape(width=7)"),
    "a cached property": ("self.width * 2", "self.width * 3"),
    "a named tuple": ("Pair(left=33)", "Pair(left=34)"),
    "an argument of a decorator": ("@counted(9)", "@counted(10)"),
    "a decorator's code": ("if times > 2", "if times > 1"),
    "a decorator removed": ("@counted(9)\n", ""),
    "a function behind a cache": ("number / 2", "number / 3"),
    "a default argument": ("most: int = 11", "most: int = 12"),
    "a nested function": ("return len(globals()", "return 2 * len(globals()"),
    "an evidence's code": ("21 > 3", "21 > 30"),
    "a params' method": ("self.size * 2", "self.size * 3"),
    "a params' set": ('"cache"', '"cash"'),
    "params": ("Knobs(size=4)", "Knobs(size=5)"),
    "the rule": ('summary="big"', 'summary="bigger"'),
    "a field of the action": ("Mine()", "Mine(force=True)"),
    "the action's code": ("planned(super().plan(", "planned(plan=super().plan("),
    "a helper of the action": ("< 51", "< 52"),
    "an alternative's code": ("often = 41", "often = 42"),
    "an alternative removed": ("alternatives=[Another()],", ""),
    "an exemption removed": ('tagged("keep"), ', ""),
    "an exemption narrowed": ('tagged("keep")', 'tagged("keep", "yes")'),
    "more dependants": ("limit=Limit(per_run=5),", "limit=Limit(per_run=5), max_dependants=90,"),
}
HARMLESS = {
    "a comment": ("KINDS = {", "# Why these.\n\nKINDS = {"),
    "what nobody calls": ("return 61", "return 62"),
    "the schedule": ("every(minutes=15)", "every(minutes=20)"),
    "a limit": ("per_run=5", "per_run=6"),
    "another policy": (
        "p = Policy(",
        'q = Policy(name="q", rule=big, params=Knobs(), schedule=every(days=1))\np = Policy(',
    ),
    "the order of a set": ('"x1e.32xlarge", "x2.large"', '"x2.large", "x1e.32xlarge"'),
    "what params are by default": ("Knobs(size=4)", 'Knobs(size=4, names=frozenset({"web", "db", "queue", "cache"}))'),
}
