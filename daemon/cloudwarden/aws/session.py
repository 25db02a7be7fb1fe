"""Clients of AWS: the one place that builds them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.metadata import version
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import IncompleteReadError
from botocore.session import Session
from botocore.utils import parse_timestamp

from cloudwarden.aws.errors import translated
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.pages import ask
from cloudwarden.aws.retries import Retries, ScopedClient
from cloudwarden.aws.witness import Witness
from cloudwarden.core.errors import AccessDenied, CredentialsExpired, SettingsError
from cloudwarden.core.resource import Scope
from cloudwarden.ports import Reporter

GLOBAL = "global"
UNKNOWN_ACCOUNT = "unknown"
"""Labels the requests by which the account is found out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsAccess:
    """How AWS is reached. Empty `regions` is the profile's or environment's own region.

    `attempts` counts the first one. With `role_arn`, everything is read and done as that role.
    """

    regions: tuple[str, ...] = ()
    profile: str | None = None
    endpoint_url: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 20.0
    attempts: int = 4
    max_connections: int = 16


class Sessions:
    """Clients by service and scope, built once, shared by all threads.

    All sessions share one loader, since an EC2 model is 24 MB. botocore repeats nothing: what reads is asked again
    by our own Retries, and a client that asks `once` never, so that nothing that changes things is done twice. Every
    request is reported as CloudCalled, repeated ones each.
    """

    def __init__(
        self, settings: AwsAccess, reporter: Reporter, limits: Limits, *, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._settings = settings
        self._retries = Retries(limits, attempts=settings.attempts)
        self._reporter = reporter
        self._timer = timer
        self._clients: dict[tuple[str, Scope, bool], ScopedClient] = {}
        self._account: str | None = None
        self._session: Session | None = None
        # Building a client is not thread-safe in botocore; using one is.
        self._building = threading.RLock()

    def client(self, service: str, scope: Scope, *, once: bool = False) -> ScopedClient:
        """The client for a service in a scope. Raises CloudError, AccessDenied among them for another account's scope.

        What another account's API says of a resource is nothing: it does not know it, and that is no proof that
        the resource is gone.
        """
        key = (service, scope, once)
        if found := self._clients.get(key):
            return found
        if scope.account != self.account():
            raise AccessDenied(f"the credentials are for account {self.account()}, not for {scope.account}")
        with self._building:
            if key not in self._clients:
                self._clients[key] = self._built(service, scope, once=once)
            return self._clients[key]

    def account(self) -> str:
        """The account that the credentials belong to, asked of STS once. Raises CloudError."""
        if self._account is None:
            with self._building:
                if self._account is None:
                    self._account = self._asked_account()
        return self._account

    def scopes(self) -> tuple[Scope, ...]:
        """The account in each configured region. Raises CloudError, and SettingsError without any region."""
        regions = self._regions()
        account = self.account()
        return tuple(Scope(account=account, region=region) for region in regions)

    def _asked_account(self) -> str:
        client = self._built("sts", Scope(account=self._role_account(), region=self._regions()[0]))
        account = ask(client, "get_caller_identity", {}).get("Account")
        if not isinstance(account, str) or not account:
            raise CredentialsExpired("GetCallerIdentity: STS named no account")
        return account

    def _role_account(self) -> str:
        """The account in the role's ARN, such as `arn:aws:iam::123456789012:role/name`."""
        parts = (self._settings.role_arn or "").split(":")
        return parts[4] if len(parts) > 5 else UNKNOWN_ACCOUNT

    def _regions(self) -> tuple[str, ...]:
        if self._settings.regions:
            return tuple(dict.fromkeys(self._settings.regions))
        default = self._opened().get_config_variable("region")
        if not default:
            raise SettingsError(
                'aws.regions: no region is set here or in the AWS profile; write regions = ["eu-west-1"]'
            )
        return (str(default),)

    def _opened(self) -> Session:
        with self._building:
            if self._session is None:
                self._session = self._with_role(new_session(self._settings.profile))
            return self._session

    def _with_role(self, source: Session) -> Session:
        if self._settings.role_arn is None:
            return source
        session = new_session(self._settings.profile)
        session.register_component("data_loader", source.get_component("data_loader"))
        provider = RoleProvider(lambda: self._assumed(source, self._settings.role_arn or ""))
        session.register_component("credential_provider", CredentialResolver(providers=[provider]))
        return session

    def _assumed(self, source: Session, role_arn: str) -> DeferredRefreshableCredentials:
        """Credentials of the role, fetched when first used and again before they expire."""
        credentials = source.get_credentials()
        if credentials is None:
            raise CredentialsExpired(f"no credentials to assume {role_arn} with")
        extra = {"RoleSessionName": "cloudwarden"}
        if self._settings.external_id is not None:
            extra["ExternalId"] = self._settings.external_id
        scope = Scope(account=self._role_account(), region=self._regions()[0])
        fetcher = AssumeRoleCredentialFetcher(
            partial(self._created, source, scope=scope), credentials, role_arn, extra_args=extra
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _built(self, service: str, scope: Scope, *, once: bool = False) -> ScopedClient:
        return ScopedClient(self._created(self._opened(), service, scope=scope), scope, self._retries, once=once)

    def _created(self, session: Session, service: str, *, scope: Scope, **credentials: Any) -> BaseClient:
        # A global service has one endpoint for all regions of a partition, and botocore knows which.
        region = self._regions()[0] if scope.region == GLOBAL else scope.region
        try:
            client = session.create_client(
                service,
                region_name=region,
                endpoint_url=self._settings.endpoint_url,
                # Only what assumes a role is asked by botocore itself, in the middle of another call.
                config=self._config(attempts=self._settings.attempts if credentials else 1),
                **credentials,
            )
        except Exception as error:  # noqa: BLE001 - profiles and credential chains fail in many ways
            failure = translated(error)
        else:
            client.meta.events.register(f"before-parse.{client.meta.service_model.service_id.hyphenize()}", refuse_cut)
            Witness(service=service, scope=scope, reporter=self._reporter, timer=self._timer).watch(client)
            return client
        raise failure

    def _config(self, *, attempts: int) -> Config:
        return Config(
            connect_timeout=self._settings.connect_timeout_seconds,
            read_timeout=self._settings.read_timeout_seconds,
            max_pool_connections=self._settings.max_connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra=f"cloudwarden/{version('cloudwarden')}",
        )


class RoleProvider(CredentialProvider):
    """Gives a session an assumed role's credentials, and nothing else when they fail."""

    METHOD = "cloudwarden-role"

    def __init__(self, assumed: Callable[[], DeferredRefreshableCredentials]) -> None:
        super().__init__()
        self._assumed = assumed

    def load(self) -> DeferredRefreshableCredentials:
        """The role's credentials; nothing is asked yet."""
        return self._assumed()


def new_session(profile: str | None) -> Session:
    """A botocore session with regional STS endpoints and our timestamps."""
    session = Session(profile=profile)
    # A regional endpoint answers when us-east-1 does not; see "AWS STS Regional endpoints".
    session.set_config_variable("sts_regional_endpoints", "regional")
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    return session


def refuse_cut(response_dict: Mapping[str, Any], **_: object) -> None:
    """Refuse an answer shorter than its Content-Length. Raises IncompleteReadError.

    botocore does not compare the two, and its JSON parser takes half a document for one without content: a
    listing that broke off would look complete. An empty body may be the answer to HEAD.
    """
    body = response_dict["body"]
    promised = response_dict["headers"].get("content-length", "")
    if isinstance(body, bytes) and body and promised.isdigit() and len(body) < int(promised):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(promised))


@lru_cache(maxsize=8192)
def moment(value: str | float) -> datetime:
    """An AWS timestamp, ISO 8601 or Unix seconds, as an aware datetime in UTC. Raises ValueError.

    CloudWatch answers in JSON, with Unix seconds, and EC2 in XML, with ISO 8601. botocore's own parser gives the
    former in the machine's local zone, and is slow. Series share their instants, hence the cache.
    """
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = parse_timestamp(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
