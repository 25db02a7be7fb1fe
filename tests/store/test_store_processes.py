"""Several processes and one file: openers at once, a reader beside them, a kill at any instant."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloudwarden.core.errors import StoreBusy
from cloudwarden.store import open_store, verify

OPEN = """
import sys
from datetime import UTC, datetime
from cloudwarden.core.pause import Pause
from cloudwarden.store import open_store
sys.stdin.readline()
store = open_store(sys.argv[1])
with store.transaction() as tx:
    tx.decisions.save_pause(Pause(policy=sys.argv[2], by="ada", at=datetime.now(UTC)))
store.close()
"""


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    """Processes that start together all find one schema, made once."""
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN, url, str(number)], stdin=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("go\n")
        opener.stdin.close()
    assert [opener.wait(60) for opener in openers] == [0, 0, 0, 0]
    store = open_store(url)
    with store.reading() as tx:
        assert [one.policy for one in tx.decisions.pauses()] == ["0", "1", "2", "3"]
    store.close()


def test_threads_may_open_a_new_database_at_once(url: str) -> None:
    """The same within one process, many times over, where the race is tight."""
    for round_ in range(5):
        with ThreadPoolExecutor(4) as pool:
            stores = list(pool.map(open_store, [url.replace("warden", f"warden{round_}")] * 4))
        for store in stores:
            store.close()


WRITE = """
import sys
from datetime import UTC, datetime
from cloudwarden.core.pause import Pause
from cloudwarden.store import open_store
store = open_store(sys.argv[1])
number = 0
while True:
    with store.transaction() as tx:
        for part in range(20):
            named = f"{sys.argv[2]}-{number}-{part}"
            tx.decisions.save_pause(Pause(policy=named, by="ada", at=datetime.now(UTC), reason="x" * 500))
        tx.journal.append(at=datetime.now(UTC), event="intended", details={"number": number})
    number += 1
    print(number, flush=True)
"""


@pytest.mark.parametrize("life", ["first", "second", "third"])
def test_a_kill_loses_nothing_and_leaves_no_half(url: str, life: str) -> None:
    """After SIGKILL amid transactions: every one that was reported is there, whole, and the chain verifies."""
    reported = 0
    with subprocess.Popen([sys.executable, "-c", WRITE, url, life], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(random.randint(5, 60)):  # noqa: S311
            reported = int(writer.stdout.readline())
        writer.kill()
    store = open_store(url)
    with store.reading() as tx:
        entries, pauses = len(tx.journal.entries()), len(tx.decisions.pauses())
    assert verify(store).ok
    assert entries >= reported
    assert pauses == 20 * entries
    store.close()


def test_every_connection_is_made_safe(url: str) -> None:
    """References are enforced, a commit outlives a power failure, readers do not wait, writers wait five seconds."""
    store = open_store(url)
    with store.transaction() as first, store.reading() as second:
        for tx in (first, second):
            names = ("foreign_keys", "synchronous", "journal_mode", "busy_timeout")
            told = {name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}
            assert told == {"foreign_keys": 1, "synchronous": 2, "journal_mode": "wal", "busy_timeout": 5000}
    store.close()


def test_a_reader_delays_the_switch_to_wal(url: str, path: Path) -> None:
    """A file in another mode is switched when its readers let go, within the busy timeout."""
    open_store(url).close()
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("PRAGMA journal_mode = DELETE")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM findings").fetchall()
    with pytest.raises(StoreBusy):
        open_store(url, busy_timeout_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: reader.execute("COMMIT"))
        open_store(url, busy_timeout_seconds=5).close()
    reader.close()
