"""The first credentials: every source of the SDK's chain is taken, renewed in time, and said plainly when over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider

from cloudwarden.aws import ec2
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.core.errors import CredentialsExpired
from many_accounts import assumed, signer
from stub_aws import ACCOUNT, SCOPE, Asked, Reply, StubAws, json_error, json_reply, query_error, query_xml
from stub_sessions import Stopwatch, sessions_to

Setup = Callable[[pytest.MonkeyPatch, StubAws, Path, datetime], None]
KEY = "ASIAFROMTHECHAIN"
LATER = timedelta(hours=6)


def _of(when: datetime) -> dict[str, Any]:
    return {
        "AccessKeyId": KEY,
        "SecretAccessKey": "s",
        "Token": "t",
        "SessionToken": "t",
        "Expiration": f"{when:%FT%TZ}",
    }


def _profile(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """A config file with a profile of these lines, which is the one in force."""
    (folder / "config").write_text("\n".join(("[profile chosen]", "region = eu-central-1", *lines)) + "\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_PROFILE", "chosen")


def web_identity(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """A pod of EKS: a token in a file, changed for a role's credentials."""
    (folder / "token").write_text("a.b.c")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{ACCOUNT}:role/pod")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)

    def changed(asked: Asked) -> Reply:
        assert asked.parameters["WebIdentityToken"] == "a.b.c"
        return _changed(ends)

    aws.on("AssumeRoleWithWebIdentity", changed)


def _changed(ends: datetime) -> Reply:
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in _of(ends).items() if name != "Token")
    return query_xml("AssumeRoleWithWebIdentity", f"<Credentials>{fields}</Credentials>")


def single_sign_on(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """A person after `aws sso login`, whose token is in the cache of their home."""
    _logged_in(monkeypatch, folder, until=datetime.now(UTC) + LATER)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", aws.url)
    role = {"accessKeyId": KEY, "secretAccessKey": "s", "sessionToken": "t", "expiration": int(ends.timestamp() * 1000)}

    def portal(asked: Asked) -> Reply:
        assert (asked.headers["x-amz-sso_bearer_token"], asked.parameters["role_name"]) == ("of-ada", "reader")
        return json_reply({"roleCredentials": role})

    aws.on("GET", portal)


def _logged_in(monkeypatch: pytest.MonkeyPatch, folder: Path, *, until: datetime) -> None:
    session = ("[sso-session work]", "sso_start_url = https://work.example/start", "sso_region = eu-central-1")
    _profile(
        monkeypatch, folder, "sso_session = work", f"sso_account_id = {ACCOUNT}", "sso_role_name = reader", *session
    )
    cache = folder / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    # botocore asked for the home when it was imported.
    monkeypatch.setattr(SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))
    monkeypatch.setattr(SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))
    token = {"startUrl": "https://work.example/start", "region": "eu-central-1", "accessToken": "of-ada"}
    name = hashlib.sha1(b"work", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(json.dumps({**token, "expiresAt": f"{until:%FT%TZ}"}))


def container(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """A task of ECS, whose agent hands out its role's credentials."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/credentials")
    aws.on("GET", json_reply(_of(ends)))


def machine(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """An instance, whose metadata service hands out its role's credentials to who brings a token."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{aws.url}/")
    aws.on("PUT", Reply(body=b"of-the-machine"))

    def told(asked: Asked) -> Reply:
        assert asked.headers["x-aws-ec2-metadata-token"] == "of-the-machine"
        return Reply(body=b"a-role") if asked.parameters["path"].endswith("credentials") else json_reply(_of(ends))

    aws.on("GET", told)


def process(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """A profile that has a program asked."""
    (folder / "answer.json").write_text(json.dumps({"Version": 1, **_of(ends)}))
    _profile(monkeypatch, folder, f"credential_process = cat {folder}/answer.json")


def role_of_a_profile(monkeypatch: pytest.MonkeyPatch, aws: StubAws, folder: Path, ends: datetime) -> None:
    """A profile that assumes a role from another one's keys."""
    (folder / "keys").write_text("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "keys"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    _profile(monkeypatch, folder, f"role_arn = arn:aws:iam::{ACCOUNT}:role/reader", "source_profile = base")
    aws.on("AssumeRole", lambda asked: assumed(asked, key=KEY, expires=f"{ends:%FT%TZ}"))


ASKING = (web_identity, single_sign_on, container, role_of_a_profile)
"""Sources that ask the stub."""


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in the environment, which would come first."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def signers(aws: StubAws) -> list[str]:
    """Who asked STS whose credentials these are."""
    return [signer(asked) for asked in aws.asked if asked.operation == "GetCallerIdentity"]


@pytest.mark.parametrize("source", [*ASKING, machine, process], ids=lambda source: source.__name__)
def test_every_source_of_the_chain_is_taken(
    source: Setup, aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives signs, once STS has said whose it is."""
    source(monkeypatch, aws, tmp_path, datetime.now(UTC) + LATER)
    assert sessions_to(aws).account() == ACCOUNT
    assert signers(aws) == [KEY]


@pytest.mark.parametrize("source", ASKING, ids=lambda source: source.__name__)
def test_what_ends_soon_is_renewed_before_it_does(
    source: Setup, aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five minutes are left: whoever speaks next asks the source again."""
    source(monkeypatch, aws, tmp_path, datetime.now(UTC) + timedelta(minutes=5))
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    sessions.account()
    asked = len(aws.asked)
    sessions.account()
    assert len(aws.asked) == asked, "a moment later it was not asked again"
    timer.seconds += 60
    sessions.account()
    assert len(aws.asked) > asked


@pytest.mark.parametrize(
    ("settings", "region"),
    [
        (("eu-west-1",), "eu-west-1"),
        (("ap-east-1",), "ap-east-1"),
        (("enabled",), "us-east-1"),
        (("cn-north-1",), "cn-north-1"),
    ],
)
def test_a_profile_s_role_needs_no_region_of_its_own(
    settings: tuple[str, ...], region: str, aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the settings say is enough: the SDK would refuse to sign for none."""
    role_of_a_profile(monkeypatch, aws, tmp_path, datetime.now(UTC) + LATER)
    config = tmp_path / "config"
    config.write_text(config.read_text().replace("region = eu-central-1\n", ""))
    assert sessions_to(aws, regions=settings).account() == ACCOUNT
    (assuming,) = (asked for asked in aws.asked if asked.operation == "AssumeRole")
    assert f"/{region}/sts/" in assuming.headers["authorization"]


def test_a_token_that_was_rotated_is_read_anew(aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet writes another into the file long before the first one ends."""
    told: list[str] = []

    def changed(asked: Asked) -> Reply:
        told.append(asked.parameters["WebIdentityToken"])
        return _changed(datetime.now(UTC) + timedelta(minutes=5))

    web_identity(monkeypatch, aws, tmp_path, datetime.now(UTC) + LATER)
    aws.on("AssumeRoleWithWebIdentity", changed)
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    sessions.account()
    (tmp_path / "token").write_text("d.e.f")
    timer.seconds += 60
    sessions.account()
    assert (told[0], told[-1]) == ("a.b.c", "d.e.f")


@pytest.mark.parametrize("source", [web_identity, process], ids=lambda source: source.__name__)
def test_what_is_not_there_to_give_credentials_is_no_outage(
    source: Setup, aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's file that is not mounted, or a program that is not installed: no network is at fault."""
    source(monkeypatch, aws, tmp_path, datetime.now(UTC) + LATER)
    for name in ("token", "config"):
        if (path := tmp_path / name).exists():
            path.write_text(path.read_text().replace("= cat", "= /no/such/program"))
    (tmp_path / "token").unlink(missing_ok=True)
    with pytest.raises(CredentialsExpired, match=r"read or run.*(token|program)"):
        sessions_to(aws).account()


def test_a_session_of_single_sign_on_that_is_over_says_to_log_in(
    aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And quotes no token."""
    _logged_in(monkeypatch, tmp_path, until=datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(CredentialsExpired) as told:
        sessions_to(aws).account()
    assert "aws sso login" in str(told.value)
    assert "of-ada" not in str(told.value)


def test_who_logs_in_again_restarts_nothing(aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token ends in the evening, and somebody runs `aws sso login` in the morning."""
    single_sign_on(monkeypatch, aws, tmp_path, datetime.now(UTC) + timedelta(minutes=5))
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    sessions.account()
    _logged_in(monkeypatch, tmp_path, until=datetime.now(UTC) - timedelta(minutes=1))
    timer.seconds += 60
    with pytest.raises(CredentialsExpired, match="nobody is logged in"):
        sessions.account()
    _logged_in(monkeypatch, tmp_path, until=datetime.now(UTC) + LATER)
    timer.seconds += 31
    assert sessions.account() == ACCOUNT


def test_that_single_sign_on_finds_no_role_says_nothing_of_resources(
    aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for a volume then has not heard that there is none."""
    single_sign_on(monkeypatch, aws, tmp_path, datetime.now(UTC) + timedelta(minutes=5))
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    sessions.account()
    timer.seconds += 3600
    aws.on("GET", json_error("ResourceNotFoundException", "The specified resource doesn't exist.", status=404))
    listing = AwsInventory(sessions, ec2.KINDS).get(ec2.Volume, SCOPE, "vol-1")
    assert listing.problem is not None
    assert listing.problem.reason == CredentialsExpired.reason


def test_a_web_identity_that_is_refused_is_told(aws: StubAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own code, without the token."""
    web_identity(monkeypatch, aws, tmp_path, datetime.now(UTC) + LATER)
    aws.on("AssumeRoleWithWebIdentity", query_error("ExpiredTokenException", "Token expired: a.b.c", status=400))
    with pytest.raises(CredentialsExpired) as told:
        sessions_to(aws).account()
    assert "a.b.c" not in str(told.value)
