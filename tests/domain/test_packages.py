"""Packages: bought from credit, renewed by the clock once, taken back unused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tambah.domain.balance import Bucket, BucketKind
from tambah.domain.commands import AgeLine
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import LineState
from tambah.domain.package import Package, PackageAllowance, Stacking, on_sale
from tambah.domain.package_commands import (
    BuyPackage,
    PackageBought,
    PackageRefunded,
    RefundPackage,
    RenewalSet,
    SetRenewal,
)
from tambah.domain.records import replace as changed
from tambah.domain.refusals import (
    CreditTooLow,
    LineNotActivated,
    PackageAlreadyRunning,
    PackageChanged,
    PackageNotForYou,
    PackageNotRecurring,
    PackageNotRunning,
    PackageUnknown,
    PackageUsed,
    Refusal,
)
from tambah.domain.subscription import Subscription, Subscriptions, SubscriptionState

from .memory_books import MemoryBooks
from .proofs import prove
from .world import (
    ALICE,
    ALWAYS,
    RM,
    STAFF,
    START,
    adjust,
    bar,
    day,
    fund,
    import_line,
    rules_for,
    top_up,
)

LINE = 11
NAMES = {"en": "Demo", "ms": "Demo", "zh-Hans": "示范", "ta": "டெமோ"}
GB = 2**30
NOON = timedelta(hours=12)


def package(code: str = "DATA7", price: float = 10, **fields: Any) -> Package:
    """Return a package of a gigabyte for a week, in ringgit, unless told."""
    plain: dict[str, Any] = {
        "names": NAMES,
        "terms": {},
        "allowances": (PackageAllowance(kind=BucketKind.BYTES, amount=GB, scope="social"),),
        "days": 7,
        "on_sale_from": ALWAYS,
    }
    return Package(code=code, price_micros=round(price * RM), **{**plain, **fields})


_LATER = day(60)
RENEWING: dict[str, Any] = {"recurring": True, "auto_renew": True}


def books_with(
    *packages: Package, opening: int = 25, until: datetime | None = _LATER
) -> MemoryBooks:
    """Return books of an active line with credit, and those packages on sale."""
    books = MemoryBooks(replace(rules_for(), packages=packages))
    books.submit(import_line(LINE, until=until, opening=opening, activated_at=START), START)
    books.submit(fund("float"), START)
    return books


def buy(key: str = "buy", code: str = "DATA7", *, auto_renew: bool | None = None) -> BuyPackage:
    """Buy a package for ALICE."""
    return BuyPackage(
        caller="portal", request_key=key, msisdn=ALICE, package=code, auto_renew=auto_renew
    )


def refund(key: str = "refund", number: int = 1) -> RefundPackage:
    """Take a package of ALICE's back."""
    return RefundPackage(
        caller="console", request_key=key, msisdn=ALICE, number=number, actor=STAFF
    )


def set_renewal(key: str, number: int, *, renews: bool) -> SetRenewal:
    """Switch a renewal on or off."""
    return SetRenewal(caller="portal", request_key=key, msisdn=ALICE, number=number, renews=renews)


def age_at(books: MemoryBooks, now: datetime) -> None:
    """Have the line brought to an instant, and prove the books."""
    books.submit(AgeLine(msisdn=ALICE), now)
    prove(books)


def held(books: MemoryBooks) -> list[Subscription]:
    """Return what was ever bought, by number."""
    return sorted(books.subscriptions(), key=lambda one: one.number)


def allowances(books: MemoryBooks) -> list[Bucket]:
    """Return the line's allowances that hold something."""
    return [
        b for b in books.lines[LINE].buckets if b.kind > BucketKind.FLOAT and b.remaining_micros
    ]


def told(books: MemoryBooks) -> list[str]:
    """Return the templates of the messages about packages."""
    return [m.template for m in books.messages.values() if m.template.startswith("package")]


def test_a_package_is_paid_from_credit_and_grants_what_is_in_it() -> None:
    books = books_with(package())

    bought = books.submit(buy(), START + NOON)

    assert isinstance(bought, PackageBought)
    assert (bought.price_micros, bought.balance_micros) == (10 * RM, 15 * RM)
    assert (bought.until, bought.renews, bought.number) == (day(8), False, 1)
    assert [(a.kind, a.amount, a.scope) for a in bought.allowances] == [
        (BucketKind.BYTES, GB, "social")
    ]
    [bucket] = allowances(books)
    assert (bucket.scope, bucket.remaining_micros, bucket.expires_at) == ("social", GB, day(8))
    booked = [
        (t.debit, t.credit, t.amount_micros, t.reference)
        for t in books.transfers.values()
        if t.kind is TransferKind.PACKAGE
    ]
    assert booked == [
        (Account.LINE_MAIN, Account.PACKAGE_REVENUE, 10 * RM, bought.receipt),
        (Account.BYTES_GIVEN, Account.LINE_BYTES, GB, bought.receipt),
    ]
    assert told(books) == ["package_bought"]
    prove(books)


def test_the_same_request_buys_once() -> None:
    books = books_with(package())
    first = books.submit(buy(), START)

    assert books.submit(buy(), START + NOON) == first
    assert len(held(books)) == 1


def test_bonus_pays_first_unless_the_package_is_for_main_credit_only() -> None:
    books = books_with(package(price=7), package("MAIN", 7, main_only=True))
    books.submit(top_up("bonus", 50), START)

    books.submit(buy("one"), START)
    books.submit(buy("two", "MAIN"), START)

    assert [(p.kind, p.amount_micros) for p in held(books)[0].paid] == [
        (BucketKind.BONUS, 5 * RM),
        (BucketKind.MAIN, 2 * RM),
    ]
    assert [(p.kind, p.amount_micros) for p in held(books)[1].paid] == [(BucketKind.MAIN, 7 * RM)]
    prove(books)


def test_too_little_credit_is_refused_with_what_is_missing() -> None:
    books = books_with(package(price=30.5))
    before = books.state()

    with pytest.raises(CreditTooLow) as refused:
        books.submit(buy(), START)

    assert refused.value.params == {"missing": "5.50"}
    assert books.state() == before


def test_a_package_in_hours_ends_to_the_microsecond() -> None:
    books = books_with(package(days=0, hours=5))
    bought = books.submit(buy(), START + NOON)

    assert isinstance(bought, PackageBought)
    assert bought.until == START + NOON + timedelta(hours=5)
    age_at(books, bought.until - timedelta(microseconds=1))
    assert allowances(books)
    age_at(books, bought.until)
    assert not allowances(books)
    assert held(books)[0].state is SubscriptionState.ENDED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"plans": ("youth",)}, "plan"),
        ({"within_days": 3}, "activated"),
        ({"needs": ("BASE",)}, "needs"),
        ({"forbids": ("OTHER",)}, "forbids"),
    ],
)
def test_packages_are_for_some_only(fields: dict[str, Any], reason: str) -> None:
    books = books_with(package(**fields), package("OTHER", 1))
    books.submit(buy("other", "OTHER"), day(3))

    with pytest.raises(PackageNotForYou) as refused:
        books.submit(buy(), day(3))
    assert refused.value.params == {"reason": reason}


@pytest.mark.parametrize(
    "fields",
    [
        {"plans": ("standard", "youth")},
        {"within_days": 4},
        {"needs": ("OTHER", "BASE")},
        {"forbids": ("BASE",)},
    ],
)
def test_whom_a_package_is_for_may_buy_it(fields: dict[str, Any]) -> None:
    books = books_with(package(**fields), package("OTHER", 1))
    books.submit(buy("other", "OTHER"), day(3))

    assert isinstance(books.submit(buy(), day(3)), PackageBought)


def test_a_line_that_was_never_activated_by_our_books_is_not_new() -> None:
    books = MemoryBooks(replace(rules_for(), packages=(package(within_days=3),)))
    books.submit(import_line(LINE, opening=25), START)

    with pytest.raises(PackageNotForYou):
        books.submit(buy(), START)


def test_only_an_active_line_buys() -> None:
    books = books_with(package(), until=day(2))
    with pytest.raises(PackageNotForYou) as refused:
        books.submit(buy(), day(3))
    assert refused.value.params == {"reason": "state"}

    books = books_with(package(), until=None)
    with pytest.raises(LineNotActivated):
        books.submit(buy(), START)


def test_what_is_not_on_sale_is_unknown() -> None:
    old = package(on_sale_until=day(1))
    new = package("data8", on_sale_from=day(1))
    books = books_with(old, changed(new, code="DATA8"))

    assert on_sale(books.rules.packages, START) == [old]
    with pytest.raises(PackageUnknown):
        books.submit(buy(), day(1))
    assert isinstance(books.submit(buy("new", " data8 "), day(1)), PackageBought)


def test_a_package_may_refuse_a_second_one() -> None:
    books = books_with(package(stacking=Stacking.REFUSE))
    books.submit(buy("one"), START)

    with pytest.raises(PackageAlreadyRunning) as refused:
        books.submit(buy("two"), day(1))
    assert refused.value.params == {"until": day(8)}
    assert isinstance(books.submit(buy("three"), day(8)), PackageBought)


def test_a_second_one_may_run_beside_the_first() -> None:
    books = books_with(package(stacking=Stacking.ADD))
    books.submit(buy("one"), START)
    books.submit(buy("two"), day(1))

    assert [bucket.expires_at for bucket in allowances(books)] == [day(8), day(9)]
    prove(books)


def test_a_second_one_may_lengthen_the_first() -> None:
    books = books_with(package(stacking=Stacking.EXTEND, **RENEWING))
    books.submit(buy("one"), START)
    books.submit(buy("two"), day(1))

    assert [one.until for one in held(books)] == [day(15), day(15)]
    assert [one.renews for one in held(books)] == [False, True]
    assert [bucket.expires_at for bucket in allowances(books)] == [day(15), day(15)]
    age_at(books, day(14.99))
    assert len(allowances(books)) == 2
    prove(books)


def test_what_was_used_up_is_not_lengthened() -> None:
    books = books_with(package(days=0, hours=48, stacking=Stacking.EXTEND))
    books.submit(buy("one"), START)
    use(books, GB)

    bought = books.submit(buy("two"), day(1))

    assert isinstance(bought, PackageBought)
    assert bought.until == day(4)
    ends = [b.expires_at for b in books.lines[LINE].buckets if b.kind is BucketKind.BYTES]
    assert ends == [day(2), day(4)]


def use(books: MemoryBooks, amount: int, *, hold: int = 0) -> None:
    """Use, or hold, some of the line's first allowance, as charging does."""
    account = books.lines[LINE]
    buckets = tuple(
        changed(b, remaining_micros=b.remaining_micros - amount, held=hold)
        if b.kind is BucketKind.BYTES and b.remaining_micros
        else b
        for b in account.buckets
    )
    books.lines[LINE] = changed(account, buckets=buckets)


def test_a_renewal_pays_once_at_the_end_and_goes_on_from_it() -> None:
    books = books_with(package(**RENEWING))
    books.submit(buy(), START + NOON)

    age_at(books, day(8))
    age_at(books, day(8))
    age_at(books, day(9))

    first, second = held(books)
    assert (first.state, first.ended_at) == (SubscriptionState.RENEWED, day(8))
    assert (second.started_at, second.until) == (day(8), day(15))
    assert (second.renewal_no, second.renews) == (1, True)
    assert books.lines[LINE].main.remaining_micros == 5 * RM
    [bucket] = allowances(books)
    assert bucket.expires_at == day(15)
    assert told(books)[-1] == "package_renewed"


@pytest.mark.parametrize("hours_late", [0, 1, 30, 24 * 6.9])
def test_a_late_renewal_goes_on_from_where_the_last_one_ended(hours_late: float) -> None:
    books = books_with(package(**RENEWING))
    books.submit(buy(), START + NOON)

    age_at(books, day(8) + timedelta(hours=hours_late))

    assert [one.until for one in held(books)] == [day(8), day(15)]
    assert books.lines[LINE].main.remaining_micros == 5 * RM
    assert ("package_renewed" in told(books)) == (hours_late < 24)


def test_a_renewal_that_is_stale_by_a_period_starts_now_and_charges_once() -> None:
    books = books_with(package(price=2, **RENEWING))
    books.submit(buy(), START + NOON)

    age_at(books, day(40) + NOON)

    assert [one.started_at for one in held(books)] == [START + NOON, day(40) + NOON]
    assert held(books)[1].until == day(48)
    assert books.lines[LINE].main.remaining_micros == 21 * RM


def test_the_price_of_a_renewal_is_that_of_its_instant() -> None:
    books = books_with(
        package(on_sale_until=day(5), **RENEWING),
        package(price=12, on_sale_from=day(5), **RENEWING),
    )
    books.submit(buy(), START)

    age_at(books, day(8))

    assert [one.price_micros for one in held(books)] == [10 * RM, 12 * RM]


def test_the_announcement_tells_the_price_of_the_renewal_and_not_todays() -> None:
    books = books_with(
        package(on_sale_until=day(7), **RENEWING),
        package(price=12, on_sale_from=day(7), **RENEWING),
    )
    books.submit(buy(), START)

    age_at(books, day(6) + timedelta(hours=10))

    (reminder,) = [m for m in books.messages.values() if m.template == "package_reminder"]
    assert reminder.params["price_micros"] == 12 * RM


def test_who_was_told_another_price_is_not_sold_it() -> None:
    books = books_with(package())

    with pytest.raises(PackageChanged):
        books.submit(replace(buy("a"), price_micros=9 * RM), START)
    assert held(books) == []
    bought = books.submit(replace(buy("b"), price_micros=10 * RM), START)
    assert isinstance(bought, PackageBought)


def test_credit_that_was_live_at_the_end_pays_a_late_renewal() -> None:
    books = books_with(package(days=29, **RENEWING), opening=15)
    books.submit(top_up("bonus", 50), day(1))
    books.submit(adjust("spend", -50), day(1))
    books.submit(buy(), START + timedelta(days=1))
    bonus_ends = next(
        b.expires_at for b in books.lines[LINE].buckets if b.kind is BucketKind.BONUS
    )

    assert bonus_ends is not None
    age_at(books, bonus_ends + NOON)

    # Five of bonus went into the first one; none is left to pay, and main is five short.
    assert [one.state for one in held(books)][-1] is SubscriptionState.RUNNING
    assert len(held(books)) == 2


def test_without_credit_a_renewal_lapses_and_says_what_is_missing() -> None:
    books = books_with(package(price=15, **RENEWING))
    books.submit(buy(), START)

    age_at(books, day(8))

    assert held(books)[0].state is SubscriptionState.LAPSED
    assert not allowances(books)
    last = max(books.messages.values(), key=lambda m: m.number)
    assert (last.template, last.params["missing"]) == ("package_not_renewed", "5.00")
    assert books.lines[LINE].line.package_due_at is None


def test_a_lapse_that_is_stale_is_not_told() -> None:
    books = books_with(package(price=15, **RENEWING))
    books.submit(buy(), START)

    age_at(books, day(20))

    assert held(books)[0].state is SubscriptionState.LAPSED
    assert told(books) == ["package_bought"]


@pytest.mark.parametrize(
    "offered",
    [
        package(on_sale_until=day(5), **RENEWING),
        changed(package(**RENEWING), plans=("standard",)),
    ],
)
def test_what_is_off_sale_or_for_other_plans_is_over(offered: Package) -> None:
    books = books_with(offered)
    books.submit(buy(), START)
    account = books.lines[LINE]
    books.lines[LINE] = changed(account, line=changed(account.line, plan="youth"))

    age_at(books, day(8))

    assert held(books)[0].state is SubscriptionState.LAPSED
    assert told(books)[-1] == "package_over"


def test_a_line_that_is_barred_or_in_grace_is_not_renewed() -> None:
    books = books_with(package(**RENEWING))
    books.submit(buy(), START)
    books.submit(bar("bar", barred=True), day(1))
    age_at(books, day(8))
    assert held(books)[0].state is SubscriptionState.LAPSED

    books = books_with(package(**RENEWING), until=day(6))
    books.submit(buy(), START)
    age_at(books, day(8))
    assert books.lines[LINE].line.state is LineState.GRACE
    assert held(books)[0].state is SubscriptionState.LAPSED
    assert books.lines[LINE].main.remaining_micros == 15 * RM


def test_a_line_that_was_active_at_the_end_is_renewed_though_it_is_in_grace_by_now() -> None:
    books = books_with(package(**RENEWING), until=day(9))
    books.submit(buy(), START)

    age_at(books, day(10))

    assert books.lines[LINE].line.state is LineState.GRACE
    assert [one.state for one in held(books)] == [
        SubscriptionState.RENEWED,
        SubscriptionState.RUNNING,
    ]


def test_a_renewal_is_announced_once_on_the_day_before() -> None:
    books = books_with(package(**RENEWING))
    books.submit(buy(), START)
    ten_oclock = day(6) + timedelta(hours=10)
    assert books.lines[LINE].line.due_at == ten_oclock

    age_at(books, ten_oclock - timedelta(microseconds=1))
    assert "package_reminder" not in told(books)
    age_at(books, ten_oclock)
    age_at(books, ten_oclock)

    assert told(books).count("package_reminder") == 1
    assert books.lines[LINE].line.due_at == day(8)


@pytest.mark.parametrize("late", [timedelta(hours=10), timedelta(days=1)])
def test_a_late_announcement_is_left_out(late: timedelta) -> None:
    books = books_with(package(**RENEWING))
    books.submit(buy(), START)

    age_at(books, day(6) + timedelta(hours=10) + late)

    assert "package_reminder" not in told(books)


def test_nobody_is_reminded_who_could_not_be_renewed_or_wants_none() -> None:
    for fields in ({"barred": True}, {"suspended": True}, {"reminds": False}):
        books = books_with(package(**RENEWING))
        books.submit(buy(), START)
        account = books.lines[LINE]
        books.lines[LINE] = changed(account, line=changed(account.line, **fields))
        age_at(books, day(6) + NOON)
        assert "package_reminder" not in told(books)

    for offered, until in (
        (package(on_sale_until=day(5), **RENEWING), day(60)),
        (package(**RENEWING), day(6)),
    ):
        books = books_with(offered, until=until)
        books.submit(buy(), START)
        age_at(books, day(6) + NOON)
        assert "package_reminder" not in told(books)


def test_a_short_period_has_no_announcement() -> None:
    books = books_with(package(days=0, hours=6, **RENEWING))
    books.submit(buy(), START + NOON)

    assert books.lines[LINE].line.due_at == START + NOON + timedelta(hours=6)


def test_a_renewal_is_switched_off_and_on() -> None:
    books = books_with(package(**RENEWING), package("ONCE", 1))
    books.submit(buy(), START)
    books.submit(buy("once", "ONCE"), START)

    off = books.submit(set_renewal("off", 1, renews=False), day(1))
    assert isinstance(off, RenewalSet)
    assert (off.renews, off.until) == (False, day(8))
    assert books.submit(set_renewal("off again", 1, renews=False), day(1)) == off
    on = books.submit(set_renewal("on", 1, renews=True), day(1))
    assert isinstance(on, RenewalSet)
    assert on.renews
    with pytest.raises(PackageNotRecurring):
        books.submit(set_renewal("once on", 2, renews=True), day(1))
    with pytest.raises(PackageNotRunning):
        books.submit(set_renewal("none", 3, renews=True), day(1))
    books.submit(set_renewal("off at last", 1, renews=False), day(1))
    age_at(books, day(8))
    assert {one.state for one in held(books)} == {SubscriptionState.ENDED}


def test_a_buyer_may_say_otherwise_about_renewal() -> None:
    books = books_with(package(**RENEWING), package("ONCE", 1))
    no = books.submit(buy("no", auto_renew=False), START)
    never = books.submit(buy("never", "ONCE", auto_renew=True), START)

    assert isinstance(no, PackageBought)
    assert isinstance(never, PackageBought)
    assert (no.renews, never.renews) == (False, False)


def test_an_unused_package_goes_back_to_where_its_price_came_from() -> None:
    books = books_with(package(price=7))
    books.submit(top_up("bonus", 50), START)
    books.submit(buy(), START)

    back = books.submit(refund(), day(1))

    assert isinstance(back, PackageRefunded)
    assert (back.main_micros, back.bonus_micros) == (2 * RM, 5 * RM)
    assert not allowances(books)
    assert held(books)[0].state is SubscriptionState.REFUNDED
    assert books.audits[-1].before["package"] == "DATA7"
    prove(books)
    with pytest.raises(PackageNotRunning):
        books.submit(refund("again"), day(1))


def test_bonus_that_has_lapsed_goes_back_to_main_credit() -> None:
    books = books_with(package(price=5, days=60))
    books.submit(top_up("bonus", 50), START)
    books.submit(buy(), START)

    back = books.submit(refund(), day(40))

    assert isinstance(back, PackageRefunded)
    assert (back.main_micros, back.bonus_micros) == (5 * RM, 0)
    prove(books)


@pytest.mark.parametrize(("amount", "hold"), [(1, 0), (0, 1), (GB, 0)])
def test_what_was_touched_is_not_taken_back(amount: int, hold: int) -> None:
    books = books_with(package())
    books.submit(buy(), START)
    use(books, amount, hold=hold)

    with pytest.raises(PackageUsed):
        books.submit(refund(), day(1))


def test_taking_back_what_extended_gives_the_old_end_back() -> None:
    books = books_with(package(stacking=Stacking.EXTEND))
    books.submit(buy("one"), START)
    books.submit(buy("two"), day(1))

    books.submit(refund(number=2), day(2))

    assert [one.until for one in held(books)] == [day(8), day(15)]
    assert [bucket.expires_at for bucket in allowances(books)] == [day(8)]
    prove(books)


def test_an_extension_whose_time_is_used_is_not_taken_back() -> None:
    books = books_with(package(stacking=Stacking.EXTEND))
    books.submit(buy("one"), START)
    books.submit(buy("two"), day(1))

    with pytest.raises(PackageUsed):
        books.submit(refund(number=2), day(9))


def test_buckets_that_are_empty_are_not_needed_to_give_back() -> None:
    books = books_with(package(price=5))
    books.submit(top_up("bonus", 50), START)
    books.submit(buy(), START)
    account = books.lines[LINE]
    kept = tuple(b for b in account.buckets if b.remaining_micros or b.bucket_id == 1)
    books.lines[LINE] = changed(account, buckets=kept)

    back = books.submit(refund(), day(1))

    assert isinstance(back, PackageRefunded)
    assert back.bonus_micros == 5 * RM


def test_a_line_has_a_price_for_a_day() -> None:
    assert package(price=30, days=30).price_of_day_micros == RM
    assert package(price=10, days=3).price_of_day_micros == 3_330_000
    assert package(price=2, days=0).price_of_day_micros == 2 * RM
    assert package(price=3, days=0, hours=72).price_of_day_micros == RM
    assert package().kinds == {BucketKind.BYTES}


def test_nothing_runs_where_nothing_was_bought() -> None:
    none = Subscriptions(line_id=LINE)
    assert (none.running, none.due_at, none.find(1)) == ([], None, None)


@pytest.mark.parametrize("staff", [None, STAFF])
def test_staff_who_buy_leave_an_audit_row(staff: Any) -> None:
    books = books_with(package())
    books.submit(replace(buy(), actor=staff), START)

    assert [a.after.get("package") for a in books.audits[1:]] == (["DATA7"] if staff else [])


def test_refusals_change_nothing() -> None:
    books = books_with(package(price=100))
    before = books.state()
    for command in (buy(), refund(), set_renewal("x", 1, renews=True), buy("y", "NONE")):
        with pytest.raises(Refusal):
            books.submit(command, START)
    assert books.state() == before
