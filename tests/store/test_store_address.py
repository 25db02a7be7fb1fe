"""Which databases there can be: the settings accept what the store opens, and nothing else."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cloudwarden.core.errors import StoreUnusable
from cloudwarden.settings import Settings
from cloudwarden.store import file_of, open_store

URLS = ("sqlite://", "sqlite:///x.db", "sqlite+pysqlite:///x.db")
OTHERS = ("postgresql://x/y", "mysql+pymysql://x/y", "://x", "sqlit:///x.db")


@pytest.mark.parametrize("url", URLS)
def test_what_the_settings_accept_can_be_opened(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`check` has read them alone, and says nothing that a start would contradict."""
    there = url.replace("x.db", str(tmp_path_factory.mktemp("store") / "x.db"))
    open_store(Settings(database=there).database).close()


@pytest.mark.parametrize("url", OTHERS)
def test_what_cannot_be_opened_the_settings_refuse(url: str) -> None:
    """In CI, and not at the start."""
    with pytest.raises(StoreUnusable):
        file_of(url)
    with pytest.raises(ValidationError, match=r"sqlite:////var/lib"):
        Settings(database=url)
