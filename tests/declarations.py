"""What is wrong with a declaration, by AWS's own description of its operations as botocore ships it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.model import OperationModel
from botocore.session import Session
from botocore.validate import ParamValidator

from cloudwarden import aws
from cloudwarden.aws.iam_actions import iam_action
from cloudwarden.aws.kind import Kind

SESSION = Session()


def services() -> list[ModuleType]:
    """The packages of `cloudwarden.aws` that declare kinds."""
    packages = [import_module(f"{aws.__name__}.{one.name}") for one in iter_modules(aws.__path__) if one.ispkg]
    return [package for package in packages if hasattr(package, "KINDS")]


def operation(service: str, name: str) -> OperationModel:
    """An operation by boto3's name for it."""
    model = SESSION.get_service_model(service)
    return model.operation_model(next(one for one in model.operation_names if xform_name(one) == name))


def protocol(service: str) -> str:
    """What a service speaks: `ec2`, `query`, `json`, `rest-json` or `rest-xml`."""
    return str(SESSION.get_service_model(service).resolved_protocol)


def faults(kind: Kind[Any]) -> Iterator[str]:
    """In words, what AWS would refuse, and what it would answer and nobody would read."""
    listing = operation(kind.service, kind.operation)
    sized = {} if kind.page_size is None else {kind.page_size_name: kind.page_size}
    yield from _refused(listing, {**kind.arguments, **sized})
    yield from _refused(operation(kind.service, kind.one or kind.operation), kind.by_id("an-id"))
    yield from _pages(kind, listing)
    yield from _items(kind, listing)
    yield from _owners(kind, listing)
    needed = [iam_action(kind.service, operation(kind.service, one).name) for one in (kind.operation, kind.one) if one]
    if kind.permissions[:1] != (needed[0],) or not {*needed} <= {*kind.permissions}:
        yield f"permissions: the listing's comes first, and {' and '.join(needed)} must be there"


def _refused(model: OperationModel, arguments: Mapping[str, Any]) -> Iterator[str]:
    shape: Any = model.input_shape
    report = ParamValidator().validate(dict(arguments), shape)
    if report.has_errors():
        yield f"{model.name}: {report.generate_report()}"


def _pages(kind: Kind[Any], listing: OperationModel) -> Iterator[str]:
    shape: Any = listing.output_shape
    pages = _documented_pages(kind.service, listing)
    if pages is None:
        tokens = [one for one in shape.members if one.lower().endswith(("token", "marker"))]
        if tokens or kind.page_size is not None:
            yield f"{listing.name}: botocore knows of no pages; page_size is None, and the answer holds no {tokens}"
        return
    declared = (kind.next_page, kind.asked_as or kind.next_page, kind.page_size_name)
    documented = (pages["output_token"], pages["input_token"], pages["limit_key"])
    if declared != documented:
        yield f"{listing.name}: (next_page, asked_as, page_size_name) is {declared}, and AWS has {documented}"


def _documented_pages(service: str, listing: OperationModel) -> Mapping[str, Any] | None:
    try:
        pages: Mapping[str, Any] = SESSION.get_paginator_model(service).get_paginator(listing.name)
    except (DataNotFoundError, ValueError):
        return None
    return pages


def _owners(kind: Kind[Any], listing: OperationModel) -> Iterator[str]:
    """What another account owns is listed too, unless it is asked for one's own alone."""
    shape: Any = listing.output_shape
    for name in kind.items:
        shape = shape.members[name].member if shape.type_name == "structure" and name in shape.members else shape
    members = () if shape.type_name != "structure" else shape.members
    alone = any(value == ["self"] for value in kind.arguments.values())
    if kind.owner and kind.owner not in members:
        yield f"{listing.name}: owner: items have no {kind.owner}"
    if "OwnerId" in members and not alone and kind.owner != "OwnerId":
        yield f"{listing.name}: owner: items say whose they are in OwnerId"


def _items(kind: Kind[Any], listing: OperationModel) -> Iterator[str]:
    shape: Any = listing.output_shape
    for name in kind.items:
        inner = shape.members.get(name) if shape.type_name == "structure" else None
        if inner is None or inner.type_name != "list":
            yield f"{listing.name}: items: there is no list {name}"
            return
        shape = inner.member
