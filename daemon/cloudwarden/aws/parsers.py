"""Which parser reads the answers of which protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.parsers import ResponseParser, ResponseParserFactory

from cloudwarden.aws.json_answers import JsonAnswers
from cloudwarden.aws.xml_answers import Ec2Answers, QueryAnswers

_OURS: Mapping[str, type[ResponseParser]] = {"ec2": Ec2Answers, "query": QueryAnswers, "json": JsonAnswers}


class Parsers(ResponseParserFactory):
    """Gives our parsers where there is one, else botocore's.

    botocore asks for a parser at every answer. One parser for all is as good, since parsers keep nothing of an
    answer, and it keeps what it learnt of shapes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, ResponseParser] = {}

    def set_parser_defaults(self, **defaults: Any) -> None:
        """Set the defaults of parsers; those made before are forgotten."""
        super().set_parser_defaults(**defaults)
        self._made.clear()

    def create_parser(self, protocol_name: str) -> ResponseParser:
        """A parser with this factory's defaults."""
        if protocol_name not in self._made:
            ours = _OURS.get(protocol_name)
            self._made[protocol_name] = (
                super().create_parser(protocol_name) if ours is None else ours(**self._defaults)  # type: ignore[attr-defined]
            )
        return self._made[protocol_name]
