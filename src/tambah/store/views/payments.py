"""Payments as pages, the desk and the command line read them."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.line import Language
from tambah.domain.payment import Payment, PaymentState, ProviderId, Refund, RefundState
from tambah.store.database import Database, Record
from tambah.store.ledger.payments import payment_from_row, refund_from_row
from tambah.store.views.receipts import Receipt, read_receipt

_OUR_NAME = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with its refunds and the number of its line. Micro-ringgit."""

    payment: Payment
    msisdn: int
    refunds: tuple[Refund, ...] = ()

    @property
    def line_id(self) -> int:
        """Return whose payment it is."""
        return self.payment.line_id

    @property
    def payment_no(self) -> int:
        """Return its place among the line's payments."""
        return self.payment.payment_no

    @property
    def state(self) -> PaymentState:
        """Return where it is."""
        return self.payment.state

    @property
    def provider(self) -> ProviderId:
        """Return who takes the money."""
        return self.payment.provider

    @property
    def reference(self) -> str:
        """Return its name for people."""
        return self.payment.reference

    @property
    def total_micros(self) -> int:
        """Return what the payer pays."""
        return self.payment.total_micros

    @property
    def created_at(self) -> datetime:
        """Return when it was opened."""
        return self.payment.created_at

    @property
    def expires_at(self) -> datetime:
        """Return until when it is waited for."""
        return self.payment.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """What the lasting page of a payment shows; receipt: of the top-up that it became."""

    payment: Payment
    msisdn: int
    language: Language | None
    receipt: Receipt | None
    refunds: tuple[Refund, ...]


async def read_payment(database: Database, line_id: int, payment_no: int) -> PaymentView | None:
    """Return a payment by its line and number."""
    async with database.read() as connection:
        row = await connection.fetchrow(
            """
            SELECT payment.*, line.msisdn
              FROM payment
              JOIN line USING (line_id)
             WHERE payment.line_id = $1 AND payment_no = $2
            """,
            line_id,
            payment_no,
        )
        if row is None:
            return None
        payment = payment_from_row(row)
        refunds: list[Record] = []
        if payment.refund_seq > 0:
            refunds = await connection.fetch(
                "SELECT * FROM refund WHERE line_id = $1 AND payment_no = $2 ORDER BY refund_no",
                line_id,
                payment_no,
            )
    return PaymentView(
        payment=payment,
        msisdn=row["msisdn"],
        refunds=tuple(refund_from_row(refund) for refund in refunds),
    )


async def payment_at(database: Database, token: bytes) -> PaymentPage | None:
    """Return the payment whose result stands at an address, by the digest of its token."""
    page = await database.fetch_row(
        "SELECT line_id, payment_no FROM result_page WHERE token = $1", token
    )
    if page is None or page["payment_no"] is None:
        return None
    return await read_page(database, page["line_id"], page["payment_no"])


async def read_page(database: Database, line_id: int, payment_no: int) -> PaymentPage | None:
    """Return what the page of a payment shows."""
    view = await read_payment(database, line_id, payment_no)
    if view is None:
        return None
    payment = view.payment
    receipt = None
    if payment.topup_no is not None:
        receipt = await read_receipt(database, line_id, payment.topup_no, payment.language)
    return PaymentPage(
        payment=payment,
        msisdn=view.msisdn,
        language=payment.language,
        receipt=receipt,
        refunds=view.refunds,
    )


async def find_payment(
    database: Database, ref: str, provider: int = _OUR_NAME
) -> PaymentView | None:
    """Return a payment by a name: our own reference, else a provider's."""
    named = await find_named(database, ref, provider)
    return None if named is None else await read_payment(database, named[0], named[1])


async def find_named(
    database: Database, ref: str, provider: int
) -> tuple[int, int, int | None] | None:
    """Return (line, payment, refund or None) that a provider's name stands for."""
    row = await database.fetch_row(
        """
        SELECT line_id, payment_no, refund_no FROM payment_ref WHERE ref = $1 AND provider = $2
        """,
        ref,
        provider,
    )
    return None if row is None else (row[0], row[1], row[2])


async def refunds_of(database: Database, line_id: int, payment_no: int) -> tuple[Refund, ...]:
    """Return a payment's refunds."""
    view = await read_payment(database, line_id, payment_no)
    return view.refunds if view else ()


async def list_payments(
    database: Database,
    *,
    state: PaymentState | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[PaymentView]:
    """Return payments, the latest first, without their refunds."""
    rows = await database.fetch(
        """
        SELECT payment.*, line.msisdn
          FROM payment
          JOIN line USING (line_id)
         WHERE ($1::smallint IS NULL OR payment.state = $1)
           AND ($2::timestamptz IS NULL OR created_at >= $2)
         ORDER BY created_at DESC, payment.line_id, payment_no
         LIMIT $3
        """,
        state,
        since,
        limit,
    )
    return [_view(row) for row in rows]


async def open_bank_payments(database: Database, *, limit: int = 10_000) -> list[PaymentView]:
    """Return bank transfers that may still come: open ones, and those given up of late."""
    rows = await database.fetch(
        """
        SELECT payment.*, line.msisdn
          FROM payment
          JOIN line USING (line_id)
         WHERE provider = $1 AND received_micros = 0
         ORDER BY created_at DESC
         LIMIT $2
        """,
        ProviderId.BANK,
        limit,
    )
    return [_view(row) for row in rows]


def _view(row: Record) -> PaymentView:
    return PaymentView(payment=payment_from_row(row), msisdn=row["msisdn"])


async def refunded_by_hand(database: Database, line_id: int, since: datetime) -> int:
    """Return what of a line's payments was sent back by hand since an instant, micro-ringgit."""
    return await database.fetch_value(
        """
        SELECT coalesce(sum(amount_micros), 0)::bigint
          FROM refund
         WHERE line_id = $1 AND at >= $2 AND reason = 'by_hand' AND state <> $3
        """,
        line_id,
        since,
        RefundState.CANCELLED,
    )


async def was_answered(database: Database, line_id: int, digest: bytes) -> bool:
    """Say whether a line's command under that digest of its key has its first answer already."""
    return await database.fetch_value(
        "SELECT EXISTS (SELECT FROM request WHERE owner_id = $1 AND digest = $2)", line_id, digest
    )
