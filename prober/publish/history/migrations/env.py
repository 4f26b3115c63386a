"""What alembic runs to apply the versions: on the connection it is handed, within the transaction open there."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
