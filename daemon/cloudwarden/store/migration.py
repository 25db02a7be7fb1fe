"""Migrations, run by the program itself: nobody has to call a tool before an upgrade."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from cloudwarden.store.schema import SCRIPTS

CONNECTION = "connection"
"""Under which attribute of the configuration the scripts find the connection to use."""


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
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "head")
