"""What is asked of every account alike is sent by stencil: as botocore would send it, and no less watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloudwarden.app import KINDS
from cloudwarden.aws.access.account import Account
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.access.stencil import cut
from cloudwarden.aws.kind import Kind
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import AccessDenied, CloudError, Timeout, Unavailable
from cloudwarden.core.resource import Scope
from declarations import operation, protocol
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, SCOPE, Reply, StubAws, error, json_reply, query_error, query_xml, rest_xml, xml
from stub_sessions import Heard, Stopwatch, sessions_to

FIRST, SECOND = "210000000001", "210000000002"
EMPTY = xml("DescribeVolumes", "<volumeSet/>")
STENCILLED = [kind for kind in KINDS if protocol(kind.service) in ("ec2", "query")]


def members(
    aws: StubAws, heard: Heard | None = None, accounts: tuple[str, ...] = (FIRST, SECOND), **settings: Any
) -> Sessions:
    """Sessions for accounts that are all reached through the usual role."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeVolumes", EMPTY)
    return sessions_to(aws, heard, accounts=tuple(Account(id=one) for one in accounts), **settings)


def volumes_of(sessions: Sessions, account: str) -> SpeakingClient:
    """Who asks for the volumes of an account."""
    return sessions.client("ec2", Scope(account=account, region=SCOPE.region))


def ready(sessions: Sessions, account: str = FIRST) -> SpeakingClient:
    """A client that has a stencil for the volumes already."""
    client = volumes_of(sessions, account)
    ask(client, "describe_volumes", {}, recurring=True)
    return client


def botocores(client: SpeakingClient) -> list[Any]:
    """The requests that botocore itself makes on a client from now on, as it sends them."""
    made: list[Any] = []
    client.meta.events.register("before-send.*", lambda request, **_: made.append(request))
    return made


def asked_of(client: SpeakingClient) -> list[Any]:
    """What botocore sends to list the volumes."""
    requests = botocores(client)
    ask(client, "describe_volumes", {})
    return requests


def listed(aws: StubAws, kind: Kind[Any]) -> Mapping[str, Any]:
    """Script an empty answer to a kind's listing; its arguments."""
    name, (outer, *_) = operation(kind.service, kind.operation).name, kind.items
    empty = {
        "ec2": xml(name, ""),
        "query": query_xml(name, f"<{outer}/>"),
        "json": json_reply({outer: []}),
        "rest-json": json_reply({outer: []}),
        "rest-xml": rest_xml(f"<{name}Result><{outer}/></{name}Result>"),
    }
    spoken = protocol(kind.service)
    aws.on("GET" if spoken.startswith("rest") else name, empty[spoken])
    return {**kind.arguments, **({} if kind.page_size is None else {kind.page_size_name: kind.page_size})}


@pytest.mark.parametrize("kind", STENCILLED, ids=lambda kind: kind.resource.kind)
def test_a_stencil_gives_what_botocore_sends_for_another_account(aws: StubAws, kind: Kind[Any]) -> None:
    """Method, address, headers, body and signature: an upgrade of botocore that changes any of them shows here."""
    arguments, sessions = listed(aws, kind), members(aws)
    clients = [sessions.client(kind.service, Scope(account=one, region=SCOPE.region)) for one in (FIRST, SECOND)]
    requests = botocores(clients[0])
    for client in clients:
        ask(client, kind.operation, arguments)
    stencil, other = cut(requests[0]), requests[1]
    assert stencil is not None
    sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in other.headers.items()}
    again = stencil.signed(clients[1].speaker.credentials(), sent["X-Amz-Date"], sent["amz-sdk-invocation-id"])
    assert ("POST", stencil.url, stencil.body, again) == (other.method, other.url, other.body, sent)
    assert f"ASIA{SECOND}" in again["Authorization"]


@pytest.mark.parametrize("name", ["Authorization", "X-Amz-Date", "X-Amz-Security-Token"])
def test_what_was_signed_in_another_way_gives_no_stencil(aws: StubAws, name: str) -> None:
    """An upgrade of botocore that signs otherwise costs time, and no refused requests."""
    client = volumes_of(members(aws), FIRST)
    (request,) = asked_of(client)
    assert cut(request) is not None
    value = request.headers[name]
    request.headers[name] = f"{value if isinstance(value, str) else value.decode()}0"
    assert cut(request) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource.kind)
def test_botocore_makes_the_first_call_alone(aws: StubAws, kind: Kind[Any]) -> None:
    """Of each kind whose service speaks a query protocol; the others' listings it makes every time."""
    arguments, sessions = listed(aws, kind), members(aws)
    client = sessions.client(kind.service, Scope(account=FIRST, region=SCOPE.region))
    requests = botocores(client)
    answers = [dict(ask(client, kind.operation, arguments, recurring=True)) for _ in range(3)]
    assert len(requests) == (1 if kind in STENCILLED else 3)
    for answer in answers:
        answer["ResponseMetadata"]["HTTPHeaders"].pop("date")
    assert answers[1] == answers[2]
    for answer in answers:
        answer.pop("ResponseMetadata")
    assert answers[0] == answers[1]


def test_twenty_accounts_on_sixteen_threads_never_mix(aws: StubAws, heard: Heard) -> None:
    """Each answer is that of the account that was asked, and so is what is reported."""
    accounts = tuple(str(210_000_000_000 + number) for number in range(20))
    sessions = members(aws, heard, accounts, max_connections=16)
    aws.on(
        "DescribeVolumes",
        lambda asked: xml(
            "DescribeVolumes", f"<volumeSet><item><volumeId>{signer(asked)}</volumeId></item></volumeSet>"
        ),
    )

    def call(number: int) -> tuple[str, str]:
        account = accounts[number % 20]
        return account, ask(volumes_of(sessions, account), "describe_volumes", {}, recurring=True)["Volumes"][0][
            "VolumeId"
        ]

    with ThreadPoolExecutor(max_workers=16) as pool:
        found = Counter(pool.map(call, range(400)))
    assert found == {(account, f"ASIA{account}"): 20 for account in accounts}
    tokens = {
        (signer(one), one.headers["x-amz-security-token"]) for one in aws.asked if one.operation == "DescribeVolumes"
    }
    assert tokens == {(f"ASIA{account}", f"of-{account}") for account in accounts}
    assert Counter(one.scope.account for one in heard.calls("DescribeVolumes")) == dict.fromkeys(accounts, 20)


def test_credentials_of_another_account_sign_nothing(aws: StubAws) -> None:
    """That the stencil is known changes nothing about whose credentials are believed."""
    sessions = members(aws)
    ready(sessions)
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>a</Arn>"))
    with pytest.raises(AccessDenied, match=f"for account {ACCOUNT}, not for {SECOND}"):
        ask(volumes_of(sessions, SECOND), "describe_volumes", {}, recurring=True)
    assert aws.count("DescribeVolumes") == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(reset=True),
        Reply(body=EMPTY.body, cut=True),
        Reply(body=EMPTY.body, cut=True, chunked=True),
        Reply(body=b"<html>down for maintenance"),
        Reply(),
        Reply(body=b"<html><body>busy</body></html>", status=503),
        Reply(status=302),
        error("RequestLimitExceeded", status=503),
        error("UnauthorizedOperation", status=403),
        query_error("ExpiredToken", status=400),
    ],
    ids=["reset", "cut", "cut chunks", "html", "empty", "html 503", "moved", "throttled", "denied", "expired"],
)
def test_what_goes_wrong_is_told_alike_on_both_ways(aws: StubAws, reply: Reply) -> None:
    """The error with all that it carries, and what is reported of the request."""
    told = []
    for recurring in (False, True):
        heard = Heard()
        client = ready(members(aws, heard))
        aws.on("DescribeVolumes", reply)
        with pytest.raises(CloudError) as caught:
            ask(client, "describe_volumes", {}, recurring=recurring)
        failed = caught.value
        outcome = [call.outcome for call in heard.calls("DescribeVolumes")]
        told.append((type(failed), failed.code, failed.request_id, failed.maybe_done, failed.retryable, outcome))
    assert told[0] == told[1]
    assert told[0][-1] == ["ok", told[0][0].reason]


def test_an_answer_in_chunks_is_read_whole(aws: StubAws) -> None:
    """EC2 sends most of its answers so."""
    client = ready(members(aws))
    body = xml("DescribeVolumes", "<volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet>").body
    aws.on("DescribeVolumes", Reply(body=body, chunked=True))
    assert ask(client, "describe_volumes", {}, recurring=True)["Volumes"] == [{"VolumeId": "vol-1"}]


def test_silence_is_counted_and_left(aws: StubAws) -> None:
    """As on the ordinary way: two calls in vain, and the third is not made."""
    client = ready(members(aws, timer=Stopwatch(), read_timeout_seconds=1.0))

    def late(asked: object) -> Reply:
        aws.released.wait(3)
        return EMPTY

    aws.on("DescribeVolumes", late)
    for _ in range(2):
        with pytest.raises(Timeout):
            ask(client, "describe_volumes", {}, recurring=True)
    with pytest.raises(Unavailable, match="no answer"):
        ask(client, "describe_volumes", {}, recurring=True)
    aws.released.set()


def test_revoked_credentials_are_noticed(aws: StubAws) -> None:
    """AWS's word that they are over has new ones fetched."""
    timer = Stopwatch()
    client = ready(members(aws, timer=timer))
    aws.on("DescribeVolumes", query_error("ExpiredToken"), EMPTY)
    timer.seconds = 31
    with pytest.raises(CloudError):
        ask(client, "describe_volumes", {}, recurring=True)
    ask(client, "describe_volumes", {}, recurring=True)
    assert aws.count("AssumeRole") == 2


def test_credentials_renewed_on_the_way_spoil_no_stencil(aws: StubAws) -> None:
    """What STS is asked while the first request is signed is not taken for it."""
    timer = Stopwatch()
    client = volumes_of(members(aws, timer=timer), FIRST)
    client.speaker.refused()
    timer.seconds = 31
    client.speaker.refused()
    requests = botocores(client)
    for _ in range(2):
        ask(client, "describe_volumes", {}, recurring=True)
    assert aws.count("AssumeRole") == 2
    assert len(requests) == 1


def test_a_header_that_nobody_knows_keeps_to_the_ordinary_way(aws: StubAws) -> None:
    """It might be another one the next time: a trace's id, say."""
    client = volumes_of(members(aws), FIRST)
    client.meta.events.register("before-sign.ec2", lambda request, **_: request.headers.add_header("X-Other", "1"))
    requests = botocores(client)
    for _ in range(3):
        ask(client, "describe_volumes", {}, recurring=True)
    assert len(requests) == 3


def test_a_proxy_keeps_to_the_ordinary_way(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore knows how to speak to each sort of them."""
    monkeypatch.setenv("HTTP_PROXY", aws.url)
    client = volumes_of(members(aws), FIRST)
    requests = botocores(client)
    for _ in range(3):
        ask(client, "describe_volumes", {}, recurring=True)
    assert len(requests) == 3
