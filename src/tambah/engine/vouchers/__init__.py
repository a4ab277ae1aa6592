"""Vouchers as stock: made in batches, printed for one printing house, moved, never shown again."""

from tambah.engine.vouchers.codes import CodeSource, CodeSpaceFull
from tambah.engine.vouchers.exporting import Exported, PrintFileDamaged, export_print_file
from tambah.engine.vouchers.generating import (
    MOST_IN_A_BATCH,
    BatchRequest,
    Generated,
    generate,
)
from tambah.engine.vouchers.moving import (
    BatchMoved,
    RangeMoved,
    SerialRange,
    change_batch,
    change_range,
)
from tambah.engine.vouchers.odds import Odds, work_out_odds
from tambah.engine.vouchers.printing import PrintFailed

__all__ = [
    "MOST_IN_A_BATCH",
    "BatchMoved",
    "BatchRequest",
    "CodeSource",
    "CodeSpaceFull",
    "Exported",
    "Generated",
    "Odds",
    "PrintFailed",
    "PrintFileDamaged",
    "RangeMoved",
    "SerialRange",
    "change_batch",
    "change_range",
    "export_print_file",
    "generate",
    "work_out_odds",
]
