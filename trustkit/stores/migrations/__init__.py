"""The history of a registry's tables, run by Alembic when one is made or is of an older form."""
