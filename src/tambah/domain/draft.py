"""The changes that one command is making: local to one call of `decide`, then frozen."""

from dataclasses import replace
from datetime import datetime

from tambah.domain.balance import MAIN_BUCKET_ID, Bucket, BucketKind
from tambah.domain.commands import Actor, Outcome
from tambah.domain.ledger import Account, Transfer, TransferKind
from tambah.domain.line import Line
from tambah.domain.money import ringgit
from tambah.domain.refusals import NumberUnknown, PartnerUnknown, Refusal
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

_OWN_ACCOUNT = {
    BucketKind.MAIN: Account.LINE_MAIN,
    BucketKind.BONUS: Account.LINE_BONUS,
    BucketKind.FLOAT: Account.FLOAT,
}


class Draft:
    """Collects what changes while a command is decided.

    `now` never goes backwards for a line: it is the later of the batch's instant and the line's
    own clock.
    """

    __slots__ = (
        "buckets",
        "counts",
        "known",
        "line",
        "messages",
        "now",
        "partner",
        "request",
        "rules",
        "topups",
        "transfers",
        "voucher",
        "wrong_code",
    )

    def __init__(self, known: Known, rules: Rules, now: datetime, request: bytes) -> None:
        self.known = known
        self.rules = rules
        self.request = request
        self.line: Line | None = known.line.line if known.line else None
        self.buckets: dict[int, Bucket] = (
            {b.bucket_id: b for b in known.line.buckets} if known.line else {}
        )
        self.now = max(now, self.line.last_at) if self.line else now
        self.partner: PartnerAccount | None = None
        self.voucher: Voucher | None = None
        self.transfers: list[Transfer] = []
        self.topups: list[TopUpRecord] = []
        self.messages: list[Message] = []
        self.counts = False
        self.wrong_code = False

    def require_line(self) -> Line:
        """Return the line. Raises NumberUnknown."""
        if self.line is None:
            raise NumberUnknown
        return self.line

    def require_partner(self) -> PartnerAccount:
        """Return the partner as it stands in this draft. Raises PartnerUnknown."""
        partner = self.partner or self.known.partner
        if partner is None:
            raise PartnerUnknown
        return partner

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
        *,
        topup_no: int | None = None,
        reference: str | None = None,
        peer: tuple[int, int] | None = None,
        mends: int | None = None,
    ) -> Transfer:
        """Change one of the line's buckets by an amount and book the transfer that says so.

        Positive amounts come from the system account `other`, negative ones go to it.
        """
        after = replace(bucket, remaining_micros=bucket.remaining_micros + delta_micros)
        self.buckets[bucket.bucket_id] = after
        own = _OWN_ACCOUNT[bucket.kind]
        incoming = delta_micros > 0
        transfer = Transfer(
            owner_id=bucket.owner_id,
            seq=self._next_seq(),
            at=self.now,
            kind=kind,
            debit=other if incoming else own,
            credit=own if incoming else other,
            amount_micros=abs(delta_micros),
            bucket_id=bucket.bucket_id,
            balance_micros=after.remaining_micros,
            topup_no=topup_no,
            reference=reference,
            peer_owner_id=peer[0] if peer else None,
            peer_seq=peer[1] if peer else None,
            mends_topup_no=mends,
            request=self.request,
        )
        self.transfers.append(transfer)
        return transfer

    def book(
        self,
        amount_micros: int,
        kind: TransferKind,
        debit: Account,
        credit: Account,
        *,
        topup_no: int,
        peer: tuple[int, int] | None = None,
        mends: int | None = None,
    ) -> None:
        """Book a transfer between two system accounts in the line's own sequence."""
        self.transfers.append(
            Transfer(
                owner_id=self.require_line().line_id,
                seq=self._next_seq(),
                at=self.now,
                kind=kind,
                debit=debit,
                credit=credit,
                amount_micros=amount_micros,
                topup_no=topup_no,
                peer_owner_id=peer[0] if peer else None,
                peer_seq=peer[1] if peer else None,
                mends_topup_no=mends,
                request=self.request,
            )
        )

    def move_float(
        self,
        delta_micros: int,
        kind: TransferKind,
        other: Account,
        *,
        reference: str | None = None,
        peer: tuple[int, int] | None = None,
    ) -> int:
        """Change the partner's float; return the transfer's place in the partner's sequence."""
        partner = self.require_partner()
        seq = partner.transfer_seq + 1
        bucket = partner.float_bucket
        after = replace(bucket, remaining_micros=bucket.remaining_micros + delta_micros)
        self.partner = replace(partner, transfer_seq=seq, float_bucket=after)
        incoming = delta_micros > 0
        self.transfers.append(
            Transfer(
                owner_id=partner.partner_id,
                seq=seq,
                at=self.now,
                kind=kind,
                debit=other if incoming else Account.FLOAT,
                credit=Account.FLOAT if incoming else other,
                amount_micros=abs(delta_micros),
                bucket_id=bucket.bucket_id,
                balance_micros=after.remaining_micros,
                reference=reference,
                peer_owner_id=peer[0] if peer else None,
                peer_seq=peer[1] if peer else None,
                request=self.request,
            )
        )
        return seq

    def bonus_bucket(self, expires_at: datetime) -> Bucket:
        """Return the bonus bucket with that end, a new one if there is none."""
        for bucket in self.buckets.values():
            if bucket.kind is BucketKind.BONUS and bucket.expires_at == expires_at:
                return bucket
        line = self.require_line()
        self.line = replace(line, bucket_seq=line.bucket_seq + 1)
        return Bucket(
            owner_id=line.line_id,
            bucket_id=self.line.bucket_seq,
            kind=BucketKind.BONUS,
            remaining_micros=0,
            expires_at=expires_at,
        )

    def tell(self, template: str, **params: int | str) -> None:
        """Write a message to the line's subscriber, in the same transaction."""
        line = self.require_line()
        self.line = replace(line, message_seq=line.message_seq + 1)
        self.messages.append(
            Message(
                line_id=line.line_id,
                number=self.line.message_seq,
                at=self.now,
                template=template,
                params=params,
            )
        )

    def freeze(self, answer: Outcome | Refusal, action: str, actor: Actor | None) -> Decision:
        """Return the decision: the answer with every change collected."""
        line_after: LineAccount | None = None
        if self.line is not None and (self.line is not self._line_before or self.transfers):
            line_after = self._line_account(replace(self.line, last_at=self.now))
        return Decision(
            answer=answer,
            line=line_after,
            partner=self.partner,
            voucher=self.voucher,
            transfers=tuple(self.transfers),
            topups=tuple(self.topups),
            messages=tuple(self.messages),
            audit=self._audit(action, actor, line_after) if actor else None,
            wrong_code=self.wrong_code,
        )

    @property
    def _line_before(self) -> Line | None:
        return self.known.line.line if self.known.line else None

    def _line_account(self, line: Line) -> LineAccount:
        buckets = tuple(self.buckets.values())
        if self.known.line is None:
            return LineAccount(line=line, buckets=buckets)
        return replace(self.known.line, line=line, buckets=buckets)

    def _next_seq(self) -> int:
        line = self.require_line()
        self.line = replace(line, transfer_seq=line.transfer_seq + 1)
        return self.line.transfer_seq

    def _audit(self, action: str, actor: Actor, line_after: LineAccount | None) -> AuditEntry:
        subject = "none"
        if self.line is not None:
            subject = f"line:{self.line.line_id}"
        elif self.partner is not None:
            subject = f"partner:{self.partner.partner_id}"
        return AuditEntry(
            at=self.now,
            who=actor.who,
            action=action,
            subject=subject,
            why=actor.why,
            before=_describe(self.known.line, self.known.partner),
            after=_describe(line_after or self.known.line, self.partner or self.known.partner),
        )


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
