"""CPU to parse a page of a thousand instances: botocore as it comes, botocore with our timestamps, and our parsers.

In one process, in turns, so that what slows one down slows down all.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.session import Session

from cloudwarden.aws.moment import moment
from cloudwarden.aws.parsers import Parsers

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.stub import PAGE, instances  # as a program, only this file's own directory is known

TURNS = 9


def parsers() -> dict[str, ResponseParser]:
    """The three of them."""
    timed, ours = ResponseParserFactory(), Parsers()
    for factory in (timed, ours):
        factory.set_parser_defaults(timestamp_parser=moment)
    return {
        "botocore": ResponseParserFactory().create_parser("ec2"),
        "botocore, our timestamps": timed.create_parser("ec2"),
        "ours": ours.create_parser("ec2"),
    }


def main() -> None:
    """Print the table; the answers must be equal."""
    shape = Session().get_service_model("ec2").operation_model("DescribeInstances").output_shape
    assert shape is not None
    body = instances(0, PAGE)
    answer = {"body": body, "headers": {}, "status_code": 200}
    subjects = parsers()
    assert subjects["ours"].parse(answer, shape) == subjects["botocore, our timestamps"].parse(answer, shape)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(TURNS):
        for name, parser in subjects.items():
            began = time.process_time()
            parser.parse(answer, shape)
            seconds[name].append(time.process_time() - began)
    stock = statistics.median(seconds["botocore"])
    sys.stdout.write(f"\nparsing {PAGE:,} instances of {len(body) / PAGE:,.0f} bytes; medians of {TURNS} turns\n")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        sys.stdout.write(f"{name:26}{median / PAGE * 1e6:8.0f} us each{median / stock:8.2f} x botocore\n")


if __name__ == "__main__":
    main()
