"""Alembic's environment: runs inside the connection that lms_plugin.storage.migrating hands over."""

from alembic import context

from lms_plugin.storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
