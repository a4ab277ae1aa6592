"""What must be true of the books after any history: the sums that `tambah verify` proves."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from tambah.domain.balance import ALLOWANCES, Bucket, BucketKind, is_live
from tambah.domain.gift import GiftKind
from tambah.domain.ledger import (
    GIVEN_BY,
    LAPSED_TO,
    OWN_ACCOUNT,
    OWN_ACCOUNTS,
    Account,
    Transfer,
    TransferKind,
    allowance_of,
)
from tambah.domain.line import LineState, stage_at
from tambah.domain.payment import NEVER_PAID, OPEN_STATES, UNSENT
from tambah.domain.rating import cost
from tambah.domain.reservation import Group, Reservation, UsageRecord
from tambah.domain.state import TopUpSource
from tambah.domain.subscription import SubscriptionState
from tambah.domain.voucher import VoucherState

from .memory_books import MemoryBooks

KIND_OF = {account: kind for kind, account in OWN_ACCOUNT.items()}


def prove(books: MemoryBooks) -> None:
    """Assert everything about the books as they stand."""
    prove_sequences(books)
    prove_balances(books)
    prove_accounts(books)
    prove_pairs(books)
    prove_topups(books)
    prove_cards(books)
    prove_reversals(books)
    prove_moves(books)
    prove_packages(books)
    prove_payments(books)
    prove_usage(books)
    for line_id in books.lines:
        prove_line(books, line_id)


def all_buckets(books: MemoryBooks) -> list[Bucket]:
    """Return every bucket of every owner."""
    held = [bucket for account in books.lines.values() for bucket in account.buckets]
    return held + [partner.float_bucket for partner in books.partners.values()]


def by_owner(books: MemoryBooks) -> dict[int, list[Transfer]]:
    """Return each owner's transfers in order."""
    owned: defaultdict[int, list[Transfer]] = defaultdict(list)
    for (owner_id, _), transfer in sorted(books.transfers.items()):
        owned[owner_id].append(transfer)
    return owned


def signed(transfer: Transfer) -> int:
    """Return what a transfer does to its owner's bucket: its own account is on one side."""
    own = OWN_ACCOUNTS & {transfer.debit, transfer.credit}
    assert len(own) == (transfer.bucket_id is not None), "one own account, or none without bucket"
    return transfer.amount_micros if transfer.credit in own else -transfer.amount_micros


def prove_sequences(books: MemoryBooks) -> None:
    """No transfer, bucket, top-up or message is missing between the first and the last."""
    owned = by_owner(books)
    counters = {p.partner_id: p.transfer_seq for p in books.partners.values()}
    counters |= {line_id: a.line.transfer_seq for line_id, a in books.lines.items()}
    assert set(owned) <= set(counters)
    for owner_id, last in counters.items():
        assert [t.seq for t in owned[owner_id]] == list(range(1, last + 1))
    for line_id, account in books.lines.items():
        line = account.line
        assert [t.at for t in owned[line_id]] == sorted(t.at for t in owned[line_id])
        assert [b.bucket_id for b in account.buckets] == list(range(1, line.bucket_seq + 1))
        topups = sorted(no for owner, no in books.topups if owner == line_id)
        assert topups == list(range(1, line.topup_seq + 1))
        messages = sorted(no for owner, no in books.messages if owner == line_id)
        assert messages == list(range(1, line.message_seq + 1))


def prove_balances(books: MemoryBooks) -> None:
    """Every bucket is the sum of its transfers, which each say what it held afterwards."""
    running: Counter[tuple[int, int]] = Counter()
    for owner_id, transfers in by_owner(books).items():
        for transfer in transfers:
            change = signed(transfer)
            if transfer.bucket_id is not None:
                running[owner_id, transfer.bucket_id] += change
                assert transfer.balance_micros == running[owner_id, transfer.bucket_id]
    limits = {p.partner_id: p.credit_limit_micros for p in books.partners.values()}
    for bucket in all_buckets(books):
        assert bucket.remaining_micros == running.pop((bucket.owner_id, bucket.bucket_id), 0)
        assert bucket.remaining_micros >= -limits.get(bucket.owner_id, 0)
    assert not +running, "a transfer names a bucket that is not there"


def balances(books: MemoryBooks) -> Counter[Account]:
    """Return every account's balance: credits less debits."""
    sums: Counter[Account] = Counter()
    for transfer in books.transfers.values():
        sums[transfer.credit] += transfer.amount_micros
        sums[transfer.debit] -= transfer.amount_micros
    return sums


def prove_accounts(books: MemoryBooks) -> None:
    """Credit is neither made nor lost: what lines and floats hold came from a system account."""
    sums = balances(books)
    for account, kind in KIND_OF.items():
        held = [b.remaining_micros for b in all_buckets(books) if b.kind is kind]
        assert sum(held) == sums[account]
    for t in books.transfers.values():
        assert allowance_of(t.debit) is allowance_of(t.credit), "no unit becomes another"
    system = {account: sums[account] for account in Account if account not in OWN_ACCOUNTS}
    for unit in (None, *ALLOWANCES):
        held = [b for b in all_buckets(books) if allowance_of(OWN_ACCOUNT[b.kind]) is unit]
        theirs = [amount for account, amount in system.items() if allowance_of(account) is unit]
        assert sum(theirs) + sum(b.remaining_micros for b in held) == 0
    for kind in ALLOWANCES:
        assert system[GIVEN_BY[kind]] <= 0
        assert system[LAPSED_TO[kind]] >= 0
    assert system[Account.TRANSIT] == 0
    assert system[Account.TAX] >= 0
    assert system[Account.FORFEITED] >= 0
    assert system[Account.BONUS_GIVEN] <= 0
    if not books.dealers:
        # Dealers pay for cards before anybody redeems them.
        assert system[Account.CARDS_SOLD] <= 0
    assert system[Account.OPENING] <= 0
    assert system[Account.FUNDING] <= 0
    assert system[Account.REVENUE] >= 0
    assert system[Account.USAGE_REVENUE] >= 0


def prove_pairs(books: MemoryBooks) -> None:
    """What leaves a float arrives at a line or another float; each side names the other."""
    for transfer in books.transfers.values():
        if transfer.kind in (TransferKind.FLOAT_MOVE, TransferKind.MOVE):
            other = books.transfers[transfer.peer_owner_id or 0, transfer.peer_seq or 0]
            assert (other.peer_owner_id, other.peer_seq) == (transfer.owner_id, transfer.seq)
            assert signed(other) == -signed(transfer)
    arrived: Counter[tuple[int, int, int]] = Counter()
    for transfer in books.transfers.values():
        is_moved = transfer.kind is TransferKind.MOVE
        if transfer.owner_id in books.lines and transfer.peer_seq is not None and not is_moved:
            into = 1 if transfer.debit is Account.TRANSIT else -1
            key = (transfer.peer_owner_id or 0, transfer.peer_seq, transfer.owner_id)
            arrived[key] += into * transfer.amount_micros
    left: Counter[tuple[int, int, int]] = Counter()
    for transfer in books.transfers.values():
        is_passing = Account.TRANSIT in (transfer.debit, transfer.credit)
        is_ours = transfer.owner_id in books.partners and is_passing
        if is_ours and transfer.kind is not TransferKind.FLOAT_MOVE:
            key = (transfer.owner_id, transfer.seq, transfer.peer_owner_id or 0)
            left[key] = -signed(transfer)
            line_side = books.transfers[transfer.peer_owner_id or 0, transfer.peer_seq or 0]
            assert (line_side.peer_owner_id, line_side.peer_seq) == key[:2]
    assert arrived == left


_CREDITS = {
    TopUpSource.VOUCHER: TransferKind.REDEMPTION,
    TopUpSource.PARTNER: TransferKind.TOPUP,
    TopUpSource.PAYMENT: TransferKind.CREDIT,
    TopUpSource.MOVED: TransferKind.MOVE,
}


def prove_payments(books: MemoryBooks) -> None:
    """Each payment's amounts are its transfers', and its credit stands once."""
    sums: Counter[tuple[int, int, str]] = Counter()
    for t in books.transfers.values():
        if t.payment_no is None:
            assert Account.HELD not in (t.debit, t.credit)
            continue
        key = (t.owner_id, t.payment_no)
        sums[*key, "received"] += t.amount_micros * (t.kind is TransferKind.PAYMENT)
        sums[*key, "refunded"] += t.amount_micros * (t.kind is TransferKind.REFUND)
        sums[*key, "refunded"] -= t.amount_micros * (t.kind is TransferKind.REFUND_RETURNED)
        sums[*key, "disputed"] += t.amount_micros * (t.kind is TransferKind.DISPUTE)
        sums[*key, "disputed"] -= t.amount_micros * (t.kind is TransferKind.DISPUTE_WON)
        sums[*key, "held"] += t.amount_micros * (t.credit is Account.HELD)
        sums[*key, "held"] -= t.amount_micros * (t.debit is Account.HELD)
    credited = {
        (t.line_id, t.payment_no): t.topup_no
        for t in books.topups.values()
        if t.payment_no is not None
    }
    numbers: Counter[int] = Counter()
    for key, account in books.payments.items():
        payment = account.payment
        numbers[key[0]] = max(numbers[key[0]], key[1])
        assert payment.received_micros == sums.pop((*key, "received"), 0)
        assert payment.refunded_micros == sums.pop((*key, "refunded"), 0)
        assert payment.disputed_micros == sums.pop((*key, "disputed"), 0)
        assert payment.held_micros == sums.pop((*key, "held"), 0)
        assert payment.topup_no == credited.pop(key, None)
        assert payment.received_micros in (0, payment.total_micros)
        under_way = [r for r in account.refunds if r.state in UNSENT]
        if payment.topup_no is not None:
            assert payment.held_micros == sum(r.amount_micros for r in under_way)
        assert [r.refund_no for r in account.refunds] == list(range(1, payment.refund_seq + 1))
        assert (payment.state in OPEN_STATES | NEVER_PAID) == (payment.received_micros == 0)
    assert not +sums
    assert not credited
    for line_id, account in books.lines.items():
        assert account.line.payment_seq == numbers[line_id]


def prove_usage(books: MemoryBooks) -> None:
    """What is held belongs to a session; what was used is paid, owed, or said to be unpaid."""
    held: Counter[tuple[int, int]] = Counter()
    for one in books.annexes_of(Reservation):
        for group in one.groups:
            for hold in (*group.holds, *group.owed):
                assert one.closed_at is None, "a session that is closed holds nothing"
                assert hold.amount > 0
                held[one.line_id, hold.bucket_id] += hold.amount
            _prove_group(books, one, group)
    for bucket in all_buckets(books):
        assert bucket.held == held.pop((bucket.owner_id, bucket.bucket_id), 0)
        assert bucket.held >= 0
        assert bucket.kind is BucketKind.FLOAT or bucket.free >= 0
    assert not held
    booked: Counter[tuple[int, BucketKind]] = Counter()
    for t in books.transfers.values():
        sign = (t.kind is TransferKind.USAGE) - (t.kind is TransferKind.USAGE_REFUND)
        if sign:
            own = t.debit if sign > 0 else t.credit
            booked[t.owner_id, KIND_OF[own]] += sign * t.amount_micros
    recorded: Counter[tuple[int, BucketKind]] = Counter()
    for record in books.annexes_of(UsageRecord):
        sums = Counter({one.kind: 0 for one in record.paid})
        for one in record.paid:
            sums[one.kind] += one.amount
            recorded[record.line_id, one.kind] += one.amount
        allowed = sum(amount for kind, amount in sums.items() if kind in ALLOWANCES)
        assert record.covered_units == allowed
        assert record.charged_micros == sum(sums.values()) - allowed
        assert record.refunded_micros <= record.charged_micros
        assert record.refunded_units <= record.covered_units
    refunded = sum(r.refunded_micros + r.refunded_units for r in books.annexes_of(UsageRecord))
    assert all(amount >= 0 for amount in booked.values())
    assert sum(recorded.values()) - refunded == sum(booked.values())


def _prove_group(books: MemoryBooks, session: Reservation, group: Group) -> None:
    kinds = {b.bucket_id: b.kind for b in books.lines[session.line_id].buckets}
    spent: Counter[bool] = Counter()
    for owed in group.owed:
        spent[kinds[owed.bucket_id] in ALLOWANCES] += owed.amount
    for paid in group.paid:
        assert kinds[paid.bucket_id] is paid.kind
        spent[paid.kind in ALLOWANCES] += paid.amount
    assert group.used == spent[True] + group.credit_units + group.unpaid_units
    assert group.charged_micros == spent[False]
    assert cost(group.rate, group.paid_units) == group.rate_micros
    if session.closed_at is not None:
        assert group.granted == 0


def prove_topups(books: MemoryBooks) -> None:
    """Each top-up has its credit, tax and bonus in the books once; references stand once."""
    prove_gifts(books)
    booked: Counter[tuple[int, int, TransferKind]] = Counter()
    for t in books.transfers.values():
        if t.kind is TransferKind.GRANT:
            continue
        if t.topup_no is not None and t.mends_topup_no is None:
            assert (t.owner_id, t.topup_no, t.kind) not in booked
            booked[t.owner_id, t.topup_no, t.kind] = t.amount_micros
    promised: Counter[tuple[int, int, TransferKind]] = Counter()
    for (line_id, no), topup in books.topups.items():
        kind = _CREDITS[topup.source]
        promised[line_id, no, kind] = topup.main_micros
        promised[line_id, no, TransferKind.TAX] = topup.tax_micros
        promised[line_id, no, TransferKind.BONUS] = topup.own_bonus_micros
        promised[line_id, no, TransferKind.REACTIVATION] = topup.reactivation_micros
        assert topup.main_micros + topup.tax_micros == topup.price_micros
    assert booked == +promised
    references = Counter(
        (t.line_id, t.partner_id, t.reference)
        for t in books.topups.values()
        if t.partner_id is not None and t.reference is not None
    )
    assert set(references.values()) <= {1}


def prove_gifts(books: MemoryBooks) -> None:
    """What promotions gave is booked, a transfer for each bucket, and nothing else is."""
    booked: Counter[tuple[int, int, int | None]] = Counter()
    for t in books.transfers.values():
        if t.kind is TransferKind.GRANT:
            assert t.topup_no is not None
            assert (t.owner_id, t.topup_no, t.bucket_id) not in booked
            assert GIVEN_BY[KIND_OF[t.credit]] is t.debit
            booked[t.owner_id, t.topup_no, t.bucket_id] = t.amount_micros
    given: Counter[tuple[int, int, int | None]] = Counter()
    for (line_id, no), topup in books.topups.items():
        buckets = {b.bucket_id: b for b in books.lines[line_id].buckets}
        assert topup.own_bonus_micros >= 0
        for gift in topup.gifts:
            if gift.kind is GiftKind.DAYS:
                assert (gift.bucket_id, gift.expires_at) == (None, None)
                continue
            assert gift.bucket_id is not None
            bucket = buckets[gift.bucket_id]
            assert (int(bucket.kind), bucket.expires_at) == (int(gift.kind), gift.expires_at)
            given[line_id, no, gift.bucket_id] += gift.amount
    assert booked == given


def prove_cards(books: MemoryBooks) -> None:
    """Redeemed cards and voucher top-ups match one to one."""
    redeemed = {
        (place, card.redeemed_line_id, card.redeemed_at)
        for place, card in books.cards.items()
        if card.state is VoucherState.REDEEMED
    }
    topups = [t for t in books.topups.values() if t.source is TopUpSource.VOUCHER]
    assert len(topups) == len(redeemed)
    assert {((t.batch_id, t.number), t.line_id, t.at) for t in topups} == redeemed


def prove_reversals(books: MemoryBooks) -> None:
    """A reversal never takes more than was given, and none comes without its mark."""
    taken: Counter[tuple[int, int, Account]] = Counter()
    for t in books.transfers.values():
        if t.mends_topup_no is not None:
            assert t.kind in (TransferKind.REVERSAL, TransferKind.MOVE)
            taken[t.owner_id, t.mends_topup_no, t.debit] += t.amount_micros
    for (line_id, no, account), amount_micros in taken.items():
        topup = books.topups[line_id, no]
        assert topup.reversed_at is not None
        given = {
            Account.LINE_MAIN: topup.main_micros,
            Account.LINE_BONUS: topup.bonus_micros,
            Account.TAX: topup.tax_micros,
        }
        for gift in topup.gifts:
            if BucketKind(gift.kind or BucketKind.MAIN) in ALLOWANCES:
                own = OWN_ACCOUNT[BucketKind(gift.kind)]
                given[own] = given.get(own, 0) + gift.amount
        assert amount_micros <= given[account]
        if account is Account.TAX:
            assert taken[line_id, no, Account.LINE_MAIN] == topup.main_micros


def prove_moves(books: MemoryBooks) -> None:
    """What was moved is on one line once: each record names the other, and neither more."""
    for (line_id, no), topup in books.topups.items():
        is_named = topup.moved_line_id is not None
        assert is_named or topup.source is not TopUpSource.MOVED
        if not is_named:
            continue
        other = books.topups[topup.moved_line_id or 0, topup.moved_topup_no or 0]
        assert (other.moved_line_id, other.moved_topup_no) == (line_id, no)
        gone, come = (other, topup) if topup.source is TopUpSource.MOVED else (topup, other)
        assert gone.reversed_at == come.at
        assert (gone.source is TopUpSource.MOVED, come.reversed_at) == (False, None)
        assert come.main_micros <= gone.main_micros
        assert come.bonus_micros in (0, gone.own_bonus_micros)
        assert (come.tax_micros, come.gifts) == (0, ())


_ALLOWANCES_GIVEN = {GIVEN_BY[kind] for kind in ALLOWANCES}


def prove_packages(books: MemoryBooks) -> None:
    """What was paid and granted for each package is in the books once, and so is its return."""
    booked: Counter[tuple[int, str, int, str]] = Counter()
    for t in books.transfers.values():
        is_back = Account.PACKAGE_REVENUE is t.debit
        is_ours = t.kind is TransferKind.PACKAGE or is_back
        is_taken = t.mends_topup_no is None and t.credit in _ALLOWANCES_GIVEN
        is_taken = is_taken and t.kind is TransferKind.REVERSAL
        if is_ours or is_taken:
            assert t.reference is not None
            assert t.bucket_id is not None
            way = "back" if t.kind is TransferKind.REVERSAL else "forth"
            place = t.bucket_id if not is_back else 0
            booked[t.owner_id, t.reference, place, way] += t.amount_micros
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for one in books.subscriptions():
        numbers[one.line_id].append(one.number)
        assert sum(part.amount_micros for part in one.paid) == one.price_micros > 0
        for bucket_id, amount in [
            *((part.bucket_id, part.amount_micros) for part in one.paid),
            *((part.bucket_id, part.amount) for part in one.granted),
        ]:
            assert booked.pop((one.line_id, one.receipt, bucket_id, "forth")) == amount
        if one.state is SubscriptionState.REFUNDED:
            assert booked.pop((one.line_id, one.receipt, 0, "back")) == one.price_micros
            for part in one.granted:
                key = (one.line_id, one.receipt, part.bucket_id, "back")
                assert booked.pop(key) == part.amount
        assert one.is_running == (one.ended_at is None)
        assert not (one.is_running and one.until <= clock_of(books, one.line_id)), "seen to"
    assert not +booked
    for line_id, given in numbers.items():
        assert sorted(given) == list(range(1, len(given) + 1))
        running = [o for o in books.subscriptions() if o.line_id == line_id and o.is_running]
        due_at = min((one.due_at for one in running), default=None)
        assert books.lines[line_id].line.package_due_at == due_at


def prove_line(books: MemoryBooks, line_id: int) -> None:
    """A line's state is what its dates say for its own clock, and what is over holds nothing."""
    account, rules = books.lines[line_id], books.rules
    line = account.line
    assert line.state is stage_at(line, rules.life, rules.validity, line.last_at)
    assert account.main.kind is BucketKind.MAIN
    for bucket in account.buckets:
        over = line.state >= LineState.EXPIRED or not is_live(bucket, line.last_at)
        assert not (over and bucket.free)
    bought = [one for one in books.subscriptions() if one.line_id == line_id]
    own = {part.bucket_id for one in bought for part in one.granted}
    ends = [(b.kind, b.expires_at, b.scope) for b in account.buckets if b.bucket_id not in own]
    assert len(set(ends)) == len(ends), "what is of one kind with one end shares a bucket"


def clock_of(books: MemoryBooks, line_id: int) -> datetime:
    """Return a line's own clock."""
    return books.lines[line_id].line.last_at
