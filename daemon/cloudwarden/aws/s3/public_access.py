"""Whether strangers may come into a bucket: by its policy or its ACL, and what blocks them.

Source: AWS "Amazon S3 User Guide" (Blocking public access to your Amazon S3 storage, The meaning of "public") and
"Amazon S3 API Reference" (GetPublicAccessBlock, GetBucketPolicyStatus, GetBucketAcl).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from cloudwarden.aws.s3.bucket import Bucket, detail
from cloudwarden.core.detail import Detail, known, read
from cloudwarden.core.evidence import Evidence, Unreadable
from cloudwarden.core.plain import Json

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""The settings of a public access block: the first and third keep new openings out, the others close old ones."""

NO_BLOCK = "no-public-access-block"
"""Stands for all settings at once of a bucket that has no public access block of its own."""

_NOT_BLOCKED = ("NoSuchPublicAccessBlockConfiguration",)
_STRANGERS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "everyone",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "every AWS account",
}


def account_block(bucket: Bucket) -> Detail:
    """The public access block of the bucket's account, that of its organization included."""
    return Detail(
        service="s3control",
        operation="get_public_access_block",
        arguments=(("AccountId", bucket.account),),
        path="PublicAccessBlockConfiguration",
        absent_codes=_NOT_BLOCKED,
    )


def bucket_block(bucket: Bucket) -> Detail:
    """The bucket's own public access block."""
    return detail(bucket, "get_public_access_block", "PublicAccessBlockConfiguration", absent_codes=_NOT_BLOCKED)


def policy_status(bucket: Bucket) -> Detail:
    """Whether S3 takes the bucket's policy for public."""
    return detail(bucket, "get_bucket_policy_status", "PolicyStatus", absent_codes=("NoSuchBucketPolicy",))


def acl(bucket: Bucket) -> Detail:
    """Whom the bucket's access control list lets in."""
    return detail(bucket, "get_bucket_acl", "Grants")


class PublicAccess(Evidence):
    """Who may come into a bucket, as its policy, its ACL and the public access blocks say.

    The ACLs of single objects and the policies of access points are not looked at; `unblocked` speaks for those
    too. What was read proves what it can: one setting that is on closes a way, whatever could not be read beside
    it, and one way that is open is open, whatever is unknown of the other.
    """

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = (
        "s3:GetAccountPublicAccessBlock",
        "s3:GetBucketAcl",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
    )
    details: ClassVar = (account_block, bucket_block, policy_status, acl)

    @property
    def openings(self) -> tuple[str, ...]:
        """The ways in which strangers come in today, in words; empty when there is none."""
        by_policy = self._open("RestrictPublicBuckets", policy_status(self._bucket), _policy_openings)
        by_acl = self._open("IgnorePublicAcls", acl(self._bucket), _acl_openings)
        found = tuple(way for ways in (by_policy, by_acl) if not isinstance(ways, Unreadable) for way in ways)
        if not found:
            for ways in (by_policy, by_acl):
                if isinstance(ways, Unreadable):
                    self.inquiry.cannot_tell(ways.cause)
        self._note("open to strangers", ", ".join(found) or "no")
        return found

    @property
    def unblocked(self) -> tuple[str, ...]:
        """Those of `SETTINGS` that neither the bucket nor its account has on."""
        account = read(self.inquiry, account_block(self._bucket), _settings_on)
        own = frozenset[str]() if account == frozenset(SETTINGS) else self._own_settings()
        on = own if isinstance(account, Unreadable) else account | own
        off = tuple(setting for setting in SETTINGS if setting not in on)
        if off and isinstance(account, Unreadable):
            self.inquiry.cannot_tell(account.cause)
        self._note("public access settings that are off", ", ".join(off) or "none")
        return off

    @property
    def lacking(self) -> tuple[str, ...]:
        """What the bucket's own block lacks: some of `SETTINGS`, or `NO_BLOCK` alone when it has none.

        Give it to a violation as `offending`, for `BlockPublicAccess` to repair.
        """
        if known(self.inquiry, bucket_block(self._bucket), lambda answer: answer is None):
            return (NO_BLOCK,)
        own = self._own_settings()
        return tuple(setting for setting in SETTINGS if setting not in own)

    @property
    def _bucket(self) -> Bucket:
        return cast("Bucket", self.resource)

    def _own_settings(self) -> frozenset[str]:
        return known(self.inquiry, bucket_block(self._bucket), _settings_on)

    def _open(
        self, closed_by: str, asked: Detail, shape: Callable[[Json], tuple[str, ...]]
    ) -> tuple[str, ...] | Unreadable:
        """The openings of one way, unless a block closes it."""
        # The account first: its answer is shared by all of its buckets, and often closes them all.
        blocks = []
        for block in (account_block(self._bucket), bucket_block(self._bucket)):
            blocks.append(settings := read(self.inquiry, block, _settings_on))
            if not isinstance(settings, Unreadable) and closed_by in settings:
                return ()
        openings = read(self.inquiry, asked, shape)
        unreadable = next((answer for answer in (openings, *blocks) if isinstance(answer, Unreadable)), None)
        return openings if openings == () or unreadable is None else unreadable

    def _note(self, question: str, answer: str) -> None:
        self.inquiry.note(question, answer, holds_until=self.inquiry.now)


def _settings_on(answer: Json) -> frozenset[str]:
    if answer is None:
        return frozenset()
    block: Any = answer
    return frozenset(setting for setting in SETTINGS if _flag(block[setting]))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"neither true nor false: {value!r}")
    return value


def _policy_openings(answer: Json) -> tuple[str, ...]:
    status: Any = answer
    return () if answer is None or not _flag(status["IsPublic"]) else ("its policy is public",)


def _acl_openings(answer: Json) -> tuple[str, ...]:
    grants: Any = answer
    strangers = ((_STRANGERS.get(grant["Grantee"].get("URI", "")), grant["Permission"]) for grant in grants)
    return tuple(sorted({f"its ACL gives {who} {permission}" for who, permission in strangers if who}))
