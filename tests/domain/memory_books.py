"""The books in memory: what the engine and the store do, without either.

`MemoryBooks.submit` is to `decide` what the engine is: it finds what a command touches, answers a
repeated request, decides, and applies. `snapshot` gives the whole state as rows named like the
database's tables and columns, so that a history run on both can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from tambah.domain.care_commands import MoveTopUp, SetPreferences
from tambah.domain.commands import (
    BY_LINE,
    BY_PARTNER,
    Command,
    FundFromBank,
    FundPartner,
    OpenPayment,
    Outcome,
    PaymentNews,
    RedeemVoucher,
    RefundPayment,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.dealer import Commission, DealerSale
from tambah.domain.dealer_commands import DealerCommand, MoveFloat, PayCommission, SellCard
from tambah.domain.decide import decide
from tambah.domain.guessing import Audience, Tried
from tambah.domain.ledger import Transfer
from tambah.domain.payment import PaymentAccount
from tambah.domain.records import replace
from tambah.domain.refusals import IdempotencyKeyReused, Refusal
from tambah.domain.reservation import Reservation, UsageRecord
from tambah.domain.rules import Rules
from tambah.domain.state import (
    Annex,
    AnnexKey,
    AuditEntry,
    CardStock,
    Decision,
    Known,
    LineAccount,
    Message,
    PaymentRef,
    TopUpRecord,
)
from tambah.domain.subscription import Subscription, Subscriptions
from tambah.domain.voucher import Voucher, VoucherState

from .world import WORLD, World

Row = dict[str, Any]
A = TypeVar("A", bound=Annex)
NOT_CONTENT = frozenset({"caller", "request_key", "source", "page_token", "language", "audience"})


def plain_digest(caller: str, request_key: str) -> bytes:
    """Return a digest of a request's key; an engine has a keyed one."""
    return sha256(f"{caller}\0{request_key}".encode()).digest()[:16]


class MemoryBooks:
    """All state of a small operator, and the only ways to change it."""

    def __init__(
        self,
        rules: Rules,
        world: World = WORLD,
        digest: Callable[[str, str], bytes] = plain_digest,
    ) -> None:
        self.rules = rules
        self.digest = digest
        self.line_of: dict[int, int] = {}
        self.lines: dict[int, LineAccount] = {}
        self.partners = {p.partner_id: p for p in world.partners}
        self.dealers = {d.partner_id: d for d in world.dealers}
        self.sales: dict[tuple[int, int, int], DealerSale] = {}
        self.commissions: list[Commission] = []
        self.stocks: dict[tuple[int, int], CardStock] = {}
        self.codes = {digits: (v.batch.batch_id, v.number) for digits, v in world.cards.items()}
        self.cards = {(v.batch.batch_id, v.number): v for v in world.cards.values()}
        self.transfers: dict[tuple[int, int], Transfer] = {}
        self.topups: dict[tuple[int, int], TopUpRecord] = {}
        self.messages: dict[tuple[int, int], Message] = {}
        self.payments: dict[tuple[int, int], PaymentAccount] = {}
        self.payment_refs: dict[tuple[str, int], PaymentRef] = {}
        self.audits: list[AuditEntry] = []
        self.annexes: dict[AnnexKey, Annex] = {}
        self.attempts: list[tuple[datetime, bytes, Audience]] = []
        self.answers: dict[tuple[int, bytes], tuple[Row, Outcome | Refusal]] = {}
        self.decision: Decision | None = None

    def submit(self, command: Command, now: datetime) -> Outcome:
        """Do a command, as the engine would; raises its Refusal.

        `decision` is what was decided, None when the first answer was given again.
        """
        self.decision = None
        digest = self._request_digest(command)
        content = _content(command)
        first = self.answers.get((self._owner_of(command) or 0, digest)) if digest else None
        if first is not None:
            if first[0] != content:
                raise IdempotencyKeyReused
            return _answered(first[1])
        known = replace(self.known(command, now), annexes=self.annexes)
        decision = decide(command, known, self.rules, now, digest)
        self.decision = decision
        self.apply(decision)
        if decision.wrong_code:
            assert isinstance(command, RedeemVoucher)
            self.attempts.append((now, command.source, command.audience))
        owner_id = self._owner_of(command)
        if digest and decision.is_remembered and owner_id is not None:
            self.answers[(owner_id, digest)] = (content, decision.answer)
        return _answered(decision.answer)

    def known(self, command: Command, now: datetime) -> Known:
        """Return what the store would load for a command."""
        if isinstance(command, BY_PARTNER):
            return self._known_of_partner(command)
        if isinstance(command, PaymentNews | RefundPayment):
            return Known(
                line=self.lines.get(command.line_id),
                payment=self.payments.get((command.line_id, command.payment_no)),
                topups=self._topups_of(command.line_id),
            )
        if isinstance(command, BY_LINE):
            return Known(line=self.lines.get(command.line_id))
        line_id = self.line_of.get(command.msisdn, 0)
        known = Known(line=self.lines.get(line_id))
        if isinstance(command, TopUp):
            named = (command.partner_id, command.reference)
            referred = any((t.partner_id, t.reference) == named for t in self._topups_of(line_id))
            partner = self.partners.get(command.partner_id)
            return replace(
                known,
                partner=partner,
                referred=referred,
                levels=self.partners,
                dealer=self.dealers.get(command.partner_id),
                sale=self._sale_of(*named),
            )
        if isinstance(command, OpenPayment):
            return replace(known, paid_today=self._paid_today(line_id, now))
        if isinstance(command, RedeemVoucher):
            place = self.codes.get(command.digits)
            voucher = self.cards[place] if place else None
            return replace(known, voucher=voucher, tried=self._tried(command.source, now))
        if isinstance(command, MoveTopUp):
            receiving = self.lines.get(self.line_of.get(command.to_msisdn, 0))
            return replace(known, receiving=receiving, topups=self._topups_of(line_id))
        if isinstance(command, ReverseTopUp):
            mended = self.topups.get((line_id, command.topup_no))
            payer_id = (mended.payer_id or mended.partner_id) if mended else None
            partner = self.partners[payer_id] if payer_id is not None else None
            known = replace(known, partner=partner, topups=self._topups_of(line_id))
            made = (line_id, command.topup_no)
            of_topup = [s for s in self.sales.values() if (s.line_id, s.topup_no) == made]
            return self._with_sale(known, of_topup[0] if of_topup else None)
        return known

    def _known_of_partner(self, command: FundPartner | FundFromBank | DealerCommand) -> Known:
        known = Known(
            partner=self.partners.get(command.partner_id),
            levels=self.partners,
            dealer=self.dealers.get(command.partner_id),
        )
        if isinstance(command, MoveFloat):
            return replace(known, receiver=self.dealers.get(command.to_partner_id))
        if isinstance(command, PayCommission):
            end = self.rules.validity.start_of(command.until + timedelta(days=1))
            owed = [c.amount_micros for c in self._owed(command.partner_id, end)]
            return replace(known, owed_micros=sum(owed))
        if isinstance(command, (FundPartner, FundFromBank)):
            return known
        sale = self._sale_of(command.partner_id, command.reference)
        known = self._with_sale(known, sale)
        if isinstance(command, SellCard):
            card = (command.batch_id, command.number)
            standing = [
                s
                for s in self.sales.values()
                if (s.batch_id, s.number) == card and s.undone_at is None
            ]
            return replace(
                known,
                voucher=self.cards.get(card),
                stock=self.stocks.get(card),
                card_sale=standing[0] if standing else None,
            )
        if sale is not None and sale.line_id is not None:
            topups = self._topups_of(sale.line_id)
            return replace(known, line=self.lines.get(sale.line_id), topups=topups)
        if sale is not None:
            return replace(known, voucher=self.cards[(sale.batch_id or 0, sale.number or 0)])
        return known

    def _with_sale(self, known: Known, sale: DealerSale | None) -> Known:
        if sale is None:
            return known
        paid_by = (sale.payer_id, sale.payer_seq)
        earned = [c for c in self.commissions if (c.payer_id, c.payer_seq) == paid_by]
        return replace(known, sale=sale, commissions=tuple(c for c in earned if not c.is_undo))

    def _sale_of(self, partner_id: int, reference: str) -> DealerSale | None:
        named = (partner_id, reference)
        found = [s for s in self.sales.values() if (s.partner_id, s.reference) == named]
        return found[0] if found else None

    def _owed(self, partner_id: int, before: datetime) -> list[Commission]:
        return [
            c
            for c in self.commissions
            if c.partner_id == partner_id and c.at < before and c.paid_seq is None
        ]

    def apply(self, decision: Decision) -> None:
        """Write a decision; what the database's constraints would refuse fails here too."""
        if decision.line is not None:
            self._write_line(decision.line)
        self.partners |= {partner.partner_id: partner for partner in decision.partners}
        if decision.voucher is not None:
            self._write_voucher(decision.voucher, is_sale=decision.sale is not None)
        if decision.sale is not None:
            sale = decision.sale
            key = (sale.partner_id, sale.payer_id, sale.payer_seq)
            assert (key in self.sales) == (sale.undone_at is not None)
            self.sales[key] = sale
        if decision.commission_run is not None:
            run = decision.commission_run
            owed = self._owed(run.partner_id, run.before)
            assert sum(c.amount_micros for c in owed) == run.amount_micros
            self.commissions = [
                replace(c, paid_seq=run.paid_seq) if c in owed else c for c in self.commissions
            ]
        self.commissions.extend(decision.commissions)
        for transfer in decision.transfers:
            assert transfer.amount_micros > 0
            assert transfer.debit is not transfer.credit
            assert (transfer.bucket_id is None) == (transfer.balance_micros is None)
            _add(self.transfers, (transfer.owner_id, transfer.seq), transfer)
        self.annexes |= {(type(annex), annex.key): annex for annex in decision.annexes}
        for message in decision.messages:
            _add(self.messages, (message.line_id, message.number), message)
        for topup in decision.topups:
            self._write_topup(topup)
        if decision.payment is not None:
            self._write_payment(decision.payment)
        for ref in decision.payment_refs:
            assert ref.provider or (ref.ref, 0) not in self.payment_refs
            self.payment_refs.setdefault((ref.ref, ref.provider), ref)
        if decision.audit is not None:
            self.audits.append(decision.audit)
        if decision.other is not None:
            self.apply(decision.other)

    def state(self) -> tuple[object, ...]:
        """Return everything as it stands, cheaply: records never change, only what holds them."""
        return (
            dict(self.line_of),
            dict(self.lines),
            dict(self.partners),
            dict(self.sales),
            list(self.commissions),
            dict(self.cards),
            dict(self.transfers),
            dict(self.topups),
            dict(self.messages),
            dict(self.payments),
            dict(self.payment_refs),
            list(self.audits),
            list(self.attempts),
            dict(self.answers),
            dict(self.annexes),
        )

    def snapshot(self, *, with_requests: bool = True) -> dict[str, list[Row]]:
        """Return everything as rows by table, each sorted by its key.

        with_requests: off leaves out what depends on how a request's digest is made.
        """
        tables = {
            "number": [{"msisdn": m, "line_id": i} for m, i in self.line_of.items()],
            "line": [_line_row(account) for account in self.lines.values()],
            "bucket": [
                _row(bucket) for account in self.lines.values() for bucket in account.buckets
            ]
            + [_row(partner.float_bucket) for partner in self.partners.values()],
            "partner": [_row(p, "float_bucket") for p in self.partners.values()],
            "transfer": [_row(transfer) for transfer in self.transfers.values()],
            "topup": [_row(topup, "page_token", "gifts") for topup in self.topups.values()],
            "topup_gift": [row for topup in self.topups.values() for row in _gift_rows(topup)],
            "outbox": [_without_seal(_row(message)) for message in self.messages.values()],
            "voucher": [_voucher_row(voucher) for voucher in self.cards.values()],
            "payment": [_payment_row(account) for account in self.payments.values()],
            "refund": [_row(r) for account in self.payments.values() for r in account.refunds],
            "payment_ref": [_row(ref) for ref in self.payment_refs.values()],
            "dealer_sale": [_row(sale) for sale in self.sales.values()],
            "subscription": [_subscription_row(one) for one in self.subscriptions()],
            "commission": [_row(one) for one in self.commissions],
            "audit": [_row(entry) for entry in self.audits],
            "reservation": [_session_row(one) for one in self.annexes_of(Reservation)],
            "usage_record": [_usage_row(one) for one in self.annexes_of(UsageRecord)],
        }
        if not with_requests:
            for row in tables["transfer"]:
                del row["request"]
                if row["kind"] in (1, 25):
                    row["reference"] = None
            for row in tables["topup"]:
                del row["receipt"]
            for row in tables["outbox"]:
                row["params"].pop("receipt", None)
        return {name: sorted(rows, key=_row_key) for name, rows in tables.items()}

    def annexes_of(self, kind: type[A]) -> list[A]:
        """Return all annexes of one kind."""
        return [one for one in self.annexes.values() if isinstance(one, kind)]

    def subscriptions(self) -> list[Subscription]:
        """Return every package that was ever bought."""
        held = [one for one in self.annexes.values() if isinstance(one, Subscriptions)]
        return [one for of_line in held for one in of_line.held]

    def _request_digest(self, command: Command) -> bytes:
        request_key = getattr(command, "request_key", None)
        return self.digest(getattr(command, "caller", ""), request_key) if request_key else b""

    def _owner_of(self, command: Command) -> int | None:
        if isinstance(command, BY_PARTNER):
            return command.partner_id
        if isinstance(command, BY_LINE):
            return command.line_id
        return self.line_of.get(command.msisdn)

    def _topups_of(self, line_id: int) -> tuple[TopUpRecord, ...]:
        return tuple(t for (owner, _), t in sorted(self.topups.items()) if owner == line_id)

    def _tried(self, source: bytes, now: datetime) -> Tried:
        recent = [(s, a) for at, s, a in self.attempts if at > now - timedelta(hours=1)]
        return Tried(
            by_source=sum(s == source for s, _ in recent) if source else 0,
            over_all=sum(a is Audience.GUEST for _, a in recent),
        )

    def _paid_today(self, line_id: int, now: datetime) -> tuple[int, int]:
        validity = self.rules.validity
        since = validity.start_of(validity.local_day(now))
        prices = [
            account.payment.price_micros
            for (owner_id, _), account in self.payments.items()
            if owner_id == line_id
            and account.payment.paid_at is not None
            and account.payment.paid_at >= since
        ]
        return len(prices), sum(prices)

    def _write_payment(self, account: PaymentAccount) -> None:
        """Write a payment: what happened to its money only ever grows."""
        payment = account.payment
        key = (payment.line_id, payment.payment_no)
        assert payment.held_micros >= 0
        assert payment.refunded_micros <= payment.received_micros
        before = self.payments.get(key)
        if before is not None:
            assert payment.received_micros >= before.payment.received_micros
            assert before.payment.topup_no in (None, payment.topup_no)
            assert len(account.refunds) >= len(before.refunds)
        self.payments[key] = account

    def _write_line(self, account: LineAccount) -> None:
        line = account.line
        assert (line.active_until is None) == (line.grace_until is None)
        assert all(bucket.remaining_micros >= 0 for bucket in account.buckets)
        assert {b.owner_id for b in account.buckets} == {line.line_id}
        if line.line_id not in self.lines:
            self.line_of[line.msisdn] = line.line_id
        self.lines[line.line_id] = account

    def _write_voucher(self, voucher: Voucher, *, is_sale: bool = False) -> None:
        place = (voucher.batch.batch_id, voucher.number)
        before = VoucherState.ACTIVE
        if is_sale and voucher.state is VoucherState.ACTIVE:
            before = VoucherState.GENERATED
        assert self.cards[place].state is before, "redeemed elsewhere"
        self.cards[place] = voucher

    def _write_topup(self, topup: TopUpRecord) -> None:
        key = (topup.line_id, topup.topup_no)
        if topup.reversed_at is None:
            _add(self.topups, key, topup)
        else:
            before = replace(topup, reversed_at=None, moved_line_id=None, moved_topup_no=None)
            assert self.topups[key] == before, "only the mark changes, and where it went"
            self.topups[key] = topup


def _add(rows: dict[tuple[int, int], Any], key: tuple[int, int], row: object) -> None:
    assert key not in rows, f"{key} is there already"
    rows[key] = row


def _answered(answer: Outcome | Refusal) -> Outcome:
    if isinstance(answer, Refusal):
        raise type(answer)(**answer.params)
    return answer


def _content(command: Command) -> Row:
    asked = {"language"} if isinstance(command, SetPreferences) else set[str]()
    names = [f.name for f in fields(command) if f.name not in NOT_CONTENT - asked]
    return {"": type(command).__name__} | {name: getattr(command, name) for name in names}


def _row(record: Any, *without: str) -> Row:
    return {
        name: _plain(v)
        for name, v in msgspec.structs.asdict(record).items()
        if name not in without
    }


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, IntEnum) else value


def _line_row(account: LineAccount) -> Row:
    return _row(account.line) | {"iccid": account.iccid, "import_digest": account.import_digest}


def _payment_row(account: PaymentAccount) -> Row:
    row = _row(account.payment)
    return row | {"promised": list(msgspec.to_builtins(row["promised"]))}


def _gift_rows(topup: TopUpRecord) -> list[Row]:
    key = {"line_id": topup.line_id, "topup_no": topup.topup_no}
    return [key | {"gift_no": no} | _row(gift) for no, gift in enumerate(topup.gifts, start=1)]


def _subscription_row(one: Subscription) -> Row:
    row = _row(one)
    return row | {
        name: msgspec.json.decode(msgspec.json.encode(row[name])) for name in ("granted", "paid")
    }


def _voucher_row(voucher: Voucher) -> Row:
    return {
        "batch_id": voucher.batch.batch_id,
        "number": voucher.number,
        "state": int(voucher.state),
        "activated": voucher.was_activated,
        "redeemed_line_id": voucher.redeemed_line_id,
        "redeemed_at": voucher.redeemed_at,
    }


_KEYS = ("msisdn", "owner_id", "line_id", "partner_id", "batch_id", "seq", "topup_no", "bucket_id",
         "number", "payment_no", "refund_no", "gift_no", "ref", "at", "session",
         "rating_group")  # fmt: skip


def _row_key(row: Row) -> list[str]:
    """Return what a row is sorted by, on both sides alike; any order will do."""
    return [str(row[name]) for name in _KEYS if name in row]


def _session_row(session: Reservation) -> Row:
    row = _row(session)
    plain = {name: _json(row[name]) for name in ("groups", "answer")}
    return row | plain


def _usage_row(record: UsageRecord) -> Row:
    row = _row(record)
    usage: Row = _row(row.pop("usage"))
    called = usage.pop("to")
    return row | usage | {"called": called, "paid": _json(row["paid"])}


def _json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _without_seal(row: Row) -> Row:
    """Leave out what is encrypted: it differs at each writing."""
    return {name: value for name, value in row.items() if name not in ("sealed", "good_until")}
