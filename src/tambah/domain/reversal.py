"""Taking a top-up back: what is unspent of the main credit, the bonus, and the days."""

from dataclasses import replace
from datetime import datetime

from tambah.domain.commands import Reversed
from tambah.domain.draft import Draft
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import LineState, grace_after
from tambah.domain.refusals import AlreadyReversed, LineTerminated, TopUpUnknown
from tambah.domain.state import TopUpRecord, TopUpSource
from tambah.domain.validity import ValidityRule


def reverse_top_up(draft: Draft, topup_no: int) -> Reversed:
    """Reverse one of the line's top-ups; never more than is unspent, never below nothing.

    The line must be aged to now. A voucher stays used; a partner gets back what was unspent (and
    the tax, when nothing was spent). Raises TopUpUnknown, AlreadyReversed, LineTerminated.
    """
    topup = next((t for t in draft.known.topups if t.topup_no == topup_no), None)
    if topup is None:
        raise TopUpUnknown
    if topup.reversed_at is not None:
        raise AlreadyReversed
    if draft.require_line().state not in (LineState.ACTIVE, LineState.GRACE):
        raise LineTerminated
    main_micros = min(draft.main.remaining_micros, topup.main_micros)
    bonus_micros = _claw_bonus(draft, topup)
    _return_main(draft, topup, main_micros)
    draft.topups.append(replace(topup, reversed_at=draft.now))
    _work_dates_out_again(draft, topup)
    draft.tell(
        "reversed", returned_micros=main_micros, balance_micros=draft.main.remaining_micros
    )
    line = draft.require_line()
    return Reversed(
        msisdn=line.msisdn,
        topup_no=topup_no,
        main_micros=main_micros,
        bonus_micros=bonus_micros,
        spent_micros=topup.main_micros - main_micros,
        balance_micros=draft.main.remaining_micros,
        active_until=line.active_until,
    )


def _claw_bonus(draft: Draft, topup: TopUpRecord) -> int:
    bucket = draft.buckets.get(topup.bonus_bucket_id or 0)
    clawed_micros = min(bucket.remaining_micros, topup.bonus_micros) if bucket else 0
    if bucket is not None and clawed_micros > 0:
        draft.move(
            bucket,
            -clawed_micros,
            TransferKind.REVERSAL,
            Account.BONUS_GIVEN,
            mends=topup.topup_no,
        )
    return clawed_micros


def _return_main(draft: Draft, topup: TopUpRecord, main_micros: int) -> None:
    """Book the unspent credit back to where it came from, with the tax if nothing was spent."""
    tax_micros = topup.tax_micros if main_micros == topup.main_micros else 0
    back_micros = main_micros + tax_micros
    if back_micros == 0:
        return
    by_partner = topup.source is TopUpSource.PARTNER
    source = Account.TRANSIT if by_partner else Account.CARDS_SOLD
    peer: tuple[int, int] | None = None
    if by_partner and topup.partner_id is not None:
        line = draft.require_line()
        seq = draft.move_float(
            back_micros,
            TransferKind.REVERSAL,
            Account.TRANSIT,
            reference=topup.reference,
            peer=(line.line_id, line.transfer_seq + 1),
        )
        peer = (topup.partner_id, seq)
    if main_micros > 0:
        draft.move(
            draft.main, -main_micros, TransferKind.REVERSAL, source, peer=peer, mends=topup.topup_no
        )
    if tax_micros > 0:
        draft.book(
            tax_micros,
            TransferKind.REVERSAL,
            Account.TAX,
            source,
            topup_no=topup.topup_no,
            peer=peer,
            mends=topup.topup_no,
        )


def _work_dates_out_again(draft: Draft, topup: TopUpRecord) -> None:
    """Replay the later top-ups on the dates as they were before this one.

    A line that thereby falls behind the clock gets a whole grace period from today: a reversal
    alone never forfeits credit.
    """
    rules = draft.rules
    later = [t for t in draft.known.topups if t.topup_no > topup.topup_no and not t.reversed_at]
    active_until = replay_dates(topup.active_until_before, later, rules.validity)
    if active_until is None:
        active_until = rules.validity.end_of_day(draft.now)
    grace_from = max(active_until, rules.validity.end_of_day(draft.now))
    draft.line = replace(
        draft.require_line(),
        state=LineState.ACTIVE if draft.now < active_until else LineState.GRACE,
        active_until=active_until,
        grace_until=grace_after(grace_from, rules.life, rules.validity),
    )


def replay_dates(
    active_until: datetime | None, topups: list[TopUpRecord], validity: ValidityRule
) -> datetime | None:
    """Return the end that a row of top-ups gives, each applied at its own instant."""
    for topup in topups:
        active_until = validity.extend(active_until, topup.valid_days, topup.at)
    return active_until
