"""Moving float between dealers, and paying dealers the commission that they are owed."""

from datetime import timedelta

from tambah.domain.dealer_commands import CommissionPaid, FloatMoved, MoveFloat, PayCommission
from tambah.domain.draft import Draft, Note
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.money import MICROS_PER_SEN, ringgit
from tambah.domain.refusals import (
    AmountOutOfRange,
    DealerNotRelated,
    DealerUnknown,
    FloatTooLow,
    NothingDue,
    PartnerSuspended,
)
from tambah.domain.state import CommissionRun

_MOST_MOVED_MICROS = 10**15


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

    Raises PartnerUnknown, DealerUnknown, and NothingDue where undone sales took as much back.
    """
    partner = draft.require_partner()
    if draft.known.dealer is None:
        raise DealerUnknown
    owed_micros = draft.known.owed_micros
    if owed_micros <= 0:
        raise NothingDue
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
