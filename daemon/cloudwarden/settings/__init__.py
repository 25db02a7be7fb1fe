"""Settings: what differs between installations, from a TOML file and environment variables."""

from cloudwarden.settings.effective import Row, effective
from cloudwarden.settings.model import AwsSettings, LimitOverride, PolicyOverride, Settings
from cloudwarden.settings.reading import load_settings

__all__ = ["AwsSettings", "LimitOverride", "PolicyOverride", "Row", "Settings", "effective", "load_settings"]
