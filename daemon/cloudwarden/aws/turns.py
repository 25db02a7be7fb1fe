"""Parsing one answer at a time."""

from __future__ import annotations

import threading
from typing import Any

from botocore.model import Shape
from botocore.parsers import ResponseParser


class InTurn(ResponseParser):
    """A parser that reads the answers of one thread at a time.

    The interpreter's lock lets no two of them read at once anyway; begun together, they would only hold the trees and
    texts of all their answers together, ten times an answer's own size each.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._turn = threading.Lock()

    def parse(self, response: Any, shape: Shape) -> Any:
        """What botocore's parser gives."""
        with self._turn:
            return super().parse(response, shape)
