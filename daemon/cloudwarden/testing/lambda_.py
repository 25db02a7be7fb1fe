"""Lambda functions."""

from __future__ import annotations

from collections.abc import Mapping

from cloudwarden.aws import lambda_
from cloudwarden.aws.lambda_.function import unread_tags
from cloudwarden.core.resource import NO_TAGS, Tags
from cloudwarden.testing.defaults import ACCOUNT, REGION


def function(
    *,
    id: str = "mails",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] | None = NO_TAGS,
    runtime: str | None = "python3.13",
    memory_mib: int = 128,
) -> lambda_.Function:
    """A small function. With `tags=None` they are unread, as in a listing, and a bench must give them."""
    arn = f"arn:aws:lambda:{region}:{account}:function:{id}"
    return lambda_.Function(
        id=id,
        arn=arn,
        account=account,
        region=region,
        name=id,
        tags=unread_tags(arn) if tags is None else Tags(tags),
        runtime=runtime,
        memory_mib=memory_mib,
    )
