"""The inventory of SIMs: brought in from CSV, and what of it is secret."""

from tambah.engine.sims.importing import import_sims
from tambah.engine.sims.rows import COLUMNS, SimRowRules
from tambah.engine.sims.sealing import open_code, seal_code
from tambah.engine.sims.stock import retire_sim

__all__ = ["COLUMNS", "SimRowRules", "import_sims", "open_code", "retire_sim", "seal_code"]
