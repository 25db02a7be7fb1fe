"""Policies: a rule bound to params, a schedule, a mode, an action, and its guards."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_origin

from cloudwarden.core.action import Action
from cloudwarden.core.durations import LONGEST_DURATION
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.exemption import Tagged
from cloudwarden.core.fingerprint import fingerprint
from cloudwarden.core.notify import Notify
from cloudwarden.core.params import Params
from cloudwarden.core.protection import Keeper
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.rule import Rule
from cloudwarden.core.schedule import Cron, Every, Schedule
from cloudwarden.core.verdict import Severity
from cloudwarden.core.window import Window

R = TypeVar("R", bound=Resource)
P = TypeVar("P", bound=Params)

_Check = tuple[bool, str]
"""Whether something holds, and what to write where it does not."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Mode(IntEnum):
    """How far a policy may go; of the policy's and the environment's, the lower wins."""

    OBSERVE = 0
    PROPOSE = 1
    ENFORCE = 2

    def __str__(self) -> str:
        return self.name.lower()


OBSERVE, PROPOSE, ENFORCE = Mode.OBSERVE, Mode.PROPOSE, Mode.ENFORCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How much a policy may do at most; on by default, and exceeding it acts on none of the batch.

    `per_run` counts actions from one sweep of the policy to its next; `per_hour` and `per_day` in the hour and the
    day before now. `share` is of the resources that the policy judged in that sweep; whatever the share, one is
    allowed. After `failures` failed actions in a row the policy pauses itself.
    """

    per_run: int = 5
    share: float = 0.1
    per_hour: int = 20
    per_day: int = 50
    failures: int = 3

    def __post_init__(self) -> None:
        for name in ("per_run", "per_hour", "per_day", "failures"):
            if getattr(self, name) < 1:
                raise PolicyError(
                    f"Limit({name}={getattr(self, name)}): write at least 1; to do nothing, use mode=OBSERVE"
                )
        if not 0 < self.share <= 1:
            raise PolicyError(f"Limit(share={self.share}): write a share above 0 and up to 1, such as 0.1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Who must agree before an action that waits for people: so many of them, and none of `not_by`.

    `not_by` are names as approvers give them, for who wrote the policy should not be who approves what it does.
    """

    quorum: int = 1
    not_by: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "not_by", tuple(self.not_by))
        if self.quorum < 1:
            raise PolicyError(f"Approval(quorum={self.quorum}): write at least 1")


@dataclass(frozen=True, kw_only=True)
class Policy(Generic[R, P]):
    """What this installation wants of one kind of resource, and how far it may go to get it.

    `grace` is the time a violation must be watched before an action is due. `proposals_last` is how long a
    proposal waits for a person before it expires. `windows` are the only hours in which it acts, if there are any.
    `touches` names the keepers (a stack, an Auto Scaling group) whose resources it may change. `respects` is how
    long a violation that came back after our action, because somebody wanted it back, is left alone.
    `alternatives` are other actions that an approver may choose instead; `approval` says who must agree.
    `max_exemption` is how long an exemption from it may last, where the settings allow more. Acting by itself, it
    leaves to people what more than `max_dependants` other things depend on, and that of which nobody can tell.
    `wasteful` says that what a violating resource costs is paid for nothing: that is what is saved without an action.
    `notice` says who is told before an action; without it nobody is, and nothing waits for it.
    """

    name: str
    rule: Rule[R, P, ...]
    params: P
    schedule: Schedule
    mode: Mode = Mode.OBSERVE
    action: Action[R] | None = None
    grace: timedelta = timedelta(0)
    limit: Limit = field(default_factory=Limit)
    exempt: Sequence[Tagged] = ()
    severity: Severity = Severity.MEDIUM
    description: str = ""
    proposals_last: timedelta = timedelta(days=7)
    windows: Sequence[Window] = ()
    touches: Sequence[Keeper] = ()
    respects: timedelta = timedelta(days=1)
    alternatives: Sequence[Action[R]] = ()
    approval: Approval = field(default_factory=Approval)
    max_exemption: timedelta | None = None
    max_dependants: int = 10
    wasteful: bool = False
    notice: Notify | None = None

    def __post_init__(self) -> None:
        for name in ("exempt", "windows", "touches", "alternatives"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if problems := self._problems():
            raise PolicyError(f"policy {self.name!r}: {'; '.join(problems)}")

    def _problems(self) -> Sequence[str]:
        checks = (*self._judging(), *self._acting(), *self._restraining(), *self._asking())
        return [*(text for holds, text in checks if not holds), *self._namesakes(), *self._too_long()]

    def _judging(self) -> Iterator[_Check]:
        yield (
            bool(_NAME.fullmatch(self.name)),
            "name: write lower-case words joined by '-', such as 'stop-idle-instances'",
        )
        yield isinstance(self.rule, Rule), "rule: write a function decorated with @rule"
        yield isinstance(self.schedule, Every | Cron), "schedule: write every(...) or cron(...)"
        yield isinstance(self.mode, Mode), "mode: write OBSERVE, PROPOSE or ENFORCE"
        yield (
            not isinstance(self.rule, Rule) or isinstance(self.params, self.rule.params),
            f"params: {type(self.params).__name__} is not what the rule takes: {_params_name(self.rule)}",
        )

    def _acting(self) -> Iterator[_Check]:
        yield (
            self.mode is Mode.OBSERVE or self.action is not None,
            f"mode {self.mode} needs an action: add action=..., or write mode=OBSERVE",
        )
        yield (
            self.action is None or isinstance(self.action, Action),
            "action: write a value such as ec2.Stop(), with its parentheses",
        )
        yield _acts_on(self.action, self.rule), f"action: {type(self.action).__name__} is for another kind of resource"

    def _restraining(self) -> Iterator[_Check]:
        yield self.grace >= timedelta(0), "grace: write a duration that is not negative"
        yield self.proposals_last > timedelta(0), "proposals_last: write a duration above zero"
        yield all(isinstance(item, Tagged) for item in self.exempt), "exempt: write a list of tagged(...)"
        yield all(isinstance(item, Window) for item in self.windows), "windows: write a list of window(...)"
        yield all(isinstance(item, Keeper) for item in self.touches), "touches: write a list, such as [Keeper.EKS]"

    def _asking(self) -> Iterator[_Check]:
        yield (
            all(isinstance(one, Action) and _acts_on(one, self.rule) for one in self.alternatives),
            "alternatives: write a list of actions for the same kind of resource, such as [ec2.AddTags(...)]",
        )
        yield not self.alternatives or self.action is not None, "alternatives need an action that they stand in for"
        yield isinstance(self.approval, Approval), "approval: write Approval(...)"
        yield (
            self.max_exemption is None or self.max_exemption > timedelta(0),
            "max_exemption: write a duration above zero, such as days(30)",
        )
        yield self.respects >= timedelta(0), "respects: write a duration that is not negative"
        yield self.max_dependants >= 0, "max_dependants: write 0 or more"
        yield (
            not (self.wasteful and self.action is not None),
            "wasteful: its action says what is saved; write one of the two",
        )
        yield (
            self.notice is None or isinstance(self.notice, Notify),
            'notice: write Notify(owners=[owner_tag("owner"), ...], before=days(1))',
        )
        yield (
            not isinstance(self.notice, Notify) or self.notice.before < self.proposals_last,
            "notice: write a `before` that is shorter than proposals_last, or every proposal expires first",
        )

    def _namesakes(self) -> Iterator[str]:
        """Whoever approves chooses by name, and what was chosen is looked up by it."""
        given = [one for one in (self.action, *self.alternatives) if isinstance(one, Action)]
        for name, count in Counter(one.name for one in given).items():
            if count > 1:
                kind = next(type(one).__name__ for one in given if one.name == name)
                yield (
                    f"alternatives: {count} actions are named {name!r}, and people choose by name: write one of them, "
                    f"or derive a class with a name of its own, such as class Other({kind}): name = '{name}-2'"
                )

    def _too_long(self) -> Iterator[str]:
        for name in ("grace", "proposals_last", "respects", "max_exemption"):
            lasts: timedelta | None = getattr(self, name)
            if lasts is not None and lasts > LONGEST_DURATION:
                yield f"{name}: write a duration of at most {LONGEST_DURATION.days} days"

    @property
    def kind(self) -> type[R]:
        """The kind of resource it judges."""
        return self.rule.resource

    @property
    def actions(self) -> Mapping[str, Action[R]]:
        """What it may do, by name: its action first, then the alternatives."""
        given = (self.action, *self.alternatives) if self.action is not None else ()
        return {one.name: one for one in given}

    @cached_property
    def fingerprint(self) -> str:
        """What trust is bound to: changes when the policy may find other resources, or do other things to them.

        When and how many (schedule, mode, grace, limit, windows, notice, approval) is no part of it: see
        docs/decisions/0007.
        """
        spared = (sorted(map(str, self.touches)), sorted(map(repr, self.exempt)), self.max_dependants)
        return fingerprint(self.rule.fingerprint, self.params, self.action, self.alternatives, spared)


def _params_name(rule: object) -> str:
    return rule.params.__name__ if isinstance(rule, Rule) else "?"


def _acts_on(action: object, rule: object) -> bool:
    """Whether an action's kind, as its class states it in `Action[...]`, is the rule's."""
    if not isinstance(action, Action) or not isinstance(rule, Rule):
        return True
    for ancestor in type(action).__mro__:
        for stated in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(stated) is Action:
                (kind,) = get_args(stated)
                kind = kind.__bound__ or Resource if isinstance(kind, TypeVar) else kind
                return issubclass(rule.resource, kind)
    return True


AnyPolicy = Policy[Any, Any]
"""A policy whose kind and params do not matter to the code that holds it."""

ModeOf = Callable[[AnyPolicy, Scope | None], Mode]
"""How far a policy may go in a scope. None is a place that nobody knows, where it only observes."""
