"""S3 buckets: one listing for each account, whatever regions they are kept in.

Source: AWS "Amazon S3 API Reference" (ListBuckets, GetBucketTagging, GetBucketPolicy, GetBucketReplication,
GetBucketWebsite).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.partition import partition
from cloudwarden.aws.s3.dependants import PERMISSIONS, of_bucket
from cloudwarden.aws.tags import tags_by
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.resource import GLOBAL, Resource, Scope

BLOCK_PUBLIC_ACCESS = "block-public-access"
"""The name of the action that turns a bucket's public access block on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket(Resource):
    """A general purpose S3 bucket; its id is its name. Everything else about it is a detail, and so evidence.

    `region` is `global`, and `bucket_region` where it is kept; None when S3 did not say. `tags` are read when
    somebody looks at them.
    """

    kind: ClassVar[str] = "s3.bucket"
    is_global: ClassVar[bool] = True
    dependants_permissions: ClassVar[tuple[str, ...]] = PERMISSIONS

    created: datetime  # pyright: ignore[reportGeneralTypeIssues]  # S3 always says it, and it is passed by name
    bucket_region: str | None = None

    @property
    def kept_in(self) -> Scope | None:
        """Its own region in its account: that S3 lists all regions together accepts none of them."""
        return Scope(account=self.account, region=self.bucket_region) if self.bucket_region else None

    def overtaken(self, action: str, done_at: datetime) -> str | None:
        """That it may have been made anew since, with a block of its own: S3 gives every new bucket one.

        An edit of its policy moves the date as well ("Bucket" of the API reference). Nobody can tell which it was, and
        a person who looks at the bucket can put back what is to be.
        """
        if action == BLOCK_PUBLIC_ACCESS and self.created > done_at:
            return f"was made anew, or changed, since: S3 dates it {self.created:%Y-%m-%d %H:%M}Z"
        return None

    def dependants(self) -> Iterator[Dependant | Look]:
        """Whoever its website, its replication and its policy speak of."""
        return of_bucket(self.id, policy=policy(self), replication=replication(self), website=website(self))


def detail(bucket: Bucket, operation: str, path: str, *, absent_codes: tuple[str, ...] = ()) -> Detail:
    """A question about one bucket, asked where it is kept."""
    return _detail(bucket.id, bucket.account, bucket.bucket_region, operation, path, absent_codes)


def website(bucket: Bucket) -> Detail:
    """Whether the bucket is served as a website."""
    path = "IndexDocument || RedirectAllRequestsTo"
    return detail(bucket, "get_bucket_website", path, absent_codes=("NoSuchWebsiteConfiguration",))


def replication(bucket: Bucket) -> Detail:
    """Which other buckets get copies."""
    absent = ("ReplicationConfigurationNotFoundError",)
    return detail(bucket, "get_bucket_replication", "ReplicationConfiguration.Rules", absent_codes=absent)


def policy(bucket: Bucket) -> Detail:
    """The bucket's policy, a JSON text in a field of that name."""
    return detail(bucket, "get_bucket_policy", "{Policy: Policy}", absent_codes=("NoSuchBucketPolicy",))


def _detail(
    name: str, account: str, region: str | None, operation: str, path: str, absent_codes: tuple[str, ...]
) -> Detail:
    return Detail(
        service="s3",
        operation=operation,
        # With the owner's account, so that a bucket that a stranger made anew is denied, and not described.
        arguments=(("Bucket", name), ("ExpectedBucketOwner", account)),
        path=path,
        region=region,
        absent_codes=absent_codes,
    )


def unread_tags(name: str, account: str, region: str | None) -> UnreadTags:
    """The tags of a bucket, to be asked for."""
    return tags_by(_detail(name, account, region, "get_bucket_tagging", "TagSet", ("NoSuchTagSet",)))


def bucket_arn(name: str, region: str | None) -> str:
    """A bucket's ARN, which names neither account nor region."""
    return f"arn:{partition(region or GLOBAL)}:s3:::{name}"


def _view(raw: Mapping[str, Any], scope: Scope) -> Bucket:
    name, region = raw["Name"], raw.get("BucketRegion")
    return Bucket(
        id=name,
        arn=bucket_arn(name, region),
        account=scope.account,
        region=scope.region,
        name=name,
        tags=unread_tags(name, scope.account, region),
        created=raw["CreationDate"],
        bucket_region=region,
    )


_MOST = 1000

KIND = Kind(
    resource=Bucket,
    service="s3",
    operation="list_buckets",
    items=("Buckets",),
    view=_view,
    # There is no call that describes one bucket, only one that lists those whose names begin alike.
    by_id=lambda name: {"Prefix": name, "MaxBuckets": _MOST},
    permissions=("s3:ListAllMyBuckets", "s3:GetBucketTagging"),
    # S3 says the region of each bucket only when it is asked with a page size.
    page_size=_MOST,
    page_size_name="MaxBuckets",
    next_page="ContinuationToken",
)
