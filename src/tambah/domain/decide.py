"""One command, the loaded state and one instant in; an outcome or a refusal, and changes, out.

Pure: no I/O, no clock, no randomness. A line is brought to `now` first ("age, then act"). A
refusal may come with changes (a wrong code counts); then it is remembered like an outcome.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tambah.domain.actor import Actor
from tambah.domain.ageing import age
from tambah.domain.balance import MAIN_BUCKET_ID, Bucket, BucketKind, draw_down
from tambah.domain.care_commands import (
    AllowReactivation,
    AskRecovery,
    AskSignIn,
    MoveTopUp,
    SetOwnBar,
    SetPreferences,
    TellLine,
    TryRecovery,
    TrySignIn,
)
from tambah.domain.catalog import Denomination
from tambah.domain.charging import (
    charge_event,
    close_session,
    refund_event,
    release_units,
    reserve_units,
    update_units,
)
from tambah.domain.charging_commands import (
    ChargeEvent,
    CloseSession,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UpdateUnits,
)
from tambah.domain.commands import (
    ActivateLine,
    AdjustCredit,
    AgeLine,
    BarLine,
    Command,
    Funded,
    FundFromBank,
    FundPartner,
    Imported,
    ImportLine,
    OpenPayment,
    Outcome,
    PaymentNews,
    RedeemVoucher,
    RefundPayment,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.crediting import Origin, credit_line, require_room
from tambah.domain.dealer_commands import MoveFloat, PayCommission, SellCard, UndoSale
from tambah.domain.draft import Draft, Note
from tambah.domain.floats import bank_reference, move_float, pay_commission, require_movable
from tambah.domain.guessing import count_wrong, forget_wrong, require_may_try
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import Line, LineState, grace_after, require_can_top_up
from tambah.domain.line_changes import line_changed
from tambah.domain.moving import move_top_up
from tambah.domain.own_bar import set_own_bar
from tambah.domain.package_commands import BuyPackage, RefundPackage, SetRenewal
from tambah.domain.packages import buy_package, refund_package, set_renewal
from tambah.domain.paying import open_payment, take_news
from tambah.domain.preferences import set_preferences
from tambah.domain.reactivating import allow_reactivation
from tambah.domain.records import replace
from tambah.domain.refunding import refund_payment
from tambah.domain.refusals import (
    CodeAlreadyYours,
    CodeNotUsable,
    LineAlreadyActive,
    LineTerminated,
    NumberInUse,
    ReasonMissing,
    RefundInstead,
    Refusal,
)
from tambah.domain.reversal import reverse_top_up
from tambah.domain.rules import Rules
from tambah.domain.selling import sell_card, take_sale_back, top_up, undo_sale
from tambah.domain.signing_in import (
    ask_recovery,
    ask_sign_in,
    tell_line,
    try_recovery,
    try_sign_in,
)
from tambah.domain.sim import (
    bring_sim_along,
    put_on_sim,
    replace_sim,
    report_installed,
    show_esim_code,
)
from tambah.domain.sim_commands import ReplaceSim, ReportInstalled, ShowEsimCode
from tambah.domain.state import Decision, Known, LineAccount, TopUpSource
from tambah.domain.voucher import BatchState, Voucher, VoucherState


def decide(
    command: Command, known: Known, rules: Rules, now: datetime, request: bytes = b""
) -> Decision:
    """Decide one command.

    known: what the store holds, locked. now: the batch's instant (UTC). request: keyed digest of
    the caller and its key, which the transfers bear.
    """
    draft = Draft(known, rules, now, request)
    actor: Actor | None = getattr(command, "actor", None)
    try:
        if actor is not None and not actor.why.strip():
            raise ReasonMissing
        answer: Outcome | Refusal = _HANDLERS[type(command)](command, draft)
    except Refusal as refusal:
        if not draft.counts:
            return Decision(answer=refusal)
        answer = refusal
    return draft.freeze(answer, type(command).__name__, actor)


def _redeem_voucher(command: RedeemVoucher, draft: Draft) -> Outcome:
    age(draft)
    line = draft.require_line()
    require_can_top_up(line, draft.now)
    rule = draft.rules.guessing
    require_may_try(line, command.audience, draft.known.tried, rule, draft.now)
    voucher = draft.known.voucher
    if voucher is None or not _was_in_circulation(voucher):
        draft.line = count_wrong(line, command.audience, rule, draft.now)
        draft.wrong_code = draft.counts = True
        raise CodeNotUsable
    _require_redeemable(voucher, line, draft.now)
    draft.voucher = replace(
        voucher,
        state=VoucherState.REDEEMED,
        redeemed_line_id=line.line_id,
        redeemed_at=draft.now,
    )
    draft.line = forget_wrong(line, command.audience)
    batch = voucher.batch
    promise = Denomination(
        price_micros=batch.price_micros,
        tax_micros=batch.tax_micros,
        credit_micros=batch.credit_micros,
        bonus_micros=batch.bonus_micros,
        valid_days=batch.valid_days,
        bonus_days=batch.bonus_days,
        on_sale_from=draft.now,
    )
    origin = Origin(
        kind=TransferKind.REDEMPTION,
        account=Account.CARDS_SOLD,
        source=TopUpSource.VOUCHER,
        batch_id=batch.batch_id,
        number=voucher.number,
        page_token=command.page_token or None,
    )
    return credit_line(draft, promise, origin)


def _was_in_circulation(voucher: Voucher) -> bool:
    """Say whether the card could ever have been used: a guess that hits a dead card is wrong."""
    unreleased = voucher.batch.state in (BatchState.DRAFT, BatchState.GENERATED)
    return voucher.was_activated and not unreleased


def _require_redeemable(voucher: Voucher, line: Line, now: datetime) -> None:
    if voucher.state is VoucherState.REDEEMED and voucher.redeemed_line_id == line.line_id:
        raise CodeAlreadyYours(used_at=voucher.redeemed_at or now)
    redeem_before = voucher.batch.redeem_before
    if (
        voucher.state is not VoucherState.ACTIVE
        or voucher.batch.state is not BatchState.RELEASED
        or (redeem_before is not None and now >= redeem_before)
    ):
        raise CodeNotUsable


def _fund_partner(command: FundPartner, draft: Draft) -> Outcome:
    partner = draft.require_partner()
    require_movable(command.amount_micros)
    note = Note(reference=command.reference)
    draft.move_float(command.amount_micros, TransferKind.FUNDING, Account.FUNDING, note)
    return Funded(
        partner_id=partner.partner_id,
        amount_micros=command.amount_micros,
        float_micros=draft.require_partner().float_bucket.remaining_micros,
    )


def _fund_from_bank(command: FundFromBank, draft: Draft) -> Outcome:
    partner = draft.require_partner()
    require_movable(command.amount_micros)
    note = Note(reference=bank_reference(command.entry))
    draft.move_float(command.amount_micros, TransferKind.FUNDING, Account.CLEARING_BANK, note)
    return Funded(
        partner_id=partner.partner_id,
        amount_micros=command.amount_micros,
        float_micros=draft.require_partner().float_bucket.remaining_micros,
    )


def _import_line(command: ImportLine, draft: Draft) -> Outcome:
    known = draft.known.line
    if known is not None:
        if known.import_digest == command.digest:
            return Imported(line_id=known.line.line_id, msisdn=command.msisdn, created=False)
        # As it stands in the store, not as the clock has it: a line that is not yet written as
        # terminated may hold credit, and nobody would look at it again under its number.
        if known.line.state is not LineState.TERMINATED:
            raise NumberInUse
    # A recycled number is a new line; nothing of the old one can show.
    draft.adopt(_new_account(command, draft))
    if command.iccid is not None:
        bring_sim_along(draft, command.iccid)
    if command.opening_micros > 0:
        draft.move(draft.main, command.opening_micros, TransferKind.OPENING, Account.OPENING)
    age(draft, tell=False)
    return Imported(line_id=command.line_id, msisdn=command.msisdn, created=True)


def _new_account(command: ImportLine, draft: Draft) -> LineAccount:
    active_until, grace_until = command.active_until, command.grace_until
    if active_until is None:
        grace_until = None
    elif grace_until is None:
        grace_until = grace_after(active_until, draft.rules.life, draft.rules.validity)
    line = Line(
        line_id=command.line_id,
        msisdn=command.msisdn,
        language=command.language,
        plan=command.plan,
        state=LineState.PRE_ACTIVE if active_until is None else LineState.ACTIVE,
        last_at=draft.now,
        barred=command.barred,
        suspended=command.suspended,
        activated_at=command.activated_at,
        active_until=active_until,
        grace_until=grace_until,
        bucket_seq=MAIN_BUCKET_ID,
    )
    main = Bucket(
        owner_id=command.line_id,
        bucket_id=MAIN_BUCKET_ID,
        kind=BucketKind.MAIN,
        remaining_micros=0,
    )
    return LineAccount(line=line, buckets=(main,), import_digest=command.digest)


def _activate_line(command: ActivateLine, draft: Draft) -> Outcome:
    age(draft)
    line = draft.require_line()
    if line.state is not LineState.PRE_ACTIVE:
        raise LineAlreadyActive
    validity, life = draft.rules.validity, draft.rules.life
    active_until = validity.end_of_day(draft.now, command.valid_days)
    draft.line = replace(
        line,
        state=LineState.ACTIVE,
        activated_at=draft.now,
        active_until=active_until,
        grace_until=grace_after(active_until, life, validity),
    )
    if command.iccid is not None and command.iccid != draft.iccid:
        put_on_sim(draft, command.iccid)
    draft.tell("activated", active_until=active_until.isoformat())
    return line_changed(draft)


def _adjust_credit(command: AdjustCredit, draft: Draft) -> Outcome:
    age(draft)
    line = draft.require_line()
    if line.state not in (LineState.ACTIVE, LineState.GRACE, LineState.PRE_ACTIVE):
        raise LineTerminated
    if command.amount_micros > 0:
        require_room(draft, command.amount_micros)
        draft.move(draft.main, command.amount_micros, TransferKind.ADJUSTMENT, Account.ADJUSTMENTS)
    elif command.amount_micros < 0:
        draw_down([draft.main], -command.amount_micros, draft.now)
        draft.move(draft.main, command.amount_micros, TransferKind.ADJUSTMENT, Account.ADJUSTMENTS)
    return line_changed(draft)


def _bar_line(command: BarLine, draft: Draft) -> Outcome:
    age(draft)
    line = draft.require_line()
    draft.line = replace(
        line,
        barred=line.barred if command.barred is None else command.barred,
        own_bar=line.own_bar and command.barred is None,
        suspended=line.suspended if command.suspended is None else command.suspended,
    )
    return line_changed(draft)


def _reverse_top_up(command: ReverseTopUp, draft: Draft) -> Outcome:
    age(draft)
    topup = next((t for t in draft.known.topups if t.topup_no == command.topup_no), None)
    if topup is not None and topup.payment_no is not None:
        raise RefundInstead
    taken = reverse_top_up(draft, command.topup_no)
    if taken.spent_micros == 0:
        take_sale_back(draft)
    return taken


def _age_line(_: AgeLine, draft: Draft) -> Outcome:
    age(draft)
    return line_changed(draft)


_HANDLERS: dict[type[Command], Callable[[Any, Draft], Outcome]] = {
    RedeemVoucher: _redeem_voucher,
    TopUp: top_up,
    FundPartner: _fund_partner,
    FundFromBank: _fund_from_bank,
    SellCard: sell_card,
    UndoSale: undo_sale,
    MoveFloat: move_float,
    PayCommission: pay_commission,
    ImportLine: _import_line,
    ActivateLine: _activate_line,
    AdjustCredit: _adjust_credit,
    BarLine: _bar_line,
    ReverseTopUp: _reverse_top_up,
    MoveTopUp: move_top_up,
    OpenPayment: open_payment,
    PaymentNews: take_news,
    RefundPayment: refund_payment,
    AgeLine: _age_line,
    AskSignIn: ask_sign_in,
    TrySignIn: try_sign_in,
    TellLine: tell_line,
    AskRecovery: ask_recovery,
    TryRecovery: try_recovery,
    SetOwnBar: set_own_bar,
    SetPreferences: set_preferences,
    ReplaceSim: replace_sim,
    ShowEsimCode: show_esim_code,
    ReportInstalled: report_installed,
    AllowReactivation: allow_reactivation,
    ReserveUnits: reserve_units,
    UpdateUnits: update_units,
    ReleaseUnits: release_units,
    CloseSession: close_session,
    ChargeEvent: charge_event,
    RefundEvent: refund_event,
    BuyPackage: buy_package,
    SetRenewal: set_renewal,
    RefundPackage: refund_package,
}
