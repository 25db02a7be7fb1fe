"""The journal's copy in S3, under object lock: what was put there nobody takes away before its time.

Sources: "Locking objects with Object Lock" and "Conditional writes" of the Amazon S3 User Guide; "PutObject",
"GetObjectLockConfiguration" and "ListObjectVersions" of the Amazon S3 API Reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.errors import translated
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, MalformedAnswer, ShippingError
from cloudwarden.ports import Batch, Mark

_KEY = re.compile(r"(?P<first>\d{12})-(?P<last>\d{12})-(?P<branch>[0-9a-f]+)-(?P<hash>[0-9a-f]{16})\.jsonl")

NO_LOCK = "ObjectLockConfigurationNotFoundError"
"""What S3 answers of a bucket whose object lock was never enabled."""

EXISTS = "PreconditionFailed"
"""What S3 answers when the key is taken already: then the batch is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultPlace:
    """A bucket, what its keys begin with, and how long each object is locked. `region` is the bucket's."""

    bucket: str
    prefix: str
    region: str | None
    mode: str
    days: int

    @property
    def key_prefix(self) -> str:
        """What comes before a batch's own name."""
        return f"{self.prefix}/" if self.prefix else ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class S3Copy:
    """`ports.JournalCopy` in a bucket of the daemon's own: no part of the estate, and never reached by an action.

    Each batch is an object that is written once: its key names its entries and the last one's hash. The oldest
    version of a key is the one that was written under lock; versions and delete markers that somebody put over it
    are passed over.
    """

    def __init__(self, sessions: Sessions, place: VaultPlace, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._place = place
        self._now = now

    def refuse_unfit(self) -> None:
        """Raise ShippingError unless the bucket has object lock, and CloudError when nobody can tell."""
        try:
            answer = ask(self._client(), "get_object_lock_configuration", {"Bucket": self._place.bucket})
        except CloudError as error:
            if error.code != NO_LOCK:
                raise
            answer = {}
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise ShippingError(
                f"{self._place}: the bucket has no object lock, so that whoever gets in could delete the journal's "
                f"copy: enable versioning, then object lock (aws s3api put-object-lock-configuration --bucket "
                f"{self._place.bucket} --object-lock-configuration ObjectLockEnabled=Enabled), or name another bucket"
            )

    def ahead(self, after: int) -> Sequence[Mark]:
        """Every batch that begins above `after`, by its key."""
        return tuple(
            Mark(branch=key["branch"], seq=int(key["last"]), hash=key["hash"])
            for key, _ in self._objects(after)
            if int(key["first"]) > after
        )

    def put(self, batch: Batch) -> None:
        """Write a batch under lock; one that is there already is left as it is.

        The one call that writes to AWS beside those of actions. It is made once, as theirs are: whether it arrived
        the next one tells.
        """
        client = self._client(once=True)
        try:
            ask(
                client,
                "put_object",
                {
                    "Bucket": self._place.bucket,
                    "Key": self._key(batch),
                    "Body": batch.content,
                    "ContentType": "application/x-ndjson",
                    "ChecksumAlgorithm": "SHA256",
                    "IfNoneMatch": "*",
                    "ObjectLockMode": self._place.mode.upper(),
                    "ObjectLockRetainUntilDate": self._now() + timedelta(days=self._place.days),
                },
            )
        except CloudError as error:
            if error.code != EXISTS:
                raise

    def lines(self, after: int = 0) -> Iterator[tuple[str, str]]:
        """Every line of the batches that end above `after`, oldest first."""
        for key, version in self._objects(0):
            if int(key["last"]) <= after:
                continue
            asked = {"Bucket": self._place.bucket, "Key": self._place.key_prefix + key.string, "VersionId": version}
            for number, text in enumerate(self._read(asked).splitlines(), start=1):
                yield f"{key.string} line {number}", text

    def _read(self, asked: Mapping[str, str]) -> str:
        body = ask(self._client(), "get_object", asked)["Body"]
        try:
            text: str = body.read().decode()
        except Exception as error:  # noqa: BLE001 - the stream raises whatever its connection met
            failure = translated(error)
        else:
            return text
        raise failure

    def _key(self, batch: Batch) -> str:
        name = f"{batch.first_seq:012}-{batch.last_seq:012}-{batch.branch}-{batch.last_hash[:16]}.jsonl"
        return self._place.key_prefix + name

    def _objects(self, after: int) -> Iterator[tuple[re.Match[str], str]]:
        """The batches that begin above `after`, in the order of their first entries, each with its oldest version."""
        held: tuple[re.Match[str], str] | None = None
        # The first key that S3 gives comes after the marker, whether there is a key of that name or not.
        for version in self._versions({"KeyMarker": f"{self._place.key_prefix}{after:012}-~"} if after else {}):
            match = _KEY.fullmatch(str(version["Key"]).removeprefix(self._place.key_prefix))
            if match is None:
                continue
            # Of one key S3 lists the latest version first.
            if held is not None and held[0].string != match.string:
                yield held
            held = match, str(version["VersionId"])
        if held is not None:
            yield held

    def _versions(self, following: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Every version of every key that follows. Raises CloudError."""
        while True:
            asked = {"Bucket": self._place.bucket, "Prefix": self._place.key_prefix, **following}
            page = ask(self._client(), "list_object_versions", asked)
            yield from page.get("Versions", ())
            if not page.get("IsTruncated"):
                return
            names = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
            latest = {name: str(page[told]) for name, told in names.items() if page.get(told)}
            if not latest or latest == following:
                raise MalformedAnswer("list_object_versions: a page promises more, and says not where")
            following = latest

    def _client(self, *, once: bool = False) -> SpeakingClient:
        return self._sessions.own("s3", self._place.region, once=once)
