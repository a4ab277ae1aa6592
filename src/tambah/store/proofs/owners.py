"""What holds of lines, numbers, floats and buckets as they stand, whatever led there."""

from tambah.store.database import Connection
from tambah.store.proofs.odds import MOST_NAMED, Odd, odds


async def prove_owners(connection: Connection) -> list[Odd]:
    """Look at every bucket, line and number.

    Problems: overdrawn (a bucket below nothing, a float below its credit limit), dates (grace
    that ends before validity), number_lost (a number's line that is not there), number_elsewhere
    (a number's line that bears another), line_unreached (a live line without its number),
    line_doubled (a live line whose number is another line's).
    """
    return odds(await connection.fetch(_STANDING, MOST_NAMED))


_STANDING = """
    WITH odd AS (
        SELECT 'overdrawn' AS problem, owner_id, bucket_id AS place,
               -coalesce(partner.credit_limit_micros, 0) AS expected,
               remaining_micros AS found, kind AS unit
          FROM bucket
          LEFT JOIN partner ON kind = 3 AND partner_id = owner_id
         WHERE remaining_micros < -coalesce(partner.credit_limit_micros, 0)
        UNION ALL
        SELECT 'dates', line_id, 0, NULL, NULL, NULL
          FROM line
         WHERE grace_until < active_until
        UNION ALL
        SELECT CASE WHEN line.line_id IS NULL THEN 'number_lost' ELSE 'number_elsewhere' END,
               number.line_id, 0, NULL, NULL, NULL
          FROM number
          LEFT JOIN line USING (line_id)
         WHERE line.msisdn IS DISTINCT FROM number.msisdn
        UNION ALL
        SELECT CASE WHEN number.msisdn IS NULL THEN 'line_unreached' ELSE 'line_doubled' END,
               line.line_id, 0, number.line_id, NULL, NULL
          FROM line
          LEFT JOIN number USING (msisdn)
          LEFT JOIN line AS other ON other.line_id = number.line_id
         WHERE line.state <> 6 AND number.line_id IS DISTINCT FROM line.line_id
           -- A number that leads astray is named as such, above.
           AND (number.msisdn IS NULL OR other.msisdn = line.msisdn)),
    ranked AS (
        SELECT problem, owner_id, place, expected, found, unit,
               count(*) OVER of_problem AS total,
               row_number() OVER (of_problem ORDER BY owner_id, place) AS rank
          FROM odd
        WINDOW of_problem AS (PARTITION BY problem))
    SELECT problem, owner_id, place, expected, found, total, unit
      FROM ranked
     WHERE rank <= $1::integer
     ORDER BY problem, owner_id, place
"""
