"""Actuator: calls are made where they are asked for, and readings are waited for alive."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from cloudwarden.core.action import Call, Read
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Scope
from cloudwarden.engine.crew import Crew
from cloudwarden.ports import Actuator


class CrewedActuator:
    """An actuator whose readings a crew makes, so that who waits for them says that it lives, and may leave.

    A call, and its dry run, stand between an intent and its outcome: nobody leaves there.
    """

    def __init__(self, actuator: Actuator, crew: Crew) -> None:
        self._actuator = actuator
        self._crew = crew

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """`ports.Actuator.call`, in this thread."""
        return self._actuator.call(scope, call, dry_run=dry_run)

    def read(self, scope: Scope, read: Read) -> Json:
        """`ports.Actuator.read`; may raise StopAsked."""
        return self._crew.one(partial(self._actuator.read, scope, read))
