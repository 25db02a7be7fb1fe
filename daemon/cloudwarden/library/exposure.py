"""Rules about what strangers can reach in storage."""

from __future__ import annotations

from cloudwarden import NoParams, Violation, rule
from cloudwarden.aws import s3


@rule
def public_bucket(bucket: s3.Bucket, params: NoParams, access: s3.PublicAccess) -> Violation | None:
    """A bucket that strangers come into today, by its policy or its ACL.

    Nothing is said of single objects with ACLs of their own: `unblocked_bucket` is the rule that leaves no way.
    `offending` holds what the bucket's own public access block lacks.
    """
    del bucket, params
    openings = access.openings
    if not openings:
        return None
    return Violation(summary=f"open to strangers: {', '.join(openings)}", offending=access.lacking)


@rule
def unblocked_bucket(bucket: s3.Bucket, params: NoParams, access: s3.PublicAccess) -> Violation | None:
    """A bucket that could be opened to strangers: neither it nor its account blocks every way.

    `offending` holds what the bucket's own public access block lacks.
    """
    del bucket, params
    unblocked = access.unblocked
    if not unblocked:
        return None
    return Violation(summary=f"public access is not blocked: {', '.join(unblocked)}", offending=access.lacking)
