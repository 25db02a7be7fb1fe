"""Functions of Lambda: what they are, and how they are read.

Source: AWS "Lambda API Reference" (ListFunctions, GetFunctionConfiguration, ListTags, FunctionConfiguration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.tags import tags_by
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.resource import Resource, Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class Function(Resource):
    """A function of Lambda; its id is its name. `runtime` is None for one that is a container image.

    What depends on it cannot be told: whoever IAM allows may call it, and no service lists them. Nor can what it costs,
    which hangs on how often it is called.
    """

    kind: ClassVar[str] = "lambda.function"

    runtime: str | None
    memory_mib: int


def unread_tags(arn: str) -> UnreadTags:
    """Tags to be asked for: ListFunctions leaves them out."""
    return tags_by(Detail(service="lambda", operation="list_tags", arguments=(("Resource", arn),), path="Tags"))


def _view(raw: Mapping[str, Any], scope: Scope) -> Function:
    return Function(
        id=raw["FunctionName"],
        arn=raw["FunctionArn"],
        account=scope.account,
        region=scope.region,
        name=raw["FunctionName"],
        tags=unread_tags(raw["FunctionArn"]),
        runtime=None if raw.get("PackageType") == "Image" else raw["Runtime"],
        memory_mib=raw["MemorySize"],
    )


KIND = Kind(
    resource=Function,
    service="lambda",
    operation="list_functions",
    items=("Functions",),
    view=_view,
    one="get_function_configuration",
    by_id=lambda name: {"FunctionName": name},
    permissions=("lambda:ListFunctions", "lambda:GetFunctionConfiguration", "lambda:ListTags"),
    page_size=50,
    page_size_name="MaxItems",
    next_page="NextMarker",
    asked_as="Marker",
)
