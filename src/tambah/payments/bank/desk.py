"""The import: files in, each entry matched, queued or ignored, the engine told of what matched.

Whatever breaks off goes on at the next call: a file and its entries are kept in one transaction,
and an entry is marked before the engine is told of it, so that it is told again, of the same
payment, after a crash. Telling twice changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Protocol, overload

from tambah.domain.actor import Actor
from tambah.domain.commands import Funded, FundFromBank, NewsKind, PaymentNews, PaymentStands
from tambah.domain.money import require_ringgit
from tambah.domain.payment import ProviderId, RefundState, fold_reference
from tambah.domain.refusals import (
    BankEntryDone,
    BankEntryUnknown,
    Busy,
    PaymentAmountDiffers,
    PaymentUnknown,
    ReasonMissing,
    Refusal,
    Unavailable,
)
from tambah.engine.dealers.buying import assign_entry, tell_of_float
from tambah.payments.bank.entry import clean
from tambah.payments.bank.matching import (
    REFUND_RETURNED,
    REFUND_TOLD_BEFORE,
    decide,
    first_row,
    refunds_meant,
    returned_refunds,
    wanted_partners,
    wanted_references,
)
from tambah.payments.bank.provider import refund_name
from tambah.payments.bank.statements import (
    name_entries,
    read_file,
    read_statement,
    require_size,
)
from tambah.payments.bank.suggesting import Suggestion, suggest
from tambah.store.bank import (
    BY_HAND,
    NEW,
    TELLING,
    BankRow,
    EntryState,
    KnownPayment,
    NewFile,
    Verdict,
    count_file,
    dealers_meant,
    entries_with,
    file_form,
    find_entry,
    insert_file,
    one_at_a_time,
    payments_named,
    queued_entries,
    references_of,
    write_by_hand,
    write_verdicts,
)
from tambah.store.database import Database
from tambah.store.views.payments import open_bank_payments


class Submit(Protocol):
    """The engine's `submit`, as far as a statement needs it."""

    @overload
    async def __call__(self, command: PaymentNews, /) -> PaymentStands: ...
    @overload
    async def __call__(self, command: FundFromBank, /) -> Funded: ...


_AT_ONCE = 500
_TOLD_AT_ONCE = 50
_LONGEST_NAME = 200
_ENTRY_NAME = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """What an import did. is_again: this very file was read before.

    entries: in the file; new_entries: that no file had brought before. settled: entries that were
    settled now, those that an earlier import had left among them. counts: how the entries that
    this file brought stand now.
    """

    name: str
    form: str
    is_again: bool
    entries: int
    new_entries: int
    settled: int
    counts: Mapping[tuple[EntryState, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedRefund:
    """A refund that may have come back: money of ours that the payer's bank could not pass on."""

    reference: str
    refund_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEntry:
    """An entry that waits for a person.

    named: the payments whose reference is in it, paid or not; returned: their refunds that it may
    be; suggestions: what else it may be.
    """

    row: BankRow
    named: tuple[KnownPayment, ...]
    returned: tuple[ReturnedRefund, ...]
    suggestions: tuple[Suggestion, ...]


class BankDesk:
    """Takes in statements for one operator.

    submit: the engine's. zone: of the bank's days. account_number: the operator's own; entries of
    another account are left to a person.
    """

    def __init__(
        self, database: Database, submit: Submit, *, zone: tzinfo, account_number: str
    ) -> None:
        self._database = database
        self._submit = submit
        self._zone = zone
        self._account_number = account_number

    async def import_path(self, path: Path) -> ImportedFile:
        """Read a file of the bank's, never a link. Raises what `import_file` does, and OSError."""
        return await self.import_file(path.name, await asyncio.to_thread(read_file, path))

    async def import_file(self, name: str, data: bytes) -> ImportedFile:
        """Read a file's content, keep its entries and settle what can be settled.

        The same content again changes nothing. Raises StatementMalformed, StatementTooLarge;
        Busy and Unavailable, after which the rest is settled by the next import.
        """
        require_size(data)
        digest = hashlib.sha256(data).digest()
        form = await file_form(self._database, digest)
        new_entries = entries = 0
        is_again = form is not None
        if form is None:
            form, rows = await asyncio.to_thread(self._read, data)
            entries = len(rows)
            shown = clean(name).replace("\n", " ")[:_LONGEST_NAME]
            file = NewFile(digest=digest, name=shown, form=form)
            new_entries = await insert_file(self._database, file, rows)
        settled = await self.settle()
        counts = await count_file(self._database, digest)
        return ImportedFile(
            name=name,
            form=form,
            is_again=is_again,
            entries=entries or sum(counts.values()),
            new_entries=new_entries,
            settled=settled,
            counts=counts,
        )

    def _read(self, data: bytes) -> tuple[str, list[BankRow]]:
        statement = read_statement(data, self._zone)
        named = name_entries(statement.entries)
        rows = [
            first_row(entry, place, self._account_number)
            for place, entry in enumerate(named, start=1)
        ]
        return statement.form, rows

    async def settle(self) -> int:
        """Settle all entries that are not yet; return how many. One process at a time."""
        settled = 0
        async with one_at_a_time(self._database):
            settled += await self._tell_again()
            while rows := await entries_with(self._database, NEW, limit=_AT_ONCE):
                await self._settle(rows)
                settled += len(rows)
        return settled

    async def queue(self, *, limit: int = 50) -> tuple[list[QueuedEntry], int]:
        """Return entries that wait for a person, with suggestions, and how many there are."""
        rows, count = await queued_entries(self._database, limit=limit)
        payments = await open_bank_payments(self._database) if rows else []
        wanted = {reference for row in rows for reference in wanted_references(row)}
        known = await payments_named(self._database, wanted)
        waiting: list[QueuedEntry] = []
        for row in rows:
            named = [known[ref] for ref in sorted(wanted_references(row) & set(known))]
            is_open = row.is_credit and row.verdict.reason != REFUND_RETURNED
            found = (
                suggest(row.texts, row.amount_micros, row.booked_on, payments, self._zone)
                if is_open
                else []
            )
            known_by_name = {payment.reference for payment in named}
            waiting.append(
                QueuedEntry(
                    row=row,
                    named=tuple(named),
                    returned=_returned(row, named),
                    suggestions=tuple(one for one in found if one.reference not in known_by_name),
                )
            )
        return waiting, count

    async def entry(self, name: str) -> BankRow:
        """Return an entry that waits for a person. Raises BankEntryUnknown, BankEntryDone."""
        return await self._waiting_entry(name)

    async def foresee(self, name: str, reference: str) -> tuple[KnownPayment, Verdict]:
        """Return the payment that `match` would settle an entry with, and how; change nothing.

        Raises what `match` does, but for ReasonMissing.
        """
        row = await self._waiting_entry(name)
        require_ringgit(row.currency)
        payment = await self._payment(reference)
        return payment, _by_hand(row, payment)

    async def match(self, name: str, reference: str, actor: Actor) -> PaymentStands:
        """Say by hand which payment an entry is of: a credit pays it, a debit is its refund.

        The amount must be the payment's (or a pending refund's, that of the entry's text if it
        names one): an entry of more or less is sent back by the bank's own means and then
        ignored. Raises BankEntryUnknown,
        BankEntryDone, PaymentUnknown, CurrencyNotAccepted, PaymentAmountDiffers, ReasonMissing.
        """
        _require_reason(actor)
        async with one_at_a_time(self._database):
            await self._tell_again()
            row = await self._waiting_entry(name)
            require_ringgit(row.currency)
            payment = await self._payment(reference)
            verdict = _by_hand(row, payment)
            claim = replace(verdict, state=EntryState.QUEUED, reason=TELLING)
            if not await write_by_hand(self._database, row, claim, actor, "bank_match"):
                raise BankEntryDone
            return await self._tell_by_hand(row, payment, verdict, actor)

    async def assign(self, name: str, dealer_id: int, actor: Actor) -> Funded:
        """Say by hand whose float an entry pays for. Raises what `assign_entry` does."""
        return await assign_entry(
            self._database, self._submit, (await self._waiting_entry(name)).name, dealer_id, actor
        )

    async def ignore(self, name: str, actor: Actor) -> BankRow:
        """Take an entry from the queue: nothing here is to come of it.

        Raises BankEntryUnknown, BankEntryDone, ReasonMissing.
        """
        _require_reason(actor)
        async with one_at_a_time(self._database):
            await self._tell_again()
            row = await self._waiting_entry(name)
            verdict = replace(row.verdict, state=EntryState.IGNORED, reason=BY_HAND)
            if not await write_by_hand(self._database, row, verdict, actor, "bank_ignore"):
                raise BankEntryDone
            return replace(row, verdict=verdict)

    async def _waiting_entry(self, name: str) -> BankRow:
        folded = name.strip().lower()
        row = None
        if _ENTRY_NAME.fullmatch(folded):
            row = await find_entry(self._database, folded)
        if row is None:
            raise BankEntryUnknown
        if row.verdict.state is not EntryState.QUEUED:
            raise BankEntryDone
        return row

    async def _payment(self, reference: str) -> KnownPayment:
        folded = fold_reference(reference)
        found = await payments_named(self._database, [folded] if folded else [])
        payment = found.get(folded or "")
        # Money for another provider's payment is not in that provider's books.
        if payment is None or payment.provider is not ProviderId.BANK:
            raise PaymentUnknown
        return payment

    async def _settle(self, rows: Sequence[BankRow]) -> None:
        """Decide some entries, in their order, and tell the engine of those that matched."""
        wanted = {reference for row in rows for reference in wanted_references(row)}
        payments = await payments_named(self._database, wanted)
        buying = {partner_id for row in rows for partner_id in wanted_partners(row)}
        dealers = await dealers_meant(self._database, buying)
        taken: set[tuple[int, int, int | None]] = set()
        verdicts: list[tuple[bytes, Verdict]] = []
        claims: list[BankRow] = []
        for row in rows:
            verdict = decide(row, payments, taken, dealers)
            if verdict.state is EntryState.MATCHED:
                if verdict.line_id is not None and verdict.payment_no is not None:
                    taken.add((verdict.line_id, verdict.payment_no, verdict.refund_no))
                verdict = replace(verdict, state=EntryState.QUEUED, reason=TELLING)
                claims.append(replace(row, verdict=verdict))
            verdicts.append((row.fingerprint, verdict))
        await write_verdicts(self._database, verdicts)
        await self._tell_all(claims)

    async def _tell_again(self) -> int:
        """Tell the engine of what was matched when a process before this one died."""
        told = 0
        while rows := await entries_with(self._database, TELLING, limit=_AT_ONCE):
            await self._tell_all(rows, is_again=True)
            told += len(rows)
        return told

    async def _tell_all(self, rows: Sequence[BankRow], *, is_again: bool = False) -> None:
        """Tell the engine, some at a time; what it cannot take now stays for the next call."""
        names = await references_of(
            self._database,
            [(row.verdict.line_id or 0, row.verdict.payment_no or 0) for row in rows],
        )
        for start in range(0, len(rows), _TOLD_AT_ONCE):
            part = rows[start : start + _TOLD_AT_ONCE]
            told = await asyncio.gather(
                *(self._tell(row, names, is_again=is_again) for row in part),
                return_exceptions=True,
            )
            done = [
                (row.fingerprint, verdict)
                for row, verdict in zip(part, told, strict=True)
                if isinstance(verdict, Verdict)
            ]
            await write_verdicts(self._database, done)
            for failure in told:
                if isinstance(failure, BaseException):
                    raise failure

    async def _tell(
        self, row: BankRow, names: Mapping[tuple[int, int], str], *, is_again: bool
    ) -> Verdict:
        if row.verdict.partner_id is not None:
            return await tell_of_float(self._submit, row)
        key = (row.verdict.line_id or 0, row.verdict.payment_no or 0)
        reason = "paid" if row.is_credit else "refunded"
        matched = replace(row.verdict, state=EntryState.MATCHED, reason=reason)
        try:
            stands = await self._submit(_news(row, row.verdict, names.get(key, "")))
        except (Busy, Unavailable):
            raise
        except Refusal as refusal:
            return replace(row.verdict, state=EntryState.QUEUED, reason=refusal.code)
        if not (stands.changed or is_again):
            # Somebody else said so in between: this is money for the second time.
            reason = "paid_before" if row.is_credit else REFUND_TOLD_BEFORE
            return replace(row.verdict, state=EntryState.QUEUED, reason=reason)
        return matched

    async def _tell_by_hand(
        self, row: BankRow, payment: KnownPayment, verdict: Verdict, actor: Actor
    ) -> PaymentStands:
        news = replace(_news(row, verdict, payment.reference), actor=actor)
        try:
            stands = await self._submit(news)
        except (Busy, Unavailable):
            raise
        except Refusal:
            await write_verdicts(self._database, [(row.fingerprint, row.verdict)])
            raise
        await write_verdicts(self._database, [(row.fingerprint, verdict)])
        return stands


def _returned(row: BankRow, payments: Sequence[KnownPayment]) -> tuple[ReturnedRefund, ...]:
    return tuple(
        ReturnedRefund(reference=payment.reference, refund_no=refund_no)
        for payment in payments
        for refund_no in returned_refunds(row, payment)
    )


def _by_hand(row: BankRow, payment: KnownPayment) -> Verdict:
    """Return what an entry becomes when somebody says whose it is. Raises PaymentAmountDiffers."""
    refund_no: int | None = None
    if row.is_credit:
        fits = payment.received_micros == 0 and row.amount_micros == payment.total_micros
    else:
        waiting = (r for r in refunds_meant(row, payment) if r.state is RefundState.PENDING)
        fitting = (r for r in waiting if r.amount_micros == row.amount_micros)
        refund = next(fitting, None)
        refund_no = refund.refund_no if refund else None
        fits = refund is not None
    if not fits:
        raise PaymentAmountDiffers
    return Verdict(
        state=EntryState.MATCHED,
        reason=BY_HAND,
        line_id=payment.line_id,
        payment_no=payment.payment_no,
        refund_no=refund_no,
    )


def _news(row: BankRow, verdict: Verdict, reference: str) -> PaymentNews:
    assert verdict.line_id is not None
    assert verdict.payment_no is not None
    news = PaymentNews(
        line_id=verdict.line_id,
        payment_no=verdict.payment_no,
        kind=NewsKind.PAID,
        amount_micros=row.amount_micros,
        provider_ref=reference,
    )
    if row.is_credit:
        return news
    assert verdict.refund_no is not None
    return replace(
        news,
        kind=NewsKind.REFUNDED,
        refund_no=verdict.refund_no,
        refund_ref=refund_name(reference, verdict.refund_no),
    )


def _require_reason(actor: Actor) -> None:
    if not actor.why.strip():
        raise ReasonMissing
