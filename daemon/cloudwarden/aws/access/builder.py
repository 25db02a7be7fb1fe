"""Building clients: the one place that does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver
from botocore.exceptions import IncompleteReadError
from botocore.session import Session

from cloudwarden.aws.access import regions
from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.access.clients import Nobody
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.access.deadline import bound_answers
from cloudwarden.aws.access.stencil import Stencils
from cloudwarden.aws.access.watch import Watch
from cloudwarden.aws.errors import translated
from cloudwarden.aws.models import LeanModels
from cloudwarden.aws.moment import moment
from cloudwarden.aws.parsers import Parsers
from cloudwarden.aws.witness import Witness
from cloudwarden.ports import Reporter


class ClientBuilder:
    """Builds clients that share one loader, have no credentials of their own, and are watched."""

    def __init__(
        self, settings: AwsAccess, reporter: Reporter, *, timer: Callable[[], float], clock: ClockWatch
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        self._timer = timer
        self._clock = clock
        self._session: Session | None = None
        self._chained: Session | None = None
        self._own_region: str | None = None
        self._opening = threading.RLock()

    def chain(self) -> Session:
        """Where the first credentials come from, and what the profile says. Raises CloudError."""
        with self._opening:
            if self._chained is None:
                try:
                    chained = new_session(self._settings.profile)
                    self._own_region = chained.get_config_variable("region")
                except Exception as error:  # noqa: BLE001 - profiles fail in many ways
                    failure = translated(error)
                else:
                    self._chained = chained
                    self._place(chained)
                    return chained
                raise failure
            return self._chained

    def own_region(self) -> str | None:
        """The region that the profile or the environment names. Raises CloudError."""
        self.chain()
        return self._own_region or None

    def _place(self, chained: Session) -> None:
        """Have the chain ask STS, for a profile's role, in a region of the settings where there is no other."""
        named = regions.named(self._settings)
        if not self._own_region and (region := regions.home(self._settings, None) or next(iter(named), None)):
            chained.set_config_variable("region", region)

    def _opened(self) -> Session:
        """Where shared clients come from: it has no credentials of its own, so that none can be used by mistake."""
        with self._opening:
            if self._session is None:
                session = new_session(self._settings.profile)
                session.register_component("data_loader", self.chain().get_component("data_loader"))
                session.register_component("credential_provider", CredentialResolver(providers=[NobodyProvider()]))
                self._session = session
            return self._session

    def build(self, service: str, region: str) -> tuple[BaseClient, Stencils]:
        """A client, and the stencils of its requests. Raises CloudError."""
        session = self._opened()
        client = self._created(session, service, region=region)
        witness = Witness(service=service, reporter=self._reporter, timer=self._timer)
        witness.watch(client)
        self._clock.watch(client)
        watch = Watch(witness=witness, clock=self._clock)
        return client, Stencils(client, session.get_component("response_parser_factory"), watch, self._clock.now)

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
    listing that broke off would look complete, and tags whose answer broke off at once would be no tags. Nothing here
    asks by HEAD, whose answers promise what they do not send.
    """
    body = response_dict["body"]
    promised = response_dict["headers"].get("content-length", "")
    if isinstance(body, bytes) and promised.isdigit() and len(body) < int(promised):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(promised))


def as_given(endpoint_url: str, params: dict[str, Any], **_: object) -> None:
    """Send a request to the endpoint that the settings give, without the account that S3 Control puts before it.

    `123456789012.127.0.0.1` is nobody's name. The account is in the header `x-amz-account-id` all the same.
    """
    scheme, _slashes, host = endpoint_url.rstrip("/").partition("://")
    account, dot, _rest = str(params["url"]).removeprefix(f"{scheme}://").partition(".")
    if dot and account.isdigit():
        params["url"] = str(params["url"]).replace(f"{scheme}://{account}.{host}", f"{scheme}://{host}", 1)
