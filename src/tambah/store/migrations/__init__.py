"""Numbered SQL files, forward only; `versions/` names them to Alembic."""
