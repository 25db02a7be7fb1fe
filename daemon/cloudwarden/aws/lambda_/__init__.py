"""AWS Lambda: functions, and how many of each may run at once."""

from typing import Any

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.lambda_ import function
from cloudwarden.aws.lambda_.concurrency import Concurrency, concurrency
from cloudwarden.aws.lambda_.function import Function

KINDS: tuple[Kind[Any], ...] = (function.KIND,)
"""How each kind of Lambda resource is read."""

__all__ = ["KINDS", "Concurrency", "Function", "concurrency"]
