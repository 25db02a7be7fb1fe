"""Channels to people through apprise: chats, mail, webhooks, by the URL that names and opens each."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import apprise
from apprise.plugins.email import NotifyEmail

from cloudwarden.core.errors import CloudError, NotDelivered
from cloudwarden.core.message import Message

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0

LONGEST_SECONDS = 30.0
"""How long one message may take, whatever its service does: an answer may drip for ever within each read's time."""

_STATUS: Final = re.compile(r"\berror=(\d{3})\b")

_ASSET: Final = apprise.AppriseAsset(app_id="Cloudwarden", async_mode=False, storage_mode="memory")


class AppriseChannels:
    """Sends messages by channels, each of which `urls` gives the URL of when it is needed.

    A URL holds tokens and passwords, and so may whatever apprise logs or raises: neither leaves this file. Of what
    went wrong is told what is known to hold no secret: a status, or that nobody answered.
    """

    def __init__(self, urls: Mapping[str, Callable[[], str]], *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._urls = urls
        self._longest_seconds = longest_seconds
        self._sending: dict[str, threading.Thread] = {}
        _silence()

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """Have the channel accept the message. Raises NotDelivered."""
        service = self._opened(channel)
        if address is not None and isinstance(service, NotifyEmail):
            service.targets = [(False, address)]
        if (before := self._sending.get(channel)) is not None and before.is_alive():
            raise NotDelivered(f"channel {channel}: an earlier message still waits for an answer")
        attempt = _Attempt(service, message)
        thread = threading.Thread(target=attempt.make, name=f"channel {channel}", daemon=True)
        self._sending[channel] = thread
        thread.start()
        thread.join(self._longest_seconds)
        if thread.is_alive():
            raise NotDelivered(f"channel {channel}: no answer within {self._longest_seconds:g} s")
        if attempt.problem is not None:
            raise NotDelivered(f"channel {channel}: {attempt.problem}")

    def problem(self, channel: str) -> str | None:
        """Why a channel cannot be used, as far as that is known without sending anything; None when it can."""
        try:
            self._opened(channel)
        except NotDelivered as error:
            return str(error)
        return None

    def _opened(self, channel: str) -> apprise.NotifyBase:
        if channel not in self._urls:
            raise NotDelivered(f"there is no channel {channel!r} in the settings")
        try:
            url = self._urls[channel]()
        except CloudError as error:
            # Not chained, here and below: a traceback would print what the frames hold.
            failure = NotDelivered(f"channel {channel}: its URL could not be read: {error.reason}: {error}")
        else:
            service = _service(url)
            if service is not None:
                return service
            failure = NotDelivered(f"channel {channel}: its URL is none that apprise understands")
        raise failure


class _Attempt:
    """One message on its way, in a thread of its own."""

    def __init__(self, service: apprise.NotifyBase, message: Message) -> None:
        self._service = service
        self._message = message
        self.problem: str | None = None

    def make(self) -> None:
        """Send it; `problem` says what went wrong."""
        try:
            result = self._sent()
        except Exception as error:  # noqa: BLE001  # a plugin is a stranger's code, and its error may hold the URL
            self.problem = f"its service failed with {type(error).__name__}"
            return
        if not result:
            self.problem = _words([entry.message for entry in result.logs()])

    def _sent(self) -> apprise.AppriseResult:
        courier = apprise.Apprise(asset=_ASSET)
        courier.add(self._service)
        text = apprise.NotifyFormat.TEXT
        return courier.notify(body=self._message.body, title=self._message.title, body_format=text)


def _words(lines: Sequence[str]) -> str:
    """What apprise's log lines say, in words that cannot be secret: a status, or that nobody was reached."""
    for line in lines:
        if found := _STATUS.search(line):
            return f"its service answered {found[1]}"
        if "onnection error" in line:
            return "its service could not be reached, or broke off"
    return "its service did not accept the message"


def _silence() -> None:
    """Keep apprise's log lines out of every log: they hold URLs, tokens and bodies."""
    logger = logging.getLogger("apprise")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.WARNING)


def _service(url: str) -> apprise.NotifyBase | None:
    """The service that the URL names; None for what is none."""
    try:
        made = apprise.Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    except Exception:  # noqa: BLE001  # a plugin is a stranger's code, and its error may hold the URL
        return None
    if not isinstance(made, apprise.NotifyBase):
        return None
    made.socket_connect_timeout, made.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    # Long messages are sent in parts and not cut; a service that may fail silently would make us say it was told.
    made.overflow_mode = apprise.OverflowMode.SPLIT
    made.optional = False
    return made
