"""The schema of a database: which version of it there is, and whether this program knows it.

Alembic could say so too, and is loaded only by whoever has to migrate: it takes eleven megabytes and half a second.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from cloudwarden.core.errors import StoreUnusable
from cloudwarden.store.connection import reading

SCRIPTS = Path(__file__).parent / "migrations" / "versions"
"""Each script's name begins with the four digits of its revision, in the order in which they are run."""

_VERSION_TABLE = "alembic_version"


def revisions() -> tuple[str, ...]:
    """Every version of the schema that this program knows, the newest last."""
    return tuple(sorted(script.name[:4] for script in SCRIPTS.glob("[0-9]*.py")))


def is_current(engine: Engine, name: str) -> bool:
    """Whether the schema is the newest. Raises StoreUnusable for a newer one, and for another program's tables."""
    with reading(engine).begin() as connection:
        found = _revision(connection, name)
    known = revisions()
    if found is not None and found not in known:
        raise StoreUnusable(
            f"{name} was last used by a newer Cloudwarden (its schema is {found!r}, this version knows up to "
            f"{known[-1]!r}): run that version, or restore a backup from before the upgrade"
        )
    return found == known[-1]


def outdated(engine: Engine, name: str) -> str | None:
    """The schema that the database has, when that is an older one."""
    with reading(engine).begin() as connection:
        found = _revision(connection, name)
    return None if found == revisions()[-1] else found


def _revision(connection: Connection, name: str) -> str | None:
    tables = inspect(connection).get_table_names()
    found = []
    if _VERSION_TABLE in tables:
        found = list(connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}").scalars())  # noqa: S608
    if not found and tables:
        raise StoreUnusable(
            f"{name} is another program's database (it has a table {tables[0]!r}): set `database` to another file"
        )
    return " and ".join(found) or None
