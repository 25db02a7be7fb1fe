"""Clients of AWS: the one place that builds them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.metadata import version
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver
from botocore.exceptions import IncompleteReadError
from botocore.session import Session
from botocore.utils import parse_timestamp

from cloudwarden.aws.access.account import ENABLED, UNKNOWN_ACCOUNT, Account, AwsAccess, OrganizationAccess
from cloudwarden.aws.access.clients import ClientPool, Nobody, SpeakingClient
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.access.deadline import bound_answers
from cloudwarden.aws.access.discovery import Asking, Discoverer
from cloudwarden.aws.access.identities import Identities
from cloudwarden.aws.access.identity import Identity
from cloudwarden.aws.access.organization import Organization
from cloudwarden.aws.access.outages import Outages
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.access.stencil import Stencils
from cloudwarden.aws.access.watch import Watch
from cloudwarden.aws.endpoints import Endpoint, Endpoints
from cloudwarden.aws.errors import translated
from cloudwarden.aws.iam_actions import iam_action
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.models import LeanModels
from cloudwarden.aws.parsers import Parsers
from cloudwarden.aws.retries import Retries
from cloudwarden.aws.witness import Witness
from cloudwarden.clock import SystemClock
from cloudwarden.core.acceptance import Discovery, KnownScope
from cloudwarden.core.errors import AccessDenied, SettingsError
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.ports import Reporter

FIRST_REGION = "us-east-1"
"""Enabled in every account of AWS; asked for the others where no region is named."""

__all__ = ["AwsAccess", "Sessions", "moment", "new_session"]


class Sessions:
    """Clients by service and scope, for every account and every thread.

    All accounts share clients and one loader, since an EC2 model is 24 MB and a client more than one: each request
    is signed as its scope's account. botocore repeats nothing: what reads is asked again by our own Retries, and a
    client that asks `once` never, so that nothing that changes things is done twice. Every request is reported as
    CloudCalled, repeated ones each.
    """

    def __init__(
        self,
        settings: AwsAccess,
        reporter: Reporter,
        limits: Limits,
        *,
        timer: Callable[[], float] = time.perf_counter,
        now: Callable[[], datetime] | None = None,
        remembered: Callable[[], Collection[KnownScope]] = tuple,
    ) -> None:
        self._settings = settings
        self._retries = Retries(limits, attempts=settings.attempts)
        self._reporter = reporter
        self._timer = timer
        self._session: Session | None = None
        self._chained: Session | None = None
        self._opening = threading.RLock()
        self.clock = ClockWatch(now or SystemClock().now)
        self._outages = Outages(timer)
        self.pool = ClientPool(self._built, self._retries, settings.max_clients)
        self.identities = Identities(settings, chain=self._chain, home=self.home, sts=self._sts, timer=timer)
        asking = Asking(own=self.account, home=self.home, organization=self._organization(), client=self._regions_of)
        self._discoverer = Discoverer(settings, asking, remembered=remembered, timer=timer)

    def client(self, service: str, scope: Scope, *, once: bool = False) -> SpeakingClient:
        """The client for a service in a scope. Raises CloudError, AccessDenied among them for a stranger's scope.

        What another account's API says of a resource is nothing: it does not know it, and that is no proof that
        the resource is gone. So the account of the credentials is asked before they are used.
        """
        return self._speaking(self.identity(scope.account), service, scope, once=once)

    def own(self, service: str, region: str | None = None, *, once: bool = False) -> SpeakingClient:
        """The client for a service that the daemon uses for itself, in its own name. Raises CloudError."""
        identity = self.identities.own
        scope = Scope(account=identity.caller().account, region=region or self.home())
        return self._speaking(identity, service, scope, once=once)

    def identity(self, id_: str) -> Identity:
        """Who the daemon is in an account that it looks after. Raises CloudError."""
        account = self._discoverer.account(id_)
        if account is None:
            raise AccessDenied(f"account {id_} is none of those that are looked after ({self._known()})")
        return self.identities.of(account)

    def permission(self, service: str, operation: str, scope: Scope) -> str:
        """The IAM action of an operation in boto3's snake case, such as `ec2:StopInstances`. Raises CloudError."""
        names = self.client(service, scope).meta.method_to_api_mapping
        return iam_action(service, names.get(operation, operation))

    def endpoint(self, service: str, region: str) -> Endpoint:
        """Where a service is asked, known without any credentials. Raises CloudError."""
        region = self.home() if region == GLOBAL else region
        nobody = Speaker(
            scope=Scope(account=UNKNOWN_ACCOUNT, region=region), credentials=Nobody().get_frozen_credentials
        )
        client = self.pool.client(service, region, once=False, speaker=nobody)
        return Endpoint(service=service, region=region, url=client.meta.endpoint_url)

    def endpoints(self) -> Endpoints:
        """What finds out whether endpoints answer, as this process's clients reach them."""
        return Endpoints(
            ca_bundle=self._chain().get_config_variable("ca_bundle"),
            connect_seconds=self._settings.connect_timeout_seconds,
            read_seconds=self._settings.read_timeout_seconds,
        )

    def account(self) -> str:
        """The account that the daemon's own credentials belong to. Raises CloudError."""
        return self.identities.own.caller().account

    def scopes(self) -> tuple[Scope, ...]:
        """Every account in each of its regions. Raises CloudError, and SettingsError without any region."""
        return tuple(found.scope for found in self.discover().scopes)

    def discover(self) -> Discovery:
        """Every scope, and what could not be found out. Raises CloudError when nothing can be told at all."""
        return self._discoverer.latest()

    def know(self, accounts: Iterable[str]) -> None:
        """Serve scopes of these accounts without discovering any: for a process that another one tells its scopes."""
        self._discoverer.know(accounts)

    def home(self) -> str:
        """The region whose STS is asked, and where global services are: the first that is named, or the session's own.

        Raises SettingsError when there is neither.
        """
        named = (*self._settings.regions, *(name for one in self._settings.accounts for name in one.regions))
        regions = [region for region in named if region != ENABLED]
        default = regions[0] if regions else self._chain().get_config_variable("region")
        if not default and not named:
            raise SettingsError(
                'aws.regions: no region is set here or in the AWS profile; write regions = ["eu-west-1"]'
            )
        return str(default or FIRST_REGION)

    def _known(self) -> str:
        accounts = sorted({scope.account for scope in self.scopes()})
        return ", ".join(accounts[:5]) + (f" and {len(accounts) - 5} more" if len(accounts) > 5 else "")

    def _organization(self) -> Organization | None:
        wanted = self._settings.organization
        if wanted is None:
            return None
        return Organization(wanted, lambda: self._organizing(wanted))

    def _organizing(self, wanted: OrganizationAccess) -> SpeakingClient:
        identity = self.identities.organizer(wanted)
        scope = Scope(account=identity.caller().account, region=GLOBAL)
        return self._speaking(identity, "organizations", scope)

    def _regions_of(self, account: Account) -> SpeakingClient:
        scope = Scope(account=account.id, region=self.home())
        return self._speaking(self.identities.of(account), "ec2", scope)

    def _sts(self, speaker: Speaker) -> SpeakingClient:
        return self.pool.client("sts", self.home(), once=False, speaker=speaker)

    def _speaking(self, identity: Identity, service: str, scope: Scope, *, once: bool = False) -> SpeakingClient:
        identity.credentials()
        # A global service has one endpoint for all regions of a partition, and botocore knows which.
        region = self.home() if scope.region == GLOBAL else scope.region
        return self.pool.client(service, region, once=once, speaker=identity.speaker(scope))

    def _chain(self) -> Session:
        """Where the first credentials come from, and what the profile says. Raises CloudError."""
        with self._opening:
            if self._chained is None:
                try:
                    chained = new_session(self._settings.profile)
                    chained.get_config_variable("region")
                except Exception as error:  # noqa: BLE001 - profiles fail in many ways
                    failure = translated(error)
                else:
                    self._chained = chained
                    return chained
                raise failure
            return self._chained

    def _opened(self) -> Session:
        """Where shared clients come from: it has no credentials of its own, so that none can be used by mistake."""
        with self._opening:
            if self._session is None:
                session = new_session(self._settings.profile)
                session.register_component("data_loader", self._chain().get_component("data_loader"))
                session.register_component("credential_provider", CredentialResolver(providers=[NobodyProvider()]))
                self._session = session
            return self._session

    def _built(self, service: str, region: str, once: bool) -> tuple[BaseClient, Stencils]:  # noqa: FBT001 - the pool's
        session = self._opened()
        client = self._created(session, service, region=region)
        witness = Witness(service=service, reporter=self._reporter, timer=self._timer)
        witness.watch(client)
        self.clock.watch(client)
        if not once:
            self._outages.watch(client)
        watch = Watch(witness=witness, clock=self.clock, outages=self._outages, region=region)
        return client, Stencils(client, session.get_component("response_parser_factory"), watch, self.clock.now)

    def _created(self, session: Session, service: str, *, region: str) -> BaseClient:
        try:
            client = session.create_client(
                service,
                region_name=region,
                endpoint_url=self._settings.endpoint_url,
                config=self._config(),
            )
        except Exception as error:  # noqa: BLE001 - profiles and credential chains fail in many ways
            failure = translated(error)
        else:
            bound_answers(client)
            if self._settings.endpoint_url is not None:
                client.meta.events.register("before-call.s3-control", partial(as_given, self._settings.endpoint_url))
            client.meta.events.register(f"before-parse.{client.meta.service_model.service_id.hyphenize()}", refuse_cut)
            return client
        raise failure

    def _config(self) -> Config:
        return Config(
            connect_timeout=self._settings.connect_timeout_seconds,
            read_timeout=self._settings.read_timeout_seconds,
            max_pool_connections=self._settings.max_connections,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra=f"cloudwarden/{version('cloudwarden')}",
        )


class NobodyProvider(CredentialProvider):
    """Gives a session credentials that refuse to sign."""

    METHOD = "cloudwarden-nobody"

    def load(self) -> Nobody:
        """Nobody's credentials."""
        return Nobody()


def new_session(profile: str | None) -> Session:
    """A botocore session with regional STS endpoints, our parsers and timestamps, and lean service models."""
    session = Session(profile=profile)
    # A regional endpoint answers when us-east-1 does not; see "AWS STS Regional endpoints".
    session.set_config_variable("sts_regional_endpoints", "regional")
    parsers = Parsers()
    parsers.set_parser_defaults(timestamp_parser=moment)
    session.register_component("response_parser_factory", parsers)
    session.get_component("data_loader").file_loader = LeanModels()
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


def as_given(endpoint_url: str, params: dict[str, Any], **_: object) -> None:
    """Send a request to the endpoint that the settings give, without the account that S3 Control puts before it.

    `123456789012.127.0.0.1` is nobody's name. The account is in the header `x-amz-account-id` all the same.
    """
    scheme, _slashes, host = endpoint_url.rstrip("/").partition("://")
    account, dot, _rest = str(params["url"]).removeprefix(f"{scheme}://").partition(".")
    if dot and account.isdigit():
        params["url"] = str(params["url"]).replace(f"{scheme}://{account}.{host}", f"{scheme}://{host}", 1)


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
