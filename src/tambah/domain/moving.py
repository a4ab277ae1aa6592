"""Moving a top-up that went to a wrong number: taken off one line, given to another, at once."""

from datetime import timedelta

from tambah.domain.ageing import age
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.catalog import Denomination
from tambah.domain.commands import Reversed, TopUpMoved
from tambah.domain.crediting import Origin, credit_line
from tambah.domain.draft import Draft, Note
from tambah.domain.gift import GiftKind
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import require_can_top_up
from tambah.domain.money import ringgit
from tambah.domain.promotion import NOTHING_GIVEN
from tambah.domain.records import replace
from tambah.domain.refusals import (
    MoveTooLate,
    MoveToSameNumber,
    NothingToMove,
    NumberUnknown,
    RefundInstead,
)
from tambah.domain.reversal import Hand, require_reversible, take_off
from tambah.domain.state import Known, TopUpRecord, TopUpSource


def move_top_up(command: MoveTopUp, draft: Draft) -> TopUpMoved:
    """Take what is unspent of a top-up off its line and give it to another.

    The main credit passes through transit, from line to line: the card stays used, the float that
    paid has paid, the tax was taken once. The other line gets that credit with the top-up's own
    days; its own bonus, to the same end, only when nothing of either was spent; promotions' gifts
    are taken back and not given again.

    Raises NumberUnknown, MoveToSameNumber, TopUpUnknown, AlreadyReversed, TopUpWasMoved,
    RefundInstead (a payment), MoveTooLate, NothingToMove, and what both lines refuse.
    """
    line_id, receiving = draft.require_line().line_id, draft.known.receiving
    if receiving is None:
        raise NumberUnknown
    if receiving.line.line_id == line_id:
        raise MoveToSameNumber
    # Both sides of what passes through transit bear one instant, and it goes back for neither.
    draft.now = max(draft.now, receiving.line.last_at)
    other = Draft(Known(line=receiving), draft.rules, draft.now, draft.request)
    age(draft)
    topup = _require_movable(draft, command.topup_no)
    age(other)
    require_can_top_up(other.require_line(), other.now)
    taken = take_off(draft, topup.topup_no, _hand_to(other))
    given = credit_line(other, _offer(draft, topup, taken), _origin(draft, topup))
    draft.topups[-1] = replace(
        draft.topups[-1],
        moved_line_id=receiving.line.line_id,
        moved_topup_no=given.topup_no,
    )
    _note(draft, other, taken)
    return TopUpMoved(taken=taken, given=given)


def _require_movable(draft: Draft, topup_no: int) -> TopUpRecord:
    topup = require_reversible(draft, topup_no)
    if topup.payment_no is not None:
        raise RefundInstead
    hours = draft.rules.move_hours
    if draft.now >= topup.at + timedelta(hours=hours):
        raise MoveTooLate(hours=hours)
    if draft.main.remaining_micros == 0:
        raise NothingToMove
    return topup


def _hand_to(other: Draft) -> Hand:
    """Return what books the main credit into transit, named for the other line's next transfer."""

    def hand(draft: Draft, topup: TopUpRecord, main_micros: int) -> None:
        peer = (other.require_line().line_id, other.transfer_seq + 1)
        note = Note(peer=peer, mends_topup_no=topup.topup_no)
        draft.move(draft.main, -main_micros, TransferKind.MOVE, Account.TRANSIT, note)

    return hand


def _offer(draft: Draft, topup: TopUpRecord, taken: Reversed) -> Denomination:
    """Return what the other line gets: nobody pays for it, and no tax is taken, a second time."""
    gifts_micros = sum(gift.amount for gift in taken.gifts if gift.kind is GiftKind.BONUS)
    own_bonus = taken.bonus_micros - gifts_micros
    is_whole = taken.spent_micros == 0 and own_bonus == topup.own_bonus_micros
    bonus = draft.buckets.get(topup.bonus_bucket_id or 0)
    validity, days = draft.rules.validity, 0
    if bonus is not None and bonus.expires_at is not None:
        days = (validity.last_day(bonus.expires_at) - validity.local_day(draft.now)).days
    given_days = sum(gift.amount for gift in topup.gifts if gift.kind is GiftKind.DAYS)
    return Denomination(
        price_micros=taken.main_micros,
        tax_micros=0,
        credit_micros=taken.main_micros,
        bonus_micros=own_bonus if is_whole else 0,
        valid_days=topup.valid_days - given_days,
        bonus_days=days,
        on_sale_from=draft.now,
    )


def _origin(draft: Draft, topup: TopUpRecord) -> Origin:
    out = next(one for one in draft.transfers if one.kind is TransferKind.MOVE)
    return Origin(
        kind=TransferKind.MOVE,
        account=Account.TRANSIT,
        source=TopUpSource.MOVED,
        peer=(out.owner_id, out.seq),
        promised=NOTHING_GIVEN,
        moved_from=(topup.line_id, topup.topup_no),
    )


def _note(draft: Draft, other: Draft, taken: Reversed) -> None:
    """Tell the line that loses it (the other is told by its credit), and both audit rows."""
    draft.tell(
        "topup_moved", returned_micros=taken.main_micros, balance_micros=taken.balance_micros
    )
    line_id, other_id = draft.require_line().line_id, other.require_line().line_id
    moved = ringgit(taken.main_micros)
    draft.remark({}, {"moved": moved, "to_line": other_id})
    other.remark({}, {"moved": moved, "from_line": line_id})
    draft.other = other
