"""One batch: load and lock what its commands touch, decide each, write all, commit once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from tambah.domain.balance import Bucket
from tambah.domain.commands import (
    Command,
    FundPartner,
    ImportLine,
    Outcome,
    PersonRecord,
    RedeemVoucher,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.decide import decide
from tambah.domain.guessing import Audience, Tried
from tambah.domain.ledger import Transfer
from tambah.domain.refusals import IdempotencyKeyReused, InternalError, Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import (
    AuditEntry,
    Decision,
    Known,
    LineAccount,
    Message,
    PartnerAccount,
    TopUpRecord,
)
from tambah.domain.voucher import Voucher
from tambah.engine.answers import pack_answer, unpack_answer
from tambah.engine.keys import Keys
from tambah.store.database import Connection
from tambah.store.ledger import (
    attempts,
    audit,
    buckets,
    lines,
    messages,
    partners,
    persons,
    requests,
    topups,
    transfers,
    vouchers,
)

log = structlog.get_logger(__name__)

_WINDOW = timedelta(hours=1)


@dataclass(slots=True, eq=False)
class Pending:
    """A command that waits for its answer.

    digest, content: of the caller's key and of what is asked; empty for commands that are
    idempotent by nature. expires: loop time after which the caller is told to try again.
    """

    command: Command
    digest: bytes
    content: bytes
    future: asyncio.Future[Outcome]
    expires: float

    def answer(self, answer: Outcome | Refusal) -> None:
        """Hand the caller its answer, unless it is gone."""
        if self.future.done():
            return
        if isinstance(answer, Refusal):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)


@dataclass(slots=True)
class GuestWatch:
    """How many wrong codes guests tried in the last hour, remembered for a second."""

    counted: int = 0
    fresh_until: float = 0.0


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What the batch touches, as it stands after the commands decided so far."""

    now: datetime
    line_of: dict[int, int]
    lines: dict[int, LineAccount]
    partners: dict[int, PartnerAccount]
    vouchers: dict[bytes, Voucher]
    answered: dict[tuple[int, bytes], requests.Answered]
    references: set[tuple[int, int, str]]
    topups: dict[int, list[TopUpRecord]]
    by_source: dict[bytes, int]
    guests: int


@dataclass(slots=True)
class Changes:
    """What is to be written, in the order it was decided."""

    lines: dict[int, LineAccount] = field(default_factory=dict[int, LineAccount])
    new_line_ids: set[int] = field(default_factory=set[int])
    standings: set[int] = field(default_factory=set[int])
    recycled: dict[int, int] = field(default_factory=dict[int, int])
    persons: list[tuple[int, PersonRecord, datetime]] = field(
        default_factory=list[tuple[int, PersonRecord, datetime]]
    )
    partners: dict[int, PartnerAccount] = field(default_factory=dict[int, PartnerAccount])
    buckets: dict[tuple[int, int], Bucket] = field(default_factory=dict[tuple[int, int], Bucket])
    transfers: list[Transfer] = field(default_factory=list[Transfer])
    topups: list[TopUpRecord] = field(default_factory=list[TopUpRecord])
    reversed: list[TopUpRecord] = field(default_factory=list[TopUpRecord])
    pages: list[tuple[bytes, int, int, int | None]] = field(
        default_factory=list[tuple[bytes, int, int, int | None]]
    )
    redeemed: list[tuple[Voucher, int]] = field(default_factory=list[tuple[Voucher, int]])
    messages: list[Message] = field(default_factory=list[Message])
    attempts: list[tuple[datetime, bytes, int, int]] = field(
        default_factory=list[tuple[datetime, bytes, int, int]]
    )
    requests: list[requests.Answered] = field(default_factory=list[requests.Answered])
    audits: list[AuditEntry] = field(default_factory=list[AuditEntry])


class ChangedElsewhere(Exception):
    """A row was not as it was when it was locked: a broken promise, never expected."""


async def run_batch(
    connection: Connection,
    batch: list[Pending],
    *,
    rules: Rules,
    keys: Keys,
    offset: timedelta,
    guests: GuestWatch,
) -> tuple[list[Outcome | Refusal], int]:
    """Run one batch in one transaction; return the answers and how many messages were queued.

    When it returns, everything is durable. When it raises, nothing happened, or (the connection
    was lost at the commit) the same batch may be run again: each command knows its first answer.
    """
    async with connection.transaction():
        loaded = await _load(connection, batch, rules, keys, offset, guests)
        changes = Changes()
        answers = [_decide_one(pending, loaded, changes, rules, keys) for pending in batch]
        await _write(connection, changes)
    return answers, len(changes.messages)


# Load


async def _load(
    connection: Connection,
    batch: list[Pending],
    rules: Rules,
    keys: Keys,
    offset: timedelta,
    guests: GuestWatch,
) -> Loaded:
    """Lock in one global order (lines, partners, vouchers, each by key), then read the rest."""
    commands = [pending.command for pending in batch]
    msisdns = {c.msisdn for c in commands if not isinstance(c, FundPartner)}
    database_now, line_of = await lines.find_lines(connection, msisdns)
    now = database_now + offset
    line_rows = await lines.lock_lines(connection, set(line_of.values())) if line_of else {}
    found_topups = await _load_topups(connection, commands, line_of)
    partner_ids = _partner_ids(commands, found_topups)
    partner_rows = await partners.lock_partners(connection, partner_ids) if partner_ids else {}
    found_vouchers = await _load_vouchers(connection, commands, keys)
    held = await buckets.read_buckets(connection, [*line_rows, *partner_rows])
    by_source, guests_wrong = await _load_attempts(connection, commands, rules, now, guests)
    return Loaded(
        now=now,
        line_of=line_of,
        lines={
            line_id: LineAccount(
                line=lines.line_from_row(row),
                buckets=tuple(held.get(line_id, ())),
                iccid=row["iccid"],
                import_digest=row["import_digest"],
            )
            for line_id, row in line_rows.items()
        },
        partners={
            partner_id: PartnerAccount(**dict(row.items()), float_bucket=held[partner_id][0])
            for partner_id, row in partner_rows.items()
        },
        vouchers=found_vouchers,
        answered=await _load_answered(connection, batch, line_of),
        references=await _load_references(connection, commands, line_of),
        topups=found_topups,
        by_source=by_source,
        guests=guests_wrong,
    )


async def _load_topups(
    connection: Connection, commands: list[Command], line_of: dict[int, int]
) -> dict[int, list[TopUpRecord]]:
    """Read all top-ups of lines that have one reversed: its days are worked out from the rest."""
    line_ids = {
        line_of[c.msisdn] for c in commands if isinstance(c, ReverseTopUp) and c.msisdn in line_of
    }
    found = await topups.read_topups(connection, line_ids) if line_ids else {}
    # A line without any is there too: what its batch adds is found by a reversal behind it.
    return {line_id: found.get(line_id, []) for line_id in line_ids}


def _partner_ids(commands: list[Command], found_topups: dict[int, list[TopUpRecord]]) -> set[int]:
    ids = {c.partner_id for c in commands if isinstance(c, TopUp | FundPartner)}
    for records in found_topups.values():
        ids.update(t.partner_id for t in records if t.partner_id is not None)
    return ids


async def _load_vouchers(
    connection: Connection, commands: list[Command], keys: Keys
) -> dict[bytes, Voucher]:
    digests = [
        digest
        for c in commands
        if isinstance(c, RedeemVoucher)
        for digest in keys.code_digests(c.digits)
    ]
    return await vouchers.lock_vouchers(connection, digests) if digests else {}


async def _load_attempts(
    connection: Connection,
    commands: list[Command],
    rules: Rules,
    now: datetime,
    guests: GuestWatch,
) -> tuple[dict[bytes, int], int]:
    redemptions = [c for c in commands if isinstance(c, RedeemVoucher)]
    sources = {c.source for c in redemptions if c.source}
    since = now - _WINDOW
    by_source = await attempts.count_by_source(connection, sources, since) if sources else {}
    if any(c.audience is Audience.GUEST for c in redemptions):
        loop_now = asyncio.get_running_loop().time()
        if loop_now >= guests.fresh_until:
            limit = rules.guessing.guests_hourly
            guests.counted = await attempts.count_guests(connection, since, limit)
            guests.fresh_until = loop_now + 1.0
    return by_source, guests.counted


async def _load_answered(
    connection: Connection, batch: list[Pending], line_of: dict[int, int]
) -> dict[tuple[int, bytes], requests.Answered]:
    wanted = [
        (owner_id, pending.digest)
        for pending in batch
        if pending.digest and (owner_id := _owner_of(pending.command, line_of)) is not None
    ]
    return await requests.read_requests(connection, wanted) if wanted else {}


async def _load_references(
    connection: Connection, commands: list[Command], line_of: dict[int, int]
) -> set[tuple[int, int, str]]:
    wanted = [
        (line_of[c.msisdn], c.partner_id, c.reference)
        for c in commands
        if isinstance(c, TopUp) and c.msisdn in line_of
    ]
    return await topups.find_references(connection, wanted) if wanted else set()


def _owner_of(command: Command, line_of: dict[int, int]) -> int | None:
    if isinstance(command, FundPartner):
        return command.partner_id
    return line_of.get(command.msisdn)


# Decide


def _decide_one(
    pending: Pending, loaded: Loaded, changes: Changes, rules: Rules, keys: Keys
) -> Outcome | Refusal:
    """Answer one command from what is loaded, and take its changes along.

    `decide` changes nothing by itself, so a bug in it harms no other command of the batch.
    """
    command = pending.command
    owner_id = _owner_of(command, loaded.line_of)
    if pending.digest and owner_id is not None:
        first = loaded.answered.get((owner_id, pending.digest))
        if first is not None:
            if first.content != pending.content:
                return IdempotencyKeyReused()
            return unpack_answer(first.answer, first.body)
    try:
        known = _known(command, loaded, keys)
        decision = decide(command, known, rules, loaded.now, pending.digest)
    except Exception as bug:  # noqa: BLE001 - a bug fails alone; it is logged with its trace
        return answer_bug(command, bug)
    _take_along(pending, decision, loaded, changes)
    if pending.digest and decision.is_remembered:
        owner_id = _owner_of(command, loaded.line_of)
        if owner_id is not None:
            _remember(pending, owner_id, decision.answer, loaded, changes)
    return decision.answer


def answer_bug(command: Command, bug: BaseException) -> Refusal:
    """Log a broken promise with its trace and return the answer that names it."""
    incident = f"{id(bug) & 0xFFFFFFFF:08X}"
    log.error("command failed", incident=incident, command=type(command).__name__, exc_info=bug)
    return InternalError(incident=incident)


def _known(command: Command, loaded: Loaded, keys: Keys) -> Known:
    if isinstance(command, FundPartner):
        return Known(partner=loaded.partners.get(command.partner_id))
    line_id = loaded.line_of.get(command.msisdn)
    line = loaded.lines.get(line_id) if line_id is not None else None
    if isinstance(command, TopUp):
        return Known(
            line=line,
            partner=loaded.partners.get(command.partner_id),
            referred=(line_id, command.partner_id, command.reference) in loaded.references,
        )
    if isinstance(command, RedeemVoucher):
        return Known(
            line=line,
            voucher=_voucher_for(command, loaded, keys),
            tried=Tried(
                by_source=loaded.by_source.get(command.source, 0) if command.source else 0,
                over_all=loaded.guests,
            ),
        )
    if isinstance(command, ReverseTopUp) and line_id is not None:
        found = tuple(loaded.topups.get(line_id, ()))
        mended = next((t for t in found if t.topup_no == command.topup_no), None)
        partner_id = mended.partner_id if mended else None
        partner = loaded.partners.get(partner_id) if partner_id is not None else None
        return Known(line=line, partner=partner, topups=found)
    return Known(line=line)


def _voucher_for(command: RedeemVoucher, loaded: Loaded, keys: Keys) -> Voucher | None:
    """Return the card that bears the code under the key of its own batch."""
    for key_id in keys.peppers:
        voucher = loaded.vouchers.get(keys.code_digest(command.digits, key_id))
        if voucher is not None and voucher.batch.key_id == key_id:
            return voucher
    return None


def _take_along(pending: Pending, decision: Decision, loaded: Loaded, changes: Changes) -> None:
    command = pending.command
    if decision.line is not None:
        _take_line(decision.line, loaded, changes)
        if isinstance(command, ImportLine) and command.person is not None:
            changes.persons.append((command.line_id, command.person, loaded.now))
    if decision.partner is not None:
        partner = decision.partner
        loaded.partners[partner.partner_id] = partner
        changes.partners[partner.partner_id] = partner
        changes.buckets[(partner.partner_id, partner.float_bucket.bucket_id)] = (
            partner.float_bucket
        )
    changes.transfers.extend(decision.transfers)
    changes.messages.extend(decision.messages)
    _take_topups(command, decision, loaded, changes)
    if decision.wrong_code and isinstance(command, RedeemVoucher) and decision.line:
        line_id = decision.line.line.line_id
        changes.attempts.append((loaded.now, command.source, command.audience, line_id))
        loaded.by_source[command.source] = loaded.by_source.get(command.source, 0) + 1
        loaded.guests += command.audience is Audience.GUEST
    if decision.audit is not None:
        changes.audits.append(decision.audit)


def _take_line(account: LineAccount, loaded: Loaded, changes: Changes) -> None:
    line_id = account.line.line_id
    before = loaded.lines.get(line_id)
    if before is None:
        changes.new_line_ids.add(line_id)
        ended_id = loaded.line_of.get(account.line.msisdn)
        if ended_id is not None:
            changes.recycled[account.line.msisdn] = ended_id
    elif lines.standing(before.line) != lines.standing(account.line):
        changes.standings.add(line_id)
    untouched = {id(bucket) for bucket in before.buckets} if before else set[int]()
    for bucket in account.buckets:
        if id(bucket) not in untouched:
            changes.buckets[(line_id, bucket.bucket_id)] = bucket
    loaded.lines[line_id] = account
    loaded.line_of[account.line.msisdn] = line_id
    changes.lines[line_id] = account


def _take_topups(command: Command, decision: Decision, loaded: Loaded, changes: Changes) -> None:
    for topup in decision.topups:
        if topup.reversed_at is not None:
            changes.reversed.append(topup)
            found = loaded.topups[topup.line_id]
            loaded.topups[topup.line_id] = [
                topup if t.topup_no == topup.topup_no else t for t in found
            ]
            continue
        changes.topups.append(topup)
        # For a reversal behind it; those of lines that have none are not looked at.
        loaded.topups.setdefault(topup.line_id, []).append(topup)
        if topup.partner_id is not None and topup.reference is not None:
            loaded.references.add((topup.line_id, topup.partner_id, topup.reference))
        if topup.page_token is not None and isinstance(command, RedeemVoucher):
            changes.pages.append(
                (topup.page_token, topup.line_id, topup.topup_no, command.language)
            )
        if decision.voucher is not None:
            loaded.vouchers[decision.voucher.digest] = decision.voucher
            changes.redeemed.append((decision.voucher, topup.topup_no))


def _remember(
    pending: Pending,
    owner_id: int,
    answer: Outcome | Refusal,
    loaded: Loaded,
    changes: Changes,
) -> None:
    name, body = pack_answer(answer)
    answered = requests.Answered(owner_id, pending.digest, pending.content, name, body, loaded.now)
    loaded.answered[(owner_id, pending.digest)] = answered
    changes.requests.append(answered)


# Write


async def _write(connection: Connection, changes: Changes) -> None:
    """Write everything with a handful of set-based statements."""
    await _write_lines(connection, changes)
    if changes.partners:
        await partners.update_partners(connection, list(changes.partners.values()))
    if changes.buckets:
        # In key order, like every lock.
        ordered = [changes.buckets[key] for key in sorted(changes.buckets)]
        await buckets.write_buckets(connection, ordered)
    if changes.transfers:
        await transfers.insert_transfers(connection, changes.transfers)
    await _write_topups(connection, changes)
    if changes.requests:
        await requests.insert_requests(connection, changes.requests)
    if changes.messages:
        await messages.insert_messages(connection, _addressed(changes))
    if changes.attempts:
        await attempts.insert_attempts(connection, changes.attempts)
    if changes.audits:
        await audit.append(connection, changes.audits)


async def _write_lines(connection: Connection, changes: Changes) -> None:
    new = [changes.lines[line_id] for line_id in sorted(changes.new_line_ids)]
    old = [
        changes.lines[line_id].line
        for line_id in sorted(changes.lines)
        if line_id not in changes.new_line_ids
    ]
    if old:
        await lines.update_lines(connection, old)
    standings = [changes.lines[i].line for i in sorted(changes.standings - changes.new_line_ids)]
    if standings:
        await lines.update_standings(connection, standings)
    if new:
        await lines.insert_lines(connection, new, changes.recycled)
    if changes.recycled:
        owners = {account.line.msisdn: account.line.line_id for account in new}
        passed = await lines.pass_numbers_on(connection, changes.recycled, owners)
        if passed != len(changes.recycled):
            raise ChangedElsewhere
    if changes.persons:
        await persons.insert_persons(connection, changes.persons)


async def _write_topups(connection: Connection, changes: Changes) -> None:
    if changes.redeemed:
        cards = [card for card, _ in changes.redeemed]
        marked = await vouchers.mark_redeemed(
            connection, cards, [topup_no for _, topup_no in changes.redeemed]
        )
        if marked != len(cards):
            raise ChangedElsewhere
    if changes.topups:
        await topups.insert_topups(connection, changes.topups)
    if changes.reversed:
        await topups.mark_reversed(connection, changes.reversed)
    if changes.pages:
        await topups.insert_result_pages(connection, changes.pages)


def _addressed(changes: Changes) -> Iterable[tuple[Message, int, int]]:
    for message in changes.messages:
        line = changes.lines[message.line_id].line
        yield message, line.msisdn, line.language
