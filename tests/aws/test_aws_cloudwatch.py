"""Metric answers: few calls, and no gap taken for silence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden.aws.cloudwatch import CloudWatchEvidence, batches, merged
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from stub_aws import JSON, SCOPE, Asked, Reply, StubAws, error, json_error, json_reply
from stub_sessions import sessions_to

NOW = datetime(2026, 3, 2, 12, 3, 21, tzinfo=UTC)
FIVE = timedelta(minutes=5)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def cpu(instance: str = "i-1", *, window: timedelta = timedelta(hours=6), period: timedelta = FIVE) -> MetricQuery:
    """The CPU of one instance."""
    return MetricQuery(
        namespace="AWS/EC2",
        metric="CPUUtilization",
        dimensions=(("InstanceId", instance),),
        statistic="Maximum",
        period=period,
        window=window,
    )


def many(count: int, **settings: Any) -> list[MetricQuery]:
    """The CPU of many instances."""
    return [cpu(f"i-{number}", **settings) for number in range(count)]


def result(
    number: int, values: Sequence[float] = (1.0,), status: str = "Complete", after: int = 0, **more: Any
) -> dict[str, Any]:
    """One series of an answer, newest datapoint at noon."""
    moments = [NOON - FIVE * (index + after) for index in range(len(values))]
    return {
        "Id": f"m{number}",
        "Label": "x",
        "Timestamps": moments,
        "Values": list(values),
        "StatusCode": status,
    } | more


def page(*results: dict[str, Any], **more: Any) -> Reply:
    """One page of GetMetricData."""
    return json_reply({"MetricDataResults": list(results), **more})


def as_aws(asked: Asked) -> Reply:
    """Answers every series with its number, and refuses more than 500 as the API does."""
    queries = asked.parameters["MetricDataQueries"]
    if len(queries) > 500:
        return json_error("ValidationError", "The collection MetricDataQueries must not have a size greater than 500.")
    return page(*(result(number, (float(_instance(query)),)) for number, query in enumerate(queries)))


def _instance(query: dict[str, Any]) -> str:
    return str(query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]).removeprefix("i-")


def answered(aws: StubAws, queries: Sequence[Query[object]], **settings: Any) -> list[Any]:
    """The answers, in the queries' order."""
    answers = CloudWatchEvidence(sessions_to(aws, **settings)).answer(SCOPE, queries, NOW)
    return [answers[query] for query in queries]


def seconds(instant: datetime) -> int:
    """An instant as CloudWatch's JSON writes it."""
    return int(instant.timestamp())


def reason(answer: object) -> str:
    """Why it is unreadable."""
    assert isinstance(answer, Unreadable)
    return answer.cause.reason


def test_a_series_comes_with_aware_moments(aws: StubAws) -> None:
    """CloudWatch writes Unix seconds; a rule gets instants in UTC."""
    aws.on("GetMetricData", page(result(0, (3.0, 4.0))))
    (series,) = answered(aws, [cpu()])
    assert series == Series(moments=(NOON, NOON - FIVE), values=(3.0, 4.0))
    assert series.moments[0].tzinfo is UTC


def test_no_datapoints_are_a_complete_series_of_none(aws: StubAws) -> None:
    """What silence means is for the evidence to decide, not for the adapter."""
    aws.on("GetMetricData", page(result(0, ())))
    assert answered(aws, [cpu()]) == [Series(moments=(), values=())]


def test_the_request_is_aligned_and_newest_first(aws: StubAws) -> None:
    """Start down and end up to the period, so that datapoints are whole ones."""
    aws.on("GetMetricData", page(result(0)))
    answered(aws, [cpu()])
    sent = aws.asked[-1].parameters
    assert (sent["StartTime"], sent["EndTime"]) == (seconds(NOON - timedelta(hours=6)), seconds(NOON + FIVE))
    assert sent["ScanBy"] == "TimestampDescending"
    assert sent["MetricDataQueries"][0]["MetricStat"] == {
        "Metric": {
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}],
        },
        "Period": 300,
        "Stat": "Maximum",
    }


def test_windows_of_one_series_share_the_widest(aws: StubAws) -> None:
    """Two policies with other windows cost one metric."""
    narrow, wide = cpu(window=timedelta(hours=1)), cpu(window=timedelta(hours=8))
    aws.on("GetMetricData", page(result(0, (5.0,))))
    first, second = answered(aws, [narrow, wide])
    assert first is second
    assert aws.asked[-1].parameters["StartTime"] == seconds(NOON - timedelta(hours=8))
    assert len(aws.asked[-1].parameters["MetricDataQueries"]) == 1


@pytest.mark.parametrize(
    "other",
    [replace(cpu(), statistic="Average"), replace(cpu(), metric="NetworkIn"), cpu("i-2"), cpu(period=FIVE * 2)],
    ids=["statistic", "metric", "dimensions", "period"],
)
def test_other_series_are_not_merged(other: MetricQuery) -> None:
    """Only the window may differ."""
    assert len(merged([cpu(), other])) == 2


def test_a_thousand_series_take_two_calls(aws: StubAws) -> None:
    """500 a call, which AWS would refuse to exceed, and each answer finds its query."""
    aws.on("GetMetricData", as_aws)
    answers = answered(aws, many(1000))
    assert [list(answer.values) for answer in answers] == [[float(number)] for number in range(1000)]
    assert aws.count("GetMetricData") == 2


def test_a_call_asks_for_at_most_100800_datapoints() -> None:
    """A day of five minutes is 289 datapoints with both ends, so 348 series fill a call."""
    planned = batches(many(1000, window=timedelta(days=1)))
    assert [len(batch.series) for batch in planned] == [348, 348, 304]


def test_unlike_periods_do_not_share_a_call() -> None:
    """A series of days beside one of minutes would ask for the minutes of all those days."""
    long = cpu("i-9", window=timedelta(days=30), period=timedelta(days=1))
    assert [len(batch.series) for batch in batches([*many(3), long])] == [3, 1]


def test_pages_of_one_series_are_joined(aws: StubAws) -> None:
    """PartialData is followed with the token until the series is Complete."""
    aws.on(
        "GetMetricData",
        page(result(0, (1.0, 2.0), "PartialData"), NextToken="t1"),
        page(result(0, (3.0,), after=2)),
    )
    assert answered(aws, [cpu()]) == [
        Series(moments=(NOON, NOON - FIVE, NOON - FIVE * 2), values=(1.0, 2.0, 3.0), complete=True)
    ]
    assert aws.asked[-1].parameters["NextToken"] == "t1"


def test_partial_data_to_the_end_is_incomplete(aws: StubAws) -> None:
    """The points are true; that they are all is not."""
    aws.on("GetMetricData", page(result(0, (1.0,), "PartialData"), result(1)))
    assert [answer.complete for answer in answered(aws, many(2))] == [False, True]


@pytest.mark.parametrize(("status", "expected"), [("InternalError", "unavailable"), ("Forbidden", "access-denied")])
def test_a_series_that_failed_is_unreadable_alone(aws: StubAws, status: str, expected: str) -> None:
    """Its neighbour in the same answer is read."""
    aws.on("GetMetricData", page(result(0, (), status), result(1)))
    failed, fine = answered(aws, many(2))
    assert (reason(failed), fine.complete) == (expected, True)


def test_an_internal_error_may_be_mended_on_a_later_page(aws: StubAws) -> None:
    """The API says to retry with the token: the latest status stands."""
    aws.on("GetMetricData", page(result(0, (), "InternalError"), NextToken="t1"), page(result(0, (1.0,))))
    assert answered(aws, [cpu()])[0].complete


def test_a_series_missing_from_the_answer_is_unreadable(aws: StubAws) -> None:
    """No result is not an empty one."""
    aws.on("GetMetricData", page(result(0)))
    fine, missing = answered(aws, many(2))
    assert (fine.complete, reason(missing)) == (True, "malformed-answer")


@pytest.mark.parametrize(
    "strange",
    [
        result(0) | {"Values": [1.0, 2.0]},
        result(0) | {"Values": ["idle"]},
        result(0) | {"Values": [10**400]},
        result(0) | {"Timestamps": ["noon"]},
    ],
    ids=["uneven", "no-number", "no-float", "no-instant"],
)
def test_a_malformed_series_is_unreadable(aws: StubAws, strange: dict[str, Any]) -> None:
    """What cannot be understood is not guessed at."""
    aws.on("GetMetricData", page(strange))
    assert reason(answered(aws, [cpu()])[0]) == "malformed-answer"


@pytest.mark.parametrize(
    "reply",
    [
        page(result(0), Messages=[{"Code": "MaxMetricsExceeded", "Value": "too many"}]),
        page(result(0, Messages=[{"Code": "ArithmeticError", "Value": "1 of 2"}])),
        page(result(0, status="SomethingNew")),
        page(result(0), result(0)),
    ],
    ids=["call", "series", "status", "same-point-twice"],
)
def test_whatever_aws_remarks_makes_it_incomplete(aws: StubAws, reply: Reply) -> None:
    """Points still prove activity, and no longer its absence."""
    aws.on("GetMetricData", reply)
    assert not answered(aws, [cpu()])[0].complete


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (json_error("ThrottlingException"), "throttled"),
        (json_error("InternalServiceFault", status=500), "unavailable"),
        (json_error("AccessDeniedException", status=403), "access-denied"),
        (Reply(reset=True), "unavailable"),
        (Reply(body=page(result(0)).body, content_type=JSON, cut=True), "unavailable"),
        (Reply(body=b'{"MetricDataRes', content_type=JSON), "malformed-answer"),
        (Reply(body=b"", content_type=JSON), "malformed-answer"),
        (page(result(0), NextToken="t1"), "malformed-answer"),
    ],
    ids=["throttled", "500", "denied", "reset", "cut", "truncated", "empty", "same-token"],
)
def test_a_failed_page_keeps_points_and_loses_completeness(aws: StubAws, broken: Reply, expected: str) -> None:
    """Series with points keep them, incomplete; series without are unreadable for the reason of the failure."""
    aws.on("GetMetricData", page(result(0, (9.0,)), result(1, ()), NextToken="t1"), broken)
    some, none, never = answered(aws, many(3))
    assert (some.values[0], some.complete) == (9.0, False)
    assert [reason(none), reason(never)] == [expected, expected]


def test_a_failed_call_costs_its_own_queries_only(aws: StubAws) -> None:
    """One throttled call of several leaves the others' answers whole."""
    lock, calls = threading.Lock(), [0]

    def second_fails(asked: Asked) -> Reply:
        with lock:
            calls[0] += 1
            return json_error("ThrottlingException") if calls[0] == 2 else as_aws(asked)

    aws.on("GetMetricData", second_fails)
    unreadable = [answer for answer in answered(aws, many(1500)) if isinstance(answer, Unreadable)]
    assert (len(unreadable), {reason(answer) for answer in unreadable}) == (500, {"throttled"})


def test_one_refused_series_does_not_take_the_others_with_it(aws: StubAws) -> None:
    """A call that AWS refuses for one query is made again in halves."""

    def refuses_seven(asked: Asked) -> Reply:
        bad = any(_instance(query) == "7" for query in asked.parameters["MetricDataQueries"])
        return json_error("ValidationError", "bad") if bad else as_aws(asked)

    aws.on("GetMetricData", refuses_seven)
    answers = answered(aws, many(16))
    assert [number for number, answer in enumerate(answers) if isinstance(answer, Unreadable)] == [7]
    assert reason(answers[7]) == "invalid-request"


def test_refusing_everything_is_not_asked_for_ever(aws: StubAws) -> None:
    """When halving does not help, a few dozen calls say so."""
    aws.on("GetMetricData", json_error("ValidationError"))
    assert {reason(answer) for answer in answered(aws, many(500))} == {"invalid-request"}
    assert aws.count("GetMetricData") <= 30


def test_no_client_makes_every_query_unreadable(aws: StubAws) -> None:
    """Even without credentials, answering does not raise."""
    aws.on("GetCallerIdentity", error("ExpiredToken", status=403))
    assert {reason(answer) for answer in answered(aws, many(2))} == {"credentials-expired"}


def test_other_queries_are_unreadable(aws: StubAws) -> None:
    """A question that is not about metrics is answered, by saying that it cannot be."""
    query: Query[object] = Query()
    assert reason(answered(aws, [query])[0]) == "invalid-request"
    assert aws.count("GetMetricData") == 0
