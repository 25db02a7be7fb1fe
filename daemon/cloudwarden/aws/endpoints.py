"""Whether AWS's endpoints can be reached from here: by name, through proxies, with a certificate that is trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from cloudwarden.aws import remedies
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import Unavailable

_NOT_FROM_AWS = frozenset({407, 502, 503, 504})
"""What a proxy or load balancer says when it does not get through; a service answers a bare GET with anything else."""

_OBJECT = re.compile(r"^(<.*?>|\w+\(.*?\)): ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where one service of one region is asked."""

    service: str
    region: str
    url: str


class Endpoints:
    """Knocks at endpoints, unsigned, in the way in which botocore's clients reach them.

    `ca_bundle` is the file of authorities that the profile or `AWS_CA_BUNDLE` names, if any. `clock` hears each answer:
    where credentials are of no use, no other one says what time it is.
    """

    def __init__(
        self, *, ca_bundle: str | None, connect_seconds: float, read_seconds: float, clock: ClockWatch
    ) -> None:
        self._ca_bundle = ca_bundle
        self._timeout = (connect_seconds, read_seconds)
        self._clock = clock

    def knock(self, endpoint: Endpoint) -> Check:
        """Whether it answers; if not, whether the name, the way, the proxy or the certificate is why."""
        checked = Check(
            area=Area.ENDPOINT, subject=urlsplit(endpoint.url).netloc, where=endpoint.region, health=Health.OK
        )
        try:
            status = self._answer(endpoint.url)
        except boto.SSLError as error:
            detail, fix = f"TLS: {_cause(error)}", remedies.TRUST
        except boto.ProxyConnectionError as error:
            detail, fix = f"the proxy does not let it through: {_cause(error)}", remedies.PROXY
        except (boto.HTTPClientError, boto.ConnectionError, OSError) as error:
            detail, fix = _cause(error), remedies.for_endpoint(endpoint.region, _cause(error))
        else:
            if status not in _NOT_FROM_AWS:
                return checked
            detail, fix = f"answered with HTTP {status}", remedies.for_reason(Unavailable.reason)
        return Check(
            area=checked.area,
            subject=checked.subject,
            where=checked.where,
            health=Health.FAILED,
            detail=detail,
            fix=fix,
        )

    def _answer(self, url: str) -> int:
        # botocore's own types do not know that it takes a file and a pair here.
        verify: Any = self._ca_bundle or True
        timeout: Any = self._timeout
        http = URLLib3Session(verify=verify, proxies=get_environ_proxies(url), timeout=timeout, max_pool_connections=1)
        try:
            answer = http.send(AWSRequest(method="GET", url=url).prepare())
            if answer.status_code not in _NOT_FROM_AWS:
                self._clock.answered(answer, {})
            return int(answer.status_code)
        finally:
            http.close()


def _cause(error: Exception) -> str:
    """The library's own words, without the object that it puts before them."""
    beneath = getattr(error, "kwargs", {}).get("error")
    return _OBJECT.sub("", str(beneath if isinstance(beneath, Exception) else error))
