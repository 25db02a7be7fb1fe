"""An AWS that answers from memory, counts its calls, and takes its time: what the measures run against.

Run it as a program: it prints its address, and serves on 127.0.0.1 until it is ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs

DELAY_SECONDS = 0.03
PAGE = 1000
GROUPS = 500
PERIOD_SECONDS = 300
IDLE_ONE_IN = 10

_XMLNS = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_TAGS = "".join(f"<item><key>tag-{number}</key><value>a value of tag {number}</value></item>" for number in range(12))
_INSTANCE = (
    "<item><instanceId>i-{0:017x}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>16</code>"
    "<name>running</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/>"
    "<reason/><keyName>key</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/>"
    "<instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00.000Z</launchTime><placement>"
    "<availabilityZone>eu-central-1a</availabilityZone><groupName/><tenancy>default</tenancy></placement>"
    "<monitoring><state>disabled</state></monitoring><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>"
    "<privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item>"
    "<groupId>sg-1</groupId><groupName>web</groupName></item></groupSet><architecture>x86_64</architecture>"
    "<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item>"
    "<deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId><status>attached</status>"
    "<attachTime>2026-01-01T00:00:00.000Z</attachTime><deleteOnTermination>true</deleteOnTermination></ebs></item>"
    "</blockDeviceMapping><virtualizationType>hvm</virtualizationType><clientToken/><tagSet>" + _TAGS + "</tagSet>"
    "<hypervisor>xen</hypervisor><networkInterfaceSet/><ebsOptimized>false</ebsOptimized></item>"
)


@lru_cache(maxsize=64)
def instances(first: int, total: int) -> bytes:
    """One page of DescribeInstances, as XML."""
    last = min(first + PAGE, total)
    items = "".join(_INSTANCE.format(number) for number in range(first, last))
    token = f"<nextToken>{last}</nextToken>" if last < total else ""
    return (
        f"<DescribeInstancesResponse {_XMLNS}><requestId>r</requestId><reservationSet><item><reservationId>r-1"
        f"</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet>{items}</instancesSet></item>"
        f"</reservationSet>{token}</DescribeInstancesResponse>"
    ).encode()


@lru_cache(maxsize=1)
def groups(*, referring: bool) -> bytes:
    """All of DescribeSecurityGroups, as XML; one in fifty lets the world reach SSH. None refers to another one."""
    items = "".join(
        f"<item><ownerId>123456789012</ownerId><groupId>sg-{number:017x}</groupId><groupName>g{number}</groupName>"
        "<groupDescription>d</groupDescription><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>"
        f"<fromPort>22</fromPort><toPort>22</toPort><groups/><ipRanges><item><cidrIp>"
        f"{'0.0.0.0/0' if number % 50 == 0 else '10.0.0.0/8'}</cidrIp></item></ipRanges><ipv6Ranges/><prefixListIds/>"
        f"</item></ipPermissions><ipPermissionsEgress/><tagSet>{_TAGS}</tagSet></item>"
        for number in range(0 if referring else GROUPS)
    )
    return (
        f"<DescribeSecurityGroupsResponse {_XMLNS}><requestId>r</requestId><securityGroupInfo>{items}"
        "</securityGroupInfo></DescribeSecurityGroupsResponse>"
    ).encode()


def interfaces() -> bytes:
    """DescribeNetworkInterfaces, as XML: no group has a member."""
    return (
        f"<DescribeNetworkInterfacesResponse {_XMLNS}><requestId>r</requestId><networkInterfaceSet/>"
        "</DescribeNetworkInterfacesResponse>"
    ).encode()


def metric_data(request: dict[str, object]) -> bytes:
    """GetMetricData in CloudWatch's JSON: every datapoint between StartTime and EndTime, newest first."""
    start, end = float(str(request["StartTime"])), float(str(request["EndTime"]))
    count = int((end - start) // PERIOD_SECONDS)
    moments = json.dumps([end - PERIOD_SECONDS * (number + 1) for number in range(count)])
    values = {idle: json.dumps([0.5 if idle else 42.0e6] * count) for idle in (True, False)}
    queries = request["MetricDataQueries"]
    assert isinstance(queries, list)
    results = []
    for query in queries:
        number = int(query["MetricStat"]["Metric"]["Dimensions"][0]["Value"].removeprefix("i-"), 16)
        results.append(
            f'{{"Id":"{query["Id"]}","Label":"l","StatusCode":"Complete","Timestamps":{moments},'
            f'"Values":{values[number % IDLE_ONE_IN == 0]}}}'
        )
    return f'{{"MetricDataResults":[{",".join(results)}],"Messages":[]}}'.encode()


def metric_statistics(request: dict[str, object]) -> bytes:
    """GetMetricStatistics in CloudWatch's JSON: one metric of one instance, over the same datapoints."""
    start, end, period = (float(str(request[key])) for key in ("StartTime", "EndTime", "Period"))
    (statistic,) = list(request["Statistics"])  # type: ignore[call-overload]
    number = int(request["Dimensions"][0]["Value"].removeprefix("i-"), 16)  # type: ignore[index]
    value = 0.5 if number % IDLE_ONE_IN == 0 else 42.0e6
    if statistic == "Sum":
        value *= period / PERIOD_SECONDS
    points = [
        {"Timestamp": start + period * place, statistic: value, "Unit": "None"}
        for place in range(int((end - start) // period))
    ]
    return json.dumps({"Label": request["MetricName"], "Datapoints": points}).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection after another request."""

    protocol_version = "HTTP/1.1"
    total = PAGE
    counts: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """The counts so far; asked at /count, they then begin anew."""
        body = json.dumps(self.counts).encode()
        if self.path == "/count":
            self.counts.clear()
        self._send(body, "application/json")

    def do_POST(self) -> None:
        """One call of AWS."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers.get("X-Amz-Target")
        time.sleep(DELAY_SECONDS)
        if target is not None:
            operation = target.rpartition(".")[2]
            self.counts[operation] += 1
            answer = {"GetMetricData": metric_data, "GetMetricStatistics": metric_statistics}[operation]
            self._send(answer(json.loads(raw)), "application/x-amz-json-1.0")
            return
        asked = parse_qs(raw.decode())
        operation = asked["Action"][0]
        self.counts[operation] += 1
        answers: dict[str, Callable[[], bytes]] = {
            "DescribeInstances": lambda: instances(int(asked.get("NextToken", ["0"])[0]), self.total),
            "DescribeNetworkInterfaces": interfaces,
            "DescribeSecurityGroups": lambda: groups(referring="Filter.1.Name" in asked),
            "GetCallerIdentity": lambda: (
                b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                b"<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>"
                b"</GetCallerIdentityResponse>"
            ),
        }
        self._send(answers[operation](), "text/xml")

    def _send(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing of each request."""


if __name__ == "__main__":
    Handler.total = int(sys.argv[1])
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201
        server.serve_forever()
