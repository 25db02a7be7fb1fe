"""Calls what changes things, once, and reads what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloudwarden.aws.errors import DRY_RUN_PASSED
from cloudwarden.aws.pages import NEXT_PAGE, Answer, ask, goes_on, pages
from cloudwarden.aws.search import Path
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import Call, Read
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer, NotFound
from cloudwarden.core.plain import Json
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
        keeps = {name: Path(path) for name, path in call.keeps.items()}
        client = self._sessions.client(call.service, _asked(scope, call), once=True)
        answer = ask(client, call.operation, call.arguments)
        return {name: _kept(call, name, path, answer) for name, path in keeps.items()}

    def read(self, scope: Scope, read: Read) -> Json:
        """What the reading shows at its path; None when the thing does not exist. Raises CloudError.

        Of several pages, the first that shows something speaks: an empty page with more to come proves nothing, nor
        does one that leads on by another name than NextToken.
        """
        path = Path(read.path)
        shown: Json = None
        try:
            client = self._sessions.client(read.service, _asked(scope, read))
            for page in pages(client, read.operation, read.arguments):
                shown = path.find(page)
                if shown not in _NOTHING:
                    return shown
                if goes_on(page) and not page.get(NEXT_PAGE):
                    raise MalformedAnswer(f"{read.operation}: the answer goes on, and what it shows is no answer yet")
        except NotFound:
            return None
        return shown

    def _try(self, scope: Scope, call: Call) -> None:
        """See "Common query parameters" of the EC2 API: a dry run that passes answers with an error."""
        client = self._sessions.client(call.service, _asked(scope, call))
        try:
            ask(client, call.operation, {**call.arguments, "DryRun": True})
        except CloudError as error:
            if error.code == DRY_RUN_PASSED:
                return
            raise
        raise MalformedAnswer(f"{call.operation}: a dry run was answered as if it had been carried out")


def _asked(scope: Scope, request: Call | Read) -> Scope:
    """Where a request goes: its own region, when it has one."""
    return scope if request.region is None else replace(scope, region=request.region)


def _kept(call: Call, name: str, path: Path, answer: Answer) -> str:
    try:
        value = path.find(answer)
    except InvalidRequest:
        value = None
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise MalformedAnswer(f"{call.operation}: the answer holds no {name} at {call.keeps[name]}")
