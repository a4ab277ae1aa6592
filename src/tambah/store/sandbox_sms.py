"""The sandbox's SMS inbox as its gateway fills it. Demo databases only."""

from datetime import datetime

from tambah.domain.line import Language
from tambah.store.database import Database


async def insert_sandbox_sms(
    database: Database,
    *,
    key: tuple[int, int],
    at: datetime,
    msisdn: int,
    language: Language,
    body: str,
) -> int:
    """Add a message to the inbox; return its id. `key` is the outbox's (line_id, number).

    One that is handed over twice is there twice, as it would be on a telephone.
    """
    sms_id: int = await database.fetch_value(
        """
        INSERT INTO sandbox_sms (line_id, number, at, msisdn, language, body)
        SELECT $1, $2, $3, $4, $5, $6
        RETURNING sms_id
        """,
        *key,
        at,
        msisdn,
        language,
        body,
    )
    return sms_id
