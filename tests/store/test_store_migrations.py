"""Migrations make exactly the tables that the code uses."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

import blank_stores
from cloudwarden.core.errors import AlreadyRunning
from cloudwarden.store import SqlStore, migration, open_store, own, schema
from cloudwarden.store.tables import metadata
from owning import holder
from pausing import paused


def statements(connection: Connection) -> dict[str, str]:
    """The SQL of every table and index, without its white space, quotes, and the order of its constraints."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    found = {name: re.sub(r'[\s"]', "", sql) for name, sql in connection.exec_driver_sql(query)}
    return {
        name: "".join(sorted(sql)) for name, sql in found.items() if name not in ("alembic_version", "sqlite_sequence")
    }


def dump(store: SqlStore) -> list[str]:
    """All that a store holds, as SQL."""
    with store.reading() as tx:
        driver = tx.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return list(driver.iterdump())


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, url: str) -> Iterator[SqlStore]:
    """A store that every migration made."""
    opened = open_store("sqlite://" if request.param == "memory" else url)
    yield opened
    opened.close()


def test_the_migrated_schema_is_the_metadata(store: SqlStore) -> None:
    """Alembic sees no difference between what the scripts made and what tables.py says."""
    with store.transaction() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_constraints_are_migrated_as_well(store: SqlStore) -> None:
    """Checks, deferred references and partial indexes, which Alembic does not compare, are the same SQL."""
    with store.reading() as tx:
        migrated = statements(tx.connection)
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        assert migrated == statements(connection)


def test_blank_stores_are_migrated_ones(store: SqlStore, tmp_path: Path) -> None:
    """What all other tests begin with differs in nothing from what the daemon makes."""
    for blank in (blank_stores.in_memory(), blank_stores.in_file(tmp_path / "blank.db")):
        assert dump(blank) == dump(store)
        blank.close()


def test_opening_again_changes_nothing(file_store: SqlStore, url: str, path: Path) -> None:
    """What was written stays, and a current schema is not written to."""
    with file_store.transaction() as tx:
        tx.decisions.save_pause(paused())
    holder = sqlite3.connect(path)
    holder.execute("BEGIN IMMEDIATE")
    again = open_store(url, busy_timeout_seconds=0)
    with again.reading() as tx:
        assert tx.decisions.pauses() == [paused()]
    again.close()
    holder.close()


def test_scripts_form_one_line() -> None:
    """No two scripts follow the same one: there is a single newest schema."""
    assert len(ScriptDirectory.from_config(migration.configuration()).get_heads()) == 1


def test_the_revisions_are_told_without_alembic() -> None:
    """What the names of the scripts say is what is in them, in the order in which they are run."""
    scripts = ScriptDirectory.from_config(migration.configuration()).walk_revisions("base", "head")
    assert list(schema.revisions()) == [script.revision for script in scripts][::-1]


def test_a_current_schema_is_opened_without_alembic(file_store: SqlStore, url: str) -> None:
    """Eleven megabytes that only the first start, and the first after an upgrade, have to pay."""
    file_store.close()
    opened = (
        f"import sys; from cloudwarden.store import open_store; open_store({url!r}); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", opened], check=True, timeout=60)


def test_the_template_makes_a_script_that_compiles(tmp_path: Path) -> None:
    """`alembic revision` with our template gives Python, linked to the newest script."""
    copied = Path(shutil.copytree(Path(migration.__file__).parent / "migrations", tmp_path / "migrations"))
    config = migration.configuration()
    config.set_main_option("script_location", str(copied))
    command.revision(config, "a column", rev_id="9999")
    written = (copied / "versions" / "9999_a_column.py").read_text()
    compile(written, "9999_a_column.py", "exec")
    newest = ScriptDirectory.from_config(migration.configuration()).get_current_head()
    assert f"down_revision = '{newest}'" in written
    assert '"""a column"""' in written


def older(path: Path) -> bytes:
    """A database as an earlier version left it, with a pause in it; its bytes."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migration.configuration(connection), "0007")
        connection.exec_driver_sql(
            "INSERT INTO pauses (policy, account, by, at, reason, origin) "
            "VALUES ('*', '*', 'ada', '2026-03-01 12:00:00.000000', 'lunch', 'cli ada@box')"
        )
    engine.dispose()
    return path.read_bytes()


def test_an_older_database_is_kept_before_it_is_changed(url: str, path: Path) -> None:
    """Migrated with all that is in it; whoever has to go back to the earlier version has its database."""
    older(path)
    store = open_store(url)
    with store.reading() as tx:
        assert tx.decisions.pauses() == [paused()]
        assert tx.keeping.restored() is None
    store.close()
    (kept,) = path.parent.glob("cloudwarden.db.schema-0007-*")
    with sqlite3.connect(kept) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0007",)]
        assert database.execute("SELECT reason FROM pauses").fetchall() == [("lunch",)]
    assert kept.stat().st_mode & 0o777 == 0o600


def test_when_scopes_were_read_survives_the_upgrade(url: str, path: Path, noon: datetime) -> None:
    """By the latest sweep, by an earlier one, and never: after it, a gap is a gap still."""
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(migration.configuration(connection), "0014")
        connection.exec_driver_sql(
            "INSERT INTO runs (policy, run_id, started_at, fingerprint) "
            "VALUES ('stop-idle', 'r1', '2026-03-01 12:00:00.000000', 'v1')"
        )
        connection.exec_driver_sql(
            "INSERT INTO run_scopes (policy, account, region, read_at, matches) VALUES "
            "('stop-idle', '111122223333', 'us-east-1', '2026-03-01 12:00:00.000000', 3), "
            "('stop-idle', '111122223333', 'us-west-2', '2026-03-01 11:00:00.000000', 2), "
            "('stop-idle', '111122223333', 'eu-west-1', NULL, NULL)"
        )
    engine.dispose()
    store = open_store(url)
    with store.reading() as tx:
        kept = {scope.region: (one.read_at, one.matches) for scope, one in tx.runs.scopes("stop-idle").items()}
    store.close()
    assert kept == {"us-east-1": (noon, 3), "us-west-2": (noon - timedelta(hours=1), 2), "eu-west-1": (None, None)}


def test_the_schema_is_not_changed_under_another_process(url: str, path: Path) -> None:
    """A daemon of the earlier version could keep nothing from then on: whoever opens its store is told to stop it."""
    before = older(path)
    with holder(url) as process:
        with pytest.raises(AlreadyRunning, match=rf"pid {process.pid}\).*stop it first"):
            open_store(url, busy_timeout_seconds=0.1)
        process.kill()
    assert path.read_bytes()[100:] == before[100:]
    assert [one.name for one in path.parent.glob("*.schema-*")] == []
    open_store(url).close()


def test_who_owns_the_store_changes_its_schema(url: str, path: Path) -> None:
    """The daemon opens its store after it has taken it."""
    older(path)
    with own(url):
        open_store(url, busy_timeout_seconds=0).close()


def test_an_older_database_may_be_opened_by_many_at_once(url: str, path: Path) -> None:
    """Verbs after an upgrade: one changes the schema and keeps a copy, the others find that done."""
    older(path)
    opened = f"from cloudwarden.store import open_store; open_store({url!r}).close()"
    openers = [subprocess.Popen([sys.executable, "-c", opened]) for _ in range(3)]
    assert [opener.wait(60) for opener in openers] == [0, 0, 0]
    assert len(list(path.parent.glob("cloudwarden.db.schema-*"))) == 1


def test_a_current_database_is_not_copied(url: str, path: Path) -> None:
    """Only what changes is kept."""
    for _ in range(2):
        open_store(url).close()
    assert [one.name for one in path.parent.iterdir()] == ["cloudwarden.db"]
