"""What may be asked for, each with everything that its doing will need. No secret is among it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from tambah.domain.approval import Deed
from tambah.domain.catalog import Catalog
from tambah.domain.commands import RefundPayment, TopUpMoved
from tambah.domain.refusals import (
    BatchStateWrong,
    BatchUnknown,
    FieldMalformed,
    FieldMissing,
    PartnerUnknown,
    StaffUnknown,
)
from tambah.domain.staff import Role, fold_name
from tambah.engine.vouchers import MOST_IN_A_BATCH, PrintedKind, SerialRange
from tambah.engine.vouchers.exporting import MISSING
from tambah.engine.vouchers.sealing import parse_recipient
from tambah.engine.vouchers.sheets import MOST_ON_SHEETS
from tambah.store.approvals import Wanted
from tambah.store.database import Database
from tambah.store.ledger.voucher_prints import PrintKind
from tambah.store.staff import read_account
from tambah.store.views.partners import read_float
from tambah.store.views.payments import PaymentView
from tambah.store.views.stock import read_batch


def ask_credit(line_id: int, msisdn: int, amount_micros: int, balance_micros: int) -> Wanted:
    """Ask for a line's credit to be put right. Micro-ringgit, less where negative."""
    return Wanted(
        deed=Deed.ADJUST_CREDIT,
        subject=f"line:{line_id}",
        params={"line": line_id, "msisdn": msisdn, "amount_micros": amount_micros},
        before={"balance_micros": balance_micros},
    )


def ask_reversal(
    line_id: int, msisdn: int, topup_no: int, taken_micros: int, balance_micros: int
) -> Wanted:
    """Ask for a top-up to be taken back. taken_micros: what is unspent of it now."""
    return Wanted(
        deed=Deed.REVERSE_TOPUP,
        subject=f"line:{line_id}",
        params={
            "line": line_id,
            "msisdn": msisdn,
            "topup_no": topup_no,
            "taken_micros": taken_micros,
        },
        before={"balance_micros": balance_micros},
    )


def ask_move(line_id: int, to_line_id: int, ahead: TopUpMoved) -> Wanted:
    """Ask for a top-up to be moved to another number. ahead: what that would come to now."""
    taken, given = ahead.taken, ahead.given
    return Wanted(
        deed=Deed.MOVE_TOPUP,
        subject=f"line:{line_id}",
        params={
            "line": line_id,
            "msisdn": taken.msisdn,
            "topup_no": taken.topup_no,
            "to_line": to_line_id,
            "to_msisdn": given.msisdn,
            "taken_micros": taken.main_micros,
        },
        before={
            "balance_micros": taken.balance_micros + taken.main_micros,
            "to_balance_micros": given.balance_micros - taken.main_micros,
        },
    )


def ask_refund(
    command: RefundPayment, payment: PaymentView, refund_micros: int, at_cost_micros: int
) -> Wanted:
    """Ask for a payment to be sent back: that amount, no other, should it differ by then.

    refund_micros: what goes back; at_cost_micros: what of it the operator bears.
    """
    return Wanted(
        deed=Deed.REFUND_PAYMENT,
        subject=f"line:{command.line_id}",
        params={
            "line": command.line_id,
            "msisdn": payment.msisdn,
            "payment_no": command.payment_no,
            "reference": payment.reference,
            "amount_micros": command.amount_micros,
            "forgive": command.forgive_spent,
            "refund_micros": refund_micros,
            "at_cost_micros": at_cost_micros,
        },
        before={"refunded_micros": payment.payment.refunded_micros},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWanted:
    """A batch to be made; see `engine.vouchers.BatchRequest`. recipient: empty for no file.

    printed: the documents, as `PrintedKind` names them, that are made as PDF for the recipient.
    """

    price_micros: int
    quantity: int
    recipient: str = ""
    lettered: bool = False
    born_active: bool = False
    redeem_before: datetime | None = None
    printed: tuple[PrintedKind, ...] = ()


def ask_batch(wanted: BatchWanted, catalog: Catalog, now: datetime) -> Wanted:
    """Ask for a batch. Raises FieldMalformed (quantity, recipient), DenominationUnknown.

    The denomination is on sale now; it is looked up again when the batch is made, for its numbers
    may have changed by then.
    """
    catalog.denomination(wanted.price_micros, now)
    if not 1 <= wanted.quantity <= MOST_IN_A_BATCH:
        raise FieldMalformed(field="quantity")
    if wanted.recipient:
        parse_recipient(wanted.recipient)
    elif wanted.printed:
        raise FieldMissing(field="recipient")
    if wanted.printed and wanted.quantity > MOST_ON_SHEETS:
        raise FieldMalformed(field="quantity")
    until = wanted.redeem_before
    return Wanted(
        deed=Deed.GENERATE_BATCH,
        subject="voucher_batch",
        params={
            "price_micros": wanted.price_micros,
            "quantity": wanted.quantity,
            "worth_micros": wanted.price_micros * wanted.quantity,
            "recipient": wanted.recipient,
            "lettered": wanted.lettered,
            "born_active": wanted.born_active,
            "redeem_before": until.isoformat() if until else "",
            "printed": list(wanted.printed),
        },
        before={},
    )


async def ask_export(database: Database, batch_id: int, kind: PrintKind) -> Wanted:
    """Ask for a batch's print file, or its sheets. Raises BatchUnknown, BatchStateWrong."""
    wanted = await ask_batch_deed(database, Deed.EXPORT_BATCH, batch_id)
    batch = await read_batch(database, batch_id)
    is_here = batch is not None and (
        batch.print_is_here if kind is PrintKind.LINES else batch.sheets_are_here
    )
    if not is_here:
        raise BatchStateWrong(state=MISSING[kind])
    return replace(wanted, params={**wanted.params, "file": kind.value})


async def ask_batch_deed(database: Database, deed: Deed, batch_id: int) -> Wanted:
    """Ask for a batch to be released, closed or voided. Raises BatchUnknown."""
    batch = await read_batch(database, batch_id)
    if batch is None:
        raise BatchUnknown
    return Wanted(
        deed=deed,
        subject=f"voucher_batch:{batch_id}",
        params={
            "batch": batch_id,
            "price_micros": batch.price_micros,
            "quantity": batch.quantity,
            "worth_micros": batch.price_micros * batch.quantity,
        },
        before={"batch_state": batch.state.name.lower()},
    )


async def ask_activation(database: Database, cards: SerialRange) -> Wanted:
    """Ask for a range of cards to be activated. Raises BatchUnknown."""
    batch = await read_batch(database, cards.batch_id)
    if batch is None:
        raise BatchUnknown
    quantity = max(0, cards.last - cards.first + 1)
    return Wanted(
        deed=Deed.ACTIVATE_CARDS,
        subject=f"voucher_batch:{cards.batch_id}",
        params={
            "batch": cards.batch_id,
            "first": cards.first,
            "last": cards.last,
            "price_micros": batch.price_micros,
            "quantity": quantity,
            "worth_micros": batch.price_micros * quantity,
        },
        before={"batch_state": batch.state.name.lower()},
    )


async def ask_funding(
    database: Database, partner_id: int, amount_micros: int, reference: str
) -> Wanted:
    """Ask for a partner's float to be added to. Raises PartnerUnknown, FieldMalformed."""
    if amount_micros <= 0:
        raise FieldMalformed(field="amount")
    if not reference.strip():
        raise FieldMalformed(field="reference")
    found = await read_float(database, partner_id)
    if found is None:
        raise PartnerUnknown
    return Wanted(
        deed=Deed.FUND_PARTNER,
        subject=f"partner:{partner_id}",
        params={
            "partner": partner_id,
            "name": found.name,
            "amount_micros": amount_micros,
            "reference": reference.strip(),
        },
        before={"float_micros": found.float_micros},
    )


def ask_invitation(name: str, roles: Collection[Role]) -> Wanted:
    """Ask for somebody to be given access. Raises FieldMalformed."""
    folded = fold_name(name)
    return Wanted(
        deed=Deed.INVITE_STAFF,
        subject=f"staff:{folded}",
        params={"name": folded, "roles": sorted(set(roles))},
        before={},
    )


async def ask_roles(database: Database, name: str, roles: Collection[Role]) -> Wanted:
    """Ask for other roles for somebody. Raises FieldMalformed, StaffUnknown."""
    account = await read_account(database, fold_name(name))
    if account is None:
        raise StaffUnknown
    return Wanted(
        deed=Deed.CHANGE_ROLES,
        subject=f"staff:{account.staff.name}",
        params={"name": account.staff.name, "roles": sorted(set(roles))},
        before={"roles": sorted(account.staff.roles)},
    )
