"""The changes that one command is making: local to one call of `decide`, then frozen."""

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from tambah.domain.actor import Actor
from tambah.domain.balance import MAIN_BUCKET_ID, Bucket, BucketKind
from tambah.domain.commands import Outcome
from tambah.domain.dealer import Commission, DealerSale
from tambah.domain.due import low_credit, next_due, reminder_due
from tambah.domain.ledger import OWN_ACCOUNT, Account, Transfer, TransferKind
from tambah.domain.line import Line
from tambah.domain.money import ringgit
from tambah.domain.payment import PaymentAccount
from tambah.domain.records import replace
from tambah.domain.refusals import NumberUnknown, PartnerUnknown, PaymentUnknown, Refusal
from tambah.domain.rules import Rules
from tambah.domain.state import (
    Annex,
    AnnexKey,
    AuditEntry,
    CommissionRun,
    Decision,
    Known,
    LineAccount,
    Message,
    PartnerAccount,
    PaymentRef,
    TopUpRecord,
)
from tambah.domain.voucher import Voucher

_Annex = TypeVar("_Annex", bound=Annex)


class Note(NamedTuple):
    """What a transfer says besides its amount; see `ledger.Transfer`.

    peer: owner and place of the paired transfer in the other owner's books.
    """

    topup_no: int | None = None
    reference: str | None = None
    peer: tuple[int, int] | None = None
    mends_topup_no: int | None = None
    payment_no: int | None = None


_NO_NOTE = Note()
_NO_REMARKS: tuple[dict[str, object], dict[str, object]] = ({}, {})


class Draft:
    """Collects what changes while a command is decided.

    `now` never goes backwards for a line: it is the later of the batch's instant and the line's
    own clock. The line's counters (`transfer_seq`, …) are kept here and put back into the line
    when the draft is frozen: copying the line for each of them was a third of a top-up's time.
    aged: the line was brought to `now`, so that what is due next can be told. holds: a session
    goes on, by which more or less of a bucket is held. other: of the other line, where a command
    touches two.
    """

    __slots__ = (
        "account",
        "aged",
        "annexes",
        "bucket_seq",
        "buckets",
        "commission_run",
        "commissions",
        "counts",
        "holds",
        "known",
        "line",
        "message_seq",
        "messages",
        "now",
        "other",
        "partners",
        "payment",
        "payment_refs",
        "payment_seq",
        "remarks",
        "request",
        "rules",
        "sale",
        "topup_seq",
        "topups",
        "transfer_seq",
        "transfers",
        "voucher",
        "wrong_code",
    )

    def __init__(self, known: Known, rules: Rules, now: datetime, request: bytes) -> None:
        self.known = known
        self.rules = rules
        self.now = now
        self.request = request
        self.account: LineAccount | None = None
        self.line: Line | None = None
        self.buckets: dict[int, Bucket] = {}
        self.transfer_seq = self.bucket_seq = self.topup_seq = self.message_seq = 0
        self.payment_seq = 0
        self.partners: dict[int, PartnerAccount] = {}
        self.voucher: Voucher | None = None
        self.transfers: list[Transfer] = []
        self.topups: list[TopUpRecord] = []
        self.messages: list[Message] = []
        self.payment: PaymentAccount | None = None
        self.payment_refs: list[PaymentRef] = []
        self.annexes: dict[AnnexKey, Annex] = {}
        self.remarks = _NO_REMARKS
        self.sale: DealerSale | None = None
        self.commissions: tuple[Commission, ...] = ()
        self.commission_run: CommissionRun | None = None
        self.other: Draft | None = None
        self.aged = False
        self.counts = False
        self.holds = False
        self.wrong_code = False
        if known.line is not None:
            self.now = max(now, known.line.line.last_at)
            self.adopt(known.line)

    def adopt(self, account: LineAccount) -> None:
        """Take up a line: the one that the store holds, or a new one in its place."""
        line = account.line
        self.account = account
        self.line = line
        self.buckets = {bucket.bucket_id: bucket for bucket in account.buckets}
        self.transfer_seq = line.transfer_seq
        self.bucket_seq = line.bucket_seq
        self.topup_seq = line.topup_seq
        self.message_seq = line.message_seq
        self.payment_seq = line.payment_seq

    def require_line(self) -> Line:
        """Return the line, its counters aside. Raises NumberUnknown."""
        if self.line is None:
            raise NumberUnknown
        return self.line

    def require_partner(self) -> PartnerAccount:
        """Return the partner as it stands in this draft. Raises PartnerUnknown."""
        partner = self.known.partner
        if partner is None:
            raise PartnerUnknown
        return self.partners.get(partner.partner_id, partner)

    def require_level(self, partner_id: int) -> PartnerAccount:
        """Return another partner that the command touches, or the same. Raises PartnerUnknown."""
        level = self.partners.get(partner_id) or self.known.levels.get(partner_id)
        if level is not None:
            return level
        partner = self.require_partner()
        assert partner.partner_id == partner_id, "whose float is touched is loaded"
        return partner

    def keep_partner(self, partner: PartnerAccount) -> None:
        """Have a partner written as it is here."""
        self.partners[partner.partner_id] = partner

    def require_payment(self) -> PaymentAccount:
        """Return the payment as it stands in this draft. Raises PaymentUnknown."""
        account = self.payment or self.known.payment
        if account is None:
            raise PaymentUnknown
        return account

    def annex(self, kind: type[_Annex], key: Hashable = None) -> _Annex | None:
        """Return an annex as it stands in this draft, None for none. key: the line's unless told.

        Only what the kind's shelf loads for this command is found.
        """
        place = (kind, self.require_line().line_id if key is None else key)
        return cast("_Annex | None", self.annexes.get(place) or self.known.annexes.get(place))

    def keep(self, annex: Annex) -> None:
        """Have an annex written, new or in the place of the one with its key."""
        self.annexes[(type(annex), annex.key)] = annex

    def remark(self, before: dict[str, object], after: dict[str, object]) -> None:
        """Add to what the audit row says of how things stood, where an actor leaves one."""
        self.remarks = ({**self.remarks[0], **before}, {**self.remarks[1], **after})

    @property
    def iccid(self) -> str | None:
        """Return the number of the SIM that the line is on."""
        return self.account.iccid if self.account else None

    def put_on(self, iccid: str) -> None:
        """Put the line on a SIM; see `domain.sim`. Raises NumberUnknown."""
        self.require_line()
        self.account = replace(cast("LineAccount", self.account), iccid=iccid)

    @property
    def main(self) -> Bucket:
        """Return the line's main credit."""
        return self.buckets[MAIN_BUCKET_ID]

    def move(
        self,
        bucket: Bucket,
        delta_micros: int,
        kind: TransferKind,
        other: Account,
        note: Note = _NO_NOTE,
    ) -> None:
        """Change one of the line's buckets by an amount and book the transfer that says so.

        Positive amounts come from the system account `other`, negative ones go to it.
        """
        after = replace(bucket, remaining_micros=bucket.remaining_micros + delta_micros)
        self.buckets[bucket.bucket_id] = after
        self.transfer_seq += 1
        self._book_move(after, delta_micros, kind, other, note, self.transfer_seq)

    def hold(self, bucket: Bucket) -> None:
        """Have a bucket written of which more or less is held; no money moves by that."""
        self.buckets[bucket.bucket_id] = bucket
        self.holds = True

    def move_float(
        self,
        delta_micros: int,
        kind: TransferKind,
        other: Account,
        note: Note = _NO_NOTE,
        partner_id: int | None = None,
    ) -> int:
        """Change the partner's float; return the transfer's place in the partner's sequence.

        partner_id: whose, if not that of the one that the command names.
        """
        partner = self.require_partner() if partner_id is None else self.require_level(partner_id)
        seq = partner.transfer_seq + 1
        bucket = partner.float_bucket
        after = replace(bucket, remaining_micros=bucket.remaining_micros + delta_micros)
        self.keep_partner(replace(partner, transfer_seq=seq, float_bucket=after))
        self._book_move(after, delta_micros, kind, other, note, seq)
        return seq

    def book(
        self, amount_micros: int, kind: TransferKind, debit: Account, credit: Account, note: Note
    ) -> None:
        """Book a transfer between two system accounts in the line's own sequence."""
        self.transfer_seq += 1
        self.transfers.append(
            Transfer(
                owner_id=self.require_line().line_id,
                seq=self.transfer_seq,
                at=self.now,
                kind=kind,
                debit=debit,
                credit=credit,
                amount_micros=amount_micros,
                topup_no=note.topup_no,
                reference=note.reference,
                peer_owner_id=note.peer[0] if note.peer else None,
                peer_seq=note.peer[1] if note.peer else None,
                mends_topup_no=note.mends_topup_no,
                request=self.request,
                payment_no=note.payment_no,
            )
        )

    def bucket(self, kind: BucketKind, expires_at: datetime, scope: str = "") -> Bucket:
        """Return the bucket of that kind, end and scope, a new one if there is none."""
        for bucket in self.buckets.values():
            if (bucket.kind, bucket.expires_at, bucket.scope) == (kind, expires_at, scope):
                return bucket
        self.bucket_seq += 1
        return Bucket(
            owner_id=self.require_line().line_id,
            bucket_id=self.bucket_seq,
            kind=kind,
            remaining_micros=0,
            expires_at=expires_at,
            scope=scope,
        )

    def tell(self, template: str, **params: int | str) -> None:
        """Write a message to the line's subscriber, in the same transaction."""
        self.tell_sealed(template, params)

    def tell_sealed(
        self,
        template: str,
        params: dict[str, int | str],
        sealed: bytes | None = None,
        good_until: datetime | None = None,
    ) -> None:
        """Write a message that has a secret, or an end of its use; see `Message`."""
        self.message_seq += 1
        self.messages.append(
            Message(
                line_id=self.require_line().line_id,
                number=self.message_seq,
                at=self.now,
                template=template,
                params=params,
                sealed=sealed,
                good_until=good_until,
            )
        )

    def freeze(self, answer: Outcome | Refusal, action: str, actor: Actor | None) -> Decision:
        """Return the decision: the answer with every change collected."""
        self._tell_by_the_way()
        line_after = self._line_after()
        return Decision(
            answer=answer,
            line=line_after,
            partners=tuple(self.partners.values()),
            voucher=self.voucher,
            transfers=tuple(self.transfers),
            topups=tuple(self.topups),
            messages=tuple(self.messages),
            payment=self.payment,
            payment_refs=tuple(self.payment_refs),
            audit=self._audit(action, actor, line_after) if actor else None,
            wrong_code=self.wrong_code,
            annexes=tuple(self.annexes.values()),
            sale=self.sale,
            commissions=self.commissions,
            commission_run=self.commission_run,
            other=self.other.freeze(answer, action, actor) if self.other else None,
        )

    def _tell_by_the_way(self) -> None:
        """Tell what is told whatever the command was: a reminder that is due, low credit."""
        before, line = self.known.line, self.line
        if before is None or line is None or before.line.line_id != line.line_id:
            return
        notices = [reminder_due(before.line, line, self.rules, self.now)] if self.aged else []
        # Who is told the balance anyway needs no second message about it.
        if not any("balance_micros" in message.params for message in self.messages):
            was, now = before.main.remaining_micros, self.main.remaining_micros
            notices.append(low_credit(was, now, line))
        for notice in notices:
            if notice is not None:
                self.tell(notice.template, **notice.params)

    def _line_after(self) -> LineAccount | None:
        """Return the line to be written, None when it is as the store holds it.

        An aged line that was due is written though nothing else of it changed: it is not due any
        more.
        """
        stored = self.known.line.line if self.known.line else None
        touched = self.line is not stored or bool(self.transfers or self.messages or self.holds)
        if self.aged and stored is not None and stored.due_at is not None:
            touched = touched or stored.due_at <= self.now
        if self.account is None or self.line is None or not touched:
            return None
        line = replace(
            self.line,
            last_at=self.now,
            transfer_seq=self.transfer_seq,
            bucket_seq=self.bucket_seq,
            topup_seq=self.topup_seq,
            message_seq=self.message_seq,
            payment_seq=self.payment_seq,
        )
        buckets = tuple(self.buckets.values())
        if self.aged:
            line = replace(line, due_at=next_due(line, buckets, self.rules, self.now))
        return replace(self.account, line=line, buckets=buckets)

    def _book_move(
        self,
        after: Bucket,
        delta_micros: int,
        kind: TransferKind,
        other: Account,
        note: Note,
        seq: int,
    ) -> None:
        own = OWN_ACCOUNT[after.kind]
        incoming = delta_micros > 0
        self.transfers.append(
            Transfer(
                owner_id=after.owner_id,
                seq=seq,
                at=self.now,
                kind=kind,
                debit=other if incoming else own,
                credit=own if incoming else other,
                amount_micros=abs(delta_micros),
                bucket_id=after.bucket_id,
                balance_micros=after.remaining_micros,
                topup_no=note.topup_no,
                reference=note.reference,
                peer_owner_id=note.peer[0] if note.peer else None,
                peer_seq=note.peer[1] if note.peer else None,
                mends_topup_no=note.mends_topup_no,
                request=self.request,
                payment_no=note.payment_no,
            )
        )

    def _partner_after(self) -> PartnerAccount | None:
        return None if self.known.partner is None else self.require_partner()

    def _audit(self, action: str, actor: Actor, line_after: LineAccount | None) -> AuditEntry:
        if self.line is not None:
            subject = f"line:{self.line.line_id}"
        else:
            subject = f"partner:{self.require_partner().partner_id}"
        return AuditEntry(
            at=self.now,
            who=actor.who,
            action=action,
            subject=subject,
            why=actor.why,
            before={
                **_describe(self.known.line, self.known.partner),
                **_describe_payment(self.known.payment),
                **self.remarks[0],
            },
            after={
                **_describe(line_after or self.known.line, self._partner_after()),
                **_describe_payment(self.payment or self.known.payment),
                **self.remarks[1],
            },
        )


def _describe_payment(account: PaymentAccount | None) -> dict[str, object]:
    if account is None:
        return {}
    payment = account.payment
    return {
        "payment": payment.reference,
        "payment_state": payment.state.name.lower(),
        "held": ringgit(payment.held_micros),
        "refunded": ringgit(payment.refunded_micros),
    }


def _describe(line: LineAccount | None, partner: PartnerAccount | None) -> dict[str, object]:
    """Sum up what an auditor compares; no personal data, no number."""
    summary: dict[str, object] = {}
    if line is not None:
        facts = line.line
        summary["state"] = facts.state.name.lower()
        summary["barred"] = facts.barred
        summary["suspended"] = facts.suspended
        summary["main"] = ringgit(line.main.remaining_micros)
        summary["active_until"] = facts.active_until.isoformat() if facts.active_until else None
    if partner is not None:
        summary["float"] = ringgit(partner.float_bucket.remaining_micros)
    return summary
