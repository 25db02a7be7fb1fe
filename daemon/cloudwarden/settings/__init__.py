"""Settings: what differs between installations, from a TOML file and environment variables."""

from cloudwarden.settings.aws import AccountSettings, AwsSettings, OrganizationSettings, RolesSettings
from cloudwarden.settings.effective import Row, effective
from cloudwarden.settings.journal import bucket_of
from cloudwarden.settings.model import Settings
from cloudwarden.settings.overrides import LimitOverride, PolicyOverride
from cloudwarden.settings.reading import load_settings

__all__ = [
    "AccountSettings",
    "AwsSettings",
    "LimitOverride",
    "OrganizationSettings",
    "PolicyOverride",
    "RolesSettings",
    "Row",
    "Settings",
    "bucket_of",
    "effective",
    "load_settings",
]
