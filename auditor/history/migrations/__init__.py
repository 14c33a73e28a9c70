"""How the tables of a history came to be: one module per revision in `versions`, run by Alembic."""
