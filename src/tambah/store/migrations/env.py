"""What Alembic runs: the versions, on the connection that `store.migrate` hands over."""

from typing import Any

from alembic import context

connection: Any = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
