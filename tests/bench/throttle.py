"""How a sweep meets AWS's token bucket in real time: ours beside botocore's retries, and a healthy account beside a
throttled one.

The AWS here answers DescribeVolumes after 30 ms, and enforces a bucket for each account, refilled every second. It
takes two minutes; the exact claims are tests in simulated time, in tests/aws/test_aws_bucket.py.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import boto3
from botocore.config import Config

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError
from stub_aws import Asked, Reply, StubAws, error, query_xml, serving, xml
from stub_sessions import Heard
from throttling_aws import DESCRIBE, AwsBucket

CALLS = 400
THREADS = 16
DELAY_SECONDS = 0.03
SECONDS_BESIDE = 8.0
REST_SECONDS = 10.0
"""Between sweeps, so that the store fills again on our side too."""
ATTEMPTS = 4
PAGE_SIZE = 5
REGION = "eu-central-1"

Call = Callable[[], bool]
"""Makes one call; whether it was answered."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """An AWS whose accounts have a bucket each; the access key tells the account."""

    aws: StubAws
    buckets: dict[str, AwsBucket]
    answers: Counter[tuple[str, bool]]

    def restart(self, **sizes: float) -> None:
        """Full buckets again, each so many times as large as AWS documents."""
        self.answers.clear()
        for account, size in sizes.items():
            self.buckets[account] = AwsBucket(DESCRIBE.burst * size, DESCRIBE.rate * size, by_the_second=True)
            self.buckets[account].allows(time.monotonic())


@contextmanager
def estate() -> Iterator[Estate]:
    """It listens until the end."""
    lock = threading.Lock()
    with serving() as aws:
        held = Estate(aws=aws, buckets={}, answers=Counter())

        def describe(asked: Asked) -> Reply:
            time.sleep(DELAY_SECONDS)
            account = _account(asked)
            with lock:
                allowed = held.buckets[account].allows(time.monotonic())
                held.answers[account, allowed] += 1
            return xml("DescribeVolumes", "<volumeSet/>") if allowed else error("RequestLimitExceeded", status=503)

        aws.on("DescribeVolumes", describe)
        aws.on(
            "GetCallerIdentity", lambda asked: query_xml("GetCallerIdentity", f"<Account>{_account(asked)}</Account>")
        )
        yield held


def _caller(asked: Asked) -> Reply:
    return query_xml("GetCallerIdentity", f"<Account>{_account(asked)}</Account>")


def _account(asked: Asked) -> str:
    return asked.headers["authorization"].partition("Credential=")[2].partition("/")[0]


def ours(aws: StubAws, account: str, limits: Limits) -> Call:
    """Cloudwarden's way."""
    os.environ["AWS_ACCESS_KEY_ID"] = account
    access = AwsAccess(regions=(REGION,), endpoint_url=aws.url, attempts=ATTEMPTS, max_connections=THREADS)
    sessions = Sessions(access, Heard(), limits)
    client = sessions.client("ec2", sessions.scopes()[0])

    def call() -> bool:
        try:
            ask(client, "describe_volumes", {"MaxResults": PAGE_SIZE})
        except CloudError:
            return False
        return True

    return call


def theirs(aws: StubAws, account: str, mode: Literal["standard", "adaptive"]) -> Call:
    """botocore's way, in one of its retry modes."""
    config = Config(retries={"mode": mode, "total_max_attempts": ATTEMPTS}, max_pool_connections=THREADS)
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="x", region_name=REGION)
    client = session.client("ec2", endpoint_url=aws.url, config=config)

    def call() -> bool:
        try:
            client.describe_volumes(MaxResults=PAGE_SIZE)
        except client.exceptions.ClientError:
            return False
        return True

    return call


def sweep(held: Estate, size: float, call: Call) -> str:
    """CALLS calls by THREADS threads at a bucket so many times as large as documented."""
    held.restart(alone=size)
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        lost = list(pool.map(lambda _: call(), range(CALLS))).count(False)
    seconds = time.monotonic() - began
    bound = (CALLS - DESCRIBE.burst * size) / (DESCRIBE.rate * size)
    requests = held.answers.total()
    share = held.answers["alone", False] / requests
    return f"{seconds:9.1f}{seconds / bound:9.2f}{requests:10}{share:11.1%}{lost:7}"


def beside(held: Estate, healthy: Call, throttled: Call) -> int:
    """Calls of a healthy account that were answered while another one is throttled."""
    held.restart(healthy=1.0, throttled=0.02)
    until = time.monotonic() + SECONDS_BESIDE

    def work(call: Call) -> None:
        while time.monotonic() < until:
            call()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [healthy, throttled] * (THREADS // 2)))
    return held.answers["healthy", True]


def main() -> None:
    """Print the tables."""
    out = sys.stdout.write
    os.environ |= {"AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
    pause = threading.Event().wait
    with estate() as held:
        for size in (1.0, 0.5):
            out(f"\n{CALLS} calls, {THREADS} threads, a bucket {size:g} times the documented one\n")
            out(f"{'':24}{'seconds':>9}{'x bound':>9}{'requests':>10}{'throttled':>11}{'lost':>7}\n")
            limits = Limits(Heard(), pause=pause)
            call = ours(held.aws, "alone", limits)
            out(f"{'Cloudwarden':24}{sweep(held, size, call)}\n")
            time.sleep(REST_SECONDS)
            out(f"{'the next sweep':24}{sweep(held, size, call)}\n")
            out(f"{'botocore, standard':24}{sweep(held, size, theirs(held.aws, 'alone', 'standard'))}\n")
        limits = Limits(Heard(), pause=pause)
        answered = beside(held, ours(held.aws, "healthy", limits), ours(held.aws, "throttled", limits))
        most = DESCRIBE.burst + DESCRIBE.rate * SECONDS_BESIDE
        out(f"\nof a healthy account beside a throttled one, {answered} of {most:g} calls in {SECONDS_BESIDE:g} s\n")


if __name__ == "__main__":
    main()
