"""The console's lists of tickets, payments, batches and cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tambah.domain.line import Language
from tambah.domain.payment import PaymentState, ProviderId
from tambah.domain.ticket import Category, Ticket, TicketState
from tambah.domain.voucher import BatchState, VoucherState, format_serial
from tambah.store.database import Database, Record
from tambah.store.ledger.payments import payment_from_row
from tambah.store.tickets import ticket_from_row
from tambah.store.views.listed import Listed
from tambah.store.views.payments import PaymentView
from tambah.store.views.stock import BatchView, batch_from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsWanted:
    """Which payments to list. since, until: opened from an instant on, and before another."""

    state: PaymentState | None = None
    provider: ProviderId | None = None
    since: datetime | None = None
    until: datetime | None = None


def payments_listed(
    wanted: PaymentsWanted, after: tuple[datetime, int, int] | None
) -> Listed[PaymentView]:
    """Ask for payments, the latest first. after: when opened, line and number of the last."""
    at, line_id, payment_no = after or (None, None, None)
    return Listed(
        sql="""
            SELECT payment.*, line.msisdn
              FROM payment
              JOIN line USING (line_id)
             WHERE ($1::smallint IS NULL OR payment.state = $1)
               AND ($2::smallint IS NULL OR payment.provider = $2)
               AND ($3::timestamptz IS NULL OR created_at >= $3)
               AND ($4::timestamptz IS NULL OR created_at < $4)
               AND ($5::timestamptz IS NULL OR (created_at, payment.line_id, payment_no)
                                               < ($5, $6::bigint, $7::bigint))
             ORDER BY created_at DESC, payment.line_id DESC, payment_no DESC
             LIMIT $8::bigint
            """,
        values=(
            wanted.state,
            wanted.provider,
            wanted.since,
            wanted.until,
            at,
            line_id,
            payment_no,
        ),
        read=_payment,
    )


class Queue(StrEnum):
    """Which of the tickets that wait for us; ALL: those that do not as well."""

    OPEN = "open"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    OVERDUE = "overdue"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketsWanted:
    """Which tickets to list. staff: whose are mine; now: what is overdue."""

    queue: Queue
    staff: str
    now: datetime
    category: Category | None = None
    language: Language | None = None
    state: TicketState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """A ticket, and who of the staff sees to it."""

    ticket: Ticket
    assigned_to: str | None


def tickets_waiting(
    wanted: TicketsWanted, after: tuple[datetime, str] | None
) -> Listed[TicketRow]:
    """Ask for tickets that wait for us, the longest due first. after: due and name of the last."""
    due_at, reference = after or (None, None)
    return Listed(
        sql="""
            SELECT ticket.*, ticket_assignment.staff AS assigned_to
              FROM ticket
              LEFT JOIN ticket_assignment USING (reference)
             WHERE ticket.due_at IS NOT NULL
               AND ($1::text IS NULL OR ticket_assignment.staff = $1)
               AND (NOT $2::boolean OR ticket_assignment.staff IS NULL)
               AND ($3::timestamptz IS NULL OR due_at <= $3)
               AND ($4::text IS NULL OR category = $4)
               AND ($5::smallint IS NULL OR language = $5)
               AND ($6::timestamptz IS NULL OR (due_at, reference) > ($6, $7::text))
             ORDER BY due_at, reference
             LIMIT $8::bigint
            """,
        values=(
            wanted.staff if wanted.queue is Queue.MINE else None,
            wanted.queue is Queue.UNASSIGNED,
            wanted.now if wanted.queue is Queue.OVERDUE else None,
            wanted.category.value if wanted.category else None,
            wanted.language,
            due_at,
            reference,
        ),
        read=_ticket,
    )


def tickets_ever(wanted: TicketsWanted, after: tuple[datetime, str] | None) -> Listed[TicketRow]:
    """Ask for all tickets, the latest first. after: when opened and name of the last."""
    opened_at, reference = after or (None, None)
    return Listed(
        sql="""
            SELECT ticket.*, ticket_assignment.staff AS assigned_to
              FROM ticket
              LEFT JOIN ticket_assignment USING (reference)
             WHERE ($1::smallint IS NULL OR state = $1)
               AND ($2::text IS NULL OR category = $2)
               AND ($3::smallint IS NULL OR language = $3)
               AND ($4::timestamptz IS NULL OR (opened_at, reference) < ($4, $5::text))
             ORDER BY opened_at DESC, reference DESC
             LIMIT $6::bigint
            """,
        values=(
            wanted.state,
            wanted.category.value if wanted.category else None,
            wanted.language,
            opened_at,
            reference,
        ),
        read=_ticket,
    )


async def count_queues(database: Database, staff: str, now: datetime) -> dict[Queue, int]:
    """Return how many tickets are in each queue but that of all."""
    row = await database.fetch_row(
        """
        SELECT count(*) AS open,
               count(*) FILTER (WHERE ticket_assignment.staff = $1) AS mine,
               count(*) FILTER (WHERE ticket_assignment.staff IS NULL) AS unassigned,
               count(*) FILTER (WHERE due_at <= $2) AS overdue
          FROM ticket
          LEFT JOIN ticket_assignment USING (reference)
         WHERE due_at IS NOT NULL
        """,
        staff,
        now,
    )
    if row is None:
        raise AssertionError("a count has one row")
    return {queue: row[queue.value] for queue in Queue if queue is not Queue.ALL}


def batches_listed(state: BatchState | None, after: tuple[int] | None) -> Listed[BatchView]:
    """Ask for batches, the newest first. after: the last one's number."""
    return Listed(
        sql="""
            SELECT *, EXISTS (SELECT FROM voucher_print AS print
                               WHERE print.batch_id = batch.batch_id) AS print_is_here,
                      EXISTS (SELECT FROM voucher_sheets AS sheets
                               WHERE sheets.batch_id = batch.batch_id) AS sheets_are_here
              FROM voucher_batch AS batch
             WHERE ($1::smallint IS NULL OR state = $1)
               AND ($2::bigint IS NULL OR batch_id < $2)
             ORDER BY batch_id DESC
             LIMIT $3::bigint
            """,
        values=(state, after[0] if after else None),
        read=batch_from_row,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A card of a batch; its code is not among what is known. price: micro-ringgit."""

    batch_id: int
    number: int
    state: VoucherState
    activated: bool
    price_micros: int
    redeemed_at: datetime | None

    @property
    def serial(self) -> str:
        """Return the serial number as printed."""
        return format_serial(self.batch_id, self.number)


def cards_listed(
    batch_id: int, state: VoucherState | None, after: tuple[int] | None
) -> Listed[CardRow]:
    """Ask for a batch's cards in the order of their serial numbers. after: the last one's."""
    if state is not None:
        return _cards_in_state(batch_id, state, after)
    return Listed(
        sql="""
            SELECT voucher_serial.batch_id, voucher_serial.number, voucher.state,
                   voucher.activated, voucher.redeemed_at, voucher_batch.price_micros
              FROM voucher_serial
              JOIN voucher USING (digest)
              JOIN voucher_batch ON voucher_batch.batch_id = voucher_serial.batch_id
             WHERE voucher_serial.batch_id = $1
               AND voucher_serial.number > $2::bigint
             ORDER BY voucher_serial.number
             LIMIT $3::bigint
            """,
        values=(batch_id, after[0] if after else 0),
        read=_card,
    )


def _cards_in_state(
    batch_id: int, state: VoucherState, after: tuple[int] | None
) -> Listed[CardRow]:
    """Ask for those in one state.

    Most often the next two thousand cards have a page of them. Where they do not, the state is a
    rare one: every card is read once, in no order, for walking ten million takes a minute.
    """
    return Listed(
        sql="""
            WITH near AS MATERIALIZED (
                SELECT walked.batch_id, walked.number, voucher.state, voucher.activated,
                       voucher.redeemed_at
                  FROM (SELECT batch_id, number, digest
                          FROM voucher_serial
                         WHERE batch_id = $1 AND number > $3::bigint
                         ORDER BY number
                         LIMIT 2000) AS walked
                  JOIN voucher USING (digest)
                 WHERE voucher.state = $2::smallint
                 ORDER BY walked.number
                 LIMIT $4::bigint),
            found AS (
                SELECT * FROM near
                 UNION ALL
                (SELECT batch_id, number, state, activated, redeemed_at
                   FROM voucher
                  WHERE batch_id = $1 AND state = $2::smallint AND number > $3::bigint + 2000
                    AND (SELECT count(*) FROM near) < $4::bigint
                  ORDER BY number
                  LIMIT $4::bigint))
            SELECT found.*, voucher_batch.price_micros
              FROM found
              JOIN voucher_batch USING (batch_id)
             ORDER BY number
             LIMIT $4::bigint
            """,
        values=(batch_id, state, after[0] if after else 0),
        read=_card,
    )


def _payment(row: Record) -> PaymentView:
    return PaymentView(payment=payment_from_row(row), msisdn=row["msisdn"])


def _ticket(row: Record) -> TicketRow:
    assigned_to = row["assigned_to"]
    return TicketRow(ticket=ticket_from_row(row), assigned_to=assigned_to)


def _card(row: Record) -> CardRow:
    values = {name: row[name] for name in CardRow.__dataclass_fields__}
    values["state"] = VoucherState(row["state"])
    return CardRow(**values)
