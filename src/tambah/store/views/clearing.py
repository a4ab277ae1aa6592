"""What the books say of payment providers' money: clearing accounts by local day, and hands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tambah.domain.ledger import CLEARING, Account, TransferKind
from tambah.domain.matching import Booked, Flow, PaymentKey
from tambah.domain.payment import ProviderId
from tambah.domain.reconciling import ByHand
from tambah.domain.validity import ValidityRule
from tambah.store.database import Connection, Record

_NEAR_MIDNIGHT = timedelta(hours=2)
"""News of a payment is rarely later: so close to midnight, it may have been settled beyond it."""

_FLOWS = {
    TransferKind.PAYMENT: Flow.PAYMENT,
    TransferKind.REFUND: Flow.REFUND,
    TransferKind.DISPUTE: Flow.DISPUTE,
    TransferKind.DISPUTE_WON: Flow.DISPUTE,
    TransferKind.REFUND_RETURNED: Flow.REFUND,
}
_PROVIDERS = {account: provider for provider, account in CLEARING.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPayment:
    """Whose a provider's name is. refund_no: of a refund, None for the payment itself."""

    payment: PaymentKey
    refund_no: int | None
    reference: str


async def booked_between(
    connection: Connection,
    provider: ProviderId,
    since: datetime,
    before: datetime,
    validity: ValidityRule,
) -> list[Booked]:
    """Return what was booked on a provider's clearing account from `since` to before `before`.

    Only what a payment of that provider stands behind; the rest is `moved_by_hand`.
    """
    rows = await connection.fetch(
        """
        SELECT transfer.owner_id, transfer.payment_no, transfer.at, transfer.kind, transfer.debit,
               transfer.amount_micros, payment.reference, payment.provider_ref, refund.refund_no,
               refund.refund_ref
          FROM transfer
          JOIN payment ON payment.line_id = transfer.owner_id
                      AND payment.payment_no = transfer.payment_no AND payment.provider = $2
          LEFT JOIN LATERAL (
               -- Two refunds that settled at one instant with one amount cannot be told apart.
               SELECT min(refund_no) AS refund_no, min(provider_ref) AS refund_ref
                 FROM refund
                WHERE transfer.kind = 13 AND refund.line_id = transfer.owner_id
                  AND refund.payment_no = transfer.payment_no
                  AND refund.settled_at = transfer.at
                  AND refund.amount_micros = transfer.amount_micros
               HAVING count(*) = 1) AS refund ON TRUE
         WHERE transfer.at >= $3 AND transfer.at < $4
           AND (transfer.debit = $1 OR transfer.credit = $1)
           AND transfer.kind = ANY($5::smallint[])
        """,
        CLEARING[provider],
        provider,
        since,
        before,
        list(_FLOWS),
    )
    return [_booked(row, validity) for row in rows]


async def float_bought(
    connection: Connection,
    provider: ProviderId,
    since: datetime,
    before: datetime,
    validity: ValidityRule,
) -> list[Booked]:
    """Return the float that dealers bought through a provider, as `booked_between` does."""
    rows = await connection.fetch(
        """
        SELECT owner_id, seq, at, amount_micros, reference
          FROM transfer
         WHERE kind = 5 AND debit = $1 AND at >= $2 AND at < $3
        """,
        CLEARING[provider],
        since,
        before,
    )
    return [
        Booked(
            flow=Flow.FUNDING,
            day=validity.local_day(row[2]),
            near_day=_near_day(row[2], validity),
            amount_micros=row[3],
            payment=(row[0], row[1]),
            reference=row[4],
            provider_ref=row[4],
        )
        for row in rows
    ]


async def booked_for(
    connection: Connection,
    provider: ProviderId,
    payments: Collection[PaymentKey],
    validity: ValidityRule,
) -> list[Booked]:
    """Return what was booked on a provider's clearing account for payments, on whatever day."""
    rows = await connection.fetch(
        """
        SELECT transfer.owner_id, transfer.payment_no, transfer.at, transfer.kind, transfer.debit,
               transfer.amount_micros, payment.reference, payment.provider_ref, refund.refund_no,
               refund.refund_ref
          FROM unnest($3::bigint[], $4::integer[]) AS asked (line_id, payment_no)
          JOIN payment ON payment.line_id = asked.line_id
                      AND payment.payment_no = asked.payment_no AND payment.provider = $2
          JOIN transfer ON transfer.owner_id = asked.line_id
                       AND transfer.payment_no = asked.payment_no
          LEFT JOIN LATERAL (
               SELECT min(refund_no) AS refund_no, min(provider_ref) AS refund_ref
                 FROM refund
                WHERE transfer.kind = 13 AND refund.line_id = transfer.owner_id
                  AND refund.payment_no = transfer.payment_no
                  AND refund.settled_at = transfer.at
                  AND refund.amount_micros = transfer.amount_micros
               HAVING count(*) = 1) AS refund ON TRUE
         WHERE (transfer.debit = $1 OR transfer.credit = $1)
           AND transfer.kind = ANY($5::smallint[])
        """,
        CLEARING[provider],
        provider,
        [line_id for line_id, _ in payments],
        [payment_no for _, payment_no in payments],
        list(_FLOWS),
    )
    return [_booked(row, validity) for row in rows]


async def find_names(
    connection: Connection, provider: ProviderId, refs: Sequence[str]
) -> dict[str, NamedPayment]:
    """Return whose a provider's names are; those that nobody knows are left out.

    Our own reference is a name too: banks know no other.
    """
    rows = await connection.fetch(
        """
        SELECT payment_ref.ref, payment_ref.line_id, payment_ref.payment_no, payment_ref.refund_no,
               payment.reference
          FROM payment_ref
          JOIN payment USING (line_id, payment_no)
         WHERE payment_ref.ref = ANY($1::text[])
           AND payment_ref.provider IN (0, $2) AND payment.provider = $2
        """,
        refs,
        provider,
    )
    return {
        row[0]: NamedPayment(payment=(row[1], row[2]), refund_no=row[3], reference=row[4])
        for row in rows
    }


async def find_payments(
    connection: Connection, provider: ProviderId, payments: Collection[PaymentKey]
) -> dict[PaymentKey, NamedPayment]:
    """Return a provider's payments by line and number; those that there are not are left out."""
    rows = await connection.fetch(
        """
        SELECT payment.line_id, payment.payment_no, payment.reference
          FROM unnest($1::bigint[], $2::integer[]) AS asked (line_id, payment_no)
          JOIN payment USING (line_id, payment_no)
         WHERE payment.provider = $3
        """,
        [line_id for line_id, _ in payments],
        [payment_no for _, payment_no in payments],
        provider,
    )
    return {
        (row[0], row[1]): NamedPayment(payment=(row[0], row[1]), refund_no=None, reference=row[2])
        for row in rows
    }


async def moved_by_hand(
    connection: Connection, since: datetime, before: datetime, validity: ValidityRule
) -> list[ByHand]:
    """Return what was moved by hand from `since` to before `before`, with who did it and why.

    Credits by hand to a line, and whatever but bought float is on a clearing account without a
    payment of that provider, or came to or from held money without a payment or a top-up. The
    product books neither of the latter: only a hand at the database does.
    """
    rows = await connection.fetch(
        """
        SELECT transfer.owner_id, transfer.at, transfer.debit, transfer.credit,
               transfer.amount_micros, transfer.reference, audit.who, audit.why
          FROM transfer
          LEFT JOIN payment ON payment.line_id = transfer.owner_id
                           AND payment.payment_no = transfer.payment_no
          LEFT JOIN unnest($3::smallint[], $4::smallint[]) AS clearing (account, provider)
                 ON clearing.account IN (transfer.debit, transfer.credit)
          LEFT JOIN audit ON audit.day BETWEEN $1::timestamptz::date - 1
                                           AND $2::timestamptz::date + 1
                         AND audit.subject = 'line:' || transfer.owner_id
                         AND audit.at = transfer.at
         WHERE transfer.at >= $1 AND transfer.at < $2
           AND (transfer.kind = 7 AND transfer.credit <= 2
                OR clearing.account IS NOT NULL AND transfer.kind <> 5
                   AND (payment.provider IS DISTINCT FROM clearing.provider
                        OR transfer.kind <> ALL($5::smallint[]))
                OR 24 IN (transfer.debit, transfer.credit) AND clearing.account IS NULL
                   AND payment.line_id IS NULL
                   AND transfer.topup_no IS NULL AND transfer.mends_topup_no IS NULL)
         ORDER BY transfer.at, transfer.owner_id, transfer.seq
        """,
        since,
        before,
        list(_PROVIDERS),
        list(_PROVIDERS.values()),
        list(_FLOWS),
    )
    return [_by_hand(row, validity) for row in rows]


def _booked(row: Record, validity: ValidityRule) -> Booked:
    owner_id, payment_no, at, kind, debit, amount_micros, reference, ref, refund_no, refund_ref = (
        row
    )
    came_in = debit in _PROVIDERS
    return Booked(
        flow=_FLOWS[TransferKind(kind)],
        day=validity.local_day(at),
        near_day=_near_day(at, validity),
        amount_micros=amount_micros if came_in else -amount_micros,
        payment=(owner_id, payment_no),
        reference=reference,
        provider_ref=ref,
        refund_ref=refund_ref,
        refund_no=refund_no,
    )


def _near_day(at: datetime, validity: ValidityRule) -> date | None:
    """Return the local day on the other side of a midnight that is close, None far from it."""
    day = validity.local_day(at)
    before, after = (validity.local_day(at + d) for d in (-_NEAR_MIDNIGHT, _NEAR_MIDNIGHT))
    if before != day:
        return before
    return after if after != day else None


def _by_hand(row: Record, validity: ValidityRule) -> ByHand:
    owner_id, at, debit, credit, amount_micros, reference, who, why = row
    sides = (Account(debit), Account(credit))
    clearing = next((account for account in sides if account in _PROVIDERS), None)
    # What a clearing account is debited with came in; anywhere else it is what was credited.
    account = clearing or (Account.HELD if Account.HELD in sides else sides[1])
    came_in = account is (sides[0] if clearing else sides[1])
    return ByHand(
        day=validity.local_day(at),
        provider=_PROVIDERS[clearing] if clearing else None,
        account=account.name.lower(),
        amount_micros=amount_micros if came_in else -amount_micros,
        line_id=owner_id,
        reference=reference,
        who=who or "",
        why=why or "",
    )
