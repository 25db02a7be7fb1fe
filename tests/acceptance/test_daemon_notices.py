"""The daemon as a process tells an owner by a real webhook, and acts when the time has passed, not before."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from installation import POLICY, Installation, instance_state, until
from notify_servers import TOKEN, Hook, hook

__all__ = ["hook"]


def test_no_notice_no_action(installation: Installation, idle_instance: str, aws: str, hook: Hook) -> None:
    """Told, approved, held for its seconds, done; and the webhook's token is nowhere."""
    names = POLICY.replace("import (", "import (Notify, owner_tag, owner, seconds,", 1)
    if names == POLICY:
        names = POLICY.replace(
            "from cloudwarden import", "from cloudwarden import Notify, owner_tag, owner, seconds,", 1
        )
    notice = 'notice=Notify(owners=[owner_tag("owner"), owner("team-x")], before=seconds(6))'
    (installation.policies / "idle.py").write_text(names.replace("action=ec2.Stop()", f"action=ec2.Stop(), {notice}"))
    tables = f'[channels.ops]\nurl = "{hook.url}"\n[owners]\nteam-x = "ops"\n'
    installation.config.write_text(installation.config.read_text() + tables)
    installation.set('log_level = "debug"')
    installation.start()
    assert installation.approve() == idle_instance
    until(lambda: bool(hook.posted), "the owner told")
    until(lambda: instance_state(aws, idle_instance) == "stopped", "the instance stopped")
    with closing(installation.database()) as database:
        at = dict(database.execute("SELECT event, at FROM journal"))
    waited = datetime.fromisoformat(at["action_intended"]) - datetime.fromisoformat(at["notices_delivered"])
    assert waited >= timedelta(seconds=6)
    assert idle_instance in hook.posted[0]["message"]
    assert installation.metric('cloudwarden_notifications_total{channel="ops",outcome="delivered"} 1.0')
    assert TOKEN not in everything(installation)


def everything(installation: Installation) -> str:
    """All that the daemon and its verb have let out, and what they keep: the journal is in the database."""
    logs = "".join(log.read_text() for log in installation.logs)
    shown = installation.verb("notices", "--json").stdout
    kept = "".join(part.read_bytes().decode("latin-1") for part in Path(installation.folder).glob("cloudwarden.db*"))
    return logs + shown + kept + installation.get("/metrics")[1]
