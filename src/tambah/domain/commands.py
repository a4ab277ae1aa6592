"""What callers may ask, and what they are answered.

Every command that moves money carries `caller` and `request_key`: the same pair on the same line
gets the first answer again. Instants and identifiers come from outside; a command never looks.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tambah.domain.actor import Actor
from tambah.domain.care_commands import (
    AllowReactivation,
    AskRecovery,
    CareCommand,
    CareOutcome,
    SetOwnBar,
    SetPreferences,
    TellLine,
    TryRecovery,
)
from tambah.domain.charging_commands import ChargingCommand, ChargingOutcome, CloseSession
from tambah.domain.dealer_commands import OF_A_DEALER, DealerCommand, DealerOutcome
from tambah.domain.gift import Gift
from tambah.domain.guessing import Audience
from tambah.domain.line import Language, LineState
from tambah.domain.package_commands import PackageCommand, PackageOutcome
from tambah.domain.payment import Dispute, PaymentState, ProviderId
from tambah.domain.records import Record
from tambah.domain.sim_commands import ReportInstalled, ShowEsimCode, SimCommand, SimOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemVoucher:
    """Turn a recharge code into credit.

    digits: the folded code, which never leaves memory. source: keyed digest of the address, key
    or terminal that asks, empty for a door without one. page_token: digest of the lasting address
    at which the result will stand, for doors that have pages.
    """

    caller: str
    request_key: str
    msisdn: int
    digits: str = field(repr=False)
    audience: Audience
    source: bytes = b""
    page_token: bytes = b""
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """Reload a line from a partner's float. reference: the partner's own, unique per line."""

    caller: str
    request_key: str
    msisdn: int
    partner_id: int
    amount_micros: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPartner:
    """Add to a partner's float what it paid in, outside."""

    caller: str
    request_key: str
    partner_id: int
    amount_micros: int
    reference: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class FundFromBank:
    """Add to a dealer's float what it paid in by bank transfer.

    entry: the bank entry's name, whole; it is the reference in the books too, and pays once.
    """

    caller: str
    request_key: str
    partner_id: int
    amount_micros: int
    entry: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """Who a line's person is, encrypted outside; the books hold nothing of it in the clear.

    facts: (kind, keyed digest) by which the person can be looked up.
    """

    sealed: bytes
    key_id: int
    facts: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLine:
    """Bring a line along from elsewhere: number, dates, opening balance.

    digest: of the row it came from, to know it again. line_id: minted outside, used when the
    number is new. person: kept with the line when it is new.
    """

    line_id: int
    msisdn: int
    digest: bytes
    language: Language
    plan: str
    iccid: str | None = None
    activated_at: datetime | None = None
    active_until: datetime | None = None
    grace_until: datetime | None = None
    opening_micros: int = 0
    barred: bool = False
    suspended: bool = False
    person: PersonRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateLine:
    """Start a line's life with its first days of validity. iccid: on which SIM, if it has none."""

    caller: str
    request_key: str
    msisdn: int
    valid_days: int
    iccid: str | None = None
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustCredit:
    """Put a line's credit right by hand: more when positive, less when negative."""

    caller: str
    request_key: str
    msisdn: int
    amount_micros: int
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class BarLine:
    """Bar a line (a lost phone), suspend it (registration), or lift either."""

    caller: str
    request_key: str
    msisdn: int
    barred: bool | None = None
    suspended: bool | None = None
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseTopUp:
    """Take back what is unspent of a top-up."""

    caller: str
    request_key: str
    msisdn: int
    topup_no: int
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayment:
    """Write down that somebody is about to pay for a top-up of a number.

    method: `card`, `fpx`, … (which provider offers it is known outside). page_token: digest of
    the lasting address at which the payment's result will stand.
    """

    caller: str
    request_key: str
    msisdn: int
    amount_micros: int
    provider: ProviderId
    method: str
    page_token: bytes = b""
    language: Language | None = None


class NewsKind(StrEnum):
    """What a provider says of a payment; REFUND_AGAIN and REFUND_KEPT a person alone."""

    BEGUN = "begun"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    REFUND_AGAIN = "refund_again"
    REFUND_KEPT = "refund_kept"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNews:
    """Take in what a provider says of a payment: by answer, by webhook, by statement.

    Idempotent by nature, in any order. amount_micros: for PAID, REFUNDED and DISPUTED, what the
    provider says, in ringgit by then (another currency is refused before). provider: who says so,
    None for ourselves; provider_ref: the payment's name there. refund_no: our refund that it
    speaks of, None for one that was made at the provider's desk; refund_ref: the provider's name
    for the refund, dispute_ref: for the dispute. actor: who matched it by hand, if somebody did.
    """

    line_id: int
    payment_no: int
    kind: NewsKind
    provider: ProviderId | None = None
    amount_micros: int = 0
    provider_ref: str | None = None
    pay_url: str | None = None
    refund_no: int | None = None
    refund_ref: str | None = None
    dispute_ref: str | None = None
    reason: str | None = None
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """Send a payment back, in full or in part, unspent credit taken back first.

    amount_micros: None for all that can be taken back. forgive_spent: send back what the line
    has spent as well, at the operator's cost. only_micros: what two people agreed on; nothing is
    sent back when it would be another amount by now.
    """

    caller: str
    request_key: str
    line_id: int
    payment_no: int
    amount_micros: int | None = None
    forgive_spent: bool = False
    only_micros: int | None = None
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeLine:
    """Bring a line's row to the present; the sweep sends it for lines that are due."""

    msisdn: int


class Credited(Record, frozen=True, kw_only=True):
    """A top-up happened.

    Micro-ringgit: price paid, tax in it, main credit and bonus given, main balance after. receipt:
    for people; reference: the partner's own, empty for a voucher. gifts: what promotions gave, its
    bonus being part of the bonus.
    """

    msisdn: int
    topup_no: int
    at: datetime
    price_micros: int
    tax_micros: int
    credited_micros: int
    bonus_micros: int
    balance_micros: int
    bonus_balance_micros: int
    active_until: datetime
    grace_until: datetime
    receipt: str
    reference: str
    gifts: tuple[Gift, ...] = ()


class Funded(Record, frozen=True, kw_only=True):
    """A float was added to. Micro-ringgit."""

    partner_id: int
    amount_micros: int
    float_micros: int


class Imported(Record, frozen=True, kw_only=True):
    """A line was brought along, or was there already, unchanged."""

    line_id: int
    msisdn: int
    created: bool


class LineChanged(Record, frozen=True, kw_only=True):
    """A line as it stands after activation, barring, adjustment, ageing, and the like.

    reactivation_until: as `line.Line` has it.
    """

    msisdn: int
    state: LineState
    barred: bool
    suspended: bool
    balance_micros: int
    active_until: datetime | None
    grace_until: datetime | None
    reactivation_until: datetime | None = None


class Reversed(Record, frozen=True, kw_only=True):
    """A top-up was taken back as far as it was unspent. Micro-ringgit.

    gifts: what of promotions' gifts was taken back; their bonus is part of the bonus.
    """

    msisdn: int
    topup_no: int
    main_micros: int
    bonus_micros: int
    spent_micros: int
    balance_micros: int
    active_until: datetime | None
    gifts: tuple[Gift, ...] = ()


class TopUpMoved(Record, frozen=True, kw_only=True):
    """A top-up was moved to the right number: what was taken of one line, given to another."""

    taken: Reversed
    given: Credited


class PaymentStands(Record, frozen=True, kw_only=True):
    """A payment as it stands after a command. Micro-ringgit; total is what the payer pays.

    refund_no: the refund that the command opened or settled. changed: whether the command did
    anything.
    """

    line_id: int
    payment_no: int
    msisdn: int
    provider: ProviderId
    method: str
    state: PaymentState
    total_micros: int
    reference: str
    expires_at: datetime
    received_micros: int
    held_micros: int
    refunded_micros: int
    dispute: Dispute
    topup_no: int | None
    refund_no: int | None = None
    refund_micros: int = 0
    changed: bool = True


Command = (
    RedeemVoucher
    | TopUp
    | FundPartner
    | FundFromBank
    | ImportLine
    | ActivateLine
    | AdjustCredit
    | BarLine
    | ReverseTopUp
    | OpenPayment
    | PaymentNews
    | RefundPayment
    | AgeLine
    | CareCommand
    | SimCommand
    | DealerCommand
    | ChargingCommand
    | PackageCommand
)
Outcome = (
    Credited
    | Funded
    | Imported
    | LineChanged
    | Reversed
    | TopUpMoved
    | PaymentStands
    | CareOutcome
    | SimOutcome
    | DealerOutcome
    | ChargingOutcome
    | PackageOutcome
)
BY_PARTNER = (FundPartner, FundFromBank, *OF_A_DEALER)
"""Commands that are a partner's own."""
OF_A_PAYMENT = (PaymentNews, RefundPayment)
BY_LINE = (
    *OF_A_PAYMENT,
    TellLine,
    AskRecovery,
    TryRecovery,
    SetOwnBar,
    AllowReactivation,
    SetPreferences,
    ShowEsimCode,
    ReportInstalled,
    CloseSession,
)
"""Commands that name a line by its id, for its number may be another's by then."""
