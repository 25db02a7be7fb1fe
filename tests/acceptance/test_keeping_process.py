"""The record is kept while the daemon runs as a process: backups, restorations, a copy off the machine."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import boto3
import pytest

from copies import make_bucket, s3
from fault_proxy import FaultProxy
from installation import Installation, instance_state, until


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the daemon to leave."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def ships_to(installation: Installation, target: str) -> None:
    """Set where the journal is shipped to."""
    with installation.config.open("a") as settings:
        settings.write(f'[journal]\nship_to = "{target}"\n')


@pytest.mark.timeout(300)
def test_a_running_daemon_is_backed_up_and_its_store_restored(
    proxy: FaultProxy, installation: Installation, idle_instance: str, aws: str
) -> None:
    """An approved action was carried out after the backup: the restored store neither repeats nor forgets to ask."""
    backup = installation.folder / "backup.db"
    process = installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    made = installation.cli("backup", str(backup))
    assert made.returncode == 0, made.stderr
    installation.approve()
    until(lambda: installation.states() == ["fixed"], "carried out")
    refused = installation.cli("restore", str(backup), "--reason", "the disk died")
    assert (refused.returncode, "stop it first" in refused.stderr) == (4, True)
    end(process)
    boto3.client(
        "ec2", region_name="eu-central-1", endpoint_url=aws, aws_access_key_id="x", aws_secret_access_key="x"
    ).start_instances(InstanceIds=[idle_instance])
    restored = installation.cli("restore", str(backup), "--reason", "the disk died")
    assert restored.returncode == 0, restored.stderr
    assert "1 action_succeeded" in restored.stdout
    installation.start()
    until(lambda: installation.metric('cloudwarden_paused{account="*",policy="*"} 1.0'), "shown as paused")
    installation.approve()
    until(lambda: '"guard": "pause"' in installation.logs[-1].read_text(), "held by the pause")
    assert proxy.counts["StopInstances"] == 1
    assert instance_state(aws, idle_instance) == "running"
    assert installation.verb("resume", "--reason", "looked").exit_code == 0
    until(lambda: installation.states() == ["fixed"], "done once a person said so")
    assert proxy.counts["StopInstances"] == 2


@pytest.mark.timeout(300)
def test_entries_are_shipped_to_a_file_as_they_are_committed(installation: Installation, idle_instance: str) -> None:
    """Also those of verbs, within seconds; through a rotation, a kill and a restart none is missing."""
    copy = installation.folder / "copy" / "journal.jsonl"
    copy.parent.mkdir()
    ships_to(installation, str(copy))
    process = installation.start()
    installation.approve()
    until(lambda: copy.exists() and '"action_succeeded"' in copy.read_text(), "shipped")
    until(lambda: installation.metric("cloudwarden_journal_unshipped_entries 0.0"), "nothing waits")
    copy.rename(copy.with_name("journal.jsonl.1"))
    installation.verb("pause", "--reason", "lunch")
    until(lambda: copy.exists() and '"paused"' in copy.read_text(), "in a new file after the rotation")
    process.kill()
    process.wait(10)
    installation.verb("resume", "--reason", "over")
    end(installation.start_ready())
    compared = json.loads(installation.verb("journal", "verify", "--copy", str(copy), "--json").stdout)["copy"]
    assert (compared["ok"], compared["unshipped"]) == (True, 0), compared
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.timeout(300)
def test_nothing_acts_before_the_copy_was_compared(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """The copy's disk is mounted late: sweeps go on, what was approved waits and says why, and is done after that."""
    copy = installation.folder / "late" / "journal.jsonl"
    ships_to(installation, str(copy))
    installation.start()
    installation.approve()
    until(lambda: "was not compared yet" in installation.verb("findings", "--json").stdout, "held")
    assert "was not compared yet" in installation.get("/readyz")[1]
    assert proxy.counts["StopInstances"] == 0
    copy.parent.mkdir()
    until(lambda: installation.states() == ["fixed"], "done once it was compared")


def objects(aws: str) -> int:
    """How many objects the copy has."""
    return len(s3(aws).list_objects_v2(Bucket="kept")["Contents"])


def more_than(aws: str, least: int) -> bool:
    """Whether the copy has more objects than that."""
    return objects(aws) > least


@pytest.mark.timeout(300)
def test_entries_are_shipped_to_a_locked_bucket(installation: Installation, idle_instance: str, aws: str) -> None:
    """As objects under lock; what is there proves that the store was put back, and nothing acts then."""
    make_bucket(aws, "kept")
    ships_to(installation, "s3://kept/journal")
    process = installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    until(lambda: "Contents" in s3(aws).list_objects_v2(Bucket="kept"), "shipped")
    shipped = s3(aws).list_objects_v2(Bucket="kept")["Contents"]
    head = s3(aws).head_object(Bucket="kept", Key=shipped[0]["Key"])
    assert head["ObjectLockMode"] == "GOVERNANCE"
    end(process)
    database = installation.folder / "cloudwarden.db"
    saved = Path(shutil.copy(database, installation.folder / "saved.db"))
    process = installation.start()
    installation.approve()
    until(lambda: installation.states() == ["fixed"], "carried out")
    # Two objects at least: moto passes over the first key after a marker that is none, which AWS does not.
    for verb in ("pause", "resume"):
        before = objects(aws)
        assert installation.verb(verb, "--reason", "lunch").exit_code == 0
        until(partial(more_than, aws, before), f"{verb} shipped")
    end(process)
    verified = installation.cli("journal", "verify", "--copy", "s3://kept/journal")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    saved.replace(database)
    installation.start()
    until(lambda: installation.said("rollback_found"), "found at the start")
    until(lambda: installation.metric('cloudwarden_paused{account="*",policy="*"} 1.0'), "paused")


def test_a_bucket_without_lock_gets_nothing(installation: Installation, idle_instance: str, aws: str) -> None:
    """Told by health, metric and log, with what to do; sweeps and proposals go on."""
    make_bucket(aws, "plain", lock=False)
    ships_to(installation, "s3://plain")
    installation.start()
    until(lambda: installation.said("shipping_failed"), "told")
    until(lambda: "proposed" in installation.states(), "a proposal all the same")
    until(lambda: installation.get("/readyz")[0] == 200, "ready all the same")
    assert "put-object-lock-configuration" in installation.get("/readyz")[1]
    assert not installation.metric("cloudwarden_journal_shipping_failures_total 0.0")
    assert "Contents" not in s3(aws).list_objects_v2(Bucket="plain")
