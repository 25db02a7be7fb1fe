"""How many calls of CloudWatch an account may make, as Service Quotas tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudwarden.aws.pages import ask
from cloudwarden.aws.quotas import GET_METRIC_DATA
from cloudwarden.aws.session import Sessions
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import CloudError, MalformedAnswer, NotFound
from cloudwarden.core.resource import Scope

PERMISSIONS = frozenset({"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"})
RATE_OF_GET_METRIC_DATA: Mapping[str, str] = {"ServiceCode": "monitoring", "QuotaCode": "L-5E141212"}
""" "Rate of GetMetricData requests", of "CloudWatch service quotas": adjustable, and differs by account and region."""


def check_allowance(sessions: Sessions, scope: Scope) -> Check:
    """Whether an account may ask CloudWatch as often as the daemon asks it at most.

    Less is a warning: the daemon finds out by itself, from throttles. What cannot be told is untested, and no failure.
    """
    assumed = GET_METRIC_DATA.rate
    try:
        granted = _granted(sessions, scope)
    except CloudError as error:
        detail = f"not told by Service Quotas ({error.reason}): up to {assumed:g} calls a second are made"
        fix = f"to have it told, allow {' and '.join(sorted(PERMISSIONS))}" if error.reason == "access-denied" else ""
        return _checked(scope, Health.UNTESTED, detail, fix)
    detail = f"{granted:g} calls a second are granted, up to {assumed:g} are made"
    if granted >= assumed:
        return _checked(scope, Health.OK, detail)
    fix = "expect slower sweeps, and throttled calls at first; or have the quota L-5E141212 of CloudWatch raised"
    return _checked(scope, Health.WARNING, detail, fix)


def _granted(sessions: Sessions, scope: Scope) -> float:
    """Calls a second: as applied to the account, else AWS's default. See "GetServiceQuota". Raises CloudError."""
    client = sessions.client("service-quotas", scope)
    try:
        answer: Mapping[str, Any] = ask(client, "get_service_quota", RATE_OF_GET_METRIC_DATA)
    except NotFound:
        answer = ask(client, "get_aws_default_service_quota", RATE_OF_GET_METRIC_DATA)
    try:
        return float(answer["Quota"]["Value"])
    except (LookupError, TypeError, ValueError):
        raise MalformedAnswer("servicequotas: an answer without a quota's value") from None


def _checked(scope: Scope, health: Health, detail: str, fix: str = "") -> Check:
    return Check(
        area=Area.LIMITS, subject="GetMetricData calls", where=str(scope), health=health, detail=detail, fix=fix
    )
