"""Every error of AWS and of botocore means something to us."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cloudwarden.aws.errors import translated
from cloudwarden.aws.pages import ask
from cloudwarden.core.errors import (
    AccessDenied,
    CloudError,
    Conflict,
    CredentialsExpired,
    InvalidRequest,
    MalformedAnswer,
    NotFound,
    RegionDisabled,
    Throttled,
    Timeout,
    Unavailable,
)
from stub_aws import SCOPE, Reply, StubAws, error, rest_error
from stub_sessions import sessions_to

MEANINGS: dict[type[CloudError], str] = {
    Throttled: "RequestLimitExceeded Throttling ThrottlingException TooManyRequestsException SlowDown",
    AccessDenied: """UnauthorizedOperation AccessDenied AccessDeniedException NotAuthorized Blocked PendingVerification
        AllAccessDisabled""",
    CredentialsExpired: """ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId
        UnrecognizedClientException SignatureDoesNotMatch InvalidSignatureException IncompleteSignature
        MissingAuthenticationToken InvalidIdentityToken IDPRejectedClaim""",
    RegionDisabled: "OptInRequired RegionDisabledException",
    NotFound: """InvalidInstanceID.NotFound InvalidVolume.NotFound InvalidSnapshot.NotFound InvalidGroup.NotFound
        InvalidGroupId.NotFound InvalidPermission.NotFound InvalidSecurityGroupRuleId.NotFound ResourceNotFound
        ResourceNotFoundException DBInstanceNotFound DBInstanceNotFoundFault NoSuchEntity
        NoSuchBucket NoSuchTagSet NoSuchBucketPolicy NoSuchPublicAccessBlockConfiguration
        ServerSideEncryptionConfigurationNotFoundError OwnershipControlsNotFoundError""",
    Conflict: """IncorrectInstanceState IncorrectState DependencyViolation VolumeInUse OperationNotPermitted
        InvalidGroup.InUse InvalidSnapshot.InUse InvalidPermission.Duplicate DeleteConflict InstanceLimitExceeded
        TagLimitExceeded IdempotentParameterMismatch InvalidDBInstanceState OperationAborted InvalidBucketState
        ResourceConflictException""",
    Unavailable: """InternalError InternalFailure InternalServiceError InternalServiceFault ServiceException
        ServiceUnavailable Unavailable InsufficientInstanceCapacity""",
    Timeout: "RequestTimeout RequestTimeoutException",
    InvalidRequest: """InvalidAction InvalidParameterValue InvalidParameterValueException InvalidParameterCombination
        MissingParameter UnknownParameter ValidationError MalformedQueryString InvalidNextToken
        InvalidInstanceID.Malformed UnsupportedOperation""",
}


def refusal(code: str, message: str = "no", status: int = 400) -> ClientError:
    """What botocore raises for an error answer."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": status},
    }
    return ClientError(answer, "StopInstances")


@pytest.mark.parametrize(
    ("code", "meaning"), [(code, meaning) for meaning, codes in MEANINGS.items() for code in codes.split()]
)
def test_documented_codes_mean_what_they_say(code: str, meaning: type[CloudError]) -> None:
    """A documented code has its meaning whatever status comes with it."""
    # EC2 throttles with 503, and CloudWatch with 400.
    assert [type(translated(refusal(code, status=status))) for status in (400, 403, 503)] == [meaning] * 3


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(400, InvalidRequest), (401, CredentialsExpired), (403, AccessDenied), (408, Timeout), (409, Conflict),
     (429, Throttled), (500, Unavailable), (502, Unavailable), (503, Unavailable), (301, InvalidRequest),
     (200, MalformedAnswer)],
)  # fmt: skip
def test_unknown_codes_go_by_their_status(status: int, meaning: type[CloudError]) -> None:
    """A code coined tomorrow still means something."""
    assert type(translated(refusal("CoinedTomorrow", status=status))) is meaning


def test_a_bare_404_does_not_prove_absence() -> None:
    """Proxies and unknown operations answer 404 too; only the service's own code says that a thing is gone."""
    assert type(translated(refusal("404", status=404))) is InvalidRequest
    assert type(translated(refusal("UnknownOperationException", status=404))) is InvalidRequest


def test_auth_failure_tells_strange_credentials_from_a_refusal() -> None:
    """EC2 has one code for credentials it cannot validate here and for things that are not yours."""
    strange = translated(refusal("AuthFailure", "AWS was not able to validate the provided access credentials"))
    assert type(strange) is CredentialsExpired
    assert "has not enabled the region" in str(strange)
    assert type(translated(refusal("AuthFailure", "Not authorized for images: [ami-1]"))) is AccessDenied


def test_an_expired_request_with_a_clock_that_nobody_knows_says_both() -> None:
    """EC2 says so of a session that is over and of a wrong clock, and this answer had no Date."""
    told = str(translated(refusal("RequestExpired", "Request has expired.")))
    assert "the credentials are over" in told
    assert "clock" in told


def test_the_original_stays_on_it() -> None:
    """Code and request id are kept, and the message names operation and code."""
    error = translated(refusal("IncorrectInstanceState", "not running"))
    assert (error.code, error.request_id) == ("IncorrectInstanceState", "r-1")
    assert str(error) == "StopInstances: IncorrectInstanceState: not running"


def test_ours_stays_ours() -> None:
    """Translating twice changes nothing."""
    error = Throttled("x")
    assert translated(error) is error


@pytest.mark.parametrize(
    ("error", "secret"),
    [
        (refusal("SignatureDoesNotMatch", "The Canonical String: x-amz-security-token:FwoGZXIvYXdz"), "FwoGZXIv"),
        (refusal("UnauthorizedOperation", "no. Encoded authorization failure message: 4XyZ-blob"), "4XyZ"),
        (refusal("AccessDenied", "key AKIAIOSFODNN7EXAMPLE may not"), "IOSFODNN7EXAMPLE"),
        (boto.ProxyConnectionError(proxy_url="http://me:hunter2@proxy:3128"), "hunter2"),
        (boto.ParamValidationError(report="Invalid length for parameter ExternalId, value: hunter2"), "hunter2"),
        (boto.CredentialRetrievalError(provider="custom-process", error_msg="bad JSON: hunter2"), "hunter2"),
        (ResponseParserError("Unable to parse response: b'<SecretAccessKey>hunter2</Secr'"), "hunter2"),
        (refusal("ValidationError", "SessionToken=hunter2 is wrong"), "hunter2"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_messages_hold_no_secret(error: Exception, secret: str) -> None:
    """What AWS and botocore quote of credentials does not reach a log."""
    assert secret not in str(translated(error))


@pytest.mark.parametrize("error", [boto.SSOTokenLoadError, boto.UnauthorizedSSOTokenError, boto.TokenRetrievalError])
def test_the_name_of_an_error_hides_no_word_of_it(error: type[Exception]) -> None:
    """That it ends in Token is no reason to take what follows for one."""
    told = str(translated(bare(error)))
    assert (
        told == f"{error.__name__}: nobody is logged in by single sign-on, or the session is over: run `aws sso login`"
    )


def test_messages_are_bounded() -> None:
    """An answer that is a whole web page does not fill the log."""
    assert len(str(translated(refusal("X", "word " * 1000)))) <= 500


LIBRARY_ERRORS = [
    found
    for _, found in inspect.getmembers(boto, inspect.isclass)
    if issubclass(found, Exception)
    and not issubclass(found, Warning | ClientError)
    and found.__module__ == boto.__name__
]

BY_CLASS: dict[type[Exception], type[CloudError]] = {
    boto.ReadTimeoutError: Timeout,
    boto.ConnectTimeoutError: Unavailable,
    boto.EndpointConnectionError: Unavailable,
    boto.ConnectionClosedError: Unavailable,
    boto.ProxyConnectionError: Unavailable,
    boto.SSLError: Unavailable,
    boto.ResponseStreamingError: Unavailable,
    boto.IncompleteReadError: Unavailable,
    boto.HTTPClientError: Unavailable,
    boto.NoCredentialsError: CredentialsExpired,
    boto.PartialCredentialsError: CredentialsExpired,
    boto.CredentialRetrievalError: CredentialsExpired,
    boto.TokenRetrievalError: CredentialsExpired,
    boto.MetadataRetrievalError: CredentialsExpired,
    boto.UnauthorizedSSOTokenError: CredentialsExpired,
    boto.SSOTokenLoadError: CredentialsExpired,
    boto.LoginRefreshRequired: CredentialsExpired,
    boto.ProfileNotFound: CredentialsExpired,
    boto.LoginInsufficientPermissions: AccessDenied,
    boto.ChecksumError: MalformedAnswer,
    boto.PaginationError: MalformedAnswer,
    boto.CapacityNotAvailableError: Throttled,
    boto.WaiterError: Timeout,
    boto.ParamValidationError: InvalidRequest,
    boto.NoRegionError: InvalidRequest,
    boto.EndpointResolutionError: InvalidRequest,
    boto.UnknownServiceError: InvalidRequest,
    boto.OperationNotPageableError: InvalidRequest,
    boto.MissingServiceIdError: InvalidRequest,
}


def bare(found: type[Exception]) -> Exception:
    """An instance whose message is irrelevant."""
    error = found.__new__(found)
    error.args = ("something",)
    return error


@pytest.mark.parametrize("found", LIBRARY_ERRORS, ids=lambda found: found.__name__)
def test_every_library_error_means_something(found: type[Exception]) -> None:
    """No class of botocore's tree is taken for an answer that could not be read, unless it is one."""
    answer_errors = (boto.ChecksumError, boto.FlexibleChecksumError, boto.PaginationError)
    assert isinstance(translated(bare(found)), MalformedAnswer) == issubclass(found, answer_errors)


@pytest.mark.parametrize(("found", "meaning"), BY_CLASS.items(), ids=lambda value: value.__name__)
def test_library_errors_mean_what_they_are(found: type[Exception], meaning: type[CloudError]) -> None:
    """The failures that a daemon meets at night each have their own meaning."""
    assert type(translated(bare(found))) is meaning


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ResponseParserError("no"), MalformedAnswer),
        (KeyError("DescribeVolumesResult"), MalformedAnswer),
        (OSError("no route to host"), Unavailable),
        (RuntimeError("... but the refreshed credentials are still expired."), CredentialsExpired),
        (BotoCoreError(), InvalidRequest),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_other_errors_mean_something(error: Exception, meaning: type[CloudError]) -> None:
    """What parsers, sockets and the credential refresh raise outside botocore's tree."""
    assert type(translated(error)) is meaning


@pytest.mark.parametrize(
    "reply",
    [
        error("RequestExpired", "Request has expired.", status=400),
        error("AuthFailure", "AWS was not able to validate the provided access credentials", status=401),
        error("SignatureDoesNotMatch", "Signature expired", status=403),
    ],
    ids=["RequestExpired", "AuthFailure", "SignatureDoesNotMatch"],
)
@pytest.mark.parametrize(
    ("ahead", "said"),
    [(timedelta(minutes=-12), "12 minutes behind AWS"), (timedelta(minutes=6), "6 minutes ahead of AWS")],
)
def test_a_skewed_clock_is_said_plainly(aws: StubAws, ahead: timedelta, said: str, reply: Reply) -> None:
    """By the Date of the very answer that refuses, with what to do about it."""
    aws.on("DescribeVolumes", reply)
    client = sessions_to(aws, now=lambda: datetime.now(UTC) + ahead).client("ec2", SCOPE)
    with pytest.raises(CredentialsExpired, match=rf"this machine's clock is {said}.*timedatectl"):
        ask(client, "describe_volumes", {})


def test_a_refused_signature_with_a_right_clock_is_not_blamed_on_it(aws: StubAws) -> None:
    """Within a minute of AWS the clock is not why."""
    aws.on("DescribeVolumes", error("SignatureDoesNotMatch", status=403))
    with pytest.raises(CredentialsExpired, match="the secret key is not this access key's") as caught:
        ask(sessions_to(aws).client("ec2", SCOPE), "describe_volumes", {})
    assert "minute" not in str(caught.value)


def test_an_expired_token_is_said_plainly(aws: StubAws) -> None:
    """The session is over, whatever its end said."""
    aws.on("DescribeVolumes", error("RequestExpired", "Request has expired."))
    aws.on("GET", rest_error("ExpiredToken", "The provided token has expired.", status=400))
    with pytest.raises(CredentialsExpired, match="RequestExpired: the credentials are over"):
        ask(sessions_to(aws).client("ec2", SCOPE), "describe_volumes", {})
    with pytest.raises(CredentialsExpired, match="ExpiredToken: the credentials are over"):
        ask(sessions_to(aws).client("s3", SCOPE), "list_buckets", {})
