"""The journal's copy in a bucket: what is asked of S3, and what its answers mean."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudwarden.aws.vault import NO_LOCK, S3Copy, VaultPlace
from cloudwarden.core.errors import AccessDenied, CloudError, ShippingError, Unavailable
from cloudwarden.ports import Batch
from copies import bucket_copy, make_bucket, s3
from installation import simulated_aws
from stub_aws import Reply, StubAws, rest_error, rest_xml
from stub_sessions import sessions_to

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BATCH = Batch(first_seq=4, last_seq=5, last_hash="ab" * 32, branch="0123abcd", content=b'{"seq":4}\n{"seq":5}\n')
KEY = "audit/journal/000000000004-000000000005-0123abcd-abababababababab.jsonl"
LOCK = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"


def copy(aws: StubAws, *, mode: str = "compliance") -> S3Copy:
    """A copy in a scripted S3."""
    place = VaultPlace(bucket="audit", prefix="journal", region=None, mode=mode, days=30)
    return S3Copy(sessions_to(aws), place, lambda: NOW)


def version(key: str, version_id: str, *, latest: bool = True) -> str:
    """One version in a listing."""
    told = f"<Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{str(latest).lower()}</IsLatest>"
    return f"<Version>{told}</Version>"


def listing(inner: str, *, following: str = "") -> Any:
    """A page of versions."""
    more = f"<IsTruncated>true</IsTruncated>{following}" if following else "<IsTruncated>false</IsTruncated>"
    return rest_xml(f"<ListVersionsResult>{more}{inner}</ListVersionsResult>")


def test_a_batch_is_put_once_under_lock_with_its_checksum(aws: StubAws) -> None:
    """Mode, an instant until which it is kept, the SHA-256 of what arrives, and never over what is there."""
    aws.on("PUT", Reply(content_type="application/xml"))
    copy(aws).put(BATCH)
    (put,) = (one for one in aws.asked if one.operation == "PUT")
    assert put.parameters["path"] == KEY
    assert put.parameters["body"].encode() == BATCH.content
    assert put.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    assert put.headers["x-amz-object-lock-retain-until-date"] == "2026-03-31T12:00:00Z"
    assert put.headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(BATCH.content).digest()).decode()
    assert put.headers["if-none-match"] == "*"


def test_a_batch_that_is_there_already_is_put(aws: StubAws) -> None:
    """S3 says that the key is taken: the answer to an earlier attempt was lost."""
    aws.on("PUT", rest_error("PreconditionFailed", status=412))
    copy(aws).put(BATCH)
    assert aws.count("PUT") == 1


@pytest.mark.parametrize(
    ("code", "status", "error"), [("AccessDenied", 403, AccessDenied), ("InternalError", 500, Unavailable)]
)
def test_a_batch_that_is_refused_is_not_put(aws: StubAws, code: str, status: int, error: type[CloudError]) -> None:
    """And it is asked once only, as whatever writes."""
    aws.on("PUT", rest_error(code, status=status))
    with pytest.raises(error):
        copy(aws).put(BATCH)
    assert aws.count("PUT") == 1


@pytest.mark.parametrize("reply", [rest_error(NO_LOCK), rest_xml("<ObjectLockConfiguration/>")])
def test_a_bucket_without_lock_is_unfit(aws: StubAws, reply: Any) -> None:
    """It says what to do about it."""
    aws.on("GET object-lock", reply)
    with pytest.raises(ShippingError, match=r"no object lock.*put-object-lock-configuration --bucket audit"):
        copy(aws).refuse_unfit()


def test_a_bucket_that_nobody_may_ask_about_is_not_taken_for_locked(aws: StubAws) -> None:
    """Nor for one without a lock: nobody can tell."""
    aws.on("GET object-lock", rest_error("AccessDenied", status=403))
    with pytest.raises(AccessDenied):
        copy(aws).refuse_unfit()


def test_a_locked_bucket_is_fit(aws: StubAws) -> None:
    """As S3 says it."""
    aws.on("GET object-lock", rest_xml(LOCK))
    copy(aws).refuse_unfit()
    assert aws.count("GET object-lock") == 1


def test_marks_are_read_from_the_keys_of_all_pages(aws: StubAws) -> None:
    """Each batch once, whatever was put over it; what is no batch is passed over."""
    second = KEY.removeprefix("audit/").replace("000000000004-000000000005", "000000000006-000000000009")
    first = KEY.removeprefix("audit/")
    following = f"<NextKeyMarker>{first}</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>"
    aws.on(
        "GET versions",
        listing(version(first, "v3") + version(first, "v2", latest=False), following=following),
        listing(version(first, "v1", latest=False) + version(second, "w1") + version("journal/readme", "x")),
    )
    marks = copy(aws).ahead(3)
    assert [(mark.seq, mark.hash, mark.branch) for mark in marks] == [
        (5, "ab" * 8, "0123abcd"),
        (9, "ab" * 8, "0123abcd"),
    ]
    asked = [one.parameters for one in aws.asked if one.operation == "GET versions"]
    assert asked[0]["key-marker"] == "journal/000000000003-~"
    assert (asked[1]["key-marker"], asked[1]["version-id-marker"]) == (first, "v2")


def test_a_page_that_fails_fails_the_whole(aws: StubAws) -> None:
    """Half a listing is no listing: nothing would be known to be missing."""
    first = KEY.removeprefix("audit/")
    aws.on(
        "GET versions",
        listing(version(first, "v1"), following=f"<NextKeyMarker>{first}</NextKeyMarker>"),
        rest_error("InternalError", status=500),
    )
    with pytest.raises(Unavailable):
        copy(aws).ahead(0)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A simulated AWS; its address."""
    with simulated_aws() as address:
        yield address


def test_the_first_version_of_an_object_is_what_is_read(endpoint: str) -> None:
    """Whoever may write may put another over it, or a delete marker: the one under lock is still there."""
    make_bucket(endpoint, "vault")
    kept = bucket_copy(endpoint, "vault")
    kept.put(BATCH)
    key = KEY.removeprefix("audit/")
    s3(endpoint).put_object(Bucket="vault", Key=key, Body=b'{"seq":4,"forged":true}\n')
    s3(endpoint).delete_object(Bucket="vault", Key=key)
    assert [text for _, text in kept.lines()] == ['{"seq":4}', '{"seq":5}']


def test_what_is_under_lock_stays(endpoint: str) -> None:
    """The simulation refuses to delete it, as AWS does."""
    make_bucket(endpoint, "locked")
    bucket_copy(endpoint, "locked").put(BATCH)
    (found,) = s3(endpoint).list_object_versions(Bucket="locked")["Versions"]
    with pytest.raises(Exception, match=re.compile("AccessDenied")):
        s3(endpoint).delete_object(Bucket="locked", Key=found["Key"], VersionId=found["VersionId"])


def test_a_copy_says_where_it_is() -> None:
    """As the settings write it."""
    place = VaultPlace(bucket="audit", prefix="", region=None, mode="governance", days=1)
    assert (str(place), place.key_prefix) == ("s3://audit", "")
