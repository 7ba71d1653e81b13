"""How Alembic reaches the database: by the connection, in the transaction, of whoever runs it."""

from __future__ import annotations

from alembic import context

from trustkit.stores.tables import METADATA, SCHEMA_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=SCHEMA_TABLE,
)
context.run_migrations()
