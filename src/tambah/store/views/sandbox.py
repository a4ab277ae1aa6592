"""The sandbox's SMS inbox, as its page shows it. Demo databases only."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.line import Language
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSms:
    """A message that would have reached a telephone."""

    sms_id: int
    at: datetime
    msisdn: int
    language: Language
    body: str


async def latest_sms(
    database: Database, limit: int, msisdn: int | None = None
) -> list[SandboxSms]:
    """Return the newest messages first, of all numbers or of one."""
    if msisdn is None:
        rows = await database.fetch(
            """
            SELECT sms_id, at, msisdn, language, body
              FROM sandbox_sms
             ORDER BY sms_id DESC
             LIMIT $1
            """,
            limit,
        )
    else:
        rows = await database.fetch(
            """
            SELECT sms_id, at, msisdn, language, body
              FROM sandbox_sms
             WHERE msisdn = $2
             ORDER BY sms_id DESC
             LIMIT $1
            """,
            limit,
            msisdn,
        )
    return [
        SandboxSms(sms_id=row[0], at=row[1], msisdn=row[2], language=Language(row[3]), body=row[4])
        for row in rows
    ]
