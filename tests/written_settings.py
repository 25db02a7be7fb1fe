"""Settings files for tests, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwarden.core.errors import SettingsError
from cloudwarden.settings import Settings, effective, load_settings


def written(text: str) -> Path:
    """A settings file."""
    file = Path("settings.toml")
    file.write_text(text)
    return file


def problems(text: str = "") -> list[str]:
    """What is wrong with a settings file and the environment."""
    with pytest.raises(SettingsError) as caught:
        load_settings(written(text))
    return str(caught.value).splitlines()


def row(settings: Settings, name: str) -> tuple[str, str]:
    """The value and source that the settings verb shows."""
    return next((one.value, one.source) for one in effective(settings) if one.name == name)
