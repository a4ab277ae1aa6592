"""Packages that lines have bought, as the engine reads and writes them."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from tambah.domain.subscription import (
    Granted,
    Paid,
    Subscription,
    Subscriptions,
    SubscriptionState,
)
from tambah.store.database import Connection, Record

_encode = msgspec.json.Encoder().encode
_names = msgspec.json.Decoder(dict[str, str]).decode
_granted = msgspec.json.Decoder(tuple[Granted, ...]).decode
_paid = msgspec.json.Decoder(tuple[Paid, ...]).decode


async def read_subscriptions(
    connection: Connection, line_ids: Collection[int]
) -> dict[int, Subscriptions]:
    """Return what runs on lines, and the last number of each; the lines are locked by now."""
    lasts = await connection.fetch(
        """
        SELECT line_id, max(number)
          FROM subscription
         WHERE line_id = ANY($1::bigint[])
         GROUP BY line_id
        """,
        list(line_ids),
    )
    if not lasts:
        return {}
    rows = await connection.fetch(
        """
        SELECT line_id, number, package, names, price_micros, granted, paid, recurring, renews,
               renewal_no, at, started_at, until, receipt, state, remind_at, extended_from,
               ended_at
          FROM subscription
         WHERE line_id = ANY($1::bigint[]) AND state = 1
         ORDER BY line_id, number
        """,
        [row[0] for row in lasts],
    )
    held: dict[int, list[Subscription]] = {}
    for row in rows:
        held.setdefault(row[0], []).append(subscription_from_row(row))
    return {
        line_id: Subscriptions(line_id=line_id, held=tuple(held.get(line_id, ())), last_no=last)
        for line_id, last in lasts
    }


def subscription_from_row(row: Record) -> Subscription:
    """Make a Subscription of a row that has all its columns by their names."""
    values: dict[str, Any] = dict(row.items())
    values["names"] = _names(values["names"])
    values["granted"] = _granted(values["granted"])
    values["paid"] = _paid(values["paid"])
    values["state"] = SubscriptionState(values["state"])
    return Subscription(**values)


async def write_subscriptions(connection: Connection, lines: Sequence[Subscriptions]) -> None:
    """Write what decisions hold of lines: what is new, and where the rest has got to."""
    changed = [one for line in lines for one in line.held]
    await connection.execute(
        """
        INSERT INTO subscription (line_id, number, package, names, price_micros, granted, paid,
               recurring, renews, renewal_no, at, started_at, until, receipt, state, remind_at,
               extended_from, ended_at)
        SELECT line_id, number, package, names, price_micros, granted, paid, recurring, renews,
               renewal_no, at, started_at, until, receipt, state, remind_at, extended_from,
               ended_at
          FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::jsonb[], $5::bigint[],
                      $6::jsonb[], $7::jsonb[], $8::boolean[], $9::boolean[], $10::integer[],
                      $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[],
                      $15::smallint[], $16::timestamptz[], $17::timestamptz[],
                      $18::timestamptz[])
               AS new (line_id, number, package, names, price_micros, granted, paid, recurring,
                       renews, renewal_no, at, started_at, until, receipt, state, remind_at,
                       extended_from, ended_at)
            ON CONFLICT (line_id, number) DO UPDATE
           SET renews = excluded.renews, until = excluded.until, state = excluded.state,
               remind_at = excluded.remind_at, ended_at = excluded.ended_at
        """,
        *([_plain(one, column) for one in changed] for column in Subscription.__struct_fields__),
    )


def _plain(one: Subscription, column: str) -> object:
    value: object = getattr(one, column)
    if column in ("names", "granted", "paid"):
        return _encode(value).decode()
    return value
