"""Migrations, run by the program itself: nobody has to call a tool before an upgrade."""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from cloudwarden.store.schema import SCRIPTS

CONNECTION = "connection"
"""Under which attribute of the configuration the scripts find the connection to use."""

_UPGRADING = threading.Lock()
"""Alembic keeps what it is at in a module, so that one thread at a time may upgrade, whatever the database."""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file; `alembic.command.revision(configuration(), "what")` writes a script."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS.parent).replace("%", "%%"))
    config.attributes[CONNECTION] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema to what this version needs, all or nothing.

    Alembic looks at the schema under the write lock: of two processes, the second finds the work done.
    """
    with _UPGRADING, engine.begin() as connection:
        command.upgrade(configuration(connection), "head")
