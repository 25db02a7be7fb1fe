"""The accounts whose roles the daemon's own role may assume, as that role's IAM policies list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cloudwarden.aws.access.account import Account, AwsAccess, ListedAccounts, role_of
from cloudwarden.aws.access.assumable import Assumable, assumable
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.access.identity import Identity
from cloudwarden.aws.access.statements import Statement, statements
from cloudwarden.aws.pages import ask, items, pages, text
from cloudwarden.core.acceptance import STATEMENTS, DiscoveryProblem
from cloudwarden.core.errors import InvalidRequest, MalformedAnswer
from cloudwarden.core.verdict import Cause

ROLES = "roles"
"""What may fail to be told: which roles the daemon's own may assume."""

PERMISSIONS = (
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
)
"""What reading a role's policies needs."""


class Roles:
    """Reads the policies of the role that assumes the members' roles.

    See "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "GetPolicy" and "GetPolicyVersion" of the IAM
    API Reference. Lists page by Marker; of a managed policy, the default version counts.
    """

    def __init__(self, access: AwsAccess, own: Callable[[], Identity], client: Callable[[], SpeakingClient]) -> None:
        self._access = access
        self._own = own
        self._client = client

    def listed(self) -> ListedAccounts:
        """Every account that is listed, excluded ones too. Raises CloudError when any policy cannot be read."""
        caller = self._own().caller()
        if caller.role is None:
            raise InvalidRequest(f"aws.roles: {caller.arn} is no role, and only a role's policies are read")
        found = assumable(
            _all_statements(self._client(), caller.role),
            partition=caller.partition,
            member=lambda id_: role_of(self._access, Account(id=id_), caller.partition),
        )
        accounts = tuple(
            Account(id=id_, role_arn=None if caller.is_role(arn) else arn, named=False)
            for id_, arn in found.roles.items()
        )
        return ListedAccounts(accounts=accounts, problems=tuple(self._problems(found)))

    def _problems(self, found: Assumable) -> Iterator[DiscoveryProblem]:
        for doubt in found.doubts:
            cause = Cause(reason=doubt.reason, detail=doubt.detail)
            yield DiscoveryProblem(source=ROLES, account=doubt.account, cause=cause)
        # The organization's accounts are reached by one statement for all of them.
        unnamed = found.unnamed if self._access.organization is None else ()
        if unnamed:
            yield DiscoveryProblem(source=STATEMENTS, cause=Cause(reason="no-account", detail="; ".join(unnamed)))
        if found.not_understood:
            cause = Cause(reason="not-understood", detail="; ".join(found.not_understood))
            yield DiscoveryProblem(source=STATEMENTS, cause=cause)


def _all_statements(client: SpeakingClient, role: str) -> Iterator[Statement]:
    arguments = {"RoleName": role}
    for page in _whole(pages(client, "list_role_policies", arguments, next_page="Marker")):
        for name in _names(page):
            inline = ask(client, "get_role_policy", {**arguments, "PolicyName": name})
            yield from statements(name, inline.get("PolicyDocument"))
    for page in _whole(pages(client, "list_attached_role_policies", arguments, next_page="Marker")):
        for attached in items(page, "AttachedPolicies", of="IAM"):
            arn = text(attached, "PolicyArn", of="IAM")
            yield from statements(arn, _document(client, arn))


def _names(page: Mapping[str, Any]) -> list[str]:
    names = page.get("PolicyNames")
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise MalformedAnswer("IAM: a page without PolicyNames")
    return names


def _whole(listed: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every page of a list. Raises CloudError, also when a page says that more follow, and not where."""
    for page in listed:
        if page.get("IsTruncated") and not page.get("Marker"):
            raise MalformedAnswer("IAM: a page is cut off, without a Marker")
        yield page


def _document(client: SpeakingClient, arn: str) -> object:
    policy = ask(client, "get_policy", {"PolicyArn": arn}).get("Policy") or {}
    version = text(policy, "DefaultVersionId", of="IAM")
    answer = ask(client, "get_policy_version", {"PolicyArn": arn, "VersionId": version})
    return (answer.get("PolicyVersion") or {}).get("Document")
