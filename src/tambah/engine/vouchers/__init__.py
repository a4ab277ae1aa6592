"""Vouchers as stock: made in batches, printed for one printing house, moved, never shown again."""

from tambah.engine.vouchers.codes import CodeSource, CodeSpaceFull
from tambah.engine.vouchers.drawing import (
    TEMPLATES,
    PrintedKind,
    SheetDesign,
    TemplateBroken,
    draw_specimen,
)
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
from tambah.engine.vouchers.replacing import Replaced, replace_card
from tambah.engine.vouchers.sealing import PrintFailed
from tambah.store.ledger.voucher_prints import PrintKind

__all__ = [
    "MOST_IN_A_BATCH",
    "TEMPLATES",
    "BatchMoved",
    "BatchRequest",
    "CodeSource",
    "CodeSpaceFull",
    "Exported",
    "Generated",
    "Odds",
    "PrintFailed",
    "PrintFileDamaged",
    "PrintKind",
    "PrintedKind",
    "RangeMoved",
    "Replaced",
    "SerialRange",
    "SheetDesign",
    "TemplateBroken",
    "change_batch",
    "change_range",
    "draw_specimen",
    "export_print_file",
    "generate",
    "replace_card",
    "work_out_odds",
]
