"""Find S3 buckets that strangers can come into, and propose to block public access to them."""

from cloudwarden import PROPOSE, NoParams, Policy, Severity, every, tagged
from cloudwarden.aws import s3
from cloudwarden.library.exposure import public_bucket

block_public_buckets = Policy(
    name="block-public-buckets",
    description="A bucket is public only if it says so by its tag; any other is closed, its policy and ACL kept.",
    rule=public_bucket,
    params=NoParams(),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=s3.BlockPublicAccess(),
    exempt=[tagged("public")],
    severity=Severity.CRITICAL,
)
