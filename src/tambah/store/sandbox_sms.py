"""The sandbox's SMS inbox as its gateway fills it. Demo databases only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.line import Language
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedSms:
    """A message for the inbox; (line_id, number) is its key in the outbox."""

    line_id: int
    number: int
    at: datetime
    msisdn: int
    language: Language
    body: str


async def insert_sandbox_sms(
    database: Database, arrived: Sequence[ArrivedSms]
) -> dict[tuple[int, int], int]:
    """Add messages to the inbox; return their ids in it by (line_id, number).

    One that is handed over twice is there twice, as it would be on a telephone.
    """
    rows = await database.fetch(
        """
        INSERT INTO sandbox_sms (line_id, number, at, msisdn, language, body)
        SELECT line_id, number, at, msisdn, language, body
          FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::bigint[],
                      $5::smallint[], $6::text[])
               WITH ORDINALITY AS new (line_id, number, at, msisdn, language, body, place)
         ORDER BY place
        RETURNING line_id, number, sms_id
        """,
        [sms.line_id for sms in arrived],
        [sms.number for sms in arrived],
        [sms.at for sms in arrived],
        [sms.msisdn for sms in arrived],
        [sms.language for sms in arrived],
        [sms.body for sms in arrived],
    )
    return {(row[0], row[1]): row[2] for row in rows}
