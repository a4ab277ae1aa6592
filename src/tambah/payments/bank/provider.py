"""The bank as a provider: there is nobody to call, only statements that say what came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar

from tambah.domain.floats import bank_reference
from tambah.domain.payment import ProviderId
from tambah.engine.clock import Clock
from tambah.payments.provider import (
    Begun,
    Notice,
    Order,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Settled,
    SettledKind,
    Stage,
    Standing,
    WebhookForged,
)
from tambah.store.bank import BankRow, EntryState, entries_of_days, references_of
from tambah.store.database import Database


class BankProvider:
    """Takes money by bank transfer. clock: the installation's.

    bank_days: how long a statement is waited for after the payer's time is over.
    """

    provider_id: ClassVar[ProviderId] = ProviderId.BANK
    methods: Sequence[str] = ("bank",)
    origins: Sequence[str] = ()

    def __init__(self, database: Database, clock: Clock, *, bank_days: int) -> None:
        self._database = database
        self._clock = clock
        self._patience = timedelta(days=bank_days)

    async def begin(self, order: Order) -> Begun:
        """Name the payment by its reference; our own page says how to pay."""
        return Begun(provider_ref=order.reference, pay_url=None)

    async def look(self, order: Order) -> Standing:
        """Say OPEN until no statement is waited for any more: they alone say PAID."""
        is_over = self._clock.now() >= order.expires_at + self._patience
        return Standing(
            stage=Stage.EXPIRED if is_over else Stage.OPEN, provider_ref=order.reference
        )

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Say PENDING: a person transfers it, under the payment's reference, and a debit in a
        statement settles it."""
        return RefundStanding(
            stage=RefundStage.PENDING, provider_ref=refund_name(order.reference, refund.refund_no)
        )

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Refuse: banks send none. Raises WebhookForged."""
        raise WebhookForged

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Yield the statements' ringgit entries of the local days `first` to `last`.

        Matched credits are PAYMENT and matched debits REFUND, named by the payment's reference;
        a credit that bought a dealer float is FUNDING, by what the books call it;
        a credit that names a refund is REFUND too, coming in, whatever became of it.
        A credit that is not matched is PAYMENT without a name: money here that the books do not
        know. Any other is OTHER. text: the reason of its state.
        """
        waiting: list[BankRow] = []
        async for row in entries_of_days(self._database, first, last):
            waiting.append(row)
            if len(waiting) == _AT_ONCE:
                for record in await self._records(waiting):
                    yield record
                waiting = []
        for record in await self._records(waiting):
            yield record

    async def _records(self, rows: list[BankRow]) -> list[Settled]:
        keys = {
            (row.verdict.line_id, row.verdict.payment_no)
            for row in rows
            if row.verdict.line_id is not None and row.verdict.payment_no is not None
        }
        names = await references_of(self._database, keys) if keys else {}
        return [_settled(row, names) for row in rows]

    async def close(self) -> None:
        """Do nothing: there is no connection of its own."""


_AT_ONCE = 500


def refund_name(reference: str, refund_no: int) -> str:
    """Return what a refund is called between us and the statements."""
    return f"{reference}-{refund_no}"


def _settled(row: BankRow, names: Mapping[tuple[int, int], str]) -> Settled:
    verdict = row.verdict
    is_matched = verdict.state is EntryState.MATCHED
    is_returned = row.is_credit and verdict.refund_no is not None
    reference = None
    if is_matched or is_returned:
        reference = names.get((verdict.line_id or 0, verdict.payment_no or 0))
    kind = SettledKind.OTHER
    if is_matched and verdict.partner_id is not None:
        kind, reference = SettledKind.FUNDING, bank_reference(row.fingerprint.hex())
    elif is_returned or (is_matched and not row.is_credit):
        kind = SettledKind.REFUND
    elif is_matched or (row.is_credit and verdict.state is EntryState.QUEUED):
        kind = SettledKind.PAYMENT
    refund_ref = None
    if reference and verdict.refund_no is not None:
        refund_ref = refund_name(reference, verdict.refund_no)
    return Settled(
        record_id=row.fingerprint.hex(),
        day=row.booked_on,
        kind=kind,
        gross_micros=row.amount_micros if row.is_credit else -row.amount_micros,
        provider_ref=reference,
        refund_ref=refund_ref,
        text=verdict.reason,
    )
