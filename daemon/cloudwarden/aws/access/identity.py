"""An account's credentials: refreshed before they end, and believed only once AWS has said whose they are."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.credentials import (
    Credentials,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
    RefreshableCredentials,
)

from cloudwarden.aws.access.account import LONGEST_CHAINED_SECONDS, account_of
from cloudwarden.aws.access.errand import Errand
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.errors import translated
from cloudwarden.aws.pages import Answer
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, MalformedAnswer, NotFound, Timeout
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.ports.asking import asking_until

FAILURE_LASTS_SECONDS = 30.0
"""For how long a failure to get credentials is told again instead of being tried again.

A sweep asks for one account hundreds of times. Were each to wait for the same refusal, or for the same silence, that
account would cost the others their time.
"""

LOOKED_AT_EVERY_SECONDS = 1.0
"""How often credentials are asked whether they end soon, which takes longer than to sign with them. They are renewed
minutes before they end."""

_SESSION = re.compile(r"arn:[^:]+:sts::\d{12}:assumed-role/(?P<role>[^/]+)/.+")

SOURCE_SECONDS = 60.0
"""How long the SDK's chain may take: a program that a profile names (`credential_process`), or the person whom it or a
prompt for a code asks, may never answer, and botocore waits for ever."""

_LATE = (
    f"the first credentials did not come within {SOURCE_SECONDS:.0f} s, and are waited for no more: does the profile's "
    "credential_process, or a prompt for a code, wait for a person?"
)

AskSts = Callable[[Speaker, str, Mapping[str, object]], Answer]
"""Makes one call of STS in somebody's name. Raises CloudError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Whom AWS takes us for. `arn` is the role's session or the user."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """The partition that the account is in, such as `aws` or `aws-cn`."""
        return self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"

    @property
    def role(self) -> str | None:
        """The name of the role of the session, without its path, which a session's ARN leaves out; None for a user.

        See "GetCallerIdentity" of the AWS STS API Reference.
        """
        session = _SESSION.fullmatch(self.arn)
        return session["role"] if session else None

    @property
    def principal(self) -> str:
        """What a trust policy names: the user, or the role of the session, whose path nobody told."""
        return self.arn if self.role is None else f"arn:{self.partition}:iam::{self.account}:role/{self.role}"

    def is_role(self, arn: str) -> bool:
        """Whether a role is the one of the session: in one account no two have the same name, whatever their paths."""
        return account_of(arn) == self.account and arn.rpartition("/")[2] == self.role


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role to assume, and how."""

    arn: str
    external_id: str | None = field(default=None, repr=False)
    session_name: str
    session_policy: str | None = None
    session_seconds: int

    def arguments(self, *, chained: bool) -> Mapping[str, object]:
        """Arguments of AssumeRole; a role that assumes a role has an hour at most."""
        longest = LONGEST_CHAINED_SECONDS if chained else self.session_seconds
        optional = {"ExternalId": self.external_id, "Policy": self.session_policy}
        return {
            "RoleArn": self.arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": min(self.session_seconds, longest),
            **{name: value for name, value in optional.items() if value is not None},
        }


Known = tuple[ReadOnlyCredentials, Caller]
"""Credentials that AWS has told the account of, and what it told."""


class Identity:
    """Who the daemon is in one account. `account` is None for whichever account the credentials turn out to be of.

    Usable by many threads: one of them fetches, the others wait for it; where `make` or a renewal may never end, for
    `within_seconds` at most.
    """

    def __init__(
        self,
        make: Callable[[], Credentials],
        *,
        label: Scope,
        account: str | None,
        sts: AskSts,
        timer: Callable[[], float],
        within_seconds: float | None = None,
    ) -> None:
        self._make = make
        self._given = self._sourced
        if within_seconds is not None:
            self._given = Errand(self._sourced, seconds=within_seconds, late=_LATE).done
        self._label = label
        self._expected = account
        self._sts = sts
        self._timer = timer
        self._credentials: Credentials | None = None
        self._made_at = 0.0
        self._known: Known | None = None
        self._failed: tuple[CloudError, float] | None = None
        self._patient_until = 0.0
        self._looked_at: tuple[Known, float] | None = None
        """Checked credentials, and when they were last found to last."""
        self._vouched: tuple[Known, bool, float] | None = None
        """Credentials that a region refused, whether STS knew them all the same, and when it was asked."""
        self._fetching = threading.RLock()

    def caller(self) -> Caller:
        """Who AWS says that the credentials are. Raises CloudError."""
        return self._current()[1]

    def credentials(self) -> ReadOnlyCredentials:
        """The credentials of now, whose account is known to be the right one. Raises CloudError."""
        return self._current()[0]

    def _current(self) -> Known:
        """Both as one, since another thread may forget what this one has just been given. Raises CloudError."""
        looked_at, now = self._looked_at, self._timer()
        if looked_at is not None and 0.0 <= now - looked_at[1] < LOOKED_AT_EVERY_SECONDS:
            return looked_at[0]
        if (known := self._lasting()) is not None:
            self._looked_at = (known, now)
            return known
        with self._fetching:
            self._tell_failure()
            if (known := self._lasting()) is not None:
                return known
            try:
                # For every scope of the account: that the time of one is over says nothing of the credentials.
                with asking_until(math.inf):
                    return self._fetched()
            except Exception as error:  # noqa: BLE001 - credential chains fail in many ways
                failure = _of_credentials(error)
            self._failed = (failure, self._timer())
        raise failure

    def speaker(self, scope: Scope) -> Speaker:
        """One who makes requests about a scope as this identity."""
        return Speaker(
            scope=scope,
            credentials=self.credentials,
            refused=self.forget,
            vouched=partial(self._vouched_beyond, scope.region),
        )

    def forget(self) -> None:
        """AWS says that the credentials are over, whatever they say themselves: the next request fetches new ones.

        At most every half minute, as new ones would fare no better when the reason is another.
        """
        with self._fetching:
            if self._timer() - self._made_at >= FAILURE_LASTS_SECONDS:
                self._credentials = self._known = self._looked_at = None

    def _vouched_beyond(self, region: str) -> bool:
        """Whether STS still knows the credentials that another region than its own refuses.

        STS is asked again, as they may have been deleted since it was last; at most every half minute, as hundreds of
        calls are refused in a region that is not enabled. One that cannot be asked does not take back what it said.
        """
        if region in (GLOBAL, self._label.region):
            return False
        with self._fetching:
            known, vouched = self._known, self._vouched
            if known is None:
                return False
            recent = vouched is not None and self._timer() - vouched[2] < FAILURE_LASTS_SECONDS
            if vouched is None or vouched[0] is not known or not recent:
                vouched = self._vouched = (known, self._still_known(known[0]), self._timer())
            return vouched[1]

    def _still_known(self, frozen: ReadOnlyCredentials) -> bool:
        try:
            with asking_until(math.inf):
                self._asked(frozen)
        except CredentialsExpired:
            return False
        except CloudError:
            return True
        return True

    def _lasting(self) -> Known | None:
        """The checked credentials, when nothing has to be done about them now."""
        credentials, known = self._credentials, self._known
        if credentials is None or known is None:
            return None
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            # Where a renewal ahead of time has just failed, what there is goes on for a moment.
            return known if self._timer() < self._patient_until else None
        # Another thread may have just renewed them, and not yet asked whose the new ones are.
        return known if credentials.get_frozen_credentials().access_key == known[0].access_key else None

    def _tell_failure(self) -> None:
        if self._failed is None:
            return
        failure, at = self._failed
        if self._timer() - at < FAILURE_LASTS_SECONDS:
            raise type(failure)(str(failure), code=failure.code, request_id=failure.request_id)
        self._failed = None

    def _fetched(self) -> Known:
        try:
            credentials, frozen = self._given()
        except Timeout:
            if (known := self._still_good()) is None:
                raise
            self._patient_until = self._timer() + FAILURE_LASTS_SECONDS
            return known
        known = self._known
        if known is None or known[0].access_key != frozen.access_key:
            known = self._known = (frozen, self._asked(frozen))
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            self._patient_until = self._timer() + FAILURE_LASTS_SECONDS
        return known

    def _sourced(self) -> tuple[Credentials, ReadOnlyCredentials]:
        """The credentials, made or renewed where that is due, and what they are now."""
        # What comes late may find that others have forgotten meanwhile what it began with.
        credentials = self._credentials
        if credentials is None:
            credentials = self._credentials = self._make()
            self._made_at = self._timer()
        return credentials, credentials.get_frozen_credentials()

    def _still_good(self) -> Known | None:
        """The checked credentials, when they end only after the next try to renew them."""
        credentials, least = self._credentials, int(2 * FAILURE_LASTS_SECONDS)
        ends_later = isinstance(credentials, RefreshableCredentials) and not credentials.refresh_needed(least)
        return self._known if ends_later else None

    def _asked(self, frozen: ReadOnlyCredentials) -> Caller:
        """Whose these very credentials are. Raises CloudError, AccessDenied when they are another account's."""
        speaker = Speaker(scope=self._label, credentials=lambda: frozen)
        answer = self._sts(speaker, "get_caller_identity", {})
        caller = Caller(account=str(answer.get("Account") or ""), arn=str(answer.get("Arn") or ""))
        if not caller.account:
            raise CredentialsExpired("GetCallerIdentity: STS named no account")
        if self._expected is not None and caller.account != self._expected:
            raise AccessDenied(f"the credentials are for account {caller.account}, not for {self._expected}")
        return caller


def _of_credentials(error: Exception) -> CloudError:
    """What a source of credentials answered, which says nothing of any resource: that it is not there, least of all.

    See "GetRoleCredentials" of the IAM Identity Center Portal API reference, which answers ResourceNotFoundException. A
    file that cannot be read (a web identity's token, say) is no outage either.
    """
    failure = translated(error)
    if isinstance(error, OSError) and error.filename is not None:
        return CredentialsExpired(f"what gives the credentials cannot be read or run: {failure}")
    if not isinstance(failure, NotFound):
        return failure
    return CredentialsExpired(str(failure), code=failure.code, request_id=failure.request_id)


class AssumedRole(DeferredRefreshableCredentials):
    """Credentials of a role, asked of STS when first used, and again when a quarter of their life is left.

    See "AssumeRole" of the AWS STS API reference.
    """

    def __init__(self, source: Speaker, role: Role, sts: AskSts) -> None:
        super().__init__(self._assumed, "assume-role")
        self._source = source
        self._role = role
        self._sts = sts
        self._advisory_refresh_timeout = min(15 * 60, role.session_seconds // 4)
        self._mandatory_refresh_timeout = min(10 * 60, role.session_seconds // 6)

    def _assumed(self) -> Mapping[str, Any]:
        """New credentials, as botocore takes them. Raises CloudError."""
        chained = self._source.credentials().token is not None
        answer = self._sts(self._source, "assume_role", self._role.arguments(chained=chained))
        given, assumed = answer.get("Credentials", {}), answer.get("AssumedRoleUser", {}).get("Arn", "")
        wanted = account_of(self._role.arn)
        if account_of(assumed) != wanted:
            raise AccessDenied(f"AssumeRole: the role given is {assumed}, which is not of account {wanted}")
        try:
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }
        except (KeyError, AttributeError):
            raise MalformedAnswer("AssumeRole: the answer holds no credentials") from None
