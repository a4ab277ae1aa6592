"""Dealers' places in the tree and what was agreed with them, as a sale needs them."""

from collections.abc import Collection

from tambah.domain.dealer import Agreement, Dealer, DealerKind, PaidAs
from tambah.store.database import Connection, Record


async def read_dealers(connection: Connection, partner_ids: Collection[int]) -> dict[int, Dealer]:
    """Return those of the partners that are dealers, with the agreements of their whole path.

    Read after their rows are locked: an agreement is made under the lock of its dealer's.
    """
    rows = await connection.fetch(
        """
        SELECT partner_id, kind, path, charged
          FROM dealer
         WHERE partner_id = ANY($1::bigint[])
        """,
        list(partner_ids),
    )
    agreements = await read_agreements(connection, {one for row in rows for one in row[2]})
    return {
        row[0]: Dealer(
            partner_id=row[0],
            kind=DealerKind(row[1]),
            path=tuple(row[2]),
            charged=tuple(row[3]),
            agreements={one: agreements[one] for one in row[2] if one in agreements},
        )
        for row in rows
    }


async def read_agreements(
    connection: Connection, partner_ids: Collection[int]
) -> dict[int, tuple[Agreement, ...]]:
    """Return what was agreed with dealers, by partner, oldest first."""
    rows = await connection.fetch(
        """
        SELECT partner_id, effective_at, rate_bp, paid_as, most_sale_micros, most_day_micros
          FROM dealer_agreement
         WHERE partner_id = ANY($1::bigint[])
         ORDER BY partner_id, effective_at
        """,
        list(partner_ids),
    )
    found: dict[int, list[Agreement]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(agreement_from_row(row))
    return {partner_id: tuple(agreements) for partner_id, agreements in found.items()}


def agreement_from_row(row: Record) -> Agreement:
    """Make an Agreement of a row of its table."""
    return Agreement(
        effective_at=row["effective_at"],
        rate_bp=row["rate_bp"],
        paid_as=PaidAs(row["paid_as"]),
        most_sale_micros=row["most_sale_micros"],
        most_day_micros=row["most_day_micros"],
    )
