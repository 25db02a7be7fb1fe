"""An answer is taken when it is whole, and when it is the one that was asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta

import pytest
from botocore import exceptions as boto
from certifi import where
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout

from cloudwarden.aws.access.exchange import Answered, Exchange

HEADERS = {"X-Amz-Date": "20260101T000000Z", "Content-Length": "1"}
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"


class Server:
    """Answers each request on each connection with the next of what it was given, closing after None."""

    def __init__(self, *answers: bytes | None, tls: tuple[str, str] | None = None) -> None:
        self._answers = iter(answers)
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with client, suppress(OSError), self._secured(client) as secured:
                self._talk(secured)

    def _secured(self, client: socket.socket) -> socket.socket:
        if self._tls is None:
            return client
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._tls)
        return context.wrap_socket(client, server_side=True)

    def _talk(self, client: socket.socket) -> None:
        while received := client.recv(65_536):
            self.requests.append(received)
            if (answer := next(self._answers)) is None:
                return
            client.sendall(answer)
            if b"Connection: close" in answer or (b"Content-Length" not in answer and b"chunked" not in answer):
                return

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Until left."""
        self._thread.start()
        try:
            yield
        finally:
            self._listening.close()

    @contextmanager
    def serving(self) -> Iterator[Exchange]:
        """Who posts to it."""
        pool = HTTPConnectionPool("127.0.0.1", self.port, timeout=Timeout(connect=2, read=2))
        with self.listening():
            yield Exchange(pool, f"http://127.0.0.1:{self.port}/", f"127.0.0.1:{self.port}")
        pool.close()


def answers_to(*answers: bytes | None, posts: int = 1) -> tuple[list[Answered], Server]:
    """What so many posts were answered, one after another."""
    server = Server(*answers)
    with server.serving() as exchange:
        return [exchange.post(HEADERS, "q") for _ in range(posts)], server


def test_an_answer_is_read_with_its_headers() -> None:
    """Names in lower case; one that came twice has both values."""
    raw = b"HTTP/1.1 418 Odd\r\nContent-Length: 2\r\nX-Two: a\r\nx-two: b\r\n\r\nhi"
    (answer,), _ = answers_to(raw)
    assert (answer.status, answer.data) == (418, b"hi")
    assert answer.headers == {"content-length": "2", "x-two": "a, b"}


def test_what_is_sent_is_one_request_in_one_piece() -> None:
    """With the header that names the host, and no encoding but the plain one."""
    _, server = answers_to(WHOLE)
    assert server.requests == [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: identity\r\n"
        b"X-Amz-Date: 20260101T000000Z\r\nContent-Length: 1\r\n\r\nq" % server.port
    ]


def test_a_connection_is_used_again() -> None:
    """Until the answer says that it closes."""
    closing = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answers, server = answers_to(WHOLE, WHOLE, closing, WHOLE, posts=4)
    assert [answer.data for answer in answers] == [b"whole"] * 4
    assert server.connections == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwho\r\n2\r\nle\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE,
        b"HTTP/1.1 200 OK\r\n\r\nwhole",
        b"HTTP/1.0 200 OK\r\n\r\nwhole",
    ],
    ids=["in chunks", "after 100", "after 103", "until the connection ends", "of HTTP/1.0"],
)
def test_an_answer_is_whole_in_other_ways(raw: bytes) -> None:
    """As RFC 9112 has it, "Message Body Length"."""
    (answer,), _ = answers_to(raw)
    assert (answer.status, answer.data) == (200, b"whole")
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nwhole",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        WHOLE + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother",
        WHOLE + b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
    ids=[
        *("nothing", "a part", "some chunks", "a part of a head", "100 alone", "no HTTP"),
        *("two answers", "an answer and a half", "two lengths", "another protocol"),
    ],
)
def test_anything_else_is_no_answer(raw: bytes | None) -> None:
    """The connection is not used again."""
    server = Server(raw, WHOLE)
    with server.serving() as exchange:
        with pytest.raises(boto.ConnectionClosedError):
            exchange.post(HEADERS, "q")
        assert exchange.post(HEADERS, "q").data == b"whole"
    assert server.connections == 2


def test_a_connection_that_was_closed_while_it_was_kept_is_not_used() -> None:
    """As servers close what is idle."""
    server = Server(WHOLE, None, WHOLE)
    with server.serving() as exchange:
        exchange.post(HEADERS, "q")
        with pytest.raises(boto.ConnectionClosedError):
            exchange.post(HEADERS, "q")
        assert exchange.post(HEADERS, "q").data == b"whole"


@pytest.mark.parametrize("line", ["\n", "\r", "\r\n", "\n\r"], ids=repr)
def test_a_header_of_two_lines_is_not_sent(line: str) -> None:
    """A token that somebody made up must not write headers of its own."""
    server = Server(WHOLE)
    with server.serving() as exchange, pytest.raises(ValueError, match="line break"):
        exchange.post({**HEADERS, "X-Amz-Security-Token": f"token{line}X-Other: 1"}, "q")
    assert not server.connections


def failing(address: tuple[str, int], read: float = 0.2) -> Callable[[], Answered]:
    """A post to where it will not be answered."""
    pool = HTTPConnectionPool(*address, timeout=Timeout(connect=0.2, read=read))
    return lambda: Exchange(pool, "http://x/", "x").post(HEADERS, "q")


def test_failures_are_what_botocore_makes_of_them() -> None:
    """Nobody there, a name that nobody has, and silence."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(boto.ReadTimeoutError):
            failing(silent.getsockname())()
        port = silent.getsockname()[1]
    with pytest.raises(boto.EndpointConnectionError):
        failing(("127.0.0.1", port))()
    with pytest.raises(boto.EndpointConnectionError):
        failing(("nobody.invalid", 80))()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Of a host that is called localhost, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(plain)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.mark.parametrize(
    ("host", "trusted", "raises"),
    [("localhost", True, None), ("localhost", False, boto.SSLError), ("127.0.0.1", True, boto.SSLError)],
    ids=["known", "signed by a stranger", "another's"],
)
def test_a_certificate_is_looked_at(
    certificate: tuple[str, str], host: str, *, trusted: bool, raises: type[Exception] | None
) -> None:
    """The connection is urllib3's, so nothing is said to whoever cannot prove who it is."""
    server = Server(WHOLE, tls=certificate)
    with server.listening():
        pool = HTTPSConnectionPool(
            host, server.port, timeout=2, cert_reqs="CERT_REQUIRED", ca_certs=certificate[0] if trusted else where()
        )
        exchange = Exchange(pool, f"https://{host}/", host)
        with pytest.raises(raises) if raises else nullcontext():
            assert exchange.post(HEADERS, "q").data == b"whole"
    assert len(server.requests) == (raises is None)
