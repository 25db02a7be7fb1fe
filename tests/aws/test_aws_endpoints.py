"""Why an endpoint cannot be reached: the name, the way, a proxy, or whom one trusts."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.aws.endpoints import Endpoint, Endpoints
from cloudwarden.core.checkup import Area, Check, Health
from stub_aws import StubAws, serving

REGION = "eu-central-1"


def knocked(url: str, region: str = REGION, *, clock: ClockWatch | None = None, ca_bundle: Path | None = None) -> Check:
    """What is found at an address."""
    clock, trusted = clock or ClockWatch(lambda: datetime.now(UTC)), str(ca_bundle) if ca_bundle else None
    knocking = Endpoints(ca_bundle=trusted, connect_seconds=2.0, read_seconds=2.0, clock=clock)
    return knocking.knock(Endpoint(service="ec2", region=region, url=url))


@pytest.fixture
def aws() -> Iterator[StubAws]:
    """Something that answers."""
    with serving() as stub:
        yield stub


def test_whatever_answers_is_reachable(aws: StubAws) -> None:
    """An unsigned request is refused, and that is an answer."""
    check = knocked(aws.url)
    assert (check.area, check.where, check.health) == (Area.ENDPOINT, REGION, Health.OK)


def test_an_answer_tells_how_far_the_clock_is_off(aws: StubAws) -> None:
    """Before anything was signed."""
    clock = ClockWatch(lambda: datetime.now(UTC) + timedelta(hours=7))
    knocked(aws.url, clock=clock)
    assert clock.ahead is not None
    assert abs(clock.ahead - timedelta(hours=7)) < timedelta(seconds=5)


def test_where_nobody_listens_the_way_is_at_fault() -> None:
    """With what the system said."""
    check = knocked("http://127.0.0.1:9")
    assert (check.health, "Connection refused" in check.detail) == (Health.FAILED, True)
    assert "security groups" in check.fix


@pytest.mark.parametrize(
    ("region", "fix"), [("eu-centrl-1", "did you mean eu-central-1?"), (REGION, "DNS")], ids=["mistyped", "no DNS"]
)
def test_a_name_that_does_not_resolve_may_be_a_mistyped_region(region: str, fix: str) -> None:
    """If the SDK knows the region, the name service is at fault."""
    check = knocked(f"https://ec2.{region}.invalid", region)
    assert (check.health, "resolve" in check.detail) == (Health.FAILED, True)
    assert fix in check.fix


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands between, as the environment says."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    check = knocked("https://ec2.eu-central-1.amazonaws.com")
    assert (check.health, "proxy" in check.detail, "HTTPS_PROXY" in check.fix) == (Health.FAILED, True, True)


def test_a_gateway_that_does_not_get_through_is_no_answer(aws: StubAws) -> None:
    """A service never says 502 to a bare request."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    check = knocked(f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    assert (check.health, check.detail) == (Health.FAILED, "answered with HTTP 502")


def test_a_certificate_that_nobody_vouches_for_is_told_as_such(tmp_path: Path) -> None:
    """As behind a proxy that looks into TLS; with its authority trusted, the endpoint is fine."""
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_address[1]}"
    check = knocked(url)
    trusted = knocked(url, ca_bundle=certificate)
    server.shutdown()
    server.server_close()
    assert (check.health, check.detail[:4], "AWS_CA_BUNDLE" in check.fix) == (Health.FAILED, "TLS:", True)
    assert trusted.health is Health.OK


def _certificate(folder: Path) -> Path:
    """A file with a key and a certificate for localhost that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "localhost.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return file
