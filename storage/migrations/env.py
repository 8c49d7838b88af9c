"""Alembic's way into this package: run revisions on the connection that ``run`` was given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
