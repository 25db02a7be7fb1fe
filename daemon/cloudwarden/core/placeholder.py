"""Placeholders: `${name}` in a plan stands for what is known only once its calls are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from cloudwarden.core.action import ACTION_ID, Call, Read
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.plain import Json

_NAMED = re.compile(r"\$\{(\w+)\}")


def filled_call(call: Call, record: ActionRecord) -> Call:
    """The call, with the action's id and what its earlier calls kept put in."""
    return replace(call, arguments=_filled(call.arguments, record))


def filled_read(read: Read, record: ActionRecord) -> Read:
    """The reading, with the action's id and what its calls kept put in."""
    return replace(read, arguments=_filled(read.arguments, record))


def spelled_out(text: str, record: ActionRecord) -> str:
    """The text, with what the action's calls kept put in; what none kept stays as it is written."""
    return _NAMED.sub(lambda name: record.kept.get(name[1], name[0]), text)


def _filled(arguments: Mapping[str, Json], record: ActionRecord) -> dict[str, Json]:
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
