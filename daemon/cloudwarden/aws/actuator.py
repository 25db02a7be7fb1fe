"""Calls what changes things, once, and reads what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from cloudwarden.aws.errors import DRY_RUN_PASSED
from cloudwarden.aws.pages import Answer, ask, pages
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import Call, Json, Read
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer, NotFound
from cloudwarden.core.resource import Scope

_NOTHING: tuple[Json, ...] = (None, [], {}, "")


class AwsActuator:
    """The only one who calls a mutating API of AWS.

    A mutating request is sent once, whatever comes back: AWS may have carried out what it did not answer for.
    Only readings, and dry runs, are tried again.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make the call and return what it `keeps`. Raises CloudError.

        With `dry_run`, ask only whether it would be permitted: returns empty, raises AccessDenied when not. An
        API that cannot be asked is not called at all then.
        """
        if dry_run:
            if call.dry_run:
                self._try(scope, call)
            return {}
        keeps = {name: _compiled(path) for name, path in call.keeps.items()}
        answer = ask(self._sessions.client(call.service, scope, once=True), call.operation, call.arguments)
        return {name: _kept(call, name, path, answer) for name, path in keeps.items()}

    def read(self, scope: Scope, read: Read) -> Json:
        """What the reading shows at its path; None when the thing does not exist. Raises CloudError.

        Of several pages, the first that shows something speaks: an empty page with more to come proves nothing.
        """
        path = _compiled(read.path)
        shown: Json = None
        try:
            for page in pages(self._sessions.client(read.service, scope), read.operation, read.arguments):
                shown = _json(path.search(page))
                if shown not in _NOTHING:
                    return shown
        except NotFound:
            return None
        except JMESPathError as error:
            raise InvalidRequest(f"{read.path}: {error}") from error
        return shown

    def _try(self, scope: Scope, call: Call) -> None:
        """See "Common query parameters" of the EC2 API: a dry run that passes answers with an error."""
        client = self._sessions.client(call.service, scope)
        try:
            ask(client, call.operation, {**call.arguments, "DryRun": True})
        except CloudError as error:
            if error.code == DRY_RUN_PASSED:
                return
            raise
        raise MalformedAnswer(f"{call.operation}: a dry run was answered as if it had been carried out")


def _compiled(path: str) -> Any:
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        raise InvalidRequest(f"{path}: {error}") from error


def _kept(call: Call, name: str, path: Any, answer: Answer) -> str:
    try:
        value = path.search(answer)
    except JMESPathError:
        value = None
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise MalformedAnswer(f"{call.operation}: the answer holds no {name} at {call.keeps[name]}")


def _json(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
