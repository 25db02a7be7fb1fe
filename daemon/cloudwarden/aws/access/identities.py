"""As whom the daemon speaks in each account: itself at home, a role everywhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from botocore.credentials import Credentials
from botocore.session import Session

from cloudwarden.aws.access.account import (
    UNKNOWN_ACCOUNT,
    Account,
    AwsAccess,
    OrganizationAccess,
    account_of,
    role_of,
)
from cloudwarden.aws.access.identity import SOURCE_SECONDS, AskSts, AssumedRole, Caller, Identity, Role
from cloudwarden.core.errors import CredentialsExpired
from cloudwarden.core.resource import Scope
from cloudwarden.lately import Lately


class Identities:
    """One identity for each account and role, made when first needed and kept while it is used.

    botocore's chain gives the first credentials: environment, profile, SSO, web identity, container, machine. From
    these the daemon's own role is assumed, if it has one, and from that the members' roles.
    """

    def __init__(
        self,
        access: AwsAccess,
        *,
        chain: Callable[[], Session],
        home: Callable[[], str],
        sts: AskSts,
        timer: Callable[[], float],
    ) -> None:
        self._access = access
        self._chain = chain
        self._home = home
        self._sts = sts
        self._timer = timer
        self._identities: Lately[tuple[str, bool] | None, Identity] = Lately(timer)
        self._members: Lately[str, tuple[Account, Caller, Identity]] = Lately(timer)
        """By account: what was asked, as whom, and who it is."""
        self._making = threading.RLock()

    @property
    def first(self) -> Identity:
        """Who the daemon is before it assumes any role."""
        with self._making:
            return self._kept(None, self._from_chain, None, within_seconds=SOURCE_SECONDS)

    @property
    def own(self) -> Identity:
        """Who the daemon is: its own role, if the settings name one. Unrestricted, as it has to assume the others."""
        arn = self._access.role_arn
        return self.first if arn is None else self._as_role(arn, self._access.external_id, self.first)

    def of(self, account: Account) -> Identity:
        """Who reads and acts in an account: the daemon itself in its own, unless the settings name another role there.

        The session policy, if there is one, binds every role that is assumed for this. Raises CloudError.
        """
        caller = self.own.caller()
        known = self._members.get(account.id)
        if known is None or known[:2] != (account, caller):
            known = self._members.keep(account.id, (account, caller, self._member(account, caller)))
        return known[2]

    def _member(self, account: Account, caller: Caller) -> Identity:
        if account.role_arn is not None or caller.account != account.id:
            arn = role_of(self._access, account, caller.partition)
            external_id = account.external_id or self._access.member_external_id
            return self._as_role(arn, external_id, self.own, account=account.id, bound=True)
        if self._access.role_arn is not None and self._access.session_policy is not None:
            return self._as_role(self._access.role_arn, self._access.external_id, self.first, bound=True)
        return self.own

    def organizer(self, organization: OrganizationAccess) -> Identity:
        """Who asks AWS Organizations."""
        if organization.role_arn is None:
            return self.own
        return self._as_role(organization.role_arn, organization.external_id, self.own)

    def _as_role(
        self,
        arn: str,
        external_id: str | None,
        source: Identity,
        *,
        account: str | None = None,
        bound: bool = False,
    ) -> Identity:
        role = Role(
            arn=arn,
            external_id=external_id,
            session_name=self._access.session_name,
            session_policy=self._access.session_policy if bound else None,
            session_seconds=self._access.session_seconds,
        )
        expected = account or account_of(arn)
        speaker = source.speaker(self._label(expected))
        with self._making:
            return self._kept((arn, bound), lambda: AssumedRole(speaker, role, self._sts), expected)

    def _kept(
        self,
        key: tuple[str, bool] | None,
        make: Callable[[], Credentials],
        account: str | None,
        *,
        within_seconds: float | None = None,
    ) -> Identity:
        if (found := self._identities.get(key)) is not None:
            return found
        made = Identity(
            make,
            label=self._label(account),
            account=account,
            sts=self._sts,
            timer=self._timer,
            within_seconds=within_seconds,
        )
        return self._identities.keep(key, made)

    def _from_chain(self) -> Credentials:
        # Not the session's own, which it keeps for ever: keys that were changed in a file are read anew.
        credentials: Credentials | None = self._chain().get_component("credential_provider").load_credentials()
        if credentials is None:
            raise CredentialsExpired(
                "no credentials: set the environment, a profile (aws.profile), or give this machine a role"
            )
        return credentials

    def _label(self, account: str | None) -> Scope:
        return Scope(account=account or UNKNOWN_ACCOUNT, region=self._home())
