"""The daemon as a process against a simulated AWS: served, reloaded, refused twice, stopped, killed."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloudwarden.core.finding import State
from cloudwarden.store import open_store
from happenings import finding, proposal
from installation import POLICY, Installation, children, instance_state, until


def test_idle_instance_is_proposed_approved_and_stopped(
    installation: Installation, idle_instance: str, aws: str
) -> None:
    """The whole way, from before there is a database: found, proposed, approved, stopped in AWS, journalled."""
    installation.database_file.unlink()
    installation.start()
    until(lambda: installation.get("/readyz")[0] == 200, "ready")
    assert installation.approve() == idle_instance
    until(lambda: instance_state(aws, idle_instance) == "stopped", "the instance stopped")
    until(lambda: installation.states() == ["fixed"], "the finding fixed")
    assert 'outcome="succeeded",policy="stop-idle"} 1.0' in installation.get("/metrics")[1]
    assert installation.cli("journal", "verify").returncode == 0


def test_what_was_done_is_undone(installation: Installation, idle_instance: str, aws: str) -> None:
    """A person asks on the command line, the running daemon starts the instance again."""
    installation.start()
    installation.approve()
    until(lambda: instance_state(aws, idle_instance) == "stopped", "the instance stopped")
    until(lambda: "action_succeeded" in installation.journal(), "the outcome in the journal")
    (action,) = json.loads(installation.verb("actions", "--json").stdout)
    assert installation.cli("undo", action["id"], "--reason", "it was needed").returncode == 0
    until(lambda: instance_state(aws, idle_instance) == "running", "the instance started again")


def test_workers_do_the_same(installation: Installation, idle_instance: str, aws: str) -> None:
    """With processes of their own reading and judging, the way is the same; they end with the daemon."""
    installation.set("workers = 2")
    process = installation.start()
    installation.approve()
    until(lambda: instance_state(aws, idle_instance) == "stopped", "the instance stopped")
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), "the workers ended")


def test_broken_file_keeps_the_last_good_version(installation: Installation, idle_instance: str) -> None:
    """A broken edit is shown in metrics and health, and the old version goes on; a good edit ends it."""
    installation.start()
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 1.0"), "loaded")
    (installation.policies / "idle.py").write_text(POLICY.replace("Idle(window", "Idle(windw"))
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 0.0"), "refused")
    assert "idle.py" in installation.get("/readyz")[1]
    assert 'cloudwarden_policies{mode="propose",status="loaded"} 1.0' in installation.get("/metrics")[1]
    (installation.policies / "idle.py").write_text(POLICY)
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 1.0"), "mended")


def test_what_a_removed_policy_proposed_expires(installation: Installation) -> None:
    """No sweep comes by; the daemon's turn ends it, and journals that."""
    store = open_store(f"sqlite:///{installation.config.parent}/cloudwarden.db")
    long_ago = datetime.now(UTC) - timedelta(days=1)
    with store.transaction() as tx:
        tx.findings.save([finding(policy="long-gone", state=State.PROPOSED)])
        tx.proposals.save([proposal(policy="long-gone", expires_at=long_ago)])
    store.close()
    installation.start()
    until(lambda: "proposal_expired" in installation.journal(), "the proposal expired")
    assert installation.states() == ["open"]


EXEMPTIONS = """
[[exemption]]
id = "audit"
policy = "stop-idle"
resource = "i-*"
owner = "ada"
reason = "an audit"
expires = {until}
"""


def test_a_file_of_exemptions_is_taken_over_while_it_runs(installation: Installation, idle_instance: str) -> None:
    """What is written into it exempts; a mistake is shown and changes nothing; a restart finds the same."""
    file = installation.config.parent / "exempt" / "exemptions.toml"
    file.parent.mkdir()
    file.write_text("")
    installation.set(f'exemptions_file = "{file}"')
    installation.start()
    until(lambda: installation.states() == ["proposed"], "proposed")
    file.write_text(EXEMPTIONS.format(until=f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"))
    until(lambda: installation.states() == ["exempted"], "exempted")
    file.write_text("[[exemption]")
    until(lambda: installation.metric("cloudwarden_exemptions_file_last_reload_successful 0.0"), "refused")
    assert "is not TOML" in installation.get("/readyz")[1]
    assert 'cloudwarden_exemptions{policy="stop-idle",state="active"} 1.0' in installation.get("/metrics")[1]
    (listed,) = json.loads(installation.verb("exemptions", "list", "--json").stdout)
    assert (listed["id"], listed["source"]) == ("audit", str(file))


FREEZE = """
[[freeze]]
begins = 2026-01-01T00:00:00Z
until = 9999-01-01T00:00:00Z
reason = "hands off"
"""


def test_what_is_written_behind_links_counts(installation: Installation) -> None:
    """Settings and policies that are links into a checkout: a policy is loaded, and a freeze holds, once written."""
    checkout = installation.folder / "checkout"
    checkout.mkdir()
    for file in (installation.config, installation.policies / "idle.py"):
        file.rename(checkout / file.name)
        file.symlink_to(checkout / file.name)
    installation.start()
    installation.address()
    (checkout / "idle.py").write_text("not python(")
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 0.0"), "refused")
    with (checkout / installation.config.name).open("a") as settings:
        settings.write(FREEZE)
    until(lambda: "freeze in" in installation.get("/readyz")[1], "held")


def test_hangup_reloads(installation: Installation) -> None:
    """SIGHUP reads the policies again."""
    process = installation.start()
    installation.address()
    process.send_signal(signal.SIGHUP)
    until(lambda: sum(line.get("event") == "policies_loaded" for line in installation.events()) >= 2, "reloaded")
    assert process.poll() is None


def test_second_daemon_is_refused(installation: Installation) -> None:
    """Two daemons on one store: the second says who is first, and ends with 4."""
    first = installation.start()
    installation.address()
    second = installation.cli("run")
    assert second.returncode == 4
    assert str(first.pid) in second.stderr
    assert first.poll() is None


def test_terminate_leaves_in_order_and_in_time(installation: Installation) -> None:
    """SIGTERM ends the daemon within its stated time, with its last words and exit code 0."""
    process = installation.start()
    installation.address()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert installation.said("daemon_stopped")


def test_kill_loses_no_finding(installation: Installation, idle_instance: str) -> None:
    """After SIGKILL the next daemon goes on with what the first one found."""
    first = installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    (before,) = json.loads(installation.verb("proposals", "--json").stdout)
    first.kill()
    first.wait(10)
    installation.start()
    until(lambda: installation.get("/readyz")[0] == 200, "ready again")
    (after,) = json.loads(installation.verb("proposals", "--json").stdout)
    assert after["id"] == before["id"]


def test_no_answer_from_aws_is_no_verdict(installation: Installation) -> None:
    """With nobody at the endpoint the daemon lives, is not ready, and says why."""
    text = installation.config.read_text()
    installation.config.write_text(text.replace('endpoint_url = "http://', 'endpoint_url = "http://127.0.0.1:9/'))
    installation.start()
    until(lambda: installation.said("sweep_failed"), "the failure is logged")
    status, page = installation.get("/readyz")
    assert status == 503
    assert "sweep" in page
    assert installation.get("/healthz")[0] == 200
