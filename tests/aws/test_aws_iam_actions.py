"""IAM's names of operations, and that evidence names those of what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from cloudwarden.aws import lambda_, rds, s3
from cloudwarden.aws.iam_actions import iam_action
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Evidence
from cloudwarden.testing import bucket, database, function
from declarations import services

OPERATIONS = {
    (service, xform_name(name)): name
    for service in ("ec2", "lambda", "rds", "s3", "s3control")
    for name in Session().get_service_model(service).operation_names
}

EXAMPLES = [
    (s3.PublicAccess, bucket()),
    (s3.Settings, bucket()),
    (rds.UpgradeTargets, database()),
    (lambda_.Concurrency, function()),
]


@pytest.mark.parametrize(("evidence", "example"), EXAMPLES)
def test_evidence_needs_the_actions_of_its_details(evidence: Any, example: Any) -> None:
    """So what the doctor tries is what `permissions` names, and what deploy/iam allows."""
    details: list[Callable[[Any], Detail]] = list(evidence.details)
    asked = [asks(example) for asks in details]
    actions = {iam_action(one.service, OPERATIONS[one.service, one.operation]) for one in asked}
    assert actions == set(evidence.permissions)


def test_all_evidence_that_asks_details_is_among_them() -> None:
    """Of every service."""
    public = [one for service in services() for one in vars(service).values() if isinstance(one, type)]
    asking = {one for one in public if issubclass(one, Evidence) and hasattr(one, "details")}
    assert asking == {evidence for evidence, _ in EXAMPLES}


def test_most_actions_are_named_as_their_operations() -> None:
    """Service and operation."""
    assert iam_action("ec2", "StopInstances") == "ec2:StopInstances"
