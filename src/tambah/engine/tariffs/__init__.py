"""Tariffs: bringing a sheet in, what it changes, and the book that all of them make."""

from tambah.engine.tariffs.booking import TariffSource, read_book
from tambah.engine.tariffs.loading import TariffRequest, TariffResult, load_tariff

__all__ = ["TariffRequest", "TariffResult", "TariffSource", "load_tariff", "read_book"]
