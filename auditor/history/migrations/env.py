"""What Alembic runs for an upgrade: the revisions, in the transaction that is open already."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="auditor_revision")
context.run_migrations()
