"""What an error met while talking to AWS means, in our words.

Sources: "Error codes for the Amazon EC2 API", "Common Errors" of the CloudWatch, AWS STS and Amazon RDS API
references, "Errors" of each operation of the Lambda API Reference, "Error responses" of the Amazon S3 API Reference,
and "Retry behavior" of the AWS SDKs and Tools Reference Guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cloudwarden.aws.refusals import AUTH_FAILURE, is_disabled, is_unknown, own_words
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

DRY_RUN_PASSED = "DryRunOperation"
"""The error by which EC2 says that a dry run would have succeeded."""

ErrorClass = type[CloudError]


def _each(error: ErrorClass, codes: str) -> dict[str, ErrorClass]:
    return dict.fromkeys(codes.split(), error)


_CODES: Mapping[str, ErrorClass] = {
    **_each(
        Throttled,
        """
        RequestLimitExceeded Throttling ThrottlingException ThrottledException RequestThrottled SlowDown
        RequestThrottledException TooManyRequestsException EC2ThrottledException BandwidthLimitExceeded
        ProvisionedThroughputExceededException PriorRequestNotComplete TransactionInProgressException
        LimitExceededException SnapshotCreationPerVolumeRateExceeded
        """,
    ),
    **_each(
        AccessDenied,
        """
        UnauthorizedOperation AccessDenied AccessDeniedException NotAuthorized NotAuthorizedException
        UnauthorizedException Blocked PendingVerification AllAccessDisabled AccountProblem
        """,
    ),
    **_each(
        CredentialsExpired,
        """
        ExpiredToken ExpiredTokenException RequestExpired RequestTimeTooSkewed RequestInTheFuture
        InvalidClientTokenId InvalidAccessKeyId InvalidToken TokenRefreshRequired UnrecognizedClientException
        MissingAuthenticationToken MissingAuthenticationTokenException IncompleteSignature
        IncompleteSignatureException InvalidSignatureException SignatureDoesNotMatch InvalidIdentityToken
        IDPRejectedClaim
        """,
    ),
    **_each(RegionDisabled, "OptInRequired OptInRequiredException RegionDisabledException"),
    **_each(
        NotFound,
        """
        NoSuchEntity NoSuchEntityException NoSuchResourceException NoSuchBucket NoSuchKey NoSuchBucketPolicy
        NoSuchTagSet NoSuchPublicAccessBlockConfiguration NoSuchLifecycleConfiguration NoSuchWebsiteConfiguration
        NoSuchCORSConfiguration ServerSideEncryptionConfigurationNotFoundError
        ReplicationConfigurationNotFoundError OwnershipControlsNotFoundError
        """,
    ),
    **_each(
        Conflict,
        """
        IncorrectInstanceState IncorrectState IncorrectStateException DependencyViolation DeleteConflict
        VolumeInUse OperationNotPermitted UnsupportedHibernationConfiguration ConflictException
        ConcurrentModification ConcurrentModificationException ResourceConflictException ResourceInUse
        ResourceInUseException InvalidStateException IdempotentParameterMismatch
        InvalidDBInstanceState InvalidDBClusterStateFault OperationAborted InvalidBucketState
        """,
    ),
    **_each(
        Unavailable,
        """
        InternalError InternalFailure InternalServiceError InternalServiceFault InternalServerError
        InternalServerException ServiceException ServiceUnavailable ServiceUnavailableException Unavailable
        ServerInternal
        InsufficientCapacity InsufficientInstanceCapacity InsufficientHostCapacity InsufficientVolumeCapacity
        InsufficientReservedInstanceCapacity InsufficientAddressCapacity IDPCommunicationError
        """,
    ),
    **_each(Timeout, "RequestTimeout RequestTimeoutException"),
    **_each(
        InvalidRequest,
        """
        InvalidAction MissingAction UnknownOperationException UnknownParameter MissingParameter
        InvalidParameter InvalidParameterCombination InvalidParameterDependency InvalidParameterValue
        InvalidParameterValueException
        InvalidQueryParameter InvalidCharacter MalformedQueryString ValidationError ValidationException
        InvalidPaginationToken InvalidNextToken UnsupportedOperation UnsupportedProtocol
        UnsupportedInstanceAttribute PackedPolicyTooLarge MalformedPolicyDocument AWSOrganizationsNotInUseException
        """,
    ),
}

_ENDINGS: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    ((".NotFound", "NotFound", "NotFoundException", "NotFoundFault"), NotFound),
    ((".InUse", "InUse", "InUseException", ".Duplicate", "AlreadyExists", "AlreadyExistsException"), Conflict),
    (("LimitExceeded", "LimitExceededFault", "QuotaExceeded"), Conflict),
    ((".Malformed",), InvalidRequest),
)
"""Families of codes that EC2 and others coin by the hundred: `InvalidInstanceID.NotFound`, `InvalidGroup.InUse`."""

_STATUSES: Mapping[int, ErrorClass] = {
    400: InvalidRequest,
    401: CredentialsExpired,
    403: AccessDenied,
    408: Timeout,
    409: Conflict,
    412: Conflict,
    429: Throttled,
}

_CLASSES: Mapping[type[Exception], ErrorClass] = {
    boto.ReadTimeoutError: Timeout,
    boto.HTTPClientError: Unavailable,
    boto.ConnectionError: Unavailable,
    boto.IncompleteReadError: Unavailable,
    boto.ChecksumError: MalformedAnswer,
    boto.FlexibleChecksumError: MalformedAnswer,
    boto.PaginationError: MalformedAnswer,
    boto.CapacityNotAvailableError: Throttled,
    boto.WaiterError: Timeout,
    boto.NoCredentialsError: CredentialsExpired,
    boto.PartialCredentialsError: CredentialsExpired,
    boto.CredentialRetrievalError: CredentialsExpired,
    boto.UnknownCredentialError: CredentialsExpired,
    boto.NoAuthTokenError: CredentialsExpired,
    boto.TokenRetrievalError: CredentialsExpired,
    boto.UnknownTokenProviderError: CredentialsExpired,
    boto.RefreshWithMFAUnsupportedError: CredentialsExpired,
    boto.MetadataRetrievalError: CredentialsExpired,
    boto.InfiniteLoopConfigError: CredentialsExpired,
    boto.ProfileNotFound: CredentialsExpired,
    boto.SSOError: CredentialsExpired,
    boto.LoginError: CredentialsExpired,
    boto.LoginInsufficientPermissions: AccessDenied,
    BotoCoreError: InvalidRequest,
    boto.UndefinedModelAttributeError: InvalidRequest,
    ResponseParserError: MalformedAnswer,
    OSError: Unavailable,
    Exception: MalformedAnswer,
}
"""By the nearest ancestor: the rest of botocore's errors are about how the request was formed or configured."""

_SECRETS = (
    (re.compile(r"\s*Encoded authorization failure message:.*", re.DOTALL), ""),
    (re.compile(r"://[^/@\s]+@"), "://***@"),
    (re.compile(r"\b((?:AKIA|ASIA)[A-Z0-9]{4})[A-Z0-9]{8,}"), r"\1***"),
    (re.compile(r"(?i)((?:secret|token|password|external.?id)[\w-]*[\"']?\s*[:=]\s*)[^\s,;&]+"), r"\1***"),
    (re.compile(r"[A-Za-z0-9/+=_-]{100,}"), "***"),
)

_LONGEST = 500


def translated(error: Exception) -> CloudError:
    """`error` as one of ours, with the code and request id that AWS gave; an error of ours stays as it is.

    An error that nothing here knows was raised while an answer was being read, so it is a MalformedAnswer. The
    message never quotes credentials.
    """
    if isinstance(error, CloudError):
        return error
    if isinstance(error, ClientError):
        return _refused(error)
    # The name apart, as below: "SSOTokenLoadError: nobody" names no token.
    return error_class_of(error)(_cut(f"{type(error).__name__}: {_masked(_described(error))}"))


def error_class_of(error: Exception) -> ErrorClass:
    """What an exception that carries no answer of AWS means."""
    return (
        CredentialsExpired
        if _is_over_at_once(error)
        else next(_CLASSES[ancestor] for ancestor in type(error).__mro__ if ancestor in _CLASSES)
    )


def error_class_for(code: str, status: int = 0, message: str = "") -> ErrorClass:
    """What an error code of AWS means; a code that nothing here knows is judged by its HTTP status.

    A bare 404 is no NotFound: a proxy or an unknown operation answers so too, and "it does not exist" must be
    said by the service.
    """
    if code == AUTH_FAILURE:
        return CredentialsExpired if is_unknown({"Code": code, "Message": message}) else AccessDenied
    if known := _CODES.get(code):
        return known
    for endings, error in _ENDINGS:
        if code.endswith(endings):
            return error
    if status >= 500:
        return Unavailable
    if 300 <= status < 500:
        return _STATUSES.get(status, InvalidRequest)
    return MalformedAnswer


def _refused(error: ClientError) -> CloudError:
    answer: Mapping[str, Any] = error.response
    details, metadata = answer.get("Error") or {}, answer.get("ResponseMetadata") or {}
    code, message = str(details.get("Code", "")), str(details.get("Message") or "")
    meaning = error_class_for(code, int(metadata.get("HTTPStatusCode") or 0), message)
    if is_disabled(details):
        meaning = RegionDisabled
    message = own_words(details) or message
    # Each part by itself: in "ExpiredToken: The" the second word is no token.
    text = ": ".join(_masked(part) for part in (error.operation_name, code, message) if part)
    request_id = str(metadata.get("RequestId") or answer.get("RequestId") or "")
    return meaning(_cut(text), code=code, request_id=request_id)


def _is_over_at_once(error: Exception) -> bool:
    """Whether botocore was given credentials that have ended already, by this machine's clock."""
    return isinstance(error, RuntimeError) and "refreshed credentials" in str(error)


def _described(error: Exception) -> str:
    if _is_over_at_once(error):
        return "the credentials are over as soon as they are given: is this machine's clock right?"
    if isinstance(error, boto.ParamValidationError):
        # The report quotes values, and one of them may be an external id.
        return re.sub(r"value: .*?(?=, type|, valid|\n|$)", "value: ***", str(error))
    if isinstance(error, boto.SSOError | boto.TokenRetrievalError):
        return "nobody is logged in by single sign-on, or the session is over: run `aws sso login`"
    # A credential process's or provider's own words may hold what it failed to parse.
    if isinstance(error, boto.CredentialRetrievalError | boto.MetadataRetrievalError):
        return "credentials could not be retrieved"
    # Whether the other side hung up in order, or reset, is only in what it was made of.
    if isinstance(error, boto.ConnectionClosedError):
        return f"{error} {getattr(error, 'kwargs', {}).get('error', '')}".rstrip()
    # It quotes the answer, which may be STS's, with a secret key in it.
    if isinstance(error, ResponseParserError):
        return "the answer could not be parsed"
    return str(error)


def _masked(text: str) -> str:
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
