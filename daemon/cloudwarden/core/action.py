"""Actions: what would repair a violation, planned as data before anything is called."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from cloudwarden.core.blast import Dependable, Dependant, Look
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charges
from cloudwarden.core.verdict import Violation

R = TypeVar("R", bound=Resource)

ACTION_ID = "${action_id}"
"""Stands in a plan for the id of the action that carries it out, so that a plan's hash does not depend on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A reading call and where its answer holds what matters: `path` is a JMESPath into the answer.

    `region` is asked instead of the resource's own: a global kind's resources are each kept in one.
    """

    service: str
    operation: str
    arguments: Mapping[str, Json]
    path: str
    region: str | None = None


class Shows(StrEnum):
    """What a proof's reading must show for the call to have taken effect."""

    VALUE = "value"
    """One of the proof's `values`."""
    SOMETHING = "something"
    """Anything but nothing."""
    NOTHING = "nothing"
    """Null, an empty list, or NotFound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """How reading the cloud tells whether a call took effect, when nobody heard its answer."""

    read: Read
    shows: Shows
    values: tuple[str, ...] = ()

    def shown_by(self, answer: Json) -> bool:
        """Whether what `read` found at its path (None when NotFound) proves the effect."""
        if self.shows is Shows.VALUE:
            return answer in self.values
        nothing = answer is None or answer in ([], {}, "")
        return nothing if self.shows is Shows.NOTHING else not nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One mutating call. `keeps` names a part of its answer (JMESPath) that later steps use as `${name}`: one at most.

    The reading of its proof must lead to the same value, which is found there when the answer was not heard.

    `dry_run` says that the API can be asked first whether it would be permitted. `region` is as for `Read`.
    """

    service: str
    operation: str
    arguments: Mapping[str, Json]
    proof: Proof
    keeps: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = True
    region: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """A pause in a plan until a reading shows one of `until`; one of `fails_on`, or the timeout, ends the action.

    A reading may lag behind the call before it, so that one of `fails_on` ends nothing in the first minute. An inverse
    begins with one where AWS refuses its call as long as what it undoes is still under way.
    """

    read: Read
    until: tuple[str, ...]
    fails_on: tuple[str, ...] = ()
    timeout_seconds: float = 86_400.0


Step = Call | Wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an action would do to one resource: steps in order, and the steps that would undo them.

    `irreversible` says what no inverse restores, and without one, what is left to a person; `${name}` in it is what a
    call kept.
    """

    action: str
    summary: str
    steps: tuple[Step, ...]
    inverse: tuple[Step, ...] = ()
    irreversible: str = ""

    @property
    def hash(self) -> str:
        """What an approval is bound to: it changes when any call or argument does."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    @property
    def calls(self) -> tuple[Call, ...]:
        """The mutating calls alone."""
        return tuple(step for step in self.steps if isinstance(step, Call))

    def places(self, scope: Scope) -> frozenset[Scope]:
        """Where its calls are made, of which those that name no region are made in `scope`."""
        return frozenset(scope if one.region is None else replace(scope, region=one.region) for one in self.calls)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(self, default=_written, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote."""
        return _PLAN.validate_json(text)

    def as_kept(self) -> Plan:
        """The same as the store gives it back, hash included. Raises ValueError, or TypeError, where it could not.

        Nor is a plan kept whose calls keep more than the proof's reading could find, when nobody heard an answer.
        """
        for call in (*self.steps, *self.inverse):
            if isinstance(call, Call) and len(call.keeps) > 1:
                raise ValueError(
                    f"{call.operation} keeps {', '.join(call.keeps)}: a call keeps one value at most, for its proof's "
                    "reading finds no more when its answer was not heard"
                )
        try:
            return self.from_json(self.to_json())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)


def _written(value: object) -> dict[str, object]:
    """A part of a plan as JSON has it. Raises TypeError for what an author put there that JSON has not."""
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    raise TypeError(f"{value!r} is no JSON")


class Action(ABC, Generic[R]):
    """Base of an action on one kind of resource; a subclass is a frozen dataclass.

    `name` labels metrics and the journal. `permissions` are the IAM actions that carrying it out needs, and
    `undo_permissions` those that undoing it needs besides.
    """

    name: ClassVar[str]
    permissions: ClassVar[tuple[str, ...]]
    undo_permissions: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def plan(self, resource: R, violation: Violation) -> Plan:
        """What would be called, a `Call` first. Pure: the same resource and violation give the same plan."""

    def disturbs(self, resource: R) -> Iterable[Dependant | Look] | None:
        """What else notices when it is carried out, and where to look for that; None when nobody can tell.

        Everything that depends on the resource, unless an action says otherwise.
        """
        return resource.dependants() if isinstance(resource, Dependable) else None

    def frees(self, resource: R) -> Charges:
        """What is no longer paid for once it is carried out: nothing, unless an action says otherwise."""
        del resource
        return ()
