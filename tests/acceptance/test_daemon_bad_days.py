"""The daemon as a process on its bad days: asked to leave, or killed, in the middle of a call; a store that fails."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from exchanges import Fault
from fault_proxy import FaultProxy
from installation import Installation, instance_state, until

FAILURES = "cloudwarden_journal_write_failures_total 0.0"


def in_flight(installation: Installation, proxy: FaultProxy, fault: Fault) -> subprocess.Popen[bytes]:
    """A daemon whose StopInstances is under way, and goes wrong."""
    proxy.faults["StopInstances"] = fault
    process = installation.start()
    installation.approve()
    assert proxy.arrived.wait(40)
    return process


def test_terminate_finishes_the_call_in_flight(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """SIGTERM while AWS works on a call: its answer is waited for and journalled, then the daemon leaves."""
    process = in_flight(installation, proxy, Fault.HELD)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    proxy.release()
    assert process.wait(30) == 0
    assert installation.journal()[-2:] == ["action_intended", "action_succeeded"]


def test_terminate_does_not_wait_for_ever(proxy: FaultProxy, installation: Installation, idle_instance: str) -> None:
    """A call that outlasts the stated time is left; the intent stays, and the next start learns what became of it."""
    installation.set("stop_timeout_seconds = 1.5")
    process = in_flight(installation, proxy, Fault.HELD)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 4
    assert time.monotonic() - began < 15
    assert installation.journal()[-1] == "action_intended"
    installation.start()
    until(lambda: installation.journal()[-1] == "action_succeeded", "reconciled by reading")
    assert proxy.counts["StopInstances"] == 1


def test_a_pause_while_permission_is_tried_holds_the_call(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """Its intent is taken back, what was approved stays so, and is done once somebody resumes."""
    proxy.faults["StopInstances (dry run)"] = Fault.HELD
    installation.start()
    installation.approve()
    assert proxy.arrived.wait(40)
    assert installation.verb("pause", "--reason", "an incident").exit_code == 0
    proxy.release()
    proxy.faults.clear()
    until(lambda: "action_not_called" in installation.journal(), "taken back")
    assert installation.states() == ["approved"]
    assert proxy.counts["StopInstances"] == 0
    assert installation.verb("resume", "--reason", "mended").exit_code == 0
    until(lambda: installation.states() == ["fixed"], "done after all")
    assert proxy.counts["StopInstances"] == 1
    assert installation.verb("journal", "verify").exit_code == 0


@pytest.mark.parametrize("fault", [Fault.HELD, Fault.ANSWER_IS_LOST])
def test_a_call_that_was_carried_out_is_reconciled_and_not_repeated(
    proxy: FaultProxy, installation: Installation, idle_instance: str, aws: str, fault: Fault
) -> None:
    """SIGKILL while its answer was awaited: the next daemon reads AWS, sees it done, and calls nothing again."""
    process = in_flight(installation, proxy, fault)
    until(lambda: instance_state(aws, idle_instance) == "stopped", "AWS carried it out")
    process.kill()
    process.wait(10)
    proxy.release()
    installation.start()
    until(lambda: "action_succeeded" in installation.journal(), "reconciled")
    until(lambda: installation.states() == ["fixed"], "the finding fixed")
    assert proxy.counts["StopInstances"] == 1
    assert installation.verb("journal", "verify").exit_code == 0


def test_a_call_that_never_arrived_is_not_repeated(
    proxy: FaultProxy, installation: Installation, idle_instance: str, aws: str
) -> None:
    """The intent stays without an outcome while its effect might still show; nobody calls again meanwhile."""
    process = in_flight(installation, proxy, Fault.NEVER_ARRIVES)
    process.kill()
    process.wait(10)
    proxy.faults.clear()
    looked = proxy.counts["DescribeInstances"]
    installation.start()
    until(lambda: proxy.counts["DescribeInstances"] > looked + 5, "AWS was read several times")
    assert proxy.counts["StopInstances"] == 1
    assert instance_state(aws, idle_instance) == "running"
    assert "action_succeeded" not in installation.journal()


def test_a_locked_database_stops_everything_but_the_daemon(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """Nothing is done in AWS; it says why, lives, and goes on when the lock is gone."""
    installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    holder = installation.database()
    holder.execute("BEGIN IMMEDIATE")
    until(lambda: installation.get("/readyz")[0] == 503, "not ready")
    assert "locked" in installation.get("/readyz")[1]
    assert installation.get("/healthz")[0] == 200
    assert FAILURES not in installation.get("/metrics")[1]
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: installation.get("/readyz")[0] == 200, "ready again")
    assert proxy.counts["StopInstances"] == 0


def test_a_full_disk_means_no_call(proxy: FaultProxy, installation: Installation, idle_instance: str) -> None:
    """An approved action waits while its intent cannot be written, and is carried out when there is room again."""
    process = installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    process.send_signal(signal.SIGSTOP)
    installation.approve()
    limit = (installation.folder / "cloudwarden.db").stat().st_size // 2
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    process.send_signal(signal.SIGCONT)
    until(lambda: FAILURES not in installation.get("/metrics")[1], "the failure is counted")
    assert installation.get("/healthz")[0] == 200
    assert proxy.counts["StopInstances"] == 0
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: installation.states() == ["fixed"], "done when there is room")
    assert proxy.counts["StopInstances"] == 1


def test_a_place_that_cannot_be_written_is_refused_at_the_start(installation: Installation) -> None:
    """With what to do; not a daemon that could only pretend. (Root may write everywhere but in /sys.)"""
    folder = Path("/sys") if os.geteuid() == 0 else installation.folder / "sealed"
    if folder.name == "sealed":
        folder.mkdir(mode=0o555)
    installation.set(f'database = "sqlite:///{folder}/cloudwarden.db"')
    refused = installation.cli("run")
    assert refused.returncode == 4
    assert f"{folder}/cloudwarden.db" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_systemd_is_told_how_it_goes(installation: Installation, tmp_path: Path) -> None:
    """Ready, alive, reloading, ready again, stopping: the words of sd_notify(3)."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(40)
    process = installation.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000")
    heard: list[str] = []

    def hear(word: str) -> None:
        while True:
            heard.append(listener.recv(4096).decode())
            if word in heard[-1].split("\n"):
                return

    hear("READY=1")
    for _ in range(3):
        hear("WATCHDOG=1")
    process.send_signal(signal.SIGHUP)
    while not heard[-1].startswith("RELOADING=1\nMONOTONIC_USEC="):
        heard.append(listener.recv(4096).decode())
    hear("READY=1")
    process.send_signal(signal.SIGTERM)
    hear("STOPPING=1")
    assert process.wait(30) == 0
    listener.close()
