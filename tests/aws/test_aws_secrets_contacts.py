"""Secrets and contacts that AWS keeps, read against a simulation, and what is said when they cannot be."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.contacts import AwsContacts
from cloudwarden.aws.secrets import KEPT_SECONDS, AwsSecrets
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, MalformedAnswer, NotFound
from stub_sessions import Heard, simulated_limits

ACCOUNT, REGION = "123456789012", "eu-central-1"
SECRET = "slack://hunter2sesame"


class Timer:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Sessions in a simulated account."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        heard = Heard()
        yield Sessions(AwsAccess(regions=(REGION,), attempts=1), heard, simulated_limits(heard))


def test_what_is_no_reference_is_the_secret_itself(sessions: Sessions) -> None:
    """No call is made."""
    assert AwsSecrets(sessions).reveal(SECRET) == SECRET


def test_a_secret_of_secrets_manager_by_name_arn_and_key(sessions: Sessions) -> None:
    """Whole, or one value of its JSON; an ARN says its region."""
    made = boto3.client("secretsmanager", region_name="us-east-1")
    arn = made.create_secret(Name="hooks", SecretString=json.dumps({"ops": SECRET, "number": 7}))["ARN"]
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="hook", SecretString=SECRET)
    secrets = AwsSecrets(sessions)
    assert secrets.reveal("secretsmanager:hook") == SECRET
    assert secrets.reveal(f"secretsmanager:{arn}#ops") == SECRET


def test_a_parameter_of_parameter_store(sessions: Sessions) -> None:
    """Laid open, where it is a SecureString."""
    boto3.client("ssm", region_name=REGION).put_parameter(Name="/hooks/ops", Value=SECRET, Type="SecureString")
    assert AwsSecrets(sessions).reveal("ssm:/hooks/ops") == SECRET


def test_a_secret_that_was_rotated_is_read_anew(sessions: Sessions) -> None:
    """After five minutes, and not at every message."""
    client, timer = boto3.client("ssm", region_name=REGION), Timer()
    client.put_parameter(Name="/hook", Value="old://x", Type="SecureString")
    secrets = AwsSecrets(sessions, timer=timer)
    assert secrets.reveal("ssm:/hook") == "old://x"
    client.put_parameter(Name="/hook", Value="new://x", Type="SecureString", Overwrite=True)
    assert secrets.reveal("ssm:/hook") == "old://x"
    timer.now += KEPT_SECONDS
    assert secrets.reveal("ssm:/hook") == "new://x"


@pytest.mark.parametrize("reference", ["ssm:/none", "secretsmanager:none"])
def test_a_secret_that_does_not_exist_is_not_found(sessions: Sessions, reference: str) -> None:
    """With its name."""
    with pytest.raises(CloudError):
        AwsSecrets(sessions).reveal(reference)


@pytest.mark.parametrize("kept", [SECRET, json.dumps({"other": SECRET}), json.dumps([SECRET]), json.dumps({"ops": 7})])
def test_a_key_that_is_not_there_says_nothing_of_the_secret(sessions: Sessions, kept: str) -> None:
    """Neither in the message nor in the traceback."""
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="hook", SecretString=kept)
    with pytest.raises(MalformedAnswer, match="no JSON object with a text at 'ops'") as raised:
        AwsSecrets(sessions).reveal("secretsmanager:hook#ops")
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


def test_the_contact_of_an_account_is_its_operations_contact(sessions: Sessions) -> None:
    """None where it names none; asked once a day."""
    timer = Timer()
    contacts = AwsContacts(sessions, {}, timer=timer)
    assert contacts.contact(ACCOUNT) is None
    boto3.client("account", region_name="us-east-1").put_alternate_contact(
        AlternateContactType="OPERATIONS", EmailAddress="ops@example.com", Name="Ops", PhoneNumber="1", Title="Ops"
    )
    assert contacts.contact(ACCOUNT) is None
    timer.now += 86_400
    assert contacts.contact(ACCOUNT) == "ops@example.com"


def test_what_the_settings_say_goes_first(sessions: Sessions) -> None:
    """Without a call."""
    assert AwsContacts(sessions, {ACCOUNT: "team-x"}).contact(ACCOUNT) == "team-x"


def test_a_contact_that_cannot_be_read_is_an_error_and_not_nobody(sessions: Sessions) -> None:
    """An account that is not looked after cannot be asked."""
    with pytest.raises(CloudError) as raised:
        AwsContacts(sessions, {}).contact("999999999999")
    assert not isinstance(raised.value, NotFound)
