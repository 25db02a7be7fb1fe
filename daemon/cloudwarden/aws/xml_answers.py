"""Reading XML answers: what botocore's parsers give, at less than half their cost.

Parsing is most of what a sweep costs. botocore looks every member of a shape up by name in every element, hundreds
where an answer has ten; here an element's children are looked up instead, once for each tag.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.model import Shape, StructureShape
from botocore.parsers import EC2QueryParser, QueryParser

from cloudwarden.aws.turns import InTurn

Reader = Callable[[Any], Any]
"""Reads one element as its shape says."""

Member = tuple[str, Reader]

SHARED_TEXTS = 1000
"""Texts remembered from one answer to the next, so that what repeats in an estate (types, zones, tags) is in memory
once; within an answer all are."""


_KEPT = "_cloudwarden_reader"
"""The attribute of a shape that holds the parser which made its reader, and the reader."""


class XmlAnswers(InTurn, QueryParser):
    """Reads plain structures and lists; whatever is unusual about a shape or an element is left to botocore."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._texts: dict[str, str] = {}

    def _do_parse(self, response: Any, shape: Any) -> Any:
        if len(self._texts) > SHARED_TEXTS:
            self._texts.clear()
        return super()._do_parse(response, shape)  # type: ignore[misc]  # the stubs leave out what is private

    def _text(self, node: Any) -> str:
        text = node.text
        return self._texts.setdefault(text, text) if text else ""

    def _handle_structure(self, shape: Any, node: Any) -> Any:
        if isinstance(node, list):
            return super()._handle_structure(shape, node)  # type: ignore[misc]  # the stubs leave out what is private
        return self._reader(shape)(node)

    def _reader(self, shape: Any) -> Reader:
        """The shape's reader, which is kept on it: each client has shapes of its own, and takes them along."""
        maker, reader = getattr(shape, _KEPT, (None, None))
        if reader is None or maker is not self:
            reader = self._made(shape)
            setattr(shape, _KEPT, (self, reader))
        return reader

    def _made(self, shape: Any) -> Reader:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "list" if not shape.serialization.get("flattened"):
                return _list_of(self._reader(shape.member))
            case "string" | "character":
                return self._text
            case "boolean":
                return _boolean
            case "integer" | "long":
                return _integer
            case _:
                return partial(self._parse_shape, shape)  # type: ignore[attr-defined]

    def _structure(self, shape: StructureShape) -> Reader:
        unusual = partial(super()._handle_structure, shape)  # type: ignore[misc]
        by_tag = _members(shape)
        if by_tag is None:
            return unusual
        known: dict[str, Member | None] = {}

        def read(node: Any) -> Any:
            parsed: dict[str, Any] = {}
            for child in node:
                try:
                    member = known[child.tag]
                except KeyError:
                    member = known[child.tag] = self._member(by_tag, child)
                if member is None:
                    continue
                name, reader = member
                if name in parsed:
                    # Repeated elements have a meaning of their own, which botocore knows.
                    return unusual(node)
                try:
                    parsed[name] = reader(child)
                except Exception:  # noqa: BLE001  # botocore raises the same, unless what makes no sense is repeated
                    return unusual(node)
            return parsed

        return read

    def _member(self, by_tag: dict[str, tuple[str, Shape]], child: Any) -> Member | None:
        found = by_tag.get(self._node_tag(child))  # type: ignore[attr-defined]
        return None if found is None else (found[0], self._reader(found[1]))


class Ec2Answers(XmlAnswers, EC2QueryParser):
    """Answers of EC2."""


class QueryAnswers(XmlAnswers):
    """Answers of the services that speak the query protocol: RDS, Auto Scaling, STS and more."""


def _members(shape: StructureShape) -> dict[str, tuple[str, Shape]] | None:
    """Members by tag; None when a tag alone does not say what an element is."""
    if shape.metadata.get("exception") or shape.is_tagged_union:
        return None
    by_tag: dict[str, tuple[str, Shape]] = {}
    for name, member in shape.members.items():
        told = member.serialization
        if any(told.get(key) for key in ("location", "eventheader", "xmlAttribute", "flattened")):
            return None
        tag = told.get("name") or name
        if tag in by_tag:
            return None
        by_tag[tag] = (name, member)
    return by_tag


def _list_of(reader: Reader) -> Reader:
    return lambda node: [reader(item) for item in node]


def _boolean(node: Any) -> bool:
    return bool(node.text == "true")


def _integer(node: Any) -> int:
    return int(node.text or "")
