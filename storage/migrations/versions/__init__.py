"""The revisions, oldest first; Alembic reads them by their files."""
