"""What IAM answers of a role's policies: lists one item a page, documents encoded as AWS encodes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from stub_aws import Asked, Reply, StubAws, query_error, query_xml

DENIED = query_error("AccessDenied", "not authorized to perform: iam:X on resource: role hub", status=403)


def listing(*resources: str, **more: Any) -> dict[str, Any]:
    """A document that allows to assume these."""
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(resources)} | more)


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def attaching(
    aws: StubAws, inline: Mapping[str, object] | None = None, attached: Mapping[str, object] | None = None
) -> None:
    """Let the daemon's role have these policies, documents by name and by ARN. A text is sent as it is."""
    within, beside = dict(inline or {}), dict(attached or {})
    aws.on("ListRolePolicies", paged("ListRolePolicies", "PolicyNames", [escape(one) for one in within]))
    aws.on("GetRolePolicy", lambda asked: _inline(within[asked.parameters["PolicyName"]]))
    entries = [f"<PolicyName>n</PolicyName><PolicyArn>{arn}</PolicyArn>" for arn in beside]
    aws.on("ListAttachedRolePolicies", paged("ListAttachedRolePolicies", "AttachedPolicies", entries))
    aws.on("GetPolicy", query_xml("GetPolicy", "<Policy><DefaultVersionId>v7</DefaultVersionId></Policy>"))
    aws.on("GetPolicyVersion", lambda asked: _version(asked, beside))


def paged(operation: str, key: str, items: Sequence[str]) -> Callable[[Asked], Reply]:
    """What lists one item a page, each page but the last with a Marker."""

    def reply(asked: Asked) -> Reply:
        at = int(asked.parameters.get("Marker", "0").removeprefix("m"))
        more = at + 1 < len(items)
        members = "".join(f"<member>{one}</member>" for one in items[at : at + 1])
        marker = f"<Marker>m{at + 1}</Marker>" if more else ""
        return query_xml(operation, f"<{key}>{members}</{key}><IsTruncated>{str(more).lower()}</IsTruncated>{marker}")

    return reply


def _encoded(document: object) -> str:
    return escape(document) if isinstance(document, str) else quote(json.dumps(document))


def _inline(document: object) -> Reply:
    inner = f"<RoleName>hub</RoleName><PolicyName>n</PolicyName><PolicyDocument>{_encoded(document)}</PolicyDocument>"
    return query_xml("GetRolePolicy", inner)


def _version(asked: Asked, documents: Mapping[str, object]) -> Reply:
    assert asked.parameters["VersionId"] == "v7"
    document = _encoded(documents[asked.parameters["PolicyArn"]])
    return query_xml("GetPolicyVersion", f"<PolicyVersion><Document>{document}</Document></PolicyVersion>")
