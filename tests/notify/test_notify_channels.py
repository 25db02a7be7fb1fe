"""Channels: what every notifier promises, real services on this machine, and that no secret ever leaves."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable
from functools import partial

import pytest

from cloudwarden.core.errors import AccessDenied, NotDelivered
from cloudwarden.core.message import Message
from cloudwarden.notify.channels import AppriseChannels
from cloudwarden.notify.memory import MemoryNotifier
from cloudwarden.ports import Notifier
from cloudwarden.telemetry.logs import configure
from notify_servers import TOKEN, Hook, PostOffice, free_port

MESSAGE = Message(title="Cloudwarden: 1 action ahead", body="* stop-idle: i-1\n  <b>found</b>: idle & alone\n")


def channels(**urls: str) -> AppriseChannels:
    """Channels at these addresses."""
    return AppriseChannels({name: partial(str, url) for name, url in urls.items()}, longest_seconds=3)


@pytest.fixture(params=["apprise", "memory"])
def notifier(request: pytest.FixtureRequest, hook: Hook) -> Notifier:
    """A notifier with the channels `works` and `broken`."""
    if request.param == "memory":
        return MemoryNotifier(channels=frozenset({"works", "broken"}), down={"broken": "answered 503"})
    return channels(works=hook.url, broken=f"json://127.0.0.1:{free_port()}/{TOKEN}")


def test_a_channel_that_accepts_returns(notifier: Notifier) -> None:
    """Once, and again, with and without an address."""
    notifier.send("works", MESSAGE)
    notifier.send("works", MESSAGE, "ada@example.com")


@pytest.mark.parametrize("channel", ["broken", "unheard-of"])
def test_a_channel_that_does_not_raises(notifier: Notifier, channel: str) -> None:
    """With its name, and why."""
    with pytest.raises(NotDelivered, match=channel) as raised:
        notifier.send(channel, MESSAGE)
    assert TOKEN not in str(raised.value)


def test_a_webhook_is_posted_the_message(hook: Hook) -> None:
    """Title and body as they are."""
    channels(ops=hook.url).send("ops", MESSAGE)
    (posted,) = hook.posted
    assert posted["title"] == MESSAGE.title
    assert posted["message"].strip() == MESSAGE.body.strip()
    assert hook.paths == [f"/{TOKEN}"]


def test_mail_goes_to_the_owner_and_else_to_whom_the_channel_names(post_office: PostOffice) -> None:
    """One recipient each."""
    mail = channels(mail=post_office.url)
    mail.send("mail", MESSAGE, "ada@example.com")
    mail.send("mail", MESSAGE)
    assert [one.rcpt_tos for one in post_office.taken] == [["ada@example.com"], ["ops@example.com"]]
    content = post_office.taken[0].content
    assert isinstance(content, bytes)
    assert b"Subject: Cloudwarden: 1 action ahead" in content


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_refusal_says_the_status(hook: Hook, status: int) -> None:
    """And no more."""
    hook.status = status
    with pytest.raises(NotDelivered) as raised:
        channels(ops=hook.url).send("ops", MESSAGE)
    assert str(raised.value) == f"channel ops: its service answered {status}"


def test_a_service_that_may_fail_silently_does_not(hook: Hook) -> None:
    """Apprise's `optional` would make a failure a delivery."""
    hook.status = 500
    with pytest.raises(NotDelivered):
        channels(ops=f"{hook.url}?optional=yes").send("ops", MESSAGE)


def test_one_that_never_answers_is_left_and_holds_no_second_message(hook: Hook) -> None:
    """After its time; until it answers, its channel takes nothing, so that threads do not pile up."""
    hook.drips = True
    made = AppriseChannels({"ops": lambda: hook.url}, longest_seconds=0.3)
    with pytest.raises(NotDelivered, match="no answer within"):
        made.send("ops", MESSAGE)
    with pytest.raises(NotDelivered, match="an earlier message still waits"):
        made.send("ops", MESSAGE)
    assert len(hook.posted) == 1


def test_a_channel_that_cannot_work_says_so_without_sending(hook: Hook) -> None:
    """An address of no service; one that cannot be read; none at all."""

    def denied() -> str:
        raise AccessDenied("not authorized to perform: secretsmanager:GetSecretValue")

    made = AppriseChannels({"ops": lambda: hook.url, "odd": lambda: f"nosuch://{TOKEN}", "kept": denied})
    assert made.problem("ops") is None
    assert made.problem("odd") == "channel odd: its URL is none that apprise understands"
    assert "access-denied: not authorized" in str(made.problem("kept"))
    assert "there is no channel" in str(made.problem("else"))
    assert hook.posted == []


Failure = Callable[[Hook, PostOffice], str]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(lambda hook, office: hook.url, id="accepted"),
        pytest.param(lambda hook, office: _status(hook, 401), id="refused"),
        pytest.param(lambda hook, office: _drips(hook), id="silent"),
        pytest.param(lambda hook, office: f"json://u:{TOKEN}@127.0.0.1:{free_port()}/{TOKEN}", id="unreachable"),
        pytest.param(lambda hook, office: f"json://u:{TOKEN}@{TOKEN}.invalid/{TOKEN}", id="no-name"),
        pytest.param(lambda hook, office: office.url, id="mail"),
        pytest.param(lambda hook, office: _refuses(office), id="mail-refused"),
        pytest.param(
            lambda hook, office: f"mailto://u:{TOKEN}@127.0.0.1:{office.port}?from=a@example.com&mode=insecure",
            id="mail-login",
        ),
        pytest.param(
            lambda hook, office: f"mailto://u:{TOKEN}@127.0.0.1:{free_port()}?from=a@example.com&mode=insecure",
            id="mail-unreachable",
        ),
        pytest.param(lambda hook, office: f"mailto://u:{TOKEN}@example.com?from={TOKEN}", id="mail-malformed"),
        pytest.param(lambda hook, office: f"slack://{TOKEN}", id="slack-malformed"),
        pytest.param(lambda hook, office: f"nosuch://{TOKEN}/{TOKEN}", id="no-service"),
        pytest.param(lambda hook, office: f"json://{TOKEN}:99999999/", id="bad-port"),
        pytest.param(lambda hook, office: f"{TOKEN}", id="no-url"),
    ],
)
def test_no_secret_is_in_any_log_line_or_error(
    url: Failure, hook: Hook, post_office: PostOffice, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes right or wrong, at the most talkative level, with the whole traceback."""
    written = io.StringIO()
    configure("json", "debug", written)
    address = url(hook, post_office)
    made = AppriseChannels({"ops": lambda: address}, longest_seconds=1)
    trace = ""
    try:
        made.send("ops", MESSAGE)
    except NotDelivered as error:
        trace = "".join(traceback.format_exception(error))
        logging.getLogger("cloudwarden").exception("notices_failed")
    assert TOKEN not in written.getvalue() + trace + "".join(capfd.readouterr())


def _status(hook: Hook, status: int) -> str:
    hook.status = status
    return hook.url


def _drips(hook: Hook) -> str:
    hook.drips = True
    return hook.url


def _refuses(office: PostOffice) -> str:
    office.refuses = True
    return office.url
