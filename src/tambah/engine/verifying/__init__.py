"""Proving the books on live data, and closing them.

Each invariant is stated in `tambah.store.proofs`; here they are asked one after another from one
snapshot, their answers put into words, and, when all is well, the state that was proved written
down so that the next proof can go on from there.
"""

from tambah.engine.verifying.closing import Closed, close_books
from tambah.engine.verifying.verdict import Finding, FindingKind, Proved, Verdict
from tambah.engine.verifying.verify import Progress, verify

__all__ = [
    "Closed",
    "Finding",
    "FindingKind",
    "Progress",
    "Proved",
    "Verdict",
    "close_books",
    "verify",
]
