"""How Alembic runs our scripts: on the connection, and within the transaction, that the caller began."""

from __future__ import annotations

from alembic import context

from cloudwarden.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite undoes schema changes with their transaction, since ours begin before the first of them.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
