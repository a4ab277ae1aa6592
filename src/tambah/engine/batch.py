"""One batch: load and lock what its commands touch, decide each, write all, commit once."""

from __future__ import annotations

from datetime import timedelta

import structlog

from tambah.domain.care_commands import MoveTopUp
from tambah.domain.commands import (
    BY_LINE,
    BY_PARTNER,
    Command,
    FundFromBank,
    FundPartner,
    ImportLine,
    OpenPayment,
    Outcome,
    PaymentNews,
    RedeemVoucher,
    RefundPayment,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.dealer import DealerSale
from tambah.domain.dealer_commands import DealerCommand, UndoSale
from tambah.domain.decide import decide
from tambah.domain.guessing import Audience, Tried
from tambah.domain.payment import PaymentAccount
from tambah.domain.records import replace
from tambah.domain.refusals import IdempotencyKeyReused, InternalError, Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import (
    Decision,
    Known,
    LineAccount,
)
from tambah.domain.voucher import Voucher
from tambah.engine.annexes import due_keys, keys_of
from tambah.engine.answers import pack_answer, unpack_answer
from tambah.engine.keys import Keys
from tambah.engine.loading import GuestWatch, Loaded, load
from tambah.engine.pending import Pending, owner_of
from tambah.engine.trade import known_of_dealer, known_of_sale, take_run, take_sale
from tambah.engine.writing import Changes, write
from tambah.store.database import Connection
from tambah.store.ledger import (
    lines,
    requests,
)
from tambah.store.ledger.topups import Page

log = structlog.get_logger(__name__)


async def run_batch(
    connection: Connection,
    batch: list[Pending],
    *,
    rules: Rules,
    keys: Keys,
    offset: timedelta,
    guests: GuestWatch,
) -> tuple[list[Outcome | Refusal], int]:
    """Run one batch in one transaction; return the answers and how many messages were queued.

    When it returns, everything is durable. When it raises, nothing happened, or (the connection
    was lost at the commit) the same batch may be run again: each command knows its first answer.
    """
    async with connection.transaction():
        loaded = await load(connection, batch, rules, keys, offset, guests)
        changes = Changes()
        answers = [_decide_one(pending, loaded, changes, rules, keys) for pending in batch]
        await write(connection, changes)
    return answers, len(changes.messages)


def _decide_one(
    pending: Pending, loaded: Loaded, changes: Changes, rules: Rules, keys: Keys
) -> Outcome | Refusal:
    """Answer one command from what is loaded, and take its changes along.

    `decide` changes nothing by itself, so a bug in it harms no other command of the batch.
    """
    command = pending.command
    owner_id = owner_of(command, loaded.line_of)
    if pending.digest and owner_id is not None:
        first = loaded.answered.get((owner_id, pending.digest))
        if first is not None:
            if first.content != pending.content:
                return IdempotencyKeyReused()
            return unpack_answer(first.answer, first.body)
    try:
        known = _known(command, loaded, keys)
        on_sim = known.line.iccid if known.line else None
        annexed = keys_of(command, owner_id, on_sim)
        if known.line is not None:
            line = known.line.line
            now = max(loaded.now, line.last_at)
            annexed = [*annexed, *due_keys(line.line_id, line.package_due_at, now)]
        if annexed:
            here = {key: loaded.annexes[key] for key in annexed if key in loaded.annexes}
            known = replace(known, annexes=here)
        decision = decide(command, known, rules, loaded.now, pending.digest)
    except Exception as bug:  # noqa: BLE001 - a bug fails alone; it is logged with its trace
        return answer_bug(command, bug)
    _take_along(pending, decision, loaded, changes)
    if pending.digest and owner_id is not None and decision.is_remembered:
        _remember(pending, owner_id, decision.answer, loaded, changes)
    return decision.answer


def answer_bug(command: Command, bug: BaseException) -> Refusal:
    """Log a broken promise with its trace and return the answer that names it."""
    incident = f"{id(bug) & 0xFFFFFFFF:08X}"
    log.error("command failed", incident=incident, command=type(command).__name__, exc_info=bug)
    return InternalError(incident=incident)


def _known(command: Command, loaded: Loaded, keys: Keys) -> Known:
    if isinstance(command, BY_PARTNER):
        return _known_of_partner(command, loaded)
    if isinstance(command, PaymentNews | RefundPayment):
        return Known(
            line=loaded.lines.get(command.line_id),
            payment=loaded.payments.get((command.line_id, command.payment_no)),
            topups=tuple(loaded.topups.get(command.line_id, ())),
        )
    if isinstance(command, BY_LINE):
        return Known(line=loaded.lines.get(command.line_id))
    line_id = loaded.line_of.get(command.msisdn)
    line = loaded.lines.get(line_id) if line_id is not None else None
    if isinstance(command, TopUp):
        return _known_of_top_up(command, line, loaded)
    if isinstance(command, OpenPayment) and line_id is not None:
        prices = loaded.paid_today.get(line_id, {})
        return Known(line=line, paid_today=(len(prices), sum(prices.values())))
    if isinstance(command, RedeemVoucher):
        return Known(
            line=line,
            voucher=_voucher_for(command, loaded, keys),
            tried=Tried(
                by_source=loaded.by_source.get(command.source, 0) if command.source else 0,
                over_all=loaded.guests,
            ),
        )
    if isinstance(command, MoveTopUp | ReverseTopUp) and line_id is not None:
        return _known_of_mending(command, line_id, loaded)
    return Known(line=line)


def _known_of_mending(command: MoveTopUp | ReverseTopUp, line_id: int, loaded: Loaded) -> Known:
    line, found = loaded.lines.get(line_id), tuple(loaded.topups.get(line_id, ()))
    if isinstance(command, MoveTopUp):
        to_line_id = loaded.line_of.get(command.to_msisdn)
        receiving = loaded.lines.get(to_line_id) if to_line_id is not None else None
        return Known(line=line, receiving=receiving, topups=found)
    mended = next((t for t in found if t.topup_no == command.topup_no), None)
    payer_id = (mended.payer_id or mended.partner_id) if mended else None
    partner = loaded.partners.get(payer_id) if payer_id is not None else None
    known = Known(line=line, partner=partner, topups=found)
    sale = loaded.trade.topup_sales.get((line_id, command.topup_no))
    return known_of_sale(known, loaded.trade, sale)


def _known_of_top_up(command: TopUp, line: LineAccount | None, loaded: Loaded) -> Known:
    partner_id, line_id = command.partner_id, loaded.line_of.get(command.msisdn)
    known = Known(
        line=line,
        partner=loaded.partners.get(partner_id),
        referred=(line_id, partner_id, command.reference) in loaded.references,
    )
    dealer = loaded.trade.dealers.get(partner_id)
    if dealer is None:
        return known
    sale = loaded.trade.sales.get((partner_id, command.reference))
    return replace(known, levels=loaded.partners, dealer=dealer, sale=sale)


def _known_of_partner(
    command: FundPartner | FundFromBank | DealerCommand, loaded: Loaded
) -> Known:
    partner = loaded.partners.get(command.partner_id)
    if isinstance(command, (FundPartner, FundFromBank)):
        return Known(partner=partner)
    known = Known(partner=partner, levels=loaded.partners)
    known = known_of_dealer(command, known, loaded.trade, loaded.vouchers)
    sale = known.sale
    if isinstance(command, UndoSale) and sale is not None and sale.line_id is not None:
        found = tuple(loaded.topups.get(sale.line_id, ()))
        return replace(known, line=loaded.lines.get(sale.line_id), topups=found)
    return known


def _voucher_for(command: RedeemVoucher, loaded: Loaded, keys: Keys) -> Voucher | None:
    """Return the card that bears the code under the key of its own batch."""
    for key_id in keys.peppers:
        voucher = loaded.vouchers.get(keys.code_digest(command.digits, key_id))
        if voucher is not None and voucher.batch.key_id == key_id:
            return voucher
    return None


def _take_along(pending: Pending, decision: Decision, loaded: Loaded, changes: Changes) -> None:
    command = pending.command
    if decision.line is not None:
        _take_line(decision.line, loaded, changes)
        if isinstance(command, ImportLine) and command.person is not None:
            changes.persons.append((command.line_id, command.person, loaded.now))
    _take_trade(decision, loaded, changes)
    changes.transfers.extend(decision.transfers)
    changes.messages.extend(decision.messages)
    _take_topups(command, decision, loaded, changes)
    if decision.payment is not None:
        _take_payment(command, decision.payment, loaded, changes)
        changes.payment_refs.extend(decision.payment_refs)
    if decision.wrong_code and isinstance(command, RedeemVoucher) and decision.line:
        line_id = decision.line.line.line_id
        changes.attempts.append((loaded.now, command.source, command.audience, line_id))
        loaded.by_source[command.source] = loaded.by_source.get(command.source, 0) + 1
        loaded.guests += command.audience is Audience.GUEST
    for annex in decision.annexes:
        place = (type(annex), annex.key)
        loaded.annexes[place] = changes.annexes[place] = annex
    if decision.audit is not None:
        changes.audits.append(decision.audit)
    if decision.other is not None:
        _take_along(pending, decision.other, loaded, changes)


def _take_trade(decision: Decision, loaded: Loaded, changes: Changes) -> None:
    for partner in decision.partners:
        loaded.partners[partner.partner_id] = partner
        changes.partners[partner.partner_id] = partner
        place = (partner.partner_id, partner.float_bucket.bucket_id)
        changes.buckets[place] = partner.float_bucket
    if decision.sale is not None:
        _take_sale(decision, decision.sale, loaded, changes)
    if decision.commission_run is not None:
        take_run(loaded.trade, decision.commission_run)
        changes.commission_runs.append(decision.commission_run)


def _take_line(account: LineAccount, loaded: Loaded, changes: Changes) -> None:
    line_id = account.line.line_id
    before = loaded.lines.get(line_id)
    if before is None:
        changes.new_line_ids.add(line_id)
        ended_id = loaded.line_of.get(account.line.msisdn)
        if ended_id is not None:
            changes.recycled[account.line.msisdn] = ended_id
    elif lines.standing(before.line) != lines.standing(account.line):
        changes.standings.add(line_id)
    if before is not None and before.iccid != account.iccid:
        changes.on_sims[line_id] = account.iccid
    untouched = {id(bucket) for bucket in before.buckets} if before else set[int]()
    for bucket in account.buckets:
        if id(bucket) not in untouched:
            changes.buckets[(line_id, bucket.bucket_id)] = bucket
    loaded.lines[line_id] = account
    if before is None:
        # A payment may name a line that has ended, whose number is another's by now.
        loaded.line_of[account.line.msisdn] = line_id
    changes.lines[line_id] = account


def _take_payment(
    command: Command, account: PaymentAccount, loaded: Loaded, changes: Changes
) -> None:
    payment = account.payment
    key = (payment.line_id, payment.payment_no)
    if isinstance(command, OpenPayment):
        changes.new_payments.add(key)
        if payment.page_token:
            token, number = payment.page_token, payment.payment_no
            changes.pages.append(Page(token, payment.line_id, None, number, command.language))
    prices = loaded.paid_today.setdefault(payment.line_id, {})
    if payment.paid_at is not None and payment.paid_at >= loaded.today_from:
        prices[payment.payment_no] = payment.price_micros
    loaded.payments[key] = account
    changes.payments[key] = account


def _take_topups(command: Command, decision: Decision, loaded: Loaded, changes: Changes) -> None:
    for topup in decision.topups:
        if topup.reversed_at is not None:
            changes.reversed.append(topup)
            found = loaded.topups[topup.line_id]
            loaded.topups[topup.line_id] = [
                topup if t.topup_no == topup.topup_no else t for t in found
            ]
            continue
        changes.topups.append(topup)
        # For a reversal behind it; those of lines that have none are not looked at.
        loaded.topups.setdefault(topup.line_id, []).append(topup)
        if topup.partner_id is not None and topup.reference is not None:
            loaded.references.add((topup.line_id, topup.partner_id, topup.reference))
        if topup.page_token is not None and isinstance(command, RedeemVoucher):
            token, number = topup.page_token, topup.topup_no
            changes.pages.append(Page(token, topup.line_id, number, None, command.language))
        if decision.voucher is not None:
            loaded.vouchers[decision.voucher.digest] = decision.voucher
            changes.redeemed.append((decision.voucher, topup.topup_no))


def _take_sale(decision: Decision, sale: DealerSale, loaded: Loaded, changes: Changes) -> None:
    key = (sale.partner_id, sale.payer_id, sale.payer_seq)
    if sale.undone_at is None:
        changes.new_sales.add(key)
    changes.sales[key] = sale
    changes.commissions.extend(decision.commissions)
    take_sale(loaded.trade, sale, decision.commissions)
    if decision.voucher is not None:
        loaded.vouchers[decision.voucher.digest] = decision.voucher
        changes.sold_cards[decision.voucher.digest] = decision.voucher


def _remember(
    pending: Pending,
    owner_id: int,
    answer: Outcome | Refusal,
    loaded: Loaded,
    changes: Changes,
) -> None:
    name, body = pack_answer(answer)
    answered = requests.Answered(owner_id, pending.digest, pending.content, name, body, loaded.now)
    loaded.answered[(owner_id, pending.digest)] = answered
    changes.requests.append(answered)
