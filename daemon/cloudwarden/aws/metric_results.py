"""What the pages of one GetMetricData call said of each series.

Source: "GetMetricData" and "MetricDataResult" of the Amazon CloudWatch API Reference.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudwarden.core.errors import AccessDenied, CloudError, InvalidRequest, MalformedAnswer, Unavailable
from cloudwarden.core.evidence import Unreadable
from cloudwarden.core.metric import Series
from cloudwarden.core.verdict import Cause

_FAULTS: Mapping[str, Cause] = {
    "InternalError": Cause(reason=Unavailable.reason, detail="GetMetricData: InternalError for this series"),
    "Forbidden": Cause(reason=AccessDenied.reason, detail="GetMetricData: this series is forbidden"),
}
_MISSING = Cause(reason=MalformedAnswer.reason, detail="GetMetricData: no result for this series")
_UNEVEN = Cause(reason=MalformedAnswer.reason, detail="GetMetricData: timestamps and values do not match")
COMPLETE = "Complete"


Moments = tuple[datetime, ...]


class Result:
    """One series as it comes in: its latest status stands, since a fault may be mended on a later page.

    `shared` holds the moments of every series of the call: most are those of their neighbours, and are kept once.
    """

    __slots__ = ("_shared", "malformed", "moments", "remarked", "status", "values")

    def __init__(self, shared: dict[Moments, Moments]) -> None:
        self._shared = shared
        self.moments: Moments = ()
        self.values = array("d")
        self.status = ""
        self.remarked = False
        self.malformed = False

    def add(self, part: Mapping[str, Any]) -> None:
        """One page's part of it."""
        moments, values = part.get("Timestamps") or [], part.get("Values") or []
        # Checked by type in bulk: a thousand series of hundreds of datapoints pass here.
        if len(moments) != len(values) or not set(map(type, moments)) <= {datetime} or not _numbers(values):
            self.malformed = True
            return
        try:
            self.values.extend(values)
        except OverflowError:
            self.malformed = True
            return
        joined = self.moments + tuple(moments)
        self.moments = self._shared.setdefault(joined, joined)
        self.status = part.get("StatusCode", "")
        self.remarked = self.remarked or bool(part.get("Messages"))

    def answer(self, *, whole: bool) -> Series | Unreadable:
        """What is known of the series; `whole` says that nothing went wrong with the call."""
        if self.malformed:
            return Unreadable(cause=_UNEVEN)
        if fault := _FAULTS.get(self.status):
            return Unreadable(cause=fault)
        # A datapoint that came twice would stand in for one that is missing.
        once = len(set(self.moments)) == len(self.moments)
        complete = whole and once and self.status == COMPLETE and not self.remarked
        return Series(moments=self.moments, values=self.values, complete=complete)


class Results:
    """The series of one call, by their numbers in it."""

    def __init__(self, count: int) -> None:
        self._found: dict[str, Result] = {}
        self._moments: dict[Moments, Moments] = {}
        self._count = count
        self._remarked = False
        self._failure: Cause | None = None
        self._pages = 0
        self.refused = False
        """The API took exception to the request itself, and answered nothing."""

    def add(self, page: Mapping[str, Any]) -> None:
        """One page of the answer. A message about the whole call says that not all of it was carried out.

        Raises MalformedAnswer for a page without a list of results: it came in pieces, and is no empty one.
        """
        self._pages += 1
        self._remarked = self._remarked or bool(page.get("Messages"))
        results = page.get("MetricDataResults")
        if results is None:
            raise MalformedAnswer("GetMetricData: the answer holds no MetricDataResults")
        for part in results:
            name = part.get("Id", "")
            result = self._found.get(name)
            if result is None:
                result = self._found[name] = Result(self._moments)
            result.add(part)

    def fail(self, error: CloudError) -> None:
        """The call ended here: what came is true, and is not all."""
        self._failure = Cause(reason=error.reason, detail=str(error))
        self.refused = isinstance(error, InvalidRequest) and self._pages == 0

    def answers(self) -> list[Series | Unreadable]:
        """One answer per series, in the order in which they were asked for."""
        return [self._answer(self._found.get(f"m{number}")) for number in range(self._count)]

    def _answer(self, result: Result | None) -> Series | Unreadable:
        if result is None or (self._failure is not None and not result.moments):
            return Unreadable(cause=self._failure or _MISSING)
        return result.answer(whole=self._failure is None and not self._remarked)


def _numbers(values: list[Any]) -> bool:
    return set(map(type, values)) <= {float, int}
