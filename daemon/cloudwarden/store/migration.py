"""Migrations, run by the program itself: nobody has to call a tool before an upgrade."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from cloudwarden.core.errors import StoreUnusable
from cloudwarden.store.connection import reading

CONNECTION = "connection"
"""Under which attribute of the configuration the scripts find the connection to use."""

_UPGRADING = threading.Lock()
"""Alembic keeps what it is at in a module, so that one thread at a time may upgrade, whatever the database."""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file; `alembic.command.revision(configuration(), "what")` writes a script."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes[CONNECTION] = connection
    return config


def refuse_unknown(engine: Engine, name: str) -> None:
    """Raise StoreUnusable for another program's tables, and for a schema that this version does not know."""
    with reading(engine).begin() as connection:
        _is_current(connection, name)


def migrate(engine: Engine, name: str) -> None:
    """Bring the schema to what this version needs, all or nothing.

    Alembic looks at the schema once more under the write lock: of two processes, the second finds the work done.
    """
    with reading(engine).begin() as connection:
        if _is_current(connection, name):
            return
    with _UPGRADING, engine.begin() as connection:
        command.upgrade(configuration(connection), "head")


def outdated(engine: Engine) -> str | None:
    """The schema that the database has, when that is an older one."""
    with reading(engine).begin() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    return None if revision in (None, newest()) else revision


def newest() -> str | None:
    """The schema that this version makes."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def _is_current(connection: Connection, name: str) -> bool:
    scripts = ScriptDirectory.from_config(configuration())
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        if tables := inspect(connection).get_table_names():
            raise StoreUnusable(
                f"{name} is another program's database (it has a table {tables[0]!r}): set `database` to another file"
            )
        return False
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreUnusable(
            f"{name} was last used by a newer Cloudwarden (its schema is {revision!r}, this version knows up to "
            f"{scripts.get_current_head()!r}): run that version, or restore a backup from before the upgrade"
        )
    return revision == scripts.get_current_head()
