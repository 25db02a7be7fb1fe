"""What depends on databases and buckets."""

from __future__ import annotations

import json

from cloudwarden.core.plain import Json
from cloudwarden.testing import bucket, database
from looking import aws_evidence, radii, told
from stub_aws import Asked, Reply, StubAws, query_error, query_xml, rest_error, rest_xml
from stub_sessions import sessions_to


def proxies(*names: str) -> Reply:
    """The proxies of a region."""
    members = "".join(f"<member><DBProxyName>{name}</DBProxyName></member>" for name in names)
    return query_xml("DescribeDBProxies", f"<DBProxies>{members}</DBProxies>")


def targets(asked: Asked) -> Reply:
    """Every proxy has one database, `orders`; the one named `of-cluster` tracks a cluster."""
    what = "TrackedClusterId>shop" if asked.parameters["DBProxyName"] == "of-cluster" else "RdsResourceId>orders"
    name = what.partition(">")[0]
    return query_xml("DescribeDBProxyTargets", f"<Targets><member><{what}</{name}></member></Targets>")


def test_a_database_s_replicas_cluster_and_proxies(aws: StubAws) -> None:
    """What its description says, and the proxies that lead to it or its cluster."""
    aws.on("DescribeDBProxies", proxies("front", "of-cluster"))
    aws.on("DescribeDBProxyTargets", targets)
    alone, member = radii(
        aws_evidence(sessions_to(aws)),
        database(id="orders", replicas=("orders-copy",)),
        database(id="shop-1", cluster="shop"),
    )
    assert set(told(alone)) == {"rds.database orders-copy", "rds.proxy front"}
    assert set(told(member)) == {"rds.cluster shop", "rds.proxy of-cluster"}
    assert alone.known
    assert member.known


def test_proxies_that_may_not_be_listed_are_unknown(aws: StubAws) -> None:
    """The replicas that the description names are told all the same."""
    aws.on("DescribeDBProxies", query_error("AccessDenied", status=403))
    (radius,) = radii(aws_evidence(sessions_to(aws)), database(id="orders", replicas=("orders-copy",)))
    assert str(radius) == "1 and unknown"
    assert [gap.what for gap in radius.gaps] == ["proxies"]


def quiet(aws: StubAws) -> None:
    """A bucket that is set up in no way."""
    aws.on("GET website", rest_error("NoSuchWebsiteConfiguration"))
    aws.on("GET replication", rest_error("ReplicationConfigurationNotFoundError"))
    aws.on("GET policy", rest_error("NoSuchBucketPolicy"))


def policy(*statements: Json) -> Reply:
    """A bucket policy, which S3 answers as it was written."""
    return Reply(body=json.dumps({"Statement": list(statements)}).encode(), content_type="application/json")


def test_a_bucket_that_nothing_is_known_to_depend_on(aws: StubAws) -> None:
    """Not configured is an answer."""
    quiet(aws)
    (radius,) = radii(aws_evidence(sessions_to(aws)), bucket())
    assert (str(radius), radius.known) == ("nothing else", True)


def test_a_bucket_s_website_and_copies(aws: StubAws) -> None:
    """Rules that are off copy nothing."""
    quiet(aws)
    aws.on(
        "GET website",
        rest_xml("<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>"),
    )
    rules = "".join(
        f"<Rule><Status>{status}</Status><Destination><Bucket>arn:aws:s3:::{name}</Bucket></Destination></Rule>"
        for name, status in (("backup", "Enabled"), ("old", "Disabled"))
    )
    aws.on("GET replication", rest_xml(f"<ReplicationConfiguration><Role>r</Role>{rules}</ReplicationConfiguration>"))
    (radius,) = radii(aws_evidence(sessions_to(aws)), bucket())
    assert set(told(radius)) == {"s3.bucket arn:aws:s3:::backup", "s3.website reports-of-acme"}


def test_whom_a_bucket_s_policy_lets_in(aws: StubAws) -> None:
    """Accounts, a distribution by the condition that names it, everyone; who is denied does not depend on it."""
    quiet(aws)
    distribution = "arn:aws:cloudfront::123456789012:distribution/E1"
    aws.on(
        "GET policy",
        policy(
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:root", "arn:aws:iam::2:root"]}},
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Condition": {"StringEquals": {"AWS:SourceArn": distribution}},
            },
            {"Effect": "Allow", "Principal": "*"},
            {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::3:root"}},
        ),
    )
    (radius,) = radii(aws_evidence(sessions_to(aws)), bucket())
    assert set(told(radius)) == {
        "s3.principal arn:aws:iam::1:root",
        "s3.principal arn:aws:iam::2:root",
        "s3.principal *",
        f"cloudfront.distribution {distribution}",
    }


def test_a_policy_that_is_denied_or_makes_no_sense_is_unknown(aws: StubAws) -> None:
    """Neither is nobody."""
    quiet(aws)
    for reply, reason in (
        (rest_error("AccessDenied", status=403), "access-denied"),
        (Reply(body=b"{", content_type="application/json"), "malformed-answer"),
    ):
        aws.on("GET policy", reply)
        (radius,) = radii(aws_evidence(sessions_to(aws)), bucket())
        assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("bucket policy", reason)]
