"""Every setting, with its unit, its default, and why it is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cloudwarden.core.directory import Directory, shown
from cloudwarden.core.exemption import ENDING_WITHIN, LONGEST
from cloudwarden.core.policy import Mode
from cloudwarden.core.restraint import Restraints
from cloudwarden.settings.aws import AwsSettings
from cloudwarden.settings.channels import ChannelSettings
from cloudwarden.settings.cloudwatch import CloudWatchSettings
from cloudwarden.settings.journal import JournalSettings
from cloudwarden.settings.overrides import PolicyOverride
from cloudwarden.settings.restraints import FreezeSettings, ProtectSettings, QuotaSettings, WindowSettings
from cloudwarden.settings.retention import RetentionSettings
from cloudwarden.settings.written import Duration, WrittenMode

PREFIX = "CLOUDWARDEN_"
DELIMITER = "__"


DATABASES = ("sqlite", "sqlite+pysqlite")
"""What a database's URL may begin with: what the store opens. A test holds the two together."""


def _database_url(value: str) -> str:
    """The URL as it is. What is wrong with it is told without it: it may hold a password."""
    kind, separator, _ = value.partition("://")
    if not separator:
        raise ValueError("write a URL, such as sqlite:////var/lib/cloudwarden/cloudwarden.db")
    if kind not in DATABASES:
        named = kind if kind.replace("+", "").isalnum() else "this"
        raise ValueError(
            f"{named} is not supported; write an SQLite URL, such as sqlite:////var/lib/cloudwarden/cloudwarden.db"
        )
    return value


class Settings(BaseSettings):
    """What one installation sets. Built directly, it reads nothing: `load_settings` reads file and environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    policies: Path = Field(
        default=Path("policies"),
        description="path of a directory, default policies, from the working directory: its *.py files are the "
        "policies that run, so that what runs is one listing away.",
    )
    database: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite:///cloudwarden.db",
        description="URL of SQLite, default sqlite:///cloudwarden.db, from the working directory: findings, decisions "
        "and the journal live here and must outlive the process.",
    )
    ceiling: WrittenMode = Field(
        default=Mode.PROPOSE,
        description="observe, propose or enforce, default propose: no policy goes further here, whatever its file "
        "says, so that acting alone is always a decision about this environment.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="address to listen on, default 127.0.0.1: the console and the metrics name accounts and resources, "
        "so showing them to the network is a decision.",
    )
    host_names: tuple[str, ...] = Field(
        default=(),
        description="names, default none, such as cloudwarden.example.com: by which else than localhost, an address or "
        "`host` this daemon may be asked. With some, and where `host` is of this machine alone, requests for any other "
        "are refused, so that no web page reads the console by a name that leads here.",
    )
    port: int = Field(
        default=9464,
        ge=0,
        le=65_535,
        description="TCP port, default 9464: a usual one of Prometheus exporters. 0 takes whichever is free. "
        "the console, /metrics, /healthz and /readyz are here.",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="auto, json or console, default auto: readable on a terminal, JSON elsewhere.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="debug, info, warning or error, default info: one line per sweep, finding and action, and per "
        "scope of which more or less can be told than before: 50 of a name in a sweep at most. lines_withheld counts "
        "the others; debug has them all.",
    )
    rule_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds, default 1.0: a rule is arithmetic on what was gathered and takes microseconds; one that "
        "takes a second hangs, and is cut off with its verdict unknown.",
    )
    stop_timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds, default 30.0: after SIGTERM the call in flight is finished and journalled within this; "
        "keep the service manager's own limit above it.",
    )
    threads: int = Field(
        default=8,
        ge=1,
        le=64,
        description="threads that call AWS at once, default 8: more only help where answers are small, as parsing "
        "large ones holds the interpreter's lock.",
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=64,
        description="processes that read and judge, default 0: one for each core from 32 scopes on, and none below, "
        "where starting them costs more than it gives. 1 does everything in the daemon's own process.",
    )
    rejection: Duration = Field(
        default=timedelta(days=7),
        gt=timedelta(0),
        description="duration, default 7d: a rejected proposal is not made again for so long; `snooze` puts one off "
        "for a time of your choice. Neither lasts longer than an exemption may.",
    )
    exemptions_file: Path | None = Field(
        default=None,
        description="path of a TOML file, default none, from the working directory: exemptions under version control, "
        "beside those made with a verb. An edited one is taken over between sweeps.",
    )
    exemption_longest: Duration = Field(
        default=LONGEST,
        gt=timedelta(0),
        description="duration, default 90d: how far ahead an exemption may end at most, so that somebody looks at it "
        "again every quarter. A policy may allow less.",
    )
    exemption_warning: Duration = Field(
        default=ENDING_WITHIN,
        gt=timedelta(0),
        description="duration, default 7d: how long before its end an exemption is warned about.",
    )
    prices_file: Path | None = Field(
        default=None,
        description="path of a TOML file, default none, from the working directory: prices beside the list "
        "prices that come with this version (daemon/cloudwarden/aws/list_prices.toml, whose form it has), or "
        "instead of them. A saving that needs a price which nobody has is unknown.",
    )
    aws: AwsSettings = Field(
        default_factory=AwsSettings,
        description="table, default as below: how AWS is reached, and how long it is waited for.",
    )
    cloudwatch: CloudWatchSettings = Field(
        default_factory=CloudWatchSettings,
        description="table, default as below: what CloudWatch may cost.",
    )
    protect: ProtectSettings = Field(
        default_factory=ProtectSettings, description="table, default as below: what no policy may touch here."
    )
    window: tuple[WindowSettings, ...] = Field(
        default=(), description="tables, default none: the only hours in which actions are taken here."
    )
    freeze: tuple[FreezeSettings, ...] = Field(
        default=(), description="tables, default none: times in which no action is taken, whatever the windows say."
    )
    quota: QuotaSettings = Field(
        default_factory=QuotaSettings,
        description="table, default as below: what may be done in one account and in all of them, so that neither one "
        "large limit nor many small ones do large harm.",
    )
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings,
        description="table, default as below: how long what has ended is kept, so that the database stops growing.",
    )
    journal: JournalSettings = Field(
        default_factory=JournalSettings,
        description="table, default as below: the journal's copy off this machine.",
    )
    channels: dict[str, ChannelSettings] = Field(
        default_factory=dict,
        description="tables by name, default none: the ways to people, for notices. Without any, nobody is told, and "
        "policies that notify do nothing.",
    )
    owners: dict[str, str] = Field(
        default_factory=dict,
        description="names of channels by owner, default none: by which channel an owner is told whom a tag, an "
        "account or a policy names. * and ? are wildcards; an owner who is a mail address gets mail there.",
    )
    policy: dict[str, PolicyOverride] = Field(
        default_factory=dict,
        description="tables by policy name, default none: what this environment changes in a policy.",
    )

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _file: Path | None = PrivateAttr(default=None)

    @property
    def restraints(self) -> Restraints:
        """What holds every policy back."""
        return Restraints(
            protection=self.protect.protection,
            windows=tuple((one.reach, one.window) for one in self.window),
            freezes=tuple((one.reach, one.freeze) for one in self.freeze),
            quota=self.quota.quota,
        )

    @field_validator("owners")
    @classmethod
    def _owners_have_channels(cls, owners: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        # Without channels in what was read so far, they are wrong themselves, and said to be.
        known = info.data.get("channels", dict.fromkeys(owners.values()))
        for owner, channel in owners.items():
            if channel not in known:
                names = ", ".join(sorted(known)) or "none"
                raise ValueError(f"{owner}: there is no channel {shown(channel)}; write one of channels: {names}")
        return owners

    @property
    def directory(self) -> Directory:
        """Who can be told, and how."""
        return Directory(channels=frozenset(self.channels), owners=self.owners)

    @property
    def file(self) -> Path | None:
        """The settings file that was read; None when there was none."""
        return self._file

    @property
    def origins(self) -> Mapping[str, str]:
        """Dotted names of the settings that were given, to `file` or `environment`."""
        return self._origins

    def stating(self, *, file: Path | None, origins: Mapping[str, str]) -> Settings:
        """The same settings, which say where they came from."""
        stated = self.model_copy()
        stated._file, stated._origins = file, origins
        return stated

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: a value that code states must not lose to the environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
