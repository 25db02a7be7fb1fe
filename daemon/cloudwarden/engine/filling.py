"""Filling: a plan's calls and readings, with what the action's earlier calls kept put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloudwarden.core.action import ACTION_ID, Call, Json, Read
from cloudwarden.core.finding import ActionRecord


def filled_call(record: ActionRecord, call: Call) -> Call:
    """The call as it is made."""
    return replace(call, arguments=_filled(call.arguments, record))


def filled_read(record: ActionRecord, read: Read) -> Read:
    """The reading as it is made."""
    return replace(read, arguments=_filled(read.arguments, record))


def _filled(arguments: Mapping[str, Json], record: ActionRecord) -> dict[str, Json]:
    """The arguments with `${action_id}` and what earlier calls kept put in."""
    values = {ACTION_ID: record.id, **{f"${{{name}}}": value for name, value in record.kept.items()}}

    def filled(value: Json) -> Json:
        if isinstance(value, str):
            return values.get(value, value)
        if isinstance(value, Mapping):
            return {key: filled(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [filled(part) for part in value]
        return value

    return {key: filled(value) for key, value in arguments.items()}
