"""What dealers and those who look after them may ask, and what they are answered."""

from dataclasses import dataclass
from datetime import date, datetime

from tambah.domain.actor import Actor
from tambah.domain.dealer import SaleKind
from tambah.domain.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SellCard:
    """Sell a card by its serial number: it becomes worth something, and a float pays for it.

    reference: the seller's own, for one sale for ever. terminal: which till or handset, for the
    seller's own lists.
    """

    caller: str
    request_key: str
    partner_id: int
    batch_id: int
    number: int
    reference: str
    terminal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoSale:
    """Take a dealer's own sale back, by its reference: soon, and only if nothing of it is used."""

    caller: str
    request_key: str
    partner_id: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFloat:
    """Move float from a dealer to its own child, or back up to its parent.

    actor: who moved it by hand, if somebody of the operator's did.
    """

    caller: str
    request_key: str
    partner_id: int
    to_partner_id: int
    amount_micros: int
    reference: str = ""
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayCommission:
    """Pay a dealer what it is owed of sales up to the end of a local day.

    amount_micros: what was agreed to be paid, where somebody agreed; nothing else is paid then.
    """

    caller: str
    request_key: str
    partner_id: int
    until: date
    actor: Actor
    amount_micros: int | None = None


class CardSold(Record, frozen=True, kw_only=True):
    """A card was sold. Micro-ringgit: price, what the seller earned, the paying float after it."""

    partner_id: int
    payer_id: int
    batch_id: int
    number: int
    at: datetime
    price_micros: int
    commission_micros: int
    float_micros: int
    reference: str


class SaleUndone(Record, frozen=True, kw_only=True):
    """A sale was taken back. Micro-ringgit: what the paying float got, and what it then held."""

    partner_id: int
    payer_id: int
    kind: SaleKind
    at: datetime
    price_micros: int
    float_micros: int
    reference: str
    batch_id: int | None = None
    number: int | None = None
    msisdn: int | None = None


class FloatMoved(Record, frozen=True, kw_only=True):
    """Float went from one dealer to another. Micro-ringgit; the giver's float is what it keeps."""

    partner_id: int
    to_partner_id: int
    amount_micros: int
    float_micros: int


class CommissionPaid(Record, frozen=True, kw_only=True):
    """A dealer got what it was owed. Micro-ringgit."""

    partner_id: int
    until: date
    amount_micros: int
    float_micros: int


DealerCommand = SellCard | UndoSale | MoveFloat | PayCommission
DealerOutcome = CardSold | SaleUndone | FloatMoved | CommissionPaid
OF_A_DEALER = (SellCard, UndoSale, MoveFloat, PayCommission)
