"""Rules about functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from pydantic import Field

from cloudwarden import Now, Params, Violation, rule
from cloudwarden.aws import lambda_

AWS_DATES: tuple[tuple[str, date], ...] = (
    ("nodejs", date(2016, 8, 30)),
    ("dotnetcore2.0", date(2019, 5, 30)),
    ("dotnetcore1.0", date(2019, 6, 27)),
    ("nodejs6.10", date(2019, 8, 12)),
    ("nodejs4.3", date(2020, 3, 5)),
    ("nodejs4.3-edge", date(2020, 3, 5)),
    ("nodejs8.10", date(2020, 3, 6)),
    ("python2.7", date(2021, 7, 15)),
    ("nodejs10.x", date(2021, 7, 30)),
    ("ruby2.5", date(2021, 7, 30)),
    ("dotnetcore2.1", date(2022, 1, 5)),
    ("python3.6", date(2022, 7, 18)),
    ("nodejs12.x", date(2023, 3, 31)),
    ("dotnetcore3.1", date(2023, 4, 3)),
    ("nodejs14.x", date(2023, 12, 4)),
    ("python3.7", date(2023, 12, 4)),
    ("ruby2.7", date(2023, 12, 7)),
    ("go1.x", date(2024, 1, 8)),
    ("java8", date(2024, 1, 8)),
    ("provided", date(2024, 1, 8)),
    ("nodejs16.x", date(2024, 6, 12)),
    ("python3.8", date(2024, 10, 14)),
    ("dotnet6", date(2024, 12, 20)),
    ("nodejs18.x", date(2025, 9, 1)),
    ("python3.9", date(2025, 12, 15)),
    ("ruby3.2", date(2026, 3, 31)),
    ("nodejs20.x", date(2026, 4, 30)),
    ("provided.al2", date(2026, 7, 31)),
    ("python3.10", date(2026, 10, 31)),
    ("dotnet8", date(2026, 11, 10)),
    ("ruby3.3", date(2027, 3, 31)),
    ("nodejs22.x", date(2027, 4, 30)),
    ("java8.al2", date(2027, 6, 30)),
    ("java11", date(2027, 6, 30)),
    ("java17", date(2027, 6, 30)),
    ("python3.11", date(2027, 6, 30)),
    ("ruby3.4", date(2028, 3, 31)),
    ("nodejs24.x", date(2028, 4, 30)),
    ("python3.12", date(2028, 10, 31)),
    ("dotnet10", date(2028, 11, 14)),
    ("ruby4.0", date(2029, 3, 31)),
    ("java21", date(2029, 6, 30)),
    ("java25", date(2029, 6, 30)),
    ("provided.al2023", date(2029, 6, 30)),
    ("python3.13", date(2029, 6, 30)),
    ("python3.14", date(2029, 6, 30)),
)
"""When each runtime is deprecated, as "Lambda runtimes" of the AWS Lambda Developer Guide had it on 2026-07-31.

Dates after that day are AWS's forecasts, which it has moved before. A tuple, so that trust in a rule hangs on it too.
"""


class Runtimes(Params):
    """When runtimes are deprecated, where it is not as AWS had it: laid over AWS's dates, of which the others stay."""

    deprecated: Mapping[str, date] = Field(default_factory=dict)


@rule
def deprecated_runtime(function: lambda_.Function, params: Runtimes, now: Now) -> Violation | None:
    """A function whose runtime's date of deprecation has come: it is no longer patched.

    A container image has no runtime of Lambda's. Of a runtime without a date nothing is claimed.
    """
    if function.runtime is None:
        return None
    on = {**dict(AWS_DATES), **params.deprecated}.get(function.runtime)
    if on is None or not now.reached(datetime.combine(on, time(), UTC)):
        return None
    return Violation(summary=f"the date on which its runtime {function.runtime} is deprecated, {on}, has come")
