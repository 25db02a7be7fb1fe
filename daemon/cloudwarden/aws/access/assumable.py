"""Which roles statements let somebody assume, account by account: pure reading.

What is read are permissions. Whether AWS grants what they say, only AWS can tell, when a role is assumed: its trust,
conditions, permissions boundaries, and the policies of the organization are not read. See "Policy evaluation logic" of
the AWS IAM User Guide.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cloudwarden.aws.access.statements import Statement, covers

_ACCOUNT = re.compile(r"[0-9]{12}")
_WRITTEN_OUT = re.compile(r"role/[\w+=,.@/-]+", re.ASCII)
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_WILD = re.compile(r"[*?]")
_BEFORE_NAME, _NAME = ("arn", None, "iam", "", None), "role/"
"""The parts of a role's ARN, between colons, None where any text may be; and how the last one begins."""

_MOST_WORDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """An account that is written down, and why no role of it is taken."""

    account: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumable:
    """One role's ARN for each account, and the accounts whose role is in doubt.

    In words: what allows more than it names, and what denies and is not understood.
    """

    roles: Mapping[str, str]
    doubts: tuple[Doubt, ...]
    unnamed: tuple[str, ...]
    not_understood: tuple[str, ...]


@dataclass(kw_only=True)
class _Reading:
    partition: str
    member: Callable[[str], str]
    roles: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    doubts: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unnamed: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)


def assumable(statements: Iterable[Statement], *, partition: str, member: Callable[[str], str]) -> Assumable:
    """What the statements of all policies of one role come to. `member` makes the member role's ARN of an account's id.

    A Deny takes its roles away, wherever it stands. One with a condition, or that is not understood, takes none: what
    it may be about is tried, and where AWS refuses that, the account says so.
    """
    reading = _Reading(partition=partition, member=member)
    for statement in statements:
        if statement.may_be_of_assuming:
            (_allowed if statement.allows else _denied)(reading, statement)
    return _chosen(reading)


def _denied(reading: _Reading, statement: Statement) -> None:
    if statement.conditional or not _may_name_roles(statement):
        return
    if statement.inverse:
        reading.not_understood.append(f"{statement.label}: a Deny with {_words(statement.inverse)} is not understood")
        return
    if any("${" in one for one in statement.resources):
        reading.not_understood.append(f"{statement.label}: a Deny with a policy variable is not understood")
    reading.taken.extend(statement.resources)


def _allowed(reading: _Reading, statement: Statement) -> None:
    if not statement.resources:
        reading.unnamed.append(f"{statement.label}: {_words(statement.inverse)} names no account")
        return
    unnamed: list[str] = []
    for pattern in filter(_may_be_role, statement.resources):
        account = _account(pattern, reading.partition)
        if account is None:
            unnamed.append(pattern)
        elif statement.inverse:
            reading.doubts[account].append(f"{statement.label}: {_words(statement.inverse)} is not understood")
        else:
            _named(reading, statement.label, account, pattern)
    if unnamed:
        reading.unnamed.append(
            f"{statement.label}: {_words(unnamed)} names no account of partition {reading.partition}"
        )


def _named(reading: _Reading, label: str, account: str, pattern: str) -> None:
    name = _parts(pattern)[5]
    member = reading.member(account)
    if _WRITTEN_OUT.fullmatch(name):
        reading.roles[account].add(f"arn:{reading.partition}:iam::{account}:{name}")
    elif covers(pattern, member):
        reading.roles[account].add(member)
    else:
        reading.doubts[account].append(f"{label}: {pattern} names no role, and {member} is none of those it stands for")


def _chosen(reading: _Reading) -> Assumable:
    """The member role where it is among an account's roles, else the only one that there is."""
    roles: dict[str, str] = {}
    doubts: list[Doubt] = []
    for account in sorted({*reading.roles, *reading.doubts}):
        left = [one for one in sorted(reading.roles[account]) if not any(covers(deny, one) for deny in reading.taken)]
        member = reading.member(account)
        if member in left or len(left) == 1:
            roles[account] = member if member in left else left[0]
        elif left:
            detail = f"{_words(left)} may be assumed, and none of them is {member}"
            doubts.append(Doubt(account=account, reason="several-roles", detail=detail))
        elif reading.doubts[account]:
            detail = "; ".join(reading.doubts[account])
            doubts.append(Doubt(account=account, reason="no-role", detail=detail))
    return Assumable(
        roles=roles,
        doubts=tuple(doubts),
        unnamed=tuple(reading.unnamed),
        not_understood=tuple(reading.not_understood),
    )


def _may_name_roles(statement: Statement) -> bool:
    return not statement.resources or any(map(_may_be_role, statement.resources))


def _may_be_role(pattern: str) -> bool:
    """Whether some role's ARN is what a pattern stands for; the ARN of a bucket, say, is none."""
    parts = _parts(pattern)
    if not all(one is None or covers(part, one) for part, one in zip(parts, _BEFORE_NAME, strict=False)):
        return False
    if len(parts) == len(_BEFORE_NAME) + 1:
        begin, *wild = _WILD.split(parts[-1], maxsplit=1)
        return begin.startswith(_NAME) or (bool(wild) and _NAME.startswith(begin))
    return pattern.endswith("*")


def _account(pattern: str, partition: str) -> str | None:
    """The account that a role's pattern writes out; None for a wildcard, and for another partition's."""
    parts = _parts(pattern)
    if len(parts) <= len(_BEFORE_NAME) or not _ACCOUNT.fullmatch(parts[4]):
        return None
    return parts[4] if covers(parts[1], partition) else None


def _parts(pattern: str) -> list[str]:
    """What stands between the colons of an ARN, where a variable's own colon is none."""
    return _VARIABLE.sub("$", pattern).split(":", 5)


def _words(values: Sequence[str]) -> str:
    more = len(values) - _MOST_WORDS
    return " and ".join((*values[:_MOST_WORDS], *([f"{more} more"] if more > 0 else [])))
