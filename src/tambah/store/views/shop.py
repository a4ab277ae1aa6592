"""A shop's own figures and one of its sales, for its pages and slips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.dealer import SaleKind
from tambah.domain.voucher import format_serial
from tambah.store.database import Database
from tambah.store.views.dealers import SaleView


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOfDay:
    """What a dealer sold since an instant and what stands of it; amounts in micro-ringgit.

    commission: what the dealer itself earned of it.
    """

    count: int
    sold_micros: int
    commission_micros: int


async def sales_since(database: Database, partner_id: int, since: datetime) -> SalesOfDay:
    """Return what a dealer sold since an instant, undone sales left out."""
    row = await database.fetch_row(
        """
        SELECT count(*) AS count, coalesce(sum(price_micros), 0)::bigint AS sold_micros,
               coalesce(sum(earned), 0)::bigint AS commission_micros
          FROM (SELECT price_micros,
                       (SELECT sum(amount_micros) FROM commission
                         WHERE commission.partner_id = sale.partner_id
                           AND commission.payer_id = sale.payer_id
                           AND commission.payer_seq = sale.payer_seq) AS earned
                  FROM dealer_sale AS sale
                 WHERE partner_id = $1 AND at >= $2 AND undone_at IS NULL) AS sold
        """,
        partner_id,
        since,
    )
    assert row is not None, "sums of nothing are a row too"
    return SalesOfDay(**dict(row.items()))


async def sale_by_reference(
    database: Database, partner_id: int, reference: str
) -> SaleView | None:
    """Return a dealer's sale by its reference, None for none."""
    row = await database.fetch_row(
        """
        SELECT sale.partner_id, sale.payer_seq, sale.at, sale.kind, sale.price_micros,
               sale.reference,
               sale.terminal, sale.batch_id, sale.number, line.msisdn, topup.receipt,
               coalesce(voucher.state = 3, false) AS is_used, sale.undone_at,
               (SELECT coalesce(sum(amount_micros), 0)::bigint FROM commission
                 WHERE commission.partner_id = sale.partner_id
                   AND commission.payer_id = sale.payer_id
                   AND commission.payer_seq = sale.payer_seq) AS commission_micros
          FROM dealer_sale AS sale
          LEFT JOIN topup USING (line_id, topup_no)
          LEFT JOIN line USING (line_id)
          LEFT JOIN voucher_serial AS serial
               ON serial.batch_id = sale.batch_id AND serial.number = sale.number
          LEFT JOIN voucher ON voucher.digest = serial.digest
         WHERE sale.partner_id = $1 AND sale.reference = $2 AND sale.reference IS NOT NULL
        """,
        partner_id,
        reference,
    )
    if row is None:
        return None
    batch_id, number = row["batch_id"], row["number"]
    return SaleView(
        partner_id=row["partner_id"],
        payer_seq=row["payer_seq"],
        at=row["at"],
        kind=SaleKind(row["kind"]),
        price_micros=row["price_micros"],
        commission_micros=row["commission_micros"],
        reference=row["reference"],
        terminal=row["terminal"],
        serial=None if batch_id is None else format_serial(batch_id, number),
        msisdn=row["msisdn"],
        receipt=row["receipt"],
        is_used=row["is_used"],
        undone_at=row["undone_at"],
    )
