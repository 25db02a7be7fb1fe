"""Every error that crosses a border inside Cloudwarden.

CloudwardenError
├── AuthorError            raised by, or because of, what a policy author wrote
│   ├── TemporaryError     "try again later": the verdict is unknown now, ask again at the next sweep
│   ├── PermanentError     "never will work": the verdict is unknown until the policy changes
│   ├── RuleError          a function that cannot be a rule
│   └── PolicyError        a value that cannot be a policy
├── CloudError             what the cloud's API answered, in our words
│   ├── Throttled          asked too often; the answer is missing, not empty
│   ├── AccessDenied       the credentials may not do this
│   ├── CredentialsExpired the credentials are absent, wrong, or no longer valid
│   ├── RegionDisabled     the account has not enabled this region
│   ├── NotFound           the thing named does not exist
│   ├── Conflict           the thing is in a state that forbids this
│   ├── Unavailable        the service failed, or could not be reached
│   ├── Timeout            no answer in time
│   ├── InvalidRequest     the API refused the request's form
│   └── MalformedAnswer    the answer could not be understood
├── NotDelivered           a channel did not accept a message
├── TagsUnread             a resource's tags were looked at where nobody can ask for them
├── StoreError             the database of findings and the journal
│   ├── StoreBusy          locked by another writer for too long
│   ├── StoreUnwritable    read-only, full, or gone
│   ├── StoreUnusable      not our schema, or damaged
│   ├── NoDatabase         not there, where one must be
│   ├── AlreadyRunning     another daemon owns this store
│   └── LeaseLost          another daemon took an action over
├── ShippingError          the journal's copy off this machine
└── SettingsError          the settings cannot be used
"""

from __future__ import annotations

from typing import ClassVar


class CloudwardenError(Exception):
    """Anything that Cloudwarden raises on purpose."""


class AuthorError(CloudwardenError):
    """Something in a policy file must be changed."""


class TemporaryError(AuthorError):
    """Raise it in a rule that cannot tell now but may at a later sweep."""


class PermanentError(AuthorError):
    """Raise it in a rule that can never tell for this resource until the policy changes."""


class RuleError(AuthorError):
    """A function that cannot be a rule; the message says what to write instead."""


class PolicyError(AuthorError):
    """A value that cannot be a policy; the message says what to write instead."""


class CloudError(CloudwardenError):
    """The cloud's API did not give what was asked for.

    `reason` is the bounded word for metrics and causes. `retryable` says that the same request may succeed
    later. `maybe_done` says that a mutating call may have taken effect all the same, so that only a reading
    can tell.
    """

    reason: ClassVar[str] = "cloud-error"
    retryable: ClassVar[bool] = False
    maybe_done: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class Throttled(CloudError):
    """Asked too often, beyond what retries could wait out."""

    reason = "throttled"
    retryable = True


class AccessDenied(CloudError):
    """The credentials are valid and may not do this."""

    reason = "access-denied"


class CredentialsExpired(CloudError):
    """No credentials, wrong ones, or ones whose time is over."""

    reason = "credentials-expired"


class RegionDisabled(CloudError):
    """The account has not opted in to this region."""

    reason = "region-disabled"


class NotFound(CloudError):
    """The resource that the request names does not exist."""

    reason = "not-found"


class Conflict(CloudError):
    """The resource's state, or what depends on it, forbids the request."""

    reason = "conflict"


class Unavailable(CloudError):
    """The service answered with a fault of its own, or could not be reached."""

    reason = "unavailable"
    retryable = True
    maybe_done = True


class Timeout(CloudError):
    """The request was sent and no answer came in time."""

    reason = "timeout"
    retryable = True
    maybe_done = True


class InvalidRequest(CloudError):
    """The API refused the form of the request."""

    reason = "invalid-request"


class MalformedAnswer(CloudError):
    """An answer came that could not be understood."""

    reason = "malformed-answer"
    maybe_done = True


class NotDelivered(CloudwardenError):
    """A channel did not accept a message, or may not have; the message says why, and nothing secret."""


class TagsUnread(CloudwardenError):
    """A resource's tags are not in its listing, and whoever looked at them cannot ask for them."""


class StoreError(CloudwardenError):
    """The store could not do what was asked; nothing of the transaction was kept."""


class StoreBusy(StoreError):
    """Another writer held the database for longer than the busy timeout."""


class StoreUnwritable(StoreError):
    """The database file is read-only, its disk is full, or it went away."""


class StoreUnusable(StoreError):
    """The file is damaged, or its schema is not one this version knows."""


class NoDatabase(StoreError):
    """There is no database where the settings say, and whoever asked begins none."""


class AlreadyRunning(StoreError):
    """Another daemon owns this store."""


class LeaseLost(StoreError):
    """Another daemon took an action over, after this one was not heard of for its lease."""


class ShippingError(CloudwardenError):
    """The journal's copy off this machine cannot be written or read; the message says where, and what to do."""


class SettingsError(CloudwardenError):
    """The settings cannot be used; the message says which, where, and what to write."""
