"""Searching an answer: what a JMESPath finds in it, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from cloudwarden.core.errors import InvalidRequest
from cloudwarden.core.plain import Json


class Path:
    """A JMESPath to look for in answers. Raises InvalidRequest when it is none."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._compiled = jmespath.compile(path)
        except JMESPathError as error:
            raise InvalidRequest(f"{path}: {error}") from error

    def find(self, answer: Mapping[str, Any]) -> Json:
        """What is there, instants as ISO 8601; None when nothing is. Raises InvalidRequest for what has no meaning."""
        try:
            return _json(self._compiled.search(answer))
        except JMESPathError as error:
            raise InvalidRequest(f"{self._path}: {error}") from error


def _json(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
