"""How many of a function may run at once.

Source: AWS "Lambda API Reference" (GetFunctionConcurrency).
"""

from __future__ import annotations

from typing import ClassVar

from cloudwarden.aws.lambda_.function import Function
from cloudwarden.core.detail import Detail, DetailsOf
from cloudwarden.core.plain import Json


def concurrency(function: Function) -> Detail:
    """How many of a function may run at once."""
    named = (("FunctionName", function.id),)
    return Detail(
        service="lambda", operation="get_function_concurrency", arguments=named, path="ReservedConcurrentExecutions"
    )


class Concurrency(DetailsOf[Function]):
    """How many of a function may run at once."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = ("lambda:GetFunctionConcurrency",)
    details: ClassVar = (concurrency,)

    @property
    def reserved(self) -> int | None:
        """So many, whatever the others do; None when it has no share of its own."""
        return self.told("reserved concurrency", concurrency, _whole_number)


def _whole_number(answer: Json) -> int | None:
    if answer is not None and not isinstance(answer, int):
        raise TypeError(f"no number: {answer!r}")
    return answer
