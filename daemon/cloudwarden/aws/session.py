"""Sessions: clients of AWS for every account, asked by service and scope."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from cloudwarden.aws.access import regions
from cloudwarden.aws.access.account import UNKNOWN_ACCOUNT, Account, AwsAccess, OrganizationAccess
from cloudwarden.aws.access.builder import ClientBuilder
from cloudwarden.aws.access.clients import ClientPool, Nobody, SpeakingClient
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.access.discovery import Asking, Discoverer
from cloudwarden.aws.access.identities import Identities
from cloudwarden.aws.access.identity import Identity
from cloudwarden.aws.access.organization import Organization
from cloudwarden.aws.access.roles import Roles
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.access.sts import RegionalSts
from cloudwarden.aws.endpoints import Endpoint, Endpoints
from cloudwarden.aws.iam_actions import iam_action
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.retries import Retries
from cloudwarden.clock import SystemClock
from cloudwarden.core.acceptance import Discovery, DiscoveryProblem, KnownScope
from cloudwarden.core.errors import AccessDenied, SettingsError
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.ports import Reporter


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
        self.clock = ClockWatch(now or SystemClock().now)
        self._builder = ClientBuilder(settings, reporter, timer=timer, clock=self.clock)
        self.pool = ClientPool(self._builder.build, Retries(limits, attempts=settings.attempts), settings.max_clients)
        self._sts = RegionalSts(
            lambda account: regions.likely(settings, account, self.home()), self._sts_in, timer=timer
        )
        self.identities = Identities(
            settings, chain=self._builder.chain, home=self.home, sts=self._sts.ask, timer=timer
        )
        asking = Asking(
            own=self.account,
            unnamed=self.unnamed,
            organization=self._organization(),
            roles=self._roles(),
            client=self._regions_of,
        )
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
        scope = Scope(account=identity.caller().account, region=region or self.unnamed())
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
            ca_bundle=self._builder.chain().get_config_variable("ca_bundle"),
            connect_seconds=self._settings.connect_timeout_seconds,
            read_seconds=self._settings.read_timeout_seconds,
            clock=self.clock,
        )

    def account(self) -> str:
        """The account that the daemon's own credentials belong to. Raises CloudError."""
        return self.identities.own.caller().account

    def scopes(self) -> tuple[Scope, ...]:
        """Every account in each of its regions. Raises CloudError, and SettingsError without any region."""
        return tuple(found.scope for found in self.discover().scopes)

    def discover(self, alive: Callable[[], None] = lambda: None) -> Discovery:
        """Every scope, and what could not be found out; `alive` is called often, and may raise what ends it.

        Raises CloudError when nothing can be told at all.
        """
        return self._discoverer.latest(alive)

    def untold(self) -> tuple[DiscoveryProblem, ...]:
        """What could not be told when `discover` raised CloudError."""
        return self._discoverer.untold()

    def role(self, account: str) -> str | None:
        """The role by which discovery found that an account is reached, for `know` in another process."""
        return self._discoverer.role(account)

    def know(self, roles: Mapping[str, str | None]) -> None:
        """Serve scopes of these accounts without discovering any: for a process that another one tells its scopes.

        By account, the role that was found, if one was.
        """
        self._discoverer.know(roles)

    def home(self) -> str:
        """The region whose STS is asked first, and where global services are asked. Raises SettingsError."""
        return regions.home(self._settings, self._builder.own_region()) or self.unnamed()

    def unnamed(self) -> str:
        """The region where none is named: the first that is anywhere, or the session's own. Raises SettingsError."""
        named = regions.named(self._settings)
        return named[0] if named else self._session_region()

    def _session_region(self) -> str:
        region = self._builder.own_region()
        if not region and not regions.means_enabled(self._settings):
            raise SettingsError(
                'aws.regions: no region is set here or in the AWS profile; write regions = ["eu-west-1"]'
            )
        return region or regions.BY_DEFAULT[0]

    def _known(self) -> str:
        accounts = sorted({scope.account for scope in self.scopes()})
        return ", ".join(accounts[:5]) + (f" and {len(accounts) - 5} more" if len(accounts) > 5 else "")

    def _organization(self) -> Organization | None:
        wanted = self._settings.organization
        if wanted is None:
            return None
        return Organization(wanted, lambda: self._organizing(wanted))

    def _roles(self) -> Roles | None:
        if self._settings.roles is None:
            return None
        return Roles(self._settings, lambda: self.identities.own, lambda: self.own("iam", GLOBAL))

    def _organizing(self, wanted: OrganizationAccess) -> SpeakingClient:
        identity = self.identities.organizer(wanted)
        scope = Scope(account=identity.caller().account, region=GLOBAL)
        return self._speaking(identity, "organizations", scope)

    def _regions_of(self, account: Account) -> SpeakingClient:
        identity = self.identities.of(account)
        identity.credentials()
        return self._speaking(identity, "ec2", Scope(account=account.id, region=self._sts.region(account.id)))

    def _sts_in(self, region: str, speaker: Speaker) -> SpeakingClient:
        return self.pool.client("sts", region, once=False, speaker=speaker)

    def _speaking(self, identity: Identity, service: str, scope: Scope, *, once: bool = False) -> SpeakingClient:
        identity.credentials()
        # A global service has one endpoint for all regions of a partition, and botocore knows which. S3 has one in each
        # region that lists all buckets: that of a region that is known to know the account.
        region = self._sts.region(scope.account) if scope.region == GLOBAL else scope.region
        return self.pool.client(service, region, once=once, speaker=identity.speaker(scope))
