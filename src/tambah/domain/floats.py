"""Float moved between dealers or bought by bank transfer, and commission that is owed paid.

A dealer buys float under a reference of its own, which follows from its number: ten characters as
a payment's, the last of which checks the others. Numbers are spread over all there are, so that no
two dealers' references look alike and a word or a number is hardly ever one.
"""

from datetime import timedelta

from tambah.domain.dealer_commands import CommissionPaid, FloatMoved, MoveFloat, PayCommission
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.money import MICROS_PER_SEN, ringgit
from tambah.domain.payment import REFERENCE_ALPHABET, check_character
from tambah.domain.refusals import (
    AmountOutOfRange,
    CommissionChanged,
    DealerNotRelated,
    DealerUnknown,
    FloatTooLow,
    NothingDue,
    PartnerSuspended,
)
from tambah.domain.state import CommissionRun

_MOST_MOVED_MICROS = 10**15
_STEM = 9
_SPACE = len(REFERENCE_ALPHABET) ** _STEM
_SPREAD = 10_403_173_861_097
_GATHER = pow(_SPREAD, -1, _SPACE)
_MOST_PARTNER = 2**40


def float_reference(partner_id: int) -> str:
    """Return the reference under which a dealer buys float by bank transfer."""
    number = partner_id * _SPREAD % _SPACE
    letters: list[str] = []
    for _ in range(_STEM):
        number, place = divmod(number, len(REFERENCE_ALPHABET))
        letters.append(REFERENCE_ALPHABET[place])
    stem = "".join(letters)
    return stem + check_character(stem)


def partner_of(reference: str) -> int | None:
    """Return whose a reference would be, None where it is no dealer's.

    reference: as `fold_reference` returns it. Whether there is such a dealer, the books know.
    """
    number = 0
    for letter in reversed(reference[:_STEM]):
        number = number * len(REFERENCE_ALPHABET) + REFERENCE_ALPHABET.index(letter)
    partner_id = number * _GATHER % _SPACE
    return partner_id if 0 < partner_id < _MOST_PARTNER else None


def bank_reference(entry: str) -> str:
    """Return what the books call float that a bank entry paid for. entry: its name, whole."""
    return f"bank {entry}"


def require_movable(amount_micros: int) -> None:
    """Refuse an amount of float that is nothing, or beyond all sense. Raises AmountOutOfRange."""
    if not 0 < amount_micros <= _MOST_MOVED_MICROS:
        raise AmountOutOfRange(least=ringgit(MICROS_PER_SEN), most=ringgit(_MOST_MOVED_MICROS))


def move_float(command: MoveFloat, draft: Draft) -> FloatMoved:
    """Book float out of one dealer's books and into another's, each naming the other.

    Only what the giver really has goes on: a credit limit is for selling. Raises PartnerUnknown,
    DealerUnknown, DealerNotRelated, PartnerSuspended, AmountOutOfRange, FloatTooLow.
    """
    giver = draft.require_partner()
    dealer, receiver = draft.known.dealer, draft.known.receiver
    if dealer is None or receiver is None:
        raise DealerUnknown
    if giver.partner_id != receiver.parent_id and dealer.parent_id != receiver.partner_id:
        raise DealerNotRelated
    taker = draft.require_level(receiver.partner_id)
    if giver.suspended or taker.suspended:
        raise PartnerSuspended
    require_movable(command.amount_micros)
    if giver.float_bucket.remaining_micros < command.amount_micros:
        raise FloatTooLow
    reference = command.reference or None
    note = Note(reference=reference, peer=(taker.partner_id, taker.transfer_seq + 1))
    kind = TransferKind.FLOAT_MOVE
    seq = draft.move_float(-command.amount_micros, kind, Account.TRANSIT, note)
    note = Note(reference=reference, peer=(giver.partner_id, seq))
    draft.move_float(command.amount_micros, kind, Account.TRANSIT, note, taker.partner_id)
    return FloatMoved(
        partner_id=giver.partner_id,
        to_partner_id=taker.partner_id,
        amount_micros=command.amount_micros,
        float_micros=draft.require_partner().float_bucket.remaining_micros,
    )


def pay_commission(command: PayCommission, draft: Draft) -> CommissionPaid:
    """Pay what is owed up to the end of the day, in one transfer.

    Raises PartnerUnknown, DealerUnknown, NothingDue where undone sales took as much back, and
    CommissionChanged where it is not what was agreed to.
    """
    partner = draft.require_partner()
    if draft.known.dealer is None:
        raise DealerUnknown
    owed_micros = draft.known.owed_micros
    if owed_micros <= 0:
        raise NothingDue
    if command.amount_micros not in (None, owed_micros):
        raise CommissionChanged
    note = Note(reference=f"commission {command.until.isoformat()}")
    kind = TransferKind.COMMISSION
    seq = draft.move_float(owed_micros, kind, Account.COMMISSIONS, note)
    draft.commission_run = CommissionRun(
        partner_id=partner.partner_id,
        before=draft.rules.validity.start_of(command.until + timedelta(days=1)),
        amount_micros=owed_micros,
        paid_seq=seq,
    )
    return CommissionPaid(
        partner_id=partner.partner_id,
        until=command.until,
        amount_micros=owed_micros,
        float_micros=draft.require_partner().float_bucket.remaining_micros,
    )
