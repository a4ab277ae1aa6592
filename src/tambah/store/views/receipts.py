"""What a guest's result page reads: a top-up by its lasting address."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.gift import Gift, GiftKind
from tambah.domain.line import Language
from tambah.store.database import Database
from tambah.store.ledger.topups import gift_from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A top-up as its lasting page shows it; no balance, for the page is not the owner's alone.

    Micro-ringgit: price paid, tax in it, main credit, bonus (with what promotions gave, which
    gifts says; bonus_until is of the rest), the fee of bringing an expired line back. active_until
    and bonus_until: first instants (UTC) at which the line is no longer active, the bonus no
    longer spendable.
    """

    msisdn: int
    at: datetime
    language: Language | None
    price_micros: int
    tax_micros: int
    main_micros: int
    bonus_micros: int
    bonus_until: datetime | None
    active_until: datetime
    receipt: str
    reversed_at: datetime | None
    reactivation_micros: int
    gifts: tuple[Gift, ...] = ()

    @property
    def own_bonus_micros(self) -> int:
        """Return the bonus that is not a promotion's."""
        given = sum(gift.amount for gift in self.gifts if gift.kind is GiftKind.BONUS)
        return self.bonus_micros - given


async def receipt_at(database: Database, token: bytes) -> Receipt | None:
    """Return the top-up whose result stands at an address, by the digest of its token.

    Two look-ups, not one join: the page is found by its token, all else by the line it names.
    """
    page = await database.fetch_row(
        "SELECT line_id, topup_no, language FROM result_page WHERE token = $1", token
    )
    if page is None or page["topup_no"] is None:
        return None
    return await read_receipt(database, page["line_id"], page["topup_no"], page["language"])


async def read_receipt(
    database: Database, line_id: int, topup_no: int, language: int | None
) -> Receipt | None:
    """Return a line's top-up as its page shows it."""
    row = await database.fetch_row(
        """
        SELECT line.msisdn, topup.at, topup.price_micros, topup.tax_micros, topup.main_micros,
               topup.bonus_micros, bucket.expires_at AS bonus_until, topup.active_until,
               topup.receipt, topup.reversed_at, topup.reactivation_micros
          FROM topup
          JOIN line ON line.line_id = topup.line_id
          LEFT JOIN bucket ON bucket.owner_id = topup.line_id
                          AND bucket.bucket_id = topup.bonus_bucket_id
         WHERE topup.line_id = $1 AND topup.topup_no = $2
        """,
        line_id,
        topup_no,
    )
    if row is None:
        return None
    gifts = await database.fetch(
        """
        SELECT promotion, kind, amount, bucket_id, expires_at
          FROM topup_gift
         WHERE line_id = $1 AND topup_no = $2
         ORDER BY gift_no
        """,
        line_id,
        topup_no,
    )
    return Receipt(
        language=Language(language) if language else None,
        gifts=tuple(gift_from_row(gift) for gift in gifts),
        **dict(row),
    )
