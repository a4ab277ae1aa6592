"""Payments, their refunds, and the names by which they are found."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from tambah.domain.gift import Promised
from tambah.domain.line import Language, LineState
from tambah.domain.payment import (
    Dispute,
    Payment,
    PaymentAccount,
    PaymentState,
    ProviderId,
    Refund,
    RefundState,
)
from tambah.domain.state import PaymentRef
from tambah.store.database import Connection, Record

_COLUMNS = Payment.__struct_fields__
_PLAIN = tuple(name for name in _COLUMNS if name != "promised")
_values = attrgetter(*_PLAIN)
_encode = msgspec.json.Encoder().encode
_read_promised = msgspec.json.Decoder(tuple[Promised, ...]).decode


async def read_payments(
    connection: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], PaymentAccount]:
    """Return payments by (line, number), with their refunds. The lines' rows are held.

    OFFSET 0: see `topups.find_references`.
    """
    asked = list(wanted)
    line_ids = [line_id for line_id, _ in asked]
    payment_nos = [payment_no for _, payment_no in asked]
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::integer[]) AS asked (line_id, payment_no),
               LATERAL (SELECT *
                          FROM payment
                         WHERE payment.line_id = asked.line_id
                           AND payment.payment_no = asked.payment_no
                        OFFSET 0) AS found
        """,
        line_ids,
        payment_nos,
    )
    refunds = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::integer[]) AS asked (line_id, payment_no),
               LATERAL (SELECT *
                          FROM refund
                         WHERE refund.line_id = asked.line_id
                           AND refund.payment_no = asked.payment_no
                        OFFSET 0) AS found
         ORDER BY found.line_id, found.payment_no, found.refund_no
        """,
        line_ids,
        payment_nos,
    )
    found: dict[tuple[int, int], list[Refund]] = {}
    for row in refunds:
        refund = refund_from_row(row)
        found.setdefault((refund.line_id, refund.payment_no), []).append(refund)
    accounts: dict[tuple[int, int], PaymentAccount] = {}
    for row in rows:
        payment = payment_from_row(row)
        key = (payment.line_id, payment.payment_no)
        accounts[key] = PaymentAccount(payment=payment, refunds=tuple(found.get(key, ())))
    return accounts


def payment_from_row(row: Record) -> Payment:
    """Make a Payment of a row of its table."""
    values = {name: row[name] for name in _COLUMNS}
    values["provider"] = ProviderId(values["provider"])
    values["state"] = PaymentState(values["state"])
    values["dispute"] = Dispute(values["dispute"])
    if values["language"] is not None:
        values["language"] = Language(values["language"])
    if values["line_state"] is not None:
        values["line_state"] = LineState(values["line_state"])
    values["promised"] = _read_promised(values["promised"])
    return Payment(**values)


def refund_from_row(row: Record) -> Refund:
    """Make a Refund of a row of its table."""
    values = {name: row[name] for name in Refund.__struct_fields__}
    values["state"] = RefundState(values["state"])
    return Refund(**values)


async def prices_since(
    connection: Connection, line_ids: Collection[int], since: datetime
) -> dict[int, dict[int, int]]:
    """Return the prices of each line's payments that came in since an instant, by number.

    Micro-ringgit. What is merely open does not count: a stranger could close a number with it.
    """
    rows = await connection.fetch(
        """
        SELECT line_id, payment_no, price_micros
          FROM payment
         WHERE line_id = ANY($1::bigint[]) AND paid_at >= $2
        """,
        list(line_ids),
        since,
    )
    prices: dict[int, dict[int, int]] = {}
    for line_id, payment_no, price_micros in rows:
        prices.setdefault(line_id, {})[payment_no] = price_micros
    return prices


async def insert_payments(connection: Connection, payments: Sequence[Payment]) -> None:
    """Add payments."""
    await connection.copy_records_to_table(
        "payment",
        records=((*_values(one), _encode(one.promised).decode()) for one in payments),
        columns=(*_PLAIN, "promised"),
    )


async def update_payments(connection: Connection, payments: Sequence[Payment]) -> None:
    """Write what news and refunds change of payments; a changed state is asked about afresh."""
    await connection.execute(
        """
        UPDATE payment
           SET state = new.state, provider_ref = new.provider_ref, pay_url = new.pay_url,
               received_micros = new.received_micros, held_micros = new.held_micros,
               refunded_micros = new.refunded_micros, disputed_micros = new.disputed_micros,
               dispute = new.dispute, topup_no = new.topup_no, paid_at = new.paid_at,
               reason = new.reason, refund_seq = new.refund_seq, due_at = new.due_at,
               dispute_ref = new.dispute_ref,
               tries = CASE WHEN payment.state = new.state THEN tries ELSE 0 END
          FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::text[], $5::text[],
                      $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::smallint[],
                      $11::integer[], $12::timestamptz[], $13::text[], $14::integer[],
                      $15::timestamptz[], $16::text[])
               AS new (line_id, payment_no, state, provider_ref, pay_url, received_micros,
                       held_micros, refunded_micros, disputed_micros, dispute, topup_no, paid_at,
                       reason, refund_seq, due_at, dispute_ref)
         WHERE payment.line_id = new.line_id AND payment.payment_no = new.payment_no
        """,
        [p.line_id for p in payments],
        [p.payment_no for p in payments],
        [p.state for p in payments],
        [p.provider_ref for p in payments],
        [p.pay_url for p in payments],
        [p.received_micros for p in payments],
        [p.held_micros for p in payments],
        [p.refunded_micros for p in payments],
        [p.disputed_micros for p in payments],
        [p.dispute for p in payments],
        [p.topup_no for p in payments],
        [p.paid_at for p in payments],
        [p.reason for p in payments],
        [p.refund_seq for p in payments],
        [p.due_at for p in payments],
        [p.dispute_ref for p in payments],
    )


async def write_refunds(connection: Connection, refunds: Sequence[Refund]) -> None:
    """Write refunds that are new or moved on."""
    await connection.execute(
        """
        INSERT INTO refund (line_id, payment_no, refund_no, at, amount_micros, spent_micros, state,
                            reason, provider_ref, settled_at, due_at)
        SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::timestamptz[],
                             $5::bigint[], $6::bigint[], $7::smallint[], $8::text[], $9::text[],
                             $10::timestamptz[], $11::timestamptz[])
            ON CONFLICT (line_id, payment_no, refund_no)
            DO UPDATE SET state = excluded.state, provider_ref = excluded.provider_ref,
                          settled_at = excluded.settled_at, due_at = excluded.due_at
        """,
        [r.line_id for r in refunds],
        [r.payment_no for r in refunds],
        [r.refund_no for r in refunds],
        [r.at for r in refunds],
        [r.amount_micros for r in refunds],
        [r.spent_micros for r in refunds],
        [r.state for r in refunds],
        [r.reason for r in refunds],
        [r.provider_ref for r in refunds],
        [r.settled_at for r in refunds],
        [r.due_at for r in refunds],
    )


async def insert_refs(connection: Connection, refs: Sequence[PaymentRef]) -> None:
    """Add names. A provider's name may be told twice; our own is unique, or this raises."""
    own = [ref for ref in refs if ref.provider == 0]
    if own:
        await connection.copy_records_to_table(
            "payment_ref",
            records=((ref.ref, 0, ref.line_id, ref.payment_no) for ref in own),
            columns=("ref", "provider", "line_id", "payment_no"),
        )
    theirs = [ref for ref in refs if ref.provider != 0]
    if theirs:
        await connection.execute(
            """
            INSERT INTO payment_ref (ref, provider, line_id, payment_no, refund_no)
            SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::integer[],
                                 $5::integer[])
                ON CONFLICT (ref, provider) DO NOTHING
            """,
            [ref.ref for ref in theirs],
            [ref.provider for ref in theirs],
            [ref.line_id for ref in theirs],
            [ref.payment_no for ref in theirs],
            [ref.refund_no for ref in theirs],
        )
