"""Whatever a listing answers is read as botocore reads it: every kind's operation, and the calls beside them."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import Element, tostring

import pytest
from botocore.model import OperationModel
from botocore.parsers import ResponseParserFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudwarden.app import KINDS
from cloudwarden.aws.parsers import Parsers
from declarations import operation
from odd_answers import OddAnswer

CALLED = [(kind.service, kind.operation) for kind in KINDS] + [
    ("ec2", "describe_tags"),
    ("ec2", "describe_regions"),
    ("rds", "list_tags_for_resource"),
    ("rds", "describe_db_engine_versions"),
    ("sts", "get_caller_identity"),
    ("sts", "assume_role"),
]
EC2_ERROR = (
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m</Message></Error></Errors>"
    "<RequestID>r</RequestID></Response>"
)
QUERY_ERROR = (
    '<ErrorResponse xmlns="urn:x"><Error><Type>Sender</Type><Code>Throttling</Code><Message>m</Message></Error>'
    "<RequestId>r</RequestId></ErrorResponse>"
)
PARSERS = (Parsers(), ResponseParserFactory())


def plain(value: Any) -> Any:
    """The value, elements as text: of a repeated one where it takes a single text, botocore gives the elements."""
    if isinstance(value, Element):
        return tostring(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def outcomes(model: OperationModel, body: bytes, status: int = 200) -> list[Any]:
    """What our parser makes of an answer, and what botocore's does: a value, or the type of what it raises."""
    found: list[Any] = []
    for factory in PARSERS:
        answer = {"body": body, "headers": {"X-Amzn-RequestId": "r"}, "status_code": status}
        try:
            parser = factory.create_parser(model.service_model.resolved_protocol)
            found.append(plain(parser.parse(answer, model.output_shape)))  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001  # whatever it is, it must be the same
            found.append(type(error))
    return found


@pytest.mark.parametrize(("service", "name"), CALLED)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_an_answer_reads_as_botocore_reads_it(service: str, name: str, seed: int) -> None:
    """Missing, empty, repeated, unknown and malformed elements, entities, CDATA, comments and namespaces among them."""
    model = operation(service, name)
    ours, theirs = outcomes(model, OddAnswer(seed).body(model.output_shape))
    assert ours == theirs


@pytest.mark.parametrize(("service", "name"), CALLED)
@pytest.mark.parametrize("status", [200, 400, 403, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body><b>Http/1.1 Service Unavailable</b></body></html>",
        EC2_ERROR,
        QUERY_ERROR,
        "<Response><cut",
        "<Response/>",
        "not XML",
    ],
    ids=["empty", "html", "ec2", "query", "cut", "nothing", "text"],
)
def test_an_error_reads_as_botocore_reads_it(service: str, name: str, status: int, body: str) -> None:
    """Whatever its status says."""
    ours, theirs = outcomes(operation(service, name), body.encode(), status)
    assert ours == theirs


NUMBERS = st.one_of(st.integers(0, 2**33), st.floats(0, 2**33), st.none(), st.text(max_size=3))


@given(
    moments=st.one_of(st.none(), st.lists(NUMBERS, max_size=4)),
    values=st.one_of(st.none(), st.just("text"), st.lists(NUMBERS, max_size=4)),
    more=st.dictionaries(st.sampled_from(["Id", "Label", "StatusCode", "Messages", "New"]), st.none() | st.just("x")),
)
def test_metric_data_reads_as_botocore_reads_it(moments: Any, values: Any, more: dict[str, Any]) -> None:
    """Nulls, texts and numbers of any sort where numbers are due, and fields that nobody knows."""
    result = {**more, "Timestamps": moments, "Values": values}
    body = json.dumps({"MetricDataResults": [result, {}], "NextToken": "t", "New": 1}).encode()
    ours, theirs = outcomes(operation("cloudwatch", "get_metric_data"), body)
    assert ours == theirs
