"""What a verification found, and what it proved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FindingKind(StrEnum):
    """Which promise of the books is broken."""

    SEQUENCE = "sequence"
    BALANCE = "balance"
    BOOKING = "booking"
    BUCKET = "bucket"
    OVERDRAWN = "overdrawn"
    SALE = "sale"
    COMMISSION = "commission"
    STOCK = "stock"
    TOPUP = "topup"
    REVERSAL = "reversal"
    PACKAGE = "package"
    VOUCHER = "voucher"
    PAYMENT = "payment"
    USAGE = "usage"
    LINE = "line"
    NUMBER = "number"
    ACCOUNT = "account"
    CLOSING = "closing"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing in the books that is not as it must be.

    subject: what it is, as `transfer:OWNER/SEQ`, `bucket:OWNER/BUCKET`, `topup:LINE/NUMBER`,
    `package:LINE/NUMBER`, `voucher:SERIAL`, `payment:LINE/NUMBER`, `line:ID`, `owner:ID`,
    `account:NAME`,
    `sale:PAYER/SEQ` (of the transfer that paid for it), `stock:SERIAL`, `audit:DAY/SEQ`.
    detail: for people.
    """

    kind: FindingKind
    subject: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """How many of each were looked at. Owners and buckets are all of them, in either mode."""

    transfers: int
    owners: int
    buckets: int
    topups: int
    vouchers: int
    sales: int
    audit_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a verification.

    findings: of each problem the first thousand. total: how many there are in all. accounts: the
    trial balance, credits less debits by account name, in micro-ringgit; allowances: the same of
    the accounts that are kept in seconds, messages or bytes. at: the snapshot's instant.
    closed_at: the closing it went on from, None when it went from the start.
    """

    findings: tuple[Finding, ...]
    total: int
    proved: Proved
    accounts: Mapping[str, int]
    allowances: Mapping[str, int]
    at: datetime
    closed_at: datetime | None
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Say whether the books are proved."""
        return self.total == 0
