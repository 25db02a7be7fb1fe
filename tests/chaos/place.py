"""The place of a run: an installation whose daemon dies and stands where it is told to, and whose files people edit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.arms import Arms
from chaos.decisions import AUTHOR
from chaos.history import Version
from chaos.tags import CRITICAL
from cloudwarden import loading
from cloudwarden.core.restraint import Quota
from installation import REGION, Installation

TESTS = Path(__file__).parent.parent

POLICY_FILES = {
    "idle.py": """
from cloudwarden import {mode}, Approval, Limit, Policy, cron, every, hours
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop_idle = Policy(
    name="stop-idle",
    rule=idle,
    params=Idle(window=hours(1), max_cpu_percent={cpu}),
    schedule={schedule},
    mode={mode},
    action=ec2.Stop(),
    limit=Limit(per_run={per_run}, share={share}, per_hour={per_hour}, per_day={per_hour}, failures={failures}),
    approval=Approval(quorum={quorum}, not_by=({author!r},)),
)
""",
    "volumes.py": """
from cloudwarden import {mode}, Approval, Limit, Policy, cron, every, hours
from cloudwarden.aws import ec2
from cloudwarden.library.storage import Unattached, unattached

delete_unattached = Policy(
    name="delete-unattached",
    rule=unattached,
    params=Unattached(min_age=hours(1)),
    schedule={schedule},
    mode={mode},
    action=ec2.SnapshotThenDelete(),
    limit=Limit(per_run={per_run}, share={share}, per_hour={per_hour}, per_day={per_hour}, failures={failures}),
    approval=Approval(quorum={quorum}, not_by=({author!r},)),
)
""",
}

POLICY_OF = {"idle.py": "stop-idle", "volumes.py": "delete-unattached"}

_SETTINGS = """
policies = "{folder}/policies"
database = "sqlite:///{folder}/cloudwarden.db"
ceiling = "enforce"
port = 0
log_format = "json"
log_level = "info"
workers = 1

[aws]
regions = ["{region}"]
endpoint_url = "{endpoint}"
read_timeout_seconds = 2
connect_timeout_seconds = 2
attempts = 3

[quota]
account_per_run = {quota.account_per_run}
account_share = {quota.account_share}
account_per_hour = {quota.account_per_hour}
account_per_day = {quota.account_per_day}
per_run = {quota.per_run}
share = {quota.share}
per_hour = {quota.per_hour}
per_day = {quota.per_day}

[protect]
accounts = ["9*"]
tags = ["{critical}"]

{freeze}
"""


UNBOUNDED = Quota(account_per_run=1000, account_per_hour=1000, account_per_day=1000, per_run=1000, per_hour=1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a policy's file says today."""

    mode: str = "PROPOSE"
    per_run: int = 50
    share: float = 1.0
    per_hour: int = 500
    failures: int = 3
    cpu: float = 5.0
    every: int | None = 2
    """Seconds between sweeps; None: once a year, and not when it was edited."""
    quorum: int = 1

    @property
    def schedule(self) -> str:
        """The schedule, as the file says it."""
        return f"every(seconds={self.every})" if self.every else 'cron("0 0 1 1 *")'


class Place(Installation):
    """An installation of a run."""

    def __init__(self, folder: Path, endpoint: str, region: str = REGION, quota: Quota | None = None) -> None:
        super().__init__(folder, endpoint, region)
        self.quota = quota or Quota(
            account_per_run=1000, account_per_hour=1000, account_per_day=1000, per_run=1000, per_hour=1000
        )
        self.versions: list[Version] = []
        self._endpoint, self._region = endpoint, region
        self.thaw()

    @property
    def arms_file(self) -> Path:
        """What the daemon does at which moment."""
        return self.folder / "arms.json"

    def command(self) -> list[str]:
        """The command line of a daemon with failpoints."""
        return [sys.executable, "-m", "chaos.process", str(self.config)]

    def launch(self, arms: Arms) -> subprocess.Popen[bytes]:
        """Start a daemon, armed."""
        self.arm(arms)
        return self.start(
            PYTHONPATH=os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(TESTS)))),
            CHAOS_DIARY=str(self.diary(len(self.logs))),
            CHAOS_ARMS=str(self.arms_file),
        )

    def arm(self, arms: Arms) -> None:
        """Have the daemon that runs, or the next one, do something at a moment."""
        arms.write(self.arms_file)

    def diary(self, number: int) -> Path:
        """The diary of the so-manieth daemon, counted from 0."""
        return self.folder / f"diary-{number}"

    def entries(self) -> list[str]:
        """What the latest daemon's diary says, as far as it is written."""
        diary = self.diary(len(self.logs) - 1)
        return diary.read_text().splitlines() if diary.exists() else []

    def freeze(self, begins: datetime, until: datetime) -> None:
        """Put a freeze into the settings, for the next start."""
        self._write(
            f'[[freeze]]\nbegins = {begins.isoformat()}\nuntil = {until.isoformat()}\nreason = "year-end close"\n'
        )

    def thaw(self) -> None:
        """Have no freeze in the settings."""
        self._write("")

    def edit(self, file: str, terms: Terms) -> None:
        """Write a policy's file, and remember from when it may be in force."""
        at, path = datetime.now(UTC), self.policies / file
        path.write_text(POLICY_FILES[file].format(schedule=terms.schedule, author=AUTHOR, **asdict(terms)))
        elsewhere = loading.load(self.policies, {})
        policy = elsewhere.policies[POLICY_OF[file]]
        self.versions.append(
            Version(
                at=at,
                policy=policy.name,
                mode=policy.mode,
                limit=policy.limit,
                fingerprint=policy.fingerprint,
                quorum=policy.approval.quorum,
                not_by=tuple(policy.approval.not_by),
            )
        )

    def spoil(self, file: str, how: int) -> None:
        """Break a policy's file in one of several ways; what it said before runs on."""
        path = self.policies / file
        text = path.read_text() if path.exists() else ""
        broken = (
            text[: len(text) // 2],
            "not python(",
            f'{text}\nraise RuntimeError("half an edit")\n',
            text.replace("limit=", "limmit="),
        )
        path.write_text(broken[how % len(broken)])

    def remove(self, file: str) -> None:
        """Take a policy's file away."""
        at = datetime.now(UTC)
        (self.policies / file).unlink(missing_ok=True)
        last = next((one for one in reversed(self.versions) if one.policy == POLICY_OF[file]), None)
        if last is not None and not last.removed:
            self.versions.append(Version(at=at, policy=last.policy, mode=last.mode, limit=last.limit, removed=True))

    def problems(self) -> list[str]:
        """Why a daemon that starts now would not take the policies as they are."""
        return [str(problem) for problem in loading.load(self.policies, {}).problems]

    def loads(self) -> int:
        """How often the latest daemon has loaded its policies."""
        return sum(event.get("event") == "policies_loaded" for event in self.events())

    def _write(self, freeze: str) -> None:
        self.config.write_text(
            _SETTINGS.format(
                folder=self.folder,
                region=self._region,
                endpoint=self._endpoint,
                quota=self.quota,
                critical="=".join(CRITICAL),
                freeze=freeze,
            )
        )


def killed(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process ended by SIGKILL."""
    return process.returncode == -signal.SIGKILL


def goes_on(process: subprocess.Popen[bytes]) -> None:
    """Let a process that stands go on."""
    os.kill(process.pid, signal.SIGCONT)
