"""What a sweep may cost in calls; counted, never timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")


@pytest.mark.parametrize("subject", ["daemon", "daemon, a second idle policy"])
def test_a_warm_sweep_of_a_thousand_instances_takes_four_calls(subject: str) -> None:
    """Two listings, a call for the CPU and one for the network of the idle tenth: that the others are busy still holds.

    A second policy adds none.
    """
    program = (
        "import importlib.util as u, json, sys; s = u.spec_from_file_location('run', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); m.PASSES = 1\n"
        "with m.stub(1000) as address: print(json.dumps(m.measure(sys.argv[2], address)['calls']))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(RUN), subject], capture_output=True, text=True, timeout=100, check=True
    )
    assert json.loads(answer.stdout) == {"DescribeInstances": 1, "DescribeSecurityGroups": 1, "GetMetricData": 2}
