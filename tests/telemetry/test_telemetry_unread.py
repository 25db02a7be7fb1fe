"""What the cloud did not tell policies is shown by scope, and of very much by account."""

from __future__ import annotations

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.events import ScopesLeft
from cloudwarden.telemetry.listings import MOST
from cloudwarden.telemetry.metrics import Metrics
from happenings import SCOPE, judged, loaded
from scraping import Value

WHERE = {"policy": "stop-idle", "account": SCOPE.account, "region": SCOPE.region}
MUTE = judged(unread=5, cause=Cause(reason="access-denied", detail="GetMetricData"))


def test_what_is_not_told_is_shown_until_it_is(metrics: Metrics, value: Value) -> None:
    """Of that policy in that scope; where all is told, there is no series that must be looked at."""
    metrics.report(MUTE)
    metrics.report(judged(policy="another"))
    assert value("policy_unread_resources", **WHERE) == 5
    assert value("policy_unread_resources", **WHERE | {"policy": "another"}) is None
    metrics.report(judged())
    assert value("policy_unread_resources", **WHERE) is None


def test_it_goes_with_its_policy_and_with_its_scope(metrics: Metrics, value: Value) -> None:
    """Nobody would ever say that it is told."""
    for event in (loaded("another"), ScopesLeft(account=SCOPE.account, name="", regions=(SCOPE.region,))):
        metrics.report(loaded("stop-idle"))
        metrics.report(MUTE)
        metrics.report(event)
        assert value("policy_unread_resources", **WHERE) is None


def test_of_very_many_an_account_s_regions_are_one_series(metrics: Metrics, value: Value) -> None:
    """An outage everywhere must not make each scrape a heavy one."""
    for number in range(MOST + 1):
        scope = Scope(account=f"{number // 20:012}", region=f"eu-west-{number % 20}")
        metrics.report(judged(scope=scope, unread=2, cause=MUTE.cause))
    assert value("policy_unread_resources", **WHERE | {"account": "0" * 12, "region": "*"}) == 40
    assert value("policy_unread_resources", **WHERE | {"account": "0" * 12, "region": "eu-west-0"}) is None
