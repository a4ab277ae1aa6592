"""Refunds, payments and reconciling at the command line, on the sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tambah.cli.desk import Desk, at_desk
from tambah.cli.providers import payment_desk
from tambah.domain.actor import Actor
from tambah.domain.commands import AdjustCredit
from tambah.domain.payment import ProviderId
from tambah.payments.desk import OpenRequest
from tambah.payments.sandbox import Ending, SandboxProvider
from tambah.store.stamps import write_stamp
from tambah.store.views.payments import list_payments
from tests.conftest import KUALA_LUMPUR, Fresh
from tests.engine.books import RM, add_line

from .conftest import Said, Tambah

NUMBER = 60123456789
WHY = ("--reason", "ticket 12", "--json")


@dataclass(frozen=True)
class Shop:
    """A demo's database with one line, and the sandbox to pay at."""

    tambah: Tambah
    dsn: str

    def pay(self, amount: int = 30, ending: Ending = Ending.PAID, token: str = "one") -> str:
        """Have a top-up paid for; return its reference."""

        async def work(desk: Desk) -> str:
            async with desk.engine() as engine, payment_desk(desk, engine) as counter:
                assert counter is not None
                opened = await counter.open(
                    OpenRequest(
                        token=token,
                        msisdn=NUMBER,
                        amount_micros=amount * RM,
                        method="sandbox",
                        tag="en",
                        result_token=f"result of {token}",
                    )
                )
                key = (opened.stands.line_id, opened.stands.payment_no)
                (view,) = [
                    v
                    for v in await list_payments(desk.database)
                    if (v.line_id, v.payment_no) == key
                ]
                sandbox = counter.providers.by_id[ProviderId.SANDBOX]
                assert isinstance(sandbox, SandboxProvider)
                await sandbox.press(view.payment.provider_ref or "", ending)
                await counter.look(*key)
                return opened.stands.reference

        return at_desk(work)

    def spend(self, amount: int) -> None:
        """Take from the line's credit as if it were used."""

        async def work(desk: Desk) -> None:
            async with desk.engine() as engine:
                await engine.submit(
                    AdjustCredit(
                        caller="test",
                        request_key=f"spend {amount}",
                        msisdn=NUMBER,
                        amount_micros=-amount * RM,
                        actor=Actor(who="test", why="calls"),
                    )
                )

        at_desk(work)

    def fetch(self, sql: str) -> list[Any]:
        """Run a query."""

        async def run() -> list[Any]:
            connection: Any = await asyncpg.connect(self.dsn)
            try:
                return await connection.fetch(sql)
            finally:
                await connection.close()

        return asyncio.run(run())


@pytest.fixture
def shop(tambah: Tambah, fresh: Fresh) -> Shop:
    """Make a demo's database of one active line."""

    async def work(desk: Desk) -> None:
        await write_stamp(desk.database, "demo", "yes")
        async with desk.engine() as engine:
            await add_line(engine, desk.database, NUMBER)

    at_desk(work)
    return Shop(tambah, fresh.owner_dsn)


def amounts(said: Said) -> tuple[str, str, str, str]:
    """Return state, what was received, what is held, what was sent back."""
    document = said.document
    return document["state"], document["received"], document["held"], document["refunded"]


def test_a_payment_is_refunded_in_full_and_the_same_again_does_nothing(shop: Shop) -> None:
    reference = shop.pay()
    assert amounts(shop.tambah("payments", "show", reference, "--json")) == (
        "credited",
        "30.00",
        "0.00",
        "0.00",
    )

    first = shop.tambah("refund", reference, *WHY)
    again = shop.tambah("refund", reference, *WHY)

    assert (first.status, amounts(first)) == (0, ("refunded", "30.00", "0.00", "30.00"))
    assert first.document["again"] is False
    refund = first.document["refund"]
    assert (refund["number"], refund["state"], refund["amount"], refund["spent"]) == (
        1,
        "done",
        "30.00",
        "0.00",
    )
    assert (again.status, again.document["again"]) == (0, True)
    assert len(shop.fetch("SELECT * FROM refund")) == len(
        shop.fetch("SELECT * FROM sandbox_refund")
    )
    assert shop.tambah("lines", "show", "0123456789", "--json").document["balance"] == "0.00"
    audited = shop.fetch("SELECT who, why FROM audit WHERE action = 'RefundPayment'")
    assert [(row[0][:4], row[1]) for row in audited] == [("cli:", "ticket 12")]
    assert shop.tambah("verify", "--full", "--json").status == 0


def test_consequences_are_said_before_anything_is_done(shop: Shop) -> None:
    reference = shop.pay(30)
    shop.spend(12)

    said = shop.tambah("refund", reference, "--reason", "asked")

    assert said.status == 0
    shown = f"{reference[:5]}-{reference[5:]}: credited, RM30.00 by sandbox (sandbox)"
    assert said.err.startswith(shown)
    lines = said.err.splitlines()[1:]
    assert (
        lines[0]
        == "RM18.00 goes back to the payer; RM18.00 of it is taken from the line's credit."
    )
    assert lines[-1] == "RM12.00 of the payment is not sent back."
    assert said.out == "Refund 1: RM18.00 has gone back.\n"


def test_what_is_spent_goes_back_at_the_operators_cost_only_when_told(shop: Shop) -> None:
    reference = shop.pay(30)
    shop.spend(12)

    refused = shop.tambah("refund", reference, "--amount", "20.00", *WHY)
    assert (refused.status, refused.error) == (1, "credit_spent")
    forgiven = shop.tambah("refund", reference, "--forgive-spent", "--reason", "goodwill")
    again = shop.tambah("refund", reference, "--forgive-spent", "--reason", "goodwill", "--json")

    assert forgiven.status == 0
    assert forgiven.out == (
        "Refund 1: RM30.00 has gone back.\nRM12.00 of it was spent, at your own cost.\n"
    )
    assert (again.status, again.document["again"]) == (0, True)
    assert again.document["refund"]["spent"] == "12.00"
    assert shop.tambah("verify", "--full", "--json").status == 0


def test_a_part_may_be_refunded_twice_under_keys_of_their_own(shop: Shop) -> None:
    reference = shop.pay(30)
    part = ("refund", reference, "--amount", "5.00")

    numbers = [
        shop.tambah(*part, *WHY).document["refund"]["number"],
        shop.tambah(*part, *WHY).document["refund"]["number"],
        shop.tambah(*part, "--key", "second", *WHY).document["refund"]["number"],
    ]
    told = shop.tambah(*part, "--reason", "ticket 12")

    assert numbers == [1, 1, 2]
    assert "It was asked for before" in told.out
    shown = shop.tambah("payments", "show", reference, "--json")
    assert amounts(shown) == ("credited", "30.00", "0.00", "10.00")
    assert shop.tambah("refund", reference, "--amount", "25.00", *WHY).error == (
        "amount_out_of_range"
    )


def test_a_refund_that_the_provider_refuses_is_seen_at_once_and_resolved_by_hand(
    shop: Shop,
) -> None:
    reference = shop.pay(30, Ending.REFUND_FAILS)

    said = shop.tambah("refund", reference, "--reason", "asked")
    assert said.status == 1
    # Logging is not set up here, and says that a refund was refused on standard output as well.
    assert said.out.splitlines()[-1] == (
        "Refund 1: RM30.00 was refused by the provider, or came back, and is held. See to it with"
        " `tambah payments resolve-refund`: `again` sends it once more; `done` says that you"
        " sent it by hand; `kept` keeps it."
    )
    shown = shop.tambah("payments", "show", reference, "--json")
    assert amounts(shown) == ("refunding", "30.00", "30.00", "0.00")

    resolve = ("payments", "resolve-refund", reference, 1)
    assert shop.tambah(*resolve, "done").status == 1  # no reason
    assert shop.tambah(*resolve, *WHY).status == 2
    assert shop.tambah(*resolve, "done", "failed", *WHY).status == 2
    assert shop.tambah("payments", "resolve-refund", reference, 7, "done", *WHY).status == 2
    assert shop.tambah(*resolve, "failed", *WHY).status == 0
    done = shop.tambah(*resolve, "done", *WHY)
    assert (done.status, amounts(done)) == (0, ("refunded", "30.00", "0.00", "30.00"))
    again = shop.tambah(*resolve, "failed", *WHY)
    assert (again.status, amounts(again)) == (0, ("refunding", "30.00", "30.00", "0.00"))
    kept = shop.tambah(*resolve, "kept", *WHY)
    assert (kept.status, amounts(kept)) == (0, ("credited", "30.00", "0.00", "0.00"))
    audited = shop.fetch("SELECT why FROM audit WHERE action = 'PaymentNews'")
    assert {row[0] for row in audited} == {"ticket 12"}
    assert shop.tambah("verify", "--full", "--json").status == 0


def test_nothing_is_refunded_without_a_reason_or_of_a_payment_that_is_none(shop: Shop) -> None:
    reference = shop.pay()

    assert shop.tambah("refund", reference, "--json").error == "reason_missing"
    assert shop.tambah("refund", "ABCDE-FGHJK", *WHY).error == "payment_unknown"
    assert shop.tambah("payments", "show", "nothing", "--json").error == "payment_unknown"
    open_one = shop.pay(10, Ending.DECLINED, "two")
    assert shop.tambah("refund", open_one, *WHY).error == "payment_not_refundable"
    assert shop.fetch("SELECT * FROM refund") == []


def test_a_terminal_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = shop.pay()
    answers = iter([False, True])
    monkeypatch.setattr("tambah.cli.payments._at_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: next(answers))

    refused = shop.tambah("refund", reference, *WHY[:2])
    agreed = shop.tambah("refund", reference, *WHY[:2])

    assert (refused.status, refused.out) == (1, "Nothing was sent back.\n")
    assert (agreed.status, agreed.out) == (0, "Refund 1: RM30.00 has gone back.\n")


def test_yes_asks_nothing_and_says_nothing_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = shop.pay()
    monkeypatch.setattr("tambah.cli.payments._at_terminal", lambda: True)

    said = shop.tambah("refund", reference, "--yes", "--reason", "asked")

    assert (said.status, said.err) == (0, "")


def test_payments_are_listed_and_found_by_either_name(shop: Shop) -> None:
    paid = shop.pay()
    declined = shop.pay(10, Ending.DECLINED, "two")

    listed = shop.tambah("payments", "list", "--json").document["items"]
    assert {item["reference"] for item in listed} == {paid, declined}
    some = shop.tambah("payments", "list", "--state", "failed", "--json").document["items"]
    assert [(item["reference"], item["payment_reason"]) for item in some] == [
        (declined, "declined")
    ]
    assert shop.tambah("payments", "list", "--since", "2099-01-01").out == "There are none.\n"
    assert len(shop.tambah("payments", "list", "--limit", 1).out.splitlines()) == 1
    by_name = shop.tambah("payments", "show", listed[0]["provider_ref"], "--json").document
    assert by_name["reference"] == listed[0]["reference"]
    typed = f"{paid[:5]} {paid[5:]}".lower()
    assert shop.tambah("payments", "show", typed).out.startswith(
        f"{paid[:5]}-{paid[5:]}: credited"
    )


def test_reconcile_is_clean_after_payments_and_refunds(shop: Shop) -> None:
    shop.pay()
    shop.tambah("refund", shop.pay(10, token="two"), *WHY)
    today = local_day()

    said = shop.tambah("reconcile", "--from", today, "--json")

    assert said.document == {
        "from": today,
        "to": today,
        "clean": True,
        "providers": [
            {
                "provider": "sandbox",
                "settled": 3,
                "booked": 3,
                "problem": None,
                "later_days": True,
            },
            {
                "provider": "bank",
                "settled": 0,
                "booked": 0,
                "problem": None,
                "later_days": True,
            },
        ],
        "differences": [],
    }
    assert said.status == 0


def test_reconcile_names_what_differs_and_exits_with_1(shop: Shop) -> None:
    reference = shop.pay()
    shop.fetch("UPDATE sandbox_payment SET total_micros = total_micros + 10000")
    shop.tambah("lines", "adjust", "0123456789", "3.00", "--reason", "goodwill")
    today = local_day()

    said = shop.tambah("reconcile", "--from", today, "--to", today, "--json")
    told = shop.tambah("reconcile", "--from", today)
    expected = ("--expect", "amount_differs", "--expect", "manual_credit")

    assert said.status == 1
    kinds = [(d["kind"], d["ledger"], d["provider_amount"]) for d in said.document["differences"]]
    assert kinds == [
        ("manual_credit", "3.00", "0.00"),
        ("amount_differs", "30.00", "30.01"),
    ]
    named = said.document["differences"][1]
    assert (named["reference"], named["expected"]) == (reference, False)
    assert named["what_to_do"].startswith("Both sides have it")
    assert told.status == 1
    assert f"{reference[:5]}-{reference[5:]}" in told.out
    assert told.out.endswith("there is something to do.\n")
    clean = shop.tambah("reconcile", "--from", today, *expected)
    assert (clean.status, clean.out.splitlines()[-1]) == (
        0,
        f"{today} to {today}: nothing differs.",
    )
    alone = shop.tambah("reconcile", "--from", today, "--provider", "sandbox", "--json").document
    assert [d["kind"] for d in alone["differences"]] == ["amount_differs"]


def test_reconcile_takes_yesterday_and_refuses_days_turned_round(shop: Shop) -> None:
    yesterday = str(date.fromisoformat(local_day()) - timedelta(days=1))

    said = shop.tambah("reconcile", "--json")

    assert (said.document["from"], said.document["to"]) == (yesterday, yesterday)
    assert said.status == 0
    turned = ("reconcile", "--from", "2026-02-02", "--to", "2026-02-01")
    assert shop.tambah(*turned).status == 2


def local_day() -> str:
    """Return the local day that it is."""

    async def work(desk: Desk) -> datetime:
        return desk.now

    return str(at_desk(work).astimezone(KUALA_LUMPUR).date())
