"""What the engine loads for a command, and what a decision hands back to be written."""

from collections.abc import Hashable, Mapping
from datetime import date, datetime
from enum import IntEnum

from tambah.domain.balance import MAIN_BUCKET_ID, Bucket
from tambah.domain.commands import Outcome
from tambah.domain.dealer import Commission, Dealer, DealerSale
from tambah.domain.gift import Gift, GiftKind
from tambah.domain.guessing import Tried
from tambah.domain.ledger import Transfer
from tambah.domain.line import Line, LineState
from tambah.domain.payment import PaymentAccount
from tambah.domain.records import Record
from tambah.domain.refusals import Refusal
from tambah.domain.voucher import Voucher


class LineAccount(Record, frozen=True, kw_only=True):
    """A line with its buckets of credit; `import_digest` is that of the row it came from."""

    line: Line
    buckets: tuple[Bucket, ...]
    iccid: str | None = None
    import_digest: bytes = b""

    @property
    def main(self) -> Bucket:
        """Return the main credit, which every line has."""
        return next(b for b in self.buckets if b.bucket_id == MAIN_BUCKET_ID)


class PartnerAccount(Record, frozen=True, kw_only=True):
    """A partner (dealer, shop, API client) with its float.

    Micro-ringgit: credit_limit by which the float may go below nothing; least and most of one
    sale; daily_cap of a local day's sales, None for none; sold so far on `sold_on`.
    """

    partner_id: int
    name: str
    suspended: bool
    credit_limit_micros: int
    least_micros: int
    most_micros: int
    daily_cap_micros: int | None
    sold_on: date | None
    sold_micros: int
    transfer_seq: int
    float_bucket: Bucket


class TopUpSource(IntEnum):
    """Where a top-up's money came from. MOVED: from another line, topped up by mistake."""

    VOUCHER = 1
    PARTNER = 2
    PAYMENT = 3
    MOVED = 4


class TopUpRecord(Record, frozen=True, kw_only=True):
    """One credit as the subscriber sees it, a receipt. Micro-ringgit; `topup_no` counts per line.

    bonus_micros, valid_days: with what promotions gave; gifts says what that was, bonus_bucket_id
    is of the rest of the bonus. active_until_before, active_until: the line's end of validity
    before and after it. reactivation_micros: the fee that was taken of the credit to bring an
    expired line back. line_state: of the line when this was promised, None in old rows.
    payer_id: whose float paid, where it was not the partner's own. moved_line_id, moved_topup_no:
    of one that was moved, the other line's: where it went, or (MOVED) where it came from.
    """

    line_id: int
    topup_no: int
    at: datetime
    source: TopUpSource
    price_micros: int
    tax_micros: int
    main_micros: int
    bonus_micros: int
    bonus_bucket_id: int | None
    valid_days: int
    active_until_before: datetime | None
    active_until: datetime
    receipt: str
    reference: str | None = None
    partner_id: int | None = None
    batch_id: int | None = None
    number: int | None = None
    payment_no: int | None = None
    page_token: bytes | None = None
    reversed_at: datetime | None = None
    reactivation_micros: int = 0
    line_state: LineState | None = None
    payer_id: int | None = None
    moved_line_id: int | None = None
    moved_topup_no: int | None = None
    gifts: tuple[Gift, ...] = ()

    @property
    def own_bonus_micros(self) -> int:
        """Return the bonus that is not a promotion's."""
        given = sum(gift.amount for gift in self.gifts if gift.kind is GiftKind.BONUS)
        return self.bonus_micros - given


class Message(Record, frozen=True, kw_only=True):
    """Something to tell a line's subscriber; worded later, in the line's language.

    params: micro-ringgit under names ending in `_micros`, instants as ISO 8601 text under `_at`
    and `_until`, the rest as it is. sealed: further params, encrypted outside (a one-time
    password, or `to`, another number to send it to), erased once handed over. good_until: not
    to be sent later than that.
    """

    line_id: int
    number: int
    at: datetime
    template: str
    params: dict[str, int | str]
    sealed: bytes | None = None
    good_until: datetime | None = None


class AuditEntry(Record, frozen=True, kw_only=True):
    """Who did what by hand, to what, why, and how it stood before and after."""

    at: datetime
    who: str
    action: str
    subject: str
    why: str
    before: dict[str, object]
    after: dict[str, object]


class Annex(Record, frozen=True, kw_only=True):
    """A row of a line's that is no part of its books: its sign-in, its SIM, a ticket.

    Each kind has a shelf in `engine.annexes`, which says what of it a command touches and how it
    is read and written. What a decision keeps takes the place of what was there, whole.
    """

    @property
    def key(self) -> Hashable:
        """Return what tells it from others of its kind: a line's id, unless it says otherwise."""
        return getattr(self, "line_id")  # noqa: B009 - each kind has one of its own


AnnexKey = tuple[type[Annex], Hashable]


class CardStock(Record, frozen=True, kw_only=True):
    """Who holds a card of a batch that is followed, and how often the batch was moved till now."""

    holder_id: int
    move_no: int


class CommissionRun(Record, frozen=True, kw_only=True):
    """What a dealer was paid of what it was owed: all rows before `before`, by one transfer."""

    partner_id: int
    before: datetime
    amount_micros: int
    paid_seq: int


_NOTHING_TRIED = Tried()
_NO_ANNEXES: Mapping[AnnexKey, Annex] = {}
_NO_LEVELS: Mapping[int, PartnerAccount] = {}


class Known(Record, frozen=True, kw_only=True):
    """What the store holds of the things a command touches; None for what is not there.

    referred: the top-up that already bears the command's reference. topups: for a reversal,
    all the line's top-ups by number, the reversed ones too. payment: the one that the command is
    about. paid_today: how many payments of the line came in on the local day, and what they come
    to (micro-ringgit). annexes: those that the command touches, where they are there.

    partner: the one that sells, pays or is paid; levels: all partners whose limits or floats the
    command touches. dealer: the partner's place in the tree; receiver: that of who gets float.
    sale: the one that bears the command's reference, or is taken back, with its commissions.
    receiving: the other line, that a top-up is moved to.
    stock: of the card; card_sale: the sale of it that stands. owed_micros: of commission, up to
    the command's day.
    """

    line: LineAccount | None = None
    receiving: LineAccount | None = None
    partner: PartnerAccount | None = None
    voucher: Voucher | None = None
    tried: Tried = _NOTHING_TRIED
    referred: bool = False
    topups: tuple[TopUpRecord, ...] = ()
    payment: PaymentAccount | None = None
    paid_today: tuple[int, int] = (0, 0)
    annexes: Mapping[AnnexKey, Annex] = _NO_ANNEXES
    levels: Mapping[int, PartnerAccount] = _NO_LEVELS
    dealer: Dealer | None = None
    receiver: Dealer | None = None
    sale: DealerSale | None = None
    commissions: tuple[Commission, ...] = ()
    stock: CardStock | None = None
    card_sale: DealerSale | None = None
    owed_micros: int = 0


class PaymentRef(Record, frozen=True, kw_only=True):
    """A name by which a payment, or one of its refunds, is found. provider 0: our own."""

    ref: str
    provider: int
    line_id: int
    payment_no: int
    refund_no: int | None = None


class Decision(Record, frozen=True, kw_only=True):
    """An answer, and every change that goes with it. None and () mean: as it was.

    other: what the same answer does to another line, for the one command that touches two.
    """

    answer: Outcome | Refusal
    line: LineAccount | None = None
    partners: tuple[PartnerAccount, ...] = ()
    voucher: Voucher | None = None
    transfers: tuple[Transfer, ...] = ()
    topups: tuple[TopUpRecord, ...] = ()
    messages: tuple[Message, ...] = ()
    payment: PaymentAccount | None = None
    payment_refs: tuple[PaymentRef, ...] = ()
    audit: AuditEntry | None = None
    wrong_code: bool = False
    annexes: tuple[Annex, ...] = ()
    sale: DealerSale | None = None
    commissions: tuple[Commission, ...] = ()
    commission_run: CommissionRun | None = None
    other: "Decision | None" = None

    @property
    def is_remembered(self) -> bool:
        """Say whether the answer stands for ever under its key: it changed something."""
        changed = (self.line, self.payment)
        return bool(self.partners or self.annexes) or any(one is not None for one in changed)
