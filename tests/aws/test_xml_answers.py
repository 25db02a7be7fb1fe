"""Our XML parsers give what botocore's give: on every kind of answer that its models describe."""

from __future__ import annotations

import gc
import weakref
from typing import Any
from xml.sax.saxutils import escape

import pytest
from botocore.model import OperationModel
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.session import Session

from cloudwarden.aws.parsers import Parsers
from cloudwarden.aws.xml_answers import Ec2Answers

TEXTS = {
    "string": "a <b> ☃",
    "character": "c",
    "boolean": "true",
    "integer": "42",
    "long": "42",
    "float": "1.5",
    "double": "1.5",
    "timestamp": "2026-03-01T12:00:00.000Z",
    "blob": "YQ==",
}
DEEPEST = 7


def operation(service: str, name: str) -> OperationModel:
    """An operation as botocore describes it."""
    return Session().get_service_model(service).operation_model(name)


def element(tag: str, shape: Any, depth: int = 0) -> str:
    """XML of a shape with every member that it may have, lists with two."""
    if shape.type_name == "structure":
        members = shape.members.items() if depth < DEEPEST else ()
        inner = "".join(element(one.serialization.get("name", name), one, depth + 1) for name, one in members)
    elif shape.type_name == "list" and shape.serialization.get("flattened"):
        return 2 * element(shape.member.serialization.get("name", tag), shape.member, depth + 1)
    elif shape.type_name == "list":
        inner = 2 * element(shape.member.serialization.get("name", "member"), shape.member, depth + 1)
    elif shape.type_name == "map":
        key, value = (element(name, one, depth + 1) for name, one in (("key", shape.key), ("value", shape.value)))
        inner = f"<entry>{key}{value}</entry>"
    else:
        inner = escape(TEXTS[shape.type_name])
    return f"<{tag}>{inner}</{tag}>"


def both(model: OperationModel, body: str, status: int = 200) -> tuple[Any, Any]:
    """What our parser gives, and what botocore's does."""
    protocol = model.service_model.resolved_protocol
    ours, theirs = (factory.create_parser(protocol) for factory in (Parsers(), ResponseParserFactory()))
    return parsed(ours, model, body, status), parsed(theirs, model, body, status)


def parsed(parser: ResponseParser, model: OperationModel, body: str, status: int = 200) -> Any:
    """What a parser gives."""
    assert model.output_shape is not None
    return parser.parse({"body": body.encode(), "headers": {}, "status_code": status}, model.output_shape)


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ec2", "DescribeInstances"),
        ("ec2", "DescribeVolumes"),
        ("ec2", "DescribeSecurityGroups"),
        ("ec2", "DescribeSnapshots"),
        ("ec2", "DescribeImages"),
        ("ec2", "DescribeNetworkInterfaces"),
        ("ec2", "StopInstances"),
        ("rds", "DescribeDBInstances"),
        ("autoscaling", "DescribeAutoScalingGroups"),
        ("elbv2", "DescribeLoadBalancers"),
        ("sts", "AssumeRole"),
        ("cloudformation", "DescribeStacks"),
        ("sns", "GetTopicAttributes"),
    ],
)
def test_a_full_answer_reads_the_same(service: str, name: str) -> None:
    """Every member of every shape, nested; lists, maps, timestamps, numbers."""
    model = operation(service, name)
    shape = model.output_shape
    assert shape is not None
    wrapper = shape.serialization.get("resultWrapper")
    inner = element(wrapper or "Response", shape)
    ours, theirs = both(model, f'<Response xmlns="urn:x">{inner}</Response>' if wrapper else inner)
    assert ours == theirs
    assert len(ours) > 1


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<volumeSet/>",
        "<volumeSet><item/></volumeSet>",
        "<volumeSet><item><volumeId/><size>7</size><encrypted>TRUE</encrypted></item></volumeSet>",
        "<volumeSet><item><tagSet/><tagSet><item><key>k</key></item></tagSet></item></volumeSet>",
        "<volumeSet><item><volumeId>a</volumeId></item></volumeSet><volumeSet><item/></volumeSet>",
        "<volumeSet><item><newThing><deep>1</deep></newThing><newThing/><volumeId>a</volumeId></item></volumeSet>",
        "<requestId>r</requestId><nextToken>t</nextToken>",
    ],
)
def test_an_odd_answer_reads_the_same(inside: str) -> None:
    """Empty, repeated and unknown elements, with a namespace and without."""
    model = operation("ec2", "DescribeVolumes")
    for attribute in ("", ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'):
        body = f"<DescribeVolumesResponse{attribute}>{inside}</DescribeVolumesResponse>"
        ours, theirs = both(model, body)
        assert ours == theirs


def test_an_error_reads_the_same() -> None:
    """Its code, its message and its request id."""
    error = "<Errors><Error><Code>X</Code><Message>m</Message></Error></Errors>"
    body = f"<Response>{error}<RequestID>r</RequestID></Response>"
    ours, theirs = both(operation("ec2", "DescribeVolumes"), body, status=400)
    assert ours == theirs
    assert ours["Error"]["Code"] == "X"


@pytest.mark.parametrize("wrong", ["<size>many</size>", "<size/>", "<createTime>soon</createTime>"])
def test_a_malformed_answer_is_refused_alike(wrong: str) -> None:
    """What botocore raises for, ours raises for: it becomes a malformed answer either way."""
    body = f"<R><volumeSet><item>{wrong}</item></volumeSet></R>"
    for factory in (Parsers(), ResponseParserFactory()):
        with pytest.raises(ValueError, match=r"."):
            parsed(factory.create_parser("ec2"), operation("ec2", "DescribeVolumes"), body)


def test_other_protocols_are_botocores() -> None:
    """S3's listing of buckets is small, and its settings more so."""
    factory = Parsers()
    assert type(factory.create_parser("rest-xml")) is type(ResponseParserFactory().create_parser("rest-xml"))
    assert isinstance(factory.create_parser("ec2"), Ec2Answers)


def test_what_was_learnt_of_shapes_goes_with_them() -> None:
    """Each client has shapes of its own, and more clients come and go than the pool keeps."""
    parser = Parsers().create_parser("ec2")
    model = operation("ec2", "DescribeVolumes")
    assert parsed(parser, model, "<R><volumeSet><item><volumeId>a</volumeId></item></volumeSet></R>")
    left = weakref.ref(model.output_shape)
    del model
    gc.collect()
    assert left() is None
