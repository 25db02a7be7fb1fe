"""A process that owns a store, as a daemon does."""

from __future__ import annotations

import subprocess
import sys

HOLD = """
import sys
from cloudwarden.store import own
with own(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(url: str) -> subprocess.Popen[str]:
    """Another process that owns the store."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process
