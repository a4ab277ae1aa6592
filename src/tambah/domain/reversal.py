"""Taking a top-up back: what is unspent of the main credit, bonus and allowances, and the days."""

from collections.abc import Callable
from datetime import datetime

from tambah.domain.commands import Reversed
from tambah.domain.draft import Draft, Note
from tambah.domain.gift import GiftKind
from tambah.domain.giving import claw, take_gifts_back
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import Line, LineState, grace_after
from tambah.domain.records import replace
from tambah.domain.refusals import (
    AlreadyReversed,
    LineTerminated,
    TopUpUnknown,
    TopUpWasMoved,
)
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpRecord, TopUpSource
from tambah.domain.validity import ValidityRule

Hand = Callable[[Draft, TopUpRecord, int], None]
"""Books where the main credit of a top-up goes that is taken off: so many micro-ringgit."""

_SOURCES = {
    TopUpSource.VOUCHER: Account.CARDS_SOLD,
    TopUpSource.PARTNER: Account.TRANSIT,
    TopUpSource.PAYMENT: Account.HELD,
}


def reverse_top_up(draft: Draft, topup_no: int, *, tell: bool = True) -> Reversed:
    """Reverse one of the line's top-ups; never more than is unspent, never below nothing.

    The line must be aged to now. A voucher stays used; a partner gets back what was unspent (and
    the tax, when nothing was spent). Raises TopUpUnknown, AlreadyReversed, TopUpWasMoved,
    LineTerminated.
    """
    taken = take_off(draft, topup_no, _return_main)
    if tell:
        draft.tell(
            "reversed", returned_micros=taken.main_micros, balance_micros=taken.balance_micros
        )
    return taken


def require_reversible(draft: Draft, topup_no: int) -> TopUpRecord:
    """Return one of the line's top-ups that still stands.

    Raises TopUpUnknown, AlreadyReversed, and TopUpWasMoved for one that came from another line:
    what it was paid with is that line's.
    """
    topup = next((t for t in draft.known.topups if t.topup_no == topup_no), None)
    if topup is None:
        raise TopUpUnknown
    if topup.reversed_at is not None:
        raise AlreadyReversed
    if topup.source is TopUpSource.MOVED:
        raise TopUpWasMoved
    return topup


def take_off(draft: Draft, topup_no: int, hand: Hand) -> Reversed:
    """Take a top-up off the line as far as it is unspent, bonus, gifts and days with it.

    Raises what `require_reversible` does, LineTerminated.
    """
    topup = require_reversible(draft, topup_no)
    if draft.require_line().state not in (LineState.ACTIVE, LineState.GRACE):
        raise LineTerminated
    main_micros = min(draft.main.free, topup.main_micros)
    bonus_micros = claw(draft, topup.bonus_bucket_id, topup.own_bonus_micros, topup_no)
    gifts = take_gifts_back(draft, topup)
    bonus_micros += sum(gift.amount for gift in gifts if gift.kind is GiftKind.BONUS)
    hand(draft, topup, main_micros)
    draft.topups.append(replace(topup, reversed_at=draft.now))
    line, topups = draft.require_line(), draft.known.topups
    draft.line = without(line, topups, topup, draft.rules, draft.now)
    line = draft.require_line()
    return Reversed(
        msisdn=line.msisdn,
        topup_no=topup_no,
        main_micros=main_micros,
        bonus_micros=bonus_micros,
        spent_micros=topup.main_micros - main_micros,
        balance_micros=draft.main.remaining_micros,
        active_until=line.active_until,
        gifts=gifts,
    )


def _return_main(draft: Draft, topup: TopUpRecord, main_micros: int) -> None:
    """Book the unspent credit back to where it came from, with the tax if nothing was spent."""
    if main_micros == 0:
        return
    tax_micros = topup.tax_micros if main_micros == topup.main_micros else 0
    source, peer = _SOURCES[topup.source], None
    if topup.partner_id is not None:
        line_side = (topup.line_id, draft.transfer_seq + 1)
        note = Note(reference=topup.reference, peer=line_side)
        back_micros = main_micros + tax_micros
        payer_id = topup.payer_id or topup.partner_id
        seq = draft.move_float(back_micros, TransferKind.REVERSAL, source, note, payer_id)
        peer = (payer_id, seq)
    payment_no = topup.payment_no
    note = Note(peer=peer, mends_topup_no=topup.topup_no, payment_no=payment_no)
    draft.move(draft.main, -main_micros, TransferKind.REVERSAL, source, note)
    if tax_micros > 0:
        note = note._replace(topup_no=topup.topup_no)
        draft.book(tax_micros, TransferKind.REVERSAL, Account.TAX, source, note)


def without(
    line: Line, topups: tuple[TopUpRecord, ...], topup: TopUpRecord, rules: Rules, now: datetime
) -> Line:
    """Return the line with the dates that it has without one of its top-ups.

    The others are replayed on the dates as they were before that one. A line that thereby falls
    behind the clock gets a whole grace period from today: a reversal alone never forfeits credit.
    """
    today_ends = rules.validity.end_of_day(now)
    first = _first_to_replay(topups, topup)
    replayed = [
        t
        for t in topups
        if t.topup_no >= first.topup_no and t.topup_no != topup.topup_no and t.reversed_at is None
    ]
    # A line that had no end before its first top-up is active to the end of today.
    active_until = replay_dates(first.active_until_before, replayed, rules.validity) or today_ends
    return replace(
        line,
        state=LineState.ACTIVE if now < active_until else LineState.GRACE,
        active_until=active_until,
        grace_until=grace_after(max(active_until, today_ends), rules.life, rules.validity),
    )


def _first_to_replay(topups: tuple[TopUpRecord, ...], topup: TopUpRecord) -> TopUpRecord:
    """Return the top-up whose dates before it are still true: this one, or one further back.

    An earlier top-up that was reversed only after this one was made is still counted in this
    one's `active_until_before`; then the replay starts from that earlier one, and so on.
    """
    first = topup
    for earlier in reversed(topups):
        if earlier.topup_no < first.topup_no and _was_reversed_after(earlier, first.at):
            first = earlier
    return first


def _was_reversed_after(topup: TopUpRecord, instant: datetime) -> bool:
    return topup.reversed_at is not None and topup.reversed_at >= instant


def replay_dates(
    active_until: datetime | None, topups: list[TopUpRecord], validity: ValidityRule
) -> datetime | None:
    """Return the end that a row of top-ups gives, each applied at its own instant."""
    for topup in topups:
        active_until = validity.extend(active_until, topup.valid_days, topup.at)
    return active_until
