"""Sees every request of a client, and reports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient

from cloudwarden.aws.access.account import UNKNOWN_ACCOUNT
from cloudwarden.aws.access.speaker import SPEAKER, Speaker
from cloudwarden.aws.errors import DRY_RUN_PASSED, error_class_for, translated
from cloudwarden.core.resource import Scope
from cloudwarden.engine.events import CloudCalled
from cloudwarden.ports import Reporter

_BEGAN = "cloudwarden-began"
OK = "ok"


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """Reports a CloudCalled for each request that a client sends, or fails to send; each repetition is one.

    The client is shared by accounts, so the scope is that of whoever makes the request.

    It listens to events of the "Extensibility guide" of boto3: a request begins when it is created (so signing,
    and with it an assumed role's refresh, is part of it) and ends with its answer, or with the error that ended
    the call.
    """

    service: str
    reporter: Reporter
    timer: Callable[[], float]

    def watch(self, client: BaseClient) -> None:
        """Listen to a client from now on."""
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{name}", self.created)
        client.meta.events.register(f"response-received.{name}", self.received)
        client.meta.events.register(f"after-call-error.{name}", self.failed)

    def created(self, request: AWSRequest, operation_name: str, **_: object) -> None:
        """One request begins."""
        request.context[_BEGAN] = (operation_name, self.timer())

    def received(
        self,
        context: dict[str, Any],
        parsed_response: Mapping[str, Any] | None,
        exception: Exception | None,
        **_: object,
    ) -> None:
        """One request ended, with an answer or without."""
        if exception is not None:
            self._report(context, translated(exception).reason)
        else:
            self._report(context, _outcome(parsed_response or {}))

    def failed(self, context: dict[str, Any], exception: Exception, **_: object) -> None:
        """The call ended in an error. What `received` reported already is not reported again."""
        self._report(context, translated(exception).reason)

    def answered(self, operation: str, began: float, scope: Scope, answer: Mapping[str, Any]) -> None:
        """A request that no event told of was answered."""
        self._tell(operation, _outcome(answer), began, scope)

    def unanswered(self, operation: str, began: float, scope: Scope, error: Exception) -> None:
        """A request that no event told of ended in an error."""
        self._tell(operation, translated(error).reason, began, scope)

    def _report(self, context: dict[str, Any], outcome: str) -> None:
        operation, began = context.pop(_BEGAN, (None, 0.0))
        if operation is not None:
            self._tell(operation, outcome, began, _scope_of(context))

    def _tell(self, operation: str, outcome: str, began: float, scope: Scope) -> None:
        self.reporter.report(
            CloudCalled(
                service=self.service,
                operation=operation,
                outcome=outcome,
                seconds=self.timer() - began,
                scope=scope,
            )
        )


def _scope_of(context: Mapping[str, Any]) -> Scope:
    speaker: Speaker | None = context.get(SPEAKER)
    return speaker.scope if speaker else Scope(account=UNKNOWN_ACCOUNT, region=str(context.get("client_region")))


def _outcome(answer: Mapping[str, Any]) -> str:
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status < 300:
        return OK
    error = answer.get("Error", {})
    code = str(error.get("Code", ""))
    if code == DRY_RUN_PASSED:
        return OK
    return error_class_for(code, status, str(error.get("Message") or "")).reason
