"""Closing the books, and writing them out for an accounting system."""

from tambah.engine.finance.closing import Closed, close_period, prove_chain, read_period
from tambah.engine.finance.exporting import JournalRequest, write_journal
from tambah.engine.finance.standing import Standing, read_standing

__all__ = [
    "Closed",
    "JournalRequest",
    "Standing",
    "close_period",
    "prove_chain",
    "read_period",
    "read_standing",
    "write_journal",
]
