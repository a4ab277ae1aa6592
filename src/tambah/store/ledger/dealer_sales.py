"""Dealers' sales and what they earned: found by reference, by top-up, by card."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from tambah.domain.dealer import Commission, DealerSale, PaidAs, SaleKind
from tambah.domain.state import CommissionRun
from tambah.store.database import Connection, Overtaken, Record

_SALE_COLUMNS = DealerSale.__struct_fields__
_sale_values = attrgetter(*_SALE_COLUMNS)
_COMMISSION_COLUMNS = Commission.__struct_fields__
_commission_values = attrgetter(*_COMMISSION_COLUMNS)


async def find_by_reference(
    connection: Connection, wanted: Collection[tuple[int, str]]
) -> dict[tuple[int, str], DealerSale]:
    """Return the sales under (dealer, reference).

    OFFSET 0: see `topups.find_references`.
    """
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::text[]) AS asked (partner_id, reference),
               LATERAL (SELECT partner_id, payer_id, payer_seq, at, kind, price_micros, reference,
                               terminal, line_id, topup_no, batch_id, number, holder_id, move_no,
                               undone_at, undone_seq
                          FROM dealer_sale AS sale
                         WHERE sale.partner_id = asked.partner_id
                           AND sale.reference = asked.reference
                           AND sale.reference IS NOT NULL
                        OFFSET 0) AS found
        """,
        [partner_id for partner_id, _ in asked],
        [reference for _, reference in asked],
    )
    return {(row["partner_id"], row["reference"]): sale_from_row(row) for row in rows}


async def find_by_topup(
    connection: Connection, wanted: Collection[tuple[int, int, int]]
) -> dict[tuple[int, int], DealerSale]:
    """Return the sales that made top-ups, asked by (dealer, line, number), by line and number."""
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::bigint[], $3::integer[])
               AS asked (partner_id, line_id, topup_no),
               LATERAL (SELECT partner_id, payer_id, payer_seq, at, kind, price_micros, reference,
                               terminal, line_id, topup_no, batch_id, number, holder_id, move_no,
                               undone_at, undone_seq
                          FROM dealer_sale AS sale
                         WHERE sale.partner_id = asked.partner_id
                           AND sale.line_id = asked.line_id
                           AND sale.topup_no = asked.topup_no
                           AND sale.kind = 2
                        OFFSET 0) AS found
        """,
        [partner_id for partner_id, _, _ in asked],
        [line_id for _, line_id, _ in asked],
        [topup_no for _, _, topup_no in asked],
    )
    return {(row["line_id"], row["topup_no"]): sale_from_row(row) for row in rows}


async def find_by_card(
    connection: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], DealerSale]:
    """Return the sales of cards (batch, number) that stand."""
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::integer[], $2::integer[]) AS asked (batch_id, number),
               LATERAL (SELECT partner_id, payer_id, payer_seq, at, kind, price_micros, reference,
                               terminal, line_id, topup_no, batch_id, number, holder_id, move_no,
                               undone_at, undone_seq
                          FROM dealer_sale AS sale
                         WHERE sale.batch_id = asked.batch_id
                           AND sale.number = asked.number
                           AND sale.kind = 1 AND sale.undone_at IS NULL
                        OFFSET 0) AS found
        """,
        [batch_id for batch_id, _ in asked],
        [number for _, number in asked],
    )
    return {(row["batch_id"], row["number"]): sale_from_row(row) for row in rows}


def sale_from_row(row: Record) -> DealerSale:
    """Make a DealerSale of a row that has its columns."""
    values: dict[str, Any] = {name: row[name] for name in _SALE_COLUMNS}
    values["kind"] = SaleKind(values["kind"])
    return DealerSale(**values)


async def insert_sales(connection: Connection, sales: Sequence[DealerSale]) -> None:
    """Add sales."""
    await connection.copy_records_to_table(
        "dealer_sale", records=map(_sale_values, sales), columns=_SALE_COLUMNS
    )


async def mark_undone(connection: Connection, sales: Sequence[DealerSale]) -> int:
    """Say when sales were undone, where they were not yet; return how many that was."""
    done = await connection.execute(
        """
        UPDATE dealer_sale
           SET undone_at = new.undone_at, undone_seq = new.undone_seq
          FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::timestamptz[],
                      $5::integer[])
               AS new (partner_id, payer_id, payer_seq, undone_at, undone_seq)
         WHERE dealer_sale.partner_id = new.partner_id
           AND dealer_sale.payer_id = new.payer_id
           AND dealer_sale.payer_seq = new.payer_seq
           AND dealer_sale.undone_at IS NULL
        """,
        [sale.partner_id for sale in sales],
        [sale.payer_id for sale in sales],
        [sale.payer_seq for sale in sales],
        [sale.undone_at for sale in sales],
        [sale.undone_seq for sale in sales],
    )
    return int(done.rsplit(" ", 1)[1])


async def read_commissions(
    connection: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Commission, ...]]:
    """Return what sales earned, by the payer's id and transfer, earner by earner."""
    asked = list(wanted)
    rows = await connection.fetch(
        """
        SELECT found.*
          FROM unnest($1::bigint[], $2::integer[]) AS asked (payer_id, payer_seq),
               LATERAL (SELECT partner_id, payer_id, payer_seq, is_undo, seller_id, at,
                               amount_micros, paid_as, paid_seq
                          FROM commission
                         WHERE commission.payer_id = asked.payer_id
                           AND commission.payer_seq = asked.payer_seq
                           AND NOT commission.is_undo
                        OFFSET 0) AS found
         ORDER BY found.partner_id
        """,
        [payer_id for payer_id, _ in asked],
        [payer_seq for _, payer_seq in asked],
    )
    found: dict[tuple[int, int], tuple[Commission, ...]] = {}
    for row in rows:
        values: dict[str, Any] = dict(row.items())
        values["paid_as"] = PaidAs(values["paid_as"])
        key = (row["payer_id"], row["payer_seq"])
        found[key] = (*found.get(key, ()), Commission(**values))
    return found


async def insert_commissions(connection: Connection, commissions: Sequence[Commission]) -> None:
    """Add what sales earned."""
    await connection.copy_records_to_table(
        "commission", records=map(_commission_values, commissions), columns=_COMMISSION_COLUMNS
    )


async def sum_owed(connection: Connection, partner_id: int, before: datetime) -> int:
    """Return what a dealer is owed of sales and undone sales before an instant."""
    return await connection.fetchval(
        """
        SELECT coalesce(sum(amount_micros), 0)::bigint
          FROM commission
         WHERE partner_id = $1 AND at < $2 AND paid_seq IS NULL
        """,
        partner_id,
        before,
    )


async def mark_paid(connection: Connection, run: CommissionRun) -> None:
    """Mark what a run paid. Raises Overtaken when a sale came in between since it was summed."""
    paid_micros = await connection.fetchval(
        """
        WITH paid AS (
            UPDATE commission SET paid_seq = $3
             WHERE partner_id = $1 AND at < $2 AND paid_seq IS NULL
            RETURNING amount_micros)
        SELECT coalesce(sum(amount_micros), 0)::bigint FROM paid
        """,
        run.partner_id,
        run.before,
        run.paid_seq,
    )
    if paid_micros != run.amount_micros:
        raise Overtaken
