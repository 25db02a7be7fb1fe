"""An estate of many accounts that answers from memory: thousands of requests a second, and each one counted.

Run it as a program with the number of resources in a listing: it prints its address, and serves on 127.0.0.1 until
it is ended. Every account and region has the same resources; roles are assumed, and every listing pages.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from functools import lru_cache
from typing import ClassVar
from urllib.parse import parse_qs

PAGE = 1000
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
)
UNOWNED_ONE_IN = 100

_XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_TAGS = "".join(f"<item><key>tag-{number}</key><value>a value of tag {number}</value></item>" for number in range(5))

KINDS = {
    "DescribeInstances": (
        "reservationSet",
        (
            "<item><reservationId>r-{n:017x}</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item>"
            "<instanceId>i-{n:017x}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>16</code>"
            "<name>running</name></instanceState><instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00.000Z"
            "</launchTime><placement><availabilityZone>a</availabilityZone><tenancy>default</tenancy></placement><monitoring>"
            "<state>disabled</state></monitoring><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1"
            "</privateIpAddress><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>"
            "/dev/xvda</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1"
            "</volumeId><status>attached</status></ebs></item></blockDeviceMapping>{tags}</item></instancesSet></item>"
        ),
    ),
    "DescribeVolumes": (
        "volumeSet",
        (
            "<item><volumeId>vol-{n:017x}</volumeId><size>100</size><snapshotId/><availabilityZone>a</availabilityZone>"
            "<status>in-use</status><createTime>2026-01-01T00:00:00.000Z</createTime><attachmentSet><item><volumeId>"
            "vol-{n:017x}</volumeId><instanceId>i-1</instanceId><device>/dev/xvda</device><status>attached</status></item>"
            "</attachmentSet><volumeType>gp3</volumeType><encrypted>true</encrypted>{tags}</item>"
        ),
    ),
    "DescribeSecurityGroups": (
        "securityGroupInfo",
        (
            "<item><ownerId>123456789012</ownerId><groupId>sg-{n:017x}</groupId><groupName>g{n}</groupName>"
            "<groupDescription>d</groupDescription><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>"
            "<fromPort>22</fromPort><toPort>22</toPort><groups/><ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges>"
            "<ipv6Ranges/><prefixListIds/></item></ipPermissions><ipPermissionsEgress/>{tags}</item>"
        ),
    ),
    "DescribeSnapshots": (
        "snapshotSet",
        (
            "<item><snapshotId>snap-{n:017x}</snapshotId><volumeId>vol-1</volumeId><status>completed</status><startTime>"
            "2026-01-01T00:00:00.000Z</startTime><progress>100%</progress><ownerId>123456789012</ownerId><volumeSize>100"
            "</volumeSize><description>d</description><encrypted>true</encrypted>{tags}</item>"
        ),
    ),
    "DescribeAddresses": (
        "addressesSet",
        (
            "<item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-{n:017x}</allocationId><domain>vpc</domain>"
            "{tags}</item>"
        ),
    ),
    "DescribeNatGateways": (
        "natGatewaySet",
        (
            "<item><natGatewayId>nat-{n:017x}</natGatewayId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><state>"
            "available</state><createTime>2026-01-01T00:00:00.000Z</createTime>{tags}</item>"
        ),
    ),
    "DescribeSubnets": (
        "subnetSet",
        (
            "<item><subnetId>subnet-{n:017x}</subnetId><state>available</state><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/24"
            "</cidrBlock>{tags}</item>"
        ),
    ),
    "DescribeVpcs": (
        "vpcSet",
        "<item><vpcId>vpc-{n:017x}</vpcId><state>available</state><cidrBlock>10.0.0.0/16</cidrBlock><isDefault>false</isDefault>{tags}</item>",
    ),
    "DescribeImages": (
        "imagesSet",
        (
            "<item><imageId>ami-{n:017x}</imageId><imageState>available</imageState><name>image-{n}</name>"
            "<creationDate>2026-01-01T00:00:00.000Z</creationDate><isPublic>false</isPublic><architecture>x86_64"
            "</architecture><blockDeviceMapping/>{tags}</item>"
        ),
    ),
    "DescribeNetworkInterfaces": (
        "networkInterfaceSet",
        (
            "<item><networkInterfaceId>eni-{n:017x}</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>"
            "<status>in-use</status><interfaceType>interface</interfaceType><requesterManaged>false</requesterManaged>"
            "<groupSet/>{tags}</item>"
        ),
    ),
}
"""Ten kinds of resources: the element that holds them, and one of them."""


@lru_cache(maxsize=1024)
def listing(operation: str, first: int, total: int, page: int) -> bytes:
    """One page of a listing as a whole HTTP answer; one resource in a hundred says no owner."""
    holder, item = KINDS[operation]
    last = min(first + min(page, PAGE), total)
    items = "".join(item.format(n=number, tags=_tags(item, number)) for number in range(first, last))
    token = f"<nextToken>{last}</nextToken>" if last < total else ""
    return answer(
        f'<{operation}Response xmlns="{_XMLNS}"><requestId>r</requestId><{holder}>{items}</{holder}>{token}'
        f"</{operation}Response>"
    )


def answer(body: str, content_type: str = "text/xml") -> bytes:
    """An HTTP answer."""
    raw = body.encode()
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


def _tags(item: str, number: int) -> str:
    owner = "<item><key>owner</key><value>team</value></item>" if number % UNOWNED_ONE_IN else ""
    return f"<tagSet>{_TAGS}{owner}</tagSet>"


def _regions() -> bytes:
    items = "".join(
        f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        "<optInStatus>opt-in-not-required</optInStatus></item>"
        for name in REGIONS
    )
    return answer(
        f'<DescribeRegionsResponse xmlns="{_XMLNS}"><requestId>r</requestId><regionInfo>{items}</regionInfo>'
        "</DescribeRegionsResponse>"
    )


def _assumed(role: str) -> bytes:
    """Credentials whose key says the account, which later requests carry."""
    account = role.split(":")[4]
    return answer(
        f'<AssumeRoleResponse xmlns="{_STS}"><AssumeRoleResult><AssumedRoleUser><Arn>{role}/s</Arn><AssumedRoleId>A:s'
        f"</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>secret"
        "</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>"
    )


def _identity(key: str) -> bytes:
    account = key.removeprefix("ASIA") if key.startswith("ASIA") else "123456789012"
    return answer(
        f'<GetCallerIdentityResponse xmlns="{_STS}"><GetCallerIdentityResult><Account>{account}</Account><Arn>'
        f"arn:aws:iam::{account}:user/bench</Arn><UserId>U</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


class Estate(asyncio.Protocol):
    """One connection. `total` is how many resources a listing has."""

    total = 0
    counts: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request that has come."""
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            size = _length(head)
            if len(self._waiting) < end + 4 + size:
                return
            body = self._waiting[end + 4 : end + 4 + size]
            self._waiting = self._waiting[end + 4 + size :]
            self._transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET"):
            told = answer(json.dumps(self.counts), "application/json")
            self.counts.clear()
            return told
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        operation = asked["Action"]
        self.counts[operation] += 1
        if operation in KINDS:
            first, page = int(asked.get("NextToken", 0)), int(asked.get("MaxResults", PAGE))
            return listing(operation, first, self.total, page)
        if operation == "AssumeRole":
            return _assumed(asked["RoleArn"])
        return _regions() if operation == "DescribeRegions" else _identity(_key(head))


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


def _key(head: bytes) -> str:
    return head.partition(b"Credential=")[2].partition(b"/")[0].decode()


async def serve(total: int) -> None:
    """Serve until ended."""
    Estate.total = total
    server = await asyncio.get_running_loop().create_server(Estate, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
