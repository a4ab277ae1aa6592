"""Bank transfer without a gateway: the payer names a reference, the statement brings it back."""

from tambah.payments.bank.desk import BankDesk, ImportedFile, QueuedEntry, ReturnedRefund
from tambah.payments.bank.duitnow import (
    BankInstructions,
    bank_instructions,
    duitnow_payload,
    duitnow_svg,
)
from tambah.payments.bank.provider import BankProvider
from tambah.payments.bank.statements import NotPlainFile

__all__ = [
    "BankDesk",
    "BankInstructions",
    "BankProvider",
    "ImportedFile",
    "NotPlainFile",
    "QueuedEntry",
    "ReturnedRefund",
    "bank_instructions",
    "duitnow_payload",
    "duitnow_svg",
]
