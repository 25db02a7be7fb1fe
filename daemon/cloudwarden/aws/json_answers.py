"""Reading JSON answers: what botocore's parser gives, without a call for each number of a list.

One answer of GetMetricData holds a hundred thousand numbers, of which botocore asks one by one what they are.
"""

from __future__ import annotations

from typing import Any

from botocore.parsers import JSONParser

from cloudwarden.aws.turns import InTurn

_AS_WRITTEN = frozenset({"string", "character", "boolean", "integer", "long", "float", "double"})
"""Types of which botocore's JSON parser takes what the standard library's made of them."""


class JsonAnswers(InTurn, JSONParser):
    """Reads lists of plain values at once; everything else is left to botocore."""

    def _handle_list(self, shape: Any, node: Any) -> list[Any]:
        kind = shape.member.type_name
        if kind in _AS_WRITTEN:
            return list(node)
        if kind == "timestamp":
            moment = self._timestamp_parser  # type: ignore[attr-defined]  # the stubs leave out what is private
            return [None if item is None else moment(item) for item in node]
        return super()._handle_list(shape, node)  # type: ignore[misc,no-any-return]
