"""The C library keeps one arena for all threads."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import ctypes, sys, threading
from cloudwarden.allocating import settle_allocation
if sys.argv[1] == "settled":
    settle_allocation()
barrier = threading.Barrier(4)
threads = [threading.Thread(target=lambda: (bytes(2000), barrier.wait(10), bytes(2000))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="not glibc")
def test_threads_share_one_arena(tmp_path: Path) -> None:
    """Unsettled, each of four threads has its own."""
    arenas = {}
    for how in ("settled", "as it comes"):
        report = tmp_path / how
        subprocess.run([sys.executable, "-c", COUNT, how, str(report)], check=True, timeout=60)
        arenas[how] = report.read_text().count("<heap nr=")
    assert arenas["settled"] == 1
    assert arenas["as it comes"] > 1
