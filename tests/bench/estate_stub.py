"""An estate of many accounts that answers from memory, each request counted, at a cost that does not hide its asker's.

Run it as a program with the number of resources in a listing: it prints its address, and serves on 127.0.0.1 until
it is ended. Every account and region has resources alike, one in a hundred of which says no owner; roles are assumed,
and every listing pages. It is one process on one core, at some 25 us a request: answers are made once, and what is
asked is found by the bytes of the request. `GET /count` tells what was asked since it was asked last, and what CPU
the answers took.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qs
from zlib import crc32

PAGE = 1000
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
)
UNOWNED_ONE_IN = 100

_XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_RDS = "http://rds.amazonaws.com/doc/2014-10-31/"

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
            "<item><groupId>sg-{n:017x}</groupId><groupName>g{n}</groupName>"
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
    "DescribeDBInstances": (
        "DBInstances",
        (
            "<DBInstance><DBInstanceIdentifier>db-{n}</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:eu-west-1:"
            "123456789012:db:db-{n}</DBInstanceArn><DBInstanceClass>db.m5.large</DBInstanceClass><Engine>postgres</Engine>"
            "<EngineVersion>16.3</EngineVersion><DBInstanceStatus>available</DBInstanceStatus><AllocatedStorage>100"
            "</AllocatedStorage><StorageType>gp3</StorageType><StorageEncrypted>true</StorageEncrypted><MultiAZ>false"
            "</MultiAZ><PubliclyAccessible>false</PubliclyAccessible><InstanceCreateTime>2026-01-01T00:00:00.000Z"
            "</InstanceCreateTime><PendingModifiedValues/><DbiResourceId>db-{n}</DbiResourceId>{tags}</DBInstance>"
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


@lru_cache(maxsize=4096)
def listing(operation: str, asked: bytes, total: int, *, unowned: bool) -> bytes:
    """One page of a listing as a whole HTTP answer; `unowned` says whether one of them says no owner."""
    fields = {name: values[0] for name, values in parse_qs(asked.decode()).items()}
    first, page = int(fields.get("NextToken") or fields.get("Marker") or 0), int(fields.get("MaxRecords", PAGE))
    holder, item = KINDS[operation]
    last = min(first + min(page, PAGE), total)
    items = "".join(
        item.format(n=number, tags=_tags(operation, owned=not unowned or number % UNOWNED_ONE_IN > 0))
        for number in range(first, last)
    )
    token = str(last) if last < total else ""
    if operation == "DescribeDBInstances":
        marker = f"<Marker>{token}</Marker>" if token else ""
        return answer(
            f'<{operation}Response xmlns="{_RDS}"><{operation}Result>{marker}<{holder}>{items}</{holder}>'
            f"</{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
        )
    following = f"<nextToken>{token}</nextToken>" if token else ""
    return answer(
        f'<{operation}Response xmlns="{_XMLNS}"><requestId>r</requestId><{holder}>{items}</{holder}>{following}'
        f"</{operation}Response>"
    )


def answer(body: str, content_type: str = "text/xml") -> bytes:
    """An HTTP answer, with the headers that AWS's have."""
    raw = body.encode()
    head = {
        "x-amzn-RequestId": "11111111-2222-3333-4444-555555555555",
        "Cache-Control": "no-cache, no-store",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Content-Type": f"{content_type};charset=UTF-8",
        "Content-Length": str(len(raw)),
        "Date": formatdate(usegmt=True),
        "Server": "AmazonEC2",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + raw


def _tags(operation: str, *, owned: bool) -> str:
    pairs = [(f"tag-{number}", f"a value of tag {number}") for number in range(5)]
    pairs += [("owner", "team")] if owned else []
    if operation == "DescribeDBInstances":
        return "<TagList>" + "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs) + "</TagList>"
    return "<tagSet>" + "".join(f"<item><key>{k}</key><value>{v}</value></item>" for k, v in pairs) + "</tagSet>"


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


class Estate:
    """What is asked of the estate, and answered. `total` is how many resources a listing has."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._operations: dict[bytes, str] = {}
        self._counts: Counter[str] = Counter()
        self._answered_at = 0.0

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The HTTP answer to one request."""
        if head.startswith(b"GET"):
            cpu = time.process_time()
            told = answer(json.dumps({"calls": self._counts, "cpu": cpu - self._answered_at}), "application/json")
            self._counts, self._answered_at = Counter(), cpu
            return told
        operation = self._operations.get(body)
        if operation is None:
            operation = parse_qs(body.decode())["Action"][0]
            if operation in KINDS:
                self._operations[body] = operation
        self._counts[operation] += 1
        if operation in KINDS:
            return listing(operation, body, self._total, unowned=self._unowned(head, body))
        if operation == "AssumeRole":
            return _assumed(parse_qs(body.decode())["RoleArn"][0])
        return _regions() if operation == "DescribeRegions" else _identity(_signed(head).split(b"/")[0].decode())

    def _unowned(self, head: bytes, body: bytes) -> bool:
        """One resource in a hundred says no owner: in a small listing, one of some accounts, regions and kinds."""
        key, _day, region, _service = _signed(head).split(b"/", 3)
        return self._total >= UNOWNED_ONE_IN or crc32(key + region + body) % UNOWNED_ONE_IN < self._total


def _signed(head: bytes) -> bytes:
    """The credential that a request names: key, day, region and service."""
    start = head.index(b"Credential=") + 11
    return head[start : head.index(b"/aws4_request", start)]


class Connection:
    """One client's connection."""

    def __init__(self, client: socket.socket, answer: Callable[[bytes, bytes], bytes]) -> None:
        self._client = client
        self._answer = answer
        self._waiting = b""

    def read(self) -> bool:
        """Answer every whole request that has come; False when the client left."""
        try:
            data = self._client.recv(65536)
        except OSError:
            data = b""
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            whole = end + 4 + _length(head)
            if len(self._waiting) < whole:
                break
            body, self._waiting = self._waiting[end + 4 : whole], self._waiting[whole:]
            self._client.sendall(self._answer(head, body))
        return bool(data)


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


def serve(total: int) -> None:
    """Serve until ended."""
    estate = Estate(total)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server, selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)  # noqa: T201
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    client, _address = server.accept()
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(client, selectors.EVENT_READ, Connection(client, estate.answer))
                elif not key.data.read():
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]  # sockets are all that is registered


if __name__ == "__main__":
    serve(int(sys.argv[1]))
