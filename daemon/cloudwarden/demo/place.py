"""Where a demo lives: a temporary directory with its settings, its database, and a copy of the shipped policies."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cloudwarden
from cloudwarden.core.errors import SettingsError
from cloudwarden.demo.estate import CREDENTIALS, WINDOW
from cloudwarden.demo.mailbox import mailbox

CHECKOUT = Path(cloudwarden.__file__).parents[2]
"""Where the package's source lies, when it was not installed from a wheel."""

METRICS_PORT = 9464
"""The daemon's usual port, which the shipped Prometheus configuration scrapes."""

ENFORCED = "close-open-security-groups"
"""The policy that may act by itself once somebody trusts it."""

OVERRIDES: Mapping[str, Mapping[str, object]] = {
    "stop-idle-instances": {"params": {"window": f"{WINDOW.total_seconds():.0f}s"}},
    ENFORCED: {"mode": "enforce", "limit": {"per_run": 20, "share": 0.2}},
    "stop-idle-databases": {"params": {"window": f"{WINDOW.total_seconds():.0f}s"}, "limit": {"share": 0.5}},
    "delete-unattached-volumes": {"notice": {"owners": ["tag:owner", "platform"], "before": "5s"}},
    "block-public-buckets": {},
    "upgrade-database-engines": {},
    "flag-deprecated-runtimes": {},
    "flag-unassociated-addresses": {},
    "require-owner-tags-on-instances": {},
    "require-owner-tags-on-security-groups": {},
    "require-owner-tags-on-volumes": {},
}
"""What is different here from how the shipped policies run on a real estate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The demo's settings file, with everything else of the demo beside it."""

    settings: Path

    @property
    def policies(self) -> Path:
        """The policies that it runs: copies, to be edited without harm."""
        return self.settings.parent / "policies"

    @property
    def mail(self) -> Path:
        """Where what owners are told arrives, a file for each message."""
        return self.settings.parent / "mail"

    def command(self, *words: str) -> str:
        """A line to copy into another terminal."""
        module = Path(sys.argv[0]).name == "__main__.py"
        program = Path(sys.executable if module else sys.argv[0])
        if program.is_absolute() and program.is_relative_to(Path.cwd()):
            program = program.relative_to(Path.cwd())
        begins = [str(program), *(("-m", "cloudwarden") if module else ())]
        return shlex.join([*begins, "--config", str(self.settings), *words])

    def reading(self, *words: str) -> str:
        """A line of a verb that reads the estate: no credentials of the person who copies it sign what it asks."""
        named = {**CREDENTIALS, "AWS_SESSION_TOKEN": ""}
        return f"{' '.join(f'{name}={value}' for name, value in named.items())} {self.command(*words)}"


@contextmanager
def place(endpoint_url: str, region: str, *, host: str, port: int, every: str, grace: str) -> Iterator[Place]:
    """A place that is gone after the block. `every` and `grace` are durations as the settings file writes them.

    Cloudwarden's own environment variables are not in force inside: they speak of a real installation.
    """
    shipped = policies_directory()
    with (
        tempfile.TemporaryDirectory(prefix="cw-") as directory,
        mailbox((here := Place(settings=Path(directory) / "demo.toml")).mail) as channel,
        _no_settings_in_environment(),
    ):
        here.policies.mkdir()
        for file in shipped.glob("*.py"):
            shutil.copyfile(file, here.policies / file.name)
        top = {
            "policies": str(here.policies),
            "database": f"sqlite:///{directory}/demo.db",
            "ceiling": "enforce",
            "host": host,
            "port": port,
        }
        aws = {"endpoint_url": endpoint_url, "regions": [region]}
        lines = [*_pairs(top), "", "[aws]", *_pairs(aws)]
        lines += ["", "[channels.mailbox]", *_pairs({"url": channel}), "", "[owners]", *_pairs({'"*"': "mailbox"})]
        for name, override in OVERRIDES.items():
            lines += ["", f"[policy.{name}]", *_pairs({"every": every, "grace": grace, **override})]
        here.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield here


def policies_directory(checkout: Path = CHECKOUT) -> Path:
    """The shipped policies: the checkout's, or those in the working directory. Raises SettingsError."""
    candidates = (checkout / "policies", Path.cwd() / "policies")
    for candidate in candidates:
        if any(candidate.glob("*.py")):
            return candidate
    raise SettingsError(
        "the demo runs the policies that Cloudwarden ships, and they are in neither "
        f"{candidates[0]} nor {candidates[1]}: run it in a checkout of Cloudwarden"
    )


def free_port(host: str) -> int:
    """The usual port when it is free, otherwise 0: whichever is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, METRICS_PORT))
        except OSError:
            return 0
    return METRICS_PORT


def _pairs(values: Mapping[str, object]) -> Iterator[str]:
    """TOML pairs; a table within goes by dotted keys. JSON's strings, numbers and lists are TOML's too."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from (f"{key}.{pair}" for pair in _pairs(value))
        else:
            yield f"{key} = {json.dumps(value)}"


@contextmanager
def _no_settings_in_environment() -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CLOUDWARDEN_")}
    try:
        yield
    finally:
        os.environ.update(hidden)
