"""Buckets that are open to the world, in two regions of one account, and the policy that closes them."""

from __future__ import annotations

from dataclasses import replace

from cloudwarden import ENFORCE, Limit, NoParams, Policy, every
from cloudwarden.aws import s3
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.library.exposure import public_bucket
from cloudwarden.testing import ACCOUNT, bucket, bucket_access
from world import World

HERE, ELSEWHERE = (Scope(account=ACCOUNT, region=region) for region in ("eu-central-1", "us-west-2"))
OPEN = bucket(id="open", bucket_region=ELSEWHERE.region)


def close_public(**changes: object) -> AnyPolicy:
    """Buckets that are public are closed."""
    policy: AnyPolicy = Policy(
        name="close-public",
        rule=public_bucket,
        params=NoParams(),
        schedule=every(minutes=15),
        mode=ENFORCE,
        action=s3.BlockPublicAccess(),
        limit=Limit(share=1.0),
    )
    return replace(policy, **changes)  # type: ignore[arg-type]  # a test's changes


def put(world: World, *made: s3.Bucket) -> None:
    """Let there be these open buckets."""
    world.cloud.put(*made)
    for one in made:
        world.cloud.details = {**world.cloud.details, **bucket_access(one, public_policy=True)}


def with_buckets(world: World, *made: s3.Bucket) -> World:
    """The world as one of both regions, with these open buckets and the policy that closes them."""
    world.use(close_public())
    world.scopes[:] = [HERE, ELSEWHERE]
    put(world, *made)
    return world
