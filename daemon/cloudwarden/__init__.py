"""What a policy file imports. Nothing else is public but `cloudwarden.aws`, `.library` and `.testing`."""

from cloudwarden.core.action import ACTION_ID, Action, Call, Plan, Proof, Read, Shows, Wait
from cloudwarden.core.durations import days, hours, minutes, seconds
from cloudwarden.core.errors import PermanentError, TemporaryError
from cloudwarden.core.evidence import Evidence, Now
from cloudwarden.core.exemption import tagged
from cloudwarden.core.notify import Escalation, Notify, account_contact, owner, owner_tag
from cloudwarden.core.params import NoParams, Params
from cloudwarden.core.policy import ENFORCE, OBSERVE, PROPOSE, Approval, Limit, Mode, Policy
from cloudwarden.core.protection import Keeper
from cloudwarden.core.resource import Resource
from cloudwarden.core.rule import Rule, rule
from cloudwarden.core.schedule import cron, every
from cloudwarden.core.verdict import Severity, Violation
from cloudwarden.core.window import window

__all__ = [
    "ACTION_ID",
    "ENFORCE",
    "OBSERVE",
    "PROPOSE",
    "Action",
    "Approval",
    "Call",
    "Escalation",
    "Evidence",
    "Keeper",
    "Limit",
    "Mode",
    "NoParams",
    "Notify",
    "Now",
    "Params",
    "PermanentError",
    "Plan",
    "Policy",
    "Proof",
    "Read",
    "Resource",
    "Rule",
    "Severity",
    "Shows",
    "TemporaryError",
    "Violation",
    "Wait",
    "account_contact",
    "cron",
    "days",
    "every",
    "hours",
    "minutes",
    "owner",
    "owner_tag",
    "rule",
    "seconds",
    "tagged",
    "window",
]
