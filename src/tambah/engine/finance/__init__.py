"""Closing the books, and writing them out for an accounting system."""

from tambah.engine.finance.closing import Closed, close_period, prove_chain, read_period
from tambah.engine.finance.exporting import JournalRequest, write_journal

__all__ = [
    "Closed",
    "JournalRequest",
    "close_period",
    "prove_chain",
    "read_period",
    "write_journal",
]
